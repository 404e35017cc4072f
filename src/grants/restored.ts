import { SYSTEM } from '../audit';
import type { Env } from '../config';
import { askGrant, recordEnd } from './store';
import { askInOrder, LONG_OPENED, MOST_ASKED } from './sweeps';

type Row = { grant_id: string; created_at: number; terms_version: number; last_used_at: number | null };

/**
 * Asks the object of every grant that the index shows as open, after a restore (docs/operations.md): one that has ended is shown as
 * ended, and changed terms are told. `grant_sweep` has a row `restored` while that is to be done, and holds how far it has come.
 * A passing fault stops the run, and the next one goes on there.
 * @param now epoch seconds @returns how many it asked about
 */
export async function compareRestored(
  db: D1Database,
  objects: Env['GRANTS'],
  now: number,
  most = MOST_ASKED,
): Promise<number> {
  const { results } = await db
    .prepare(
      `SELECT o.grant_id, o.created_at, o.terms_version, o.last_used_at FROM grant_sweep s JOIN oauth_grant o
         ON o.created_at >= s.created_at AND (o.created_at, o.grant_id) > (s.created_at, s.grant_id)
       WHERE s.name = 'restored' AND o.ended_at IS NULL ORDER BY o.created_at, o.grant_id LIMIT ?1`,
    )
    .bind(most)
    .all<Row>();
  if (!results.length) {
    await db.prepare("DELETE FROM grant_sweep WHERE name = 'restored'").run();
    return 0;
  }
  return askInOrder(db, 'restored', results, (row) => compare(db, objects, row, now));
}

/** A row that was never used and is young may be of a consent under way: `endUnopened` asks about it later. */
async function compare(db: D1Database, objects: Env['GRANTS'], row: Row, now: number): Promise<void> {
  const { grant_id: id, terms_version: version } = row;
  const stands = await askGrant(objects, id, (grant) => grant.seen(NO_TOKEN, version));
  if (stands || (row.last_used_at === null && row.created_at > now - LONG_OPENED)) return;
  await endInIndex(db, objects, id, now);
}

/** The number of no refresh token. */
const NO_TOKEN = -1;

/** Shows a grant as ended whose object says that it is: with the object's reason, while that is known there. */
export async function endInIndex(
  db: D1Database,
  objects: Env['GRANTS'],
  grantId: string,
  now: number,
): Promise<void> {
  const reason = await askGrant(objects, grantId, (grant) => grant.endReason());
  await recordEnd(db, grantId, reason ?? 'ended_before_restore', SYSTEM, now);
}
