import { type By, SYSTEM } from '../audit';
import type { Env } from '../config';
import { endGrantsOf } from '../grants/end';
import { endSessionsOf } from '../grants/end-sessions';
import { keyObject } from './key-object';
import { userSubject } from './users';
import { keySubject } from './virtual-keys';

/** Where traces of a key are kept. */
type Bindings = Pick<Env, 'DB' | 'GRANTS' | 'KEYS' | 'SUBJECTS'>;

/** Keys removed by one portion of a sweep: each takes a few subrequests, and more when it had grants. */
const MOST_SWEPT = 5;

/** Removes a key, what it was attached to, what it counted, and every grant it allowed. False when there is none. */
export async function deleteVirtualKey(
  { DB, GRANTS, KEYS, SUBJECTS }: Bindings,
  id: string,
  by: By,
  now: number,
): Promise<boolean> {
  const [, deleted] = await DB.batch<{ limits: string; owner_user_id: string | null }>([
    DB.prepare('DELETE FROM virtual_mcp_key WHERE virtual_key_id = ?1').bind(id),
    DB.prepare('DELETE FROM virtual_key WHERE id = ?1 RETURNING limits, owner_user_id').bind(id),
  ]);
  const [row] = deleted?.results ?? [];
  if (!row) return false;
  await endGrantsOf(DB, GRANTS, keySubject(id), 'key_deleted', by, now);
  const subject = row.owner_user_id === null ? keySubject(id) : userSubject(row.owner_user_id);
  await endSessionsOf(SUBJECTS, subject, { via: id });
  if (row.limits !== '[]') await keyObject(KEYS, id).forget();
  return true;
}

/** Removes keys that have expired by `now` (epoch seconds) and ask for it. For cron: repeatable, a batch a run. @returns their ids. */
export async function deleteExpiredKeys(bindings: Bindings, now: number): Promise<string[]> {
  const { results } = await bindings.DB.prepare(
    'SELECT id FROM virtual_key WHERE delete_after_expire = 1 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2',
  )
    .bind(now, MOST_SWEPT)
    .all<{ id: string }>();
  for (const { id } of results) await deleteVirtualKey(bindings, id, SYSTEM, now);
  return results.map(({ id }) => id);
}
