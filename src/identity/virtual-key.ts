import { findVirtualKey, findVirtualKeyByValue, refusalOf } from '../governance/virtual-keys';
import type { IdentityMode } from './index';

/** A virtual key, proved by its value. The subject is the key's id, so it survives a new value. */
export const virtualKey: IdentityMode = {
  kind: 'vk',
  label: 'Access key',
  hint: 'A key your administrator gave you; it starts with sk-bf-. Your access and limits come from it.',
  isGuessable: true,
  refusal: 'That access key is not active here. Check it with whoever gave it to you.',
  unavailable: () => null,

  async identify(env, { virtual_key: value }) {
    const key = value ? await findVirtualKeyByValue(env.DB, value.trim()) : null;
    if (!key || refusalOf(key, Date.now() / 1000)) return null;
    return { subject: `vk:${key.id}`, name: key.name };
  },

  async standing(env, _settings, id) {
    const key = await findVirtualKey(env.DB, id);
    return key && !refusalOf(key, Date.now() / 1000) ? { name: key.name } : 'gone';
  },
};
