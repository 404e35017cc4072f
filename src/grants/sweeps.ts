import { SYSTEM } from '../audit';
import type { Env } from '../config';
import { log } from '../log';
import { faultFacts, isPassing } from '../protocol/faults/storage';
import { inPool } from '../protocol/patience';
import { askGrant, recordEnd, touchGrant } from './store';

/** Objects asked by one portion of a sweep, and how many of them at once: a Worker may call a thousand, six at a time. */
export const MOST_ASKED = 100;
const AT_ONCE = 6;

/** Two hours after its row was written a grant has long been opened, or never will be. Seconds. */
export const LONG_OPENED = 7200;

type Row = { grant_id: string; created_at: number };

/**
 * Ends in the index what a fault left there between consent's row and the opening of its object: rows never used since,
 * whose object knows of no answer. Each row is asked about once, in the order they were made, portion by portion; `grant_sweep`
 * holds how far that has come. A passing fault stops the run, and the next one goes on there.
 * @param now epoch seconds @param most rows a portion @returns how many it asked about
 */
export async function endUnopened(
  db: D1Database,
  objects: Env['GRANTS'],
  now: number,
  most = MOST_ASKED,
): Promise<number> {
  const { results } = await db
    .prepare(
      `SELECT grant_id, created_at FROM oauth_grant
       WHERE created_at <= ?1 AND last_used_at IS NULL AND ended_at IS NULL
         AND created_at >= coalesce((SELECT created_at FROM grant_sweep WHERE name = 'unopened'), 0)
         AND NOT EXISTS (SELECT 1 FROM grant_sweep s WHERE s.name = 'unopened' AND s.created_at = oauth_grant.created_at
           AND s.grant_id >= oauth_grant.grant_id)
       ORDER BY created_at, grant_id LIMIT ?2`,
    )
    .bind(now - LONG_OPENED, most)
    .all<Row>();
  return askInOrder(db, 'unopened', results, (row) => endIfUnopened(db, objects, row.grant_id, now));
}

/**
 * Asks about rows in their order, and keeps how far that has come: a passing fault stops it, and the next run goes on there.
 * @returns how many were asked about
 */
export async function askInOrder<Asked extends Row>(
  db: D1Database,
  sweep: 'unopened' | 'restored',
  rows: readonly Asked[],
  ask: (row: Asked) => Promise<void>,
): Promise<number> {
  let asked = 0;
  let last: Asked | null = null;
  for (const row of rows) {
    try {
      await ask(row);
    } catch (error) {
      log('grant.sweep_failed', { grant_id: row.grant_id, ...faultFacts(error) });
      if (isPassing(error)) break;
    }
    last = row;
    asked += 1;
  }
  if (last) await keepPlace(db, sweep, last);
  return asked;
}

async function endIfUnopened(
  db: D1Database,
  objects: Env['GRANTS'],
  grantId: string,
  now: number,
): Promise<void> {
  if (await askGrant(objects, grantId, (grant) => grant.answer())) return;
  await recordEnd(db, grantId, 'code_never_redeemed', SYSTEM, now);
}

/** Notes how far a sweep has come: the last row it asked about. */
async function keepPlace(
  db: D1Database,
  sweep: 'unopened' | 'restored',
  { created_at, grant_id }: Row,
): Promise<void> {
  await db
    .prepare(
      `INSERT INTO grant_sweep (name, created_at, grant_id) VALUES (?1, ?2, ?3)
       ON CONFLICT (name) DO UPDATE SET created_at = excluded.created_at, grant_id = excluded.grant_id`,
    )
    .bind(sweep, created_at, grant_id)
    .run();
}

/**
 * Ends grants that were not refreshed for `idleTtl` seconds, and have no alarm that would: those redeemed or refreshed while
 * there was no idle time, or a longer one. Where the index is behind its object, it is corrected.
 * @param idleTtl 0: none ends @param now epoch seconds @returns how many it asked about
 */
export async function endIdle(
  db: D1Database,
  objects: Env['GRANTS'],
  idleTtl: number,
  now: number,
): Promise<number> {
  if (!idleTtl) return 0;
  const { results } = await db
    .prepare(
      `SELECT grant_id FROM oauth_grant WHERE ended_at IS NULL AND created_at <= ?1
       AND coalesce(last_used_at, created_at) <= ?1 ORDER BY created_at LIMIT ?2`,
    )
    .bind(now - idleTtl, MOST_ASKED)
    .all<{ grant_id: string }>();
  let asked = 0;
  await inPool(AT_ONCE, results, async ({ grant_id: id }) => {
    try {
      const usedAt = await askGrant(objects, id, (grant) => grant.endIfIdle(idleTtl));
      if (usedAt === null) await recordEnd(db, id, 'idle', SYSTEM, now);
      else await touchGrant(db, id, usedAt);
      asked += 1;
    } catch (error) {
      log('grant.sweep_failed', { grant_id: id, ...faultFacts(error) });
    }
  });
  return asked;
}
