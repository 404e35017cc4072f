import { deleteLinksOfLeaked } from '../accounts/links';
import { endBegunBy } from '../accounts/removal';
import { type Act, auditIfChanged, type By, SYSTEM } from '../audit';
import type { Env } from '../config';
import { userSubject } from '../governance/users';
import {
  expiredKeys,
  findVirtualKey,
  keyDeletion,
  keyDetachment,
  keySubject,
  type VirtualKey,
  valueReplacement,
  virtualKeyQuestion,
} from '../governance/virtual-keys';
import { type Removed, removalOfEarlier, remove } from './begin';
import { finishEarlier, finishRemoval, type RemovedKey } from './ends';
import { newRemoval, storeRemoval } from './store';

/** Deletes a key, what it was attached to and counted, every grant it allowed and every account connected with it. */
export async function removeKey(
  env: Env,
  id: string,
  by: By,
  act: Act = { act: 'virtual_key.deleted', virtual_key: id },
): Promise<Removed> {
  const key = await findVirtualKey(env.DB, id);
  if (!key) return removalOfEarlier(env, 'key', id);
  const { ownerUserId, limits } = key;
  const subject = ownerUserId === null ? keySubject(id) : userSubject(ownerUserId);
  const facts: RemovedKey = { subject, counts: limits.length > 0 };
  const also = [...endBegunBy(env.DB, keySubject(id)), keyDetachment(env.DB, id)];
  const gone = keyDeletion(env.DB, id);
  return remove(env, newRemoval('key', id, by, facts), { also, gone, act: { ...act, name: key.name } });
}

/** Keys removed by one portion of a sweep: each takes a few subrequests, and more when it had grants. */
const MOST_SWEPT = 5;

/** Removes keys that have expired by `now` (epoch seconds) and ask for it. For cron: repeatable. @returns how many */
export async function removeExpiredKeys(env: Env, now: number): Promise<number> {
  const ids = await expiredKeys(env.DB, now, MOST_SWEPT);
  for (const id of ids) {
    const key = await findVirtualKey(env.DB, id); // its end may have been put off since
    const isDue = key?.deleteAfterExpire && key.expiresAt !== null && key.expiresAt <= now;
    if (isDue) await removeKey(env, id, SYSTEM, { act: 'virtual_key.expired', virtual_key: id });
  }
  return ids.length;
}

/** A value for a key. `previousUntil`: until when the one before works (epoch seconds); null: it is refused at once. */
type NewValue = { value: string; previousUntil: number | null; reason: 'routine' | 'leaked' };

/**
 * Gives a key another value. What was proved with one that leaked ends; a fault in that leaves it to the cron, and the new value
 * is told all the same: no one else ever could. The same value once more changes nothing.
 * @returns the key as it is now, and whether nothing is left of what the leaked value proved; null: there is no such key
 */
export async function rotateKey(
  env: Env,
  id: string,
  { value, previousUntil, reason }: NewValue,
  by: By,
): Promise<{ key: VirtualKey; isOver: boolean } | null> {
  const { DB } = env;
  const now = Math.floor(Date.now() / 1000);
  const isLeaked = reason === 'leaked';
  const leak = newRemoval('key_leak', id, by);
  const { statements, answer } = virtualKeyQuestion(DB, id);
  const results = await DB.batch([
    await valueReplacement(DB, id, { value, previousUntil, isLeaked }, now),
    auditIfChanged(DB, { act: 'virtual_key.rotated', virtual_key: id, reason }, by),
    ...(isLeaked ? [storeRemoval(DB, leak), deleteLinksOfLeaked(DB, id, keySubject(id))] : []),
    ...statements,
  ]);
  const key = answer(results.slice(-statements.length).map(({ results }) => results));
  if (!key) return null;
  if (!isLeaked) return { key, isOver: true };
  const isNew = Boolean(results[0]?.meta.changes);
  return { key, isOver: isNew ? (await finishRemoval(env, leak)) === true : await isFinished(env, id) };
}

/** Whether nothing is left of a leak that an earlier request told of. It never fails: the new value has to be told. */
async function isFinished(env: Env, id: string): Promise<boolean> {
  const isOver = await finishEarlier(env, 'key_leak', id).catch(() => false);
  return isOver ?? true;
}
