import { ask, theseIds } from '../database';
import {
  accessOfKey,
  keysQuestion,
  NOTHING,
  type UserWithKeys,
  usersWithKeysQuestion,
} from '../governance/access';
import {
  findVirtualKeyByValue,
  type HeldKey,
  keyNamesQuestion,
  keySubject,
  keySubjectsNamed,
  refusalOf,
} from '../governance/virtual-keys';
import type { Settings } from '../settings';
import { cut } from '../ui/name';
import type { IdentityMode } from './mode';
import { mayCall, type Standing } from './standing';
import { user } from './user';

/**
 * A virtual key, proved by its value. The subject is the key's id, so it survives a new value; a key that has an owner proves
 * its owner, who must be the one signed in.
 */
export const virtualKey: IdentityMode<HeldKey> = {
  kind: 'vk',
  label: () => 'Use an access key',
  hint: 'Your administrator gives you one. It starts with sk-bf-.',
  button: 'Continue with key',
  typed: { field: 'virtual_key', label: 'Access key' },
  refusal: 'This key doesn’t work here. Check for missing characters, or ask the person who gave it to you.',
  unavailable: ({ oauth2_server_config: { disable_vk_identity } }) =>
    disable_vk_identity ? 'Access keys don’t work here. Sign in instead.' : null,

  async identify(env, settings, { virtual_key: value }) {
    const presented = value ? await findPresentedKey(env.DB, value.trim()) : null;
    if (!presented || refusalOfPresented(presented, settings, Date.now() / 1000)) return null;
    const { id, ownerUserId, generation, name } = presented.key;
    if (ownerUserId !== null) return { mustSignIn: ownerUserId };
    return { subject: keySubject(id), generation, name };
  },

  rows: keysQuestion,
  standing: standingOfKey,
  access: (key) => (key ? accessOfKey(key) : NOTHING),
  key: (key) => key,
  names: keyNamesQuestion,
  named: keySubjectsNamed,

  isSignedIn: false,
  mayBeShared: true,
  endReason: 'key_refused',
  suspended: 'access keys identify no one here for now',
  apiMember: 'virtual_key',
  words: {
    kind: 'key',
    who: (name) => `the access key ${cut(name)}`,
    connectedFor: { before: 'the key', nameless: 'an access key' },
    listed: (_id, name) => name ?? 'A deleted key',
    actor: (name) => (name ? `Key “${cut(name)}”` : 'A key'),
    everything: 'all its key may',
    whose: 'the key it is bound to',
    lapsed: 'This key no longer works here. Use another key.',
    admin: { path: '/admin/keys', filter: 'key' },
  },
};

function standingOfKey(key: HeldKey | null, settings: Settings, now: number): Standing {
  if (!key) return { is: 'gone', reason: 'deleted' };
  if (key.ownerUserId !== null) return { is: 'gone', reason: 'owned' };
  const refusal = refusalOf(key, now);
  if (refusal) return { is: 'gone', reason: refusal };
  const { name, generation } = key;
  if (virtualKey.unavailable(settings) !== null) return { is: 'suspended', reason: 'setting', generation };
  return { is: 'valid', name, generation };
}

/** A key by one of its values. `valueUntil`: epoch seconds, when it has a newer value. `owner`: null also when they are deleted. */
export type PresentedKey = { key: HeldKey; valueUntil: number | null; owner: UserWithKeys | null };

/** The key with this value and whose it is; null: the same for unknown and wrong. */
export async function findPresentedKey(db: D1Database, value: string): Promise<PresentedKey | null> {
  const found = await findVirtualKeyByValue(db, value);
  if (!found) return null;
  const { valueUntil, ...key } = found;
  const { ownerUserId } = key;
  if (ownerUserId === null) return { key, valueUntil, owner: null };
  const [owners] = await ask(db, usersWithKeysQuestion(db, theseIds([ownerUserId])));
  return { key, valueUntil, owner: owners.get(ownerUserId) ?? null };
}

/**
 * What stops a key's value from being used as a credential at `now` (epoch seconds); null when nothing does. `unknown`: a
 * value whose cooldown is over. A key acts as its owner: it is inactive when they are blocked or deleted, and suspended while
 * they may not sign in here. That they have to sign in again does not stop it (CONTRACT §5: at refresh only).
 */
export function refusalOfPresented(
  { key, valueUntil, owner }: PresentedKey,
  settings: Settings,
  now: number,
): 'unknown' | 'inactive' | 'expired' | 'suspended' | null {
  if (valueUntil !== null && valueUntil <= now) return 'unknown';
  const owned = key.ownerUserId === null ? null : user.standing(owner, settings, now);
  if (owned?.is === 'gone') return 'inactive';
  return refusalOf(key, now) ?? (owned && !mayCall(owned) ? 'suspended' : null);
}
