import { map } from '../database';
import {
  findVirtualKeyByValue,
  refusalOf,
  type VirtualKey,
  virtualKeyQuestion,
} from '../governance/virtual-keys';
import type { Settings } from '../settings';
import type { IdentityMode, Standing } from './mode';

/**
 * A virtual key, proved by its value. The subject is the key's id, so it survives a new value; a key that has an owner proves
 * its owner, who must be the one signed in.
 */
export const virtualKey: IdentityMode = {
  kind: 'vk',
  label: 'Access key',
  hint: 'A key your administrator gave you; it starts with sk-bf-. Your access and limits come from it.',
  isGuessable: true,
  refusal: 'That access key is not active here. Check it with whoever gave it to you.',
  unavailable: ({ oauth2_server_config: { disable_vk_identity } }) =>
    disable_vk_identity ? 'Access keys are not taken here: sign in.' : null,

  async identify(env, { virtual_key: value }) {
    const key = value ? await findVirtualKeyByValue(env.DB, value.trim()) : null;
    if (!key || refusalOf(key, Date.now() / 1000)) return null;
    if (key.ownerUserId !== null) return { mustSignIn: key.ownerUserId };
    return { subject: `vk:${key.id}`, generation: key.generation, name: key.name };
  },

  standing: (db, settings, id) => map(virtualKeyQuestion(db, id), (key) => standingOfKey(key, settings)),
};

function standingOfKey(key: VirtualKey | null, settings: Settings): Standing {
  if (!key || key.ownerUserId !== null || refusalOf(key, Date.now() / 1000)) return 'gone';
  if (virtualKey.unavailable(settings) !== null) return 'suspended';
  return { name: key.name, generation: key.generation };
}
