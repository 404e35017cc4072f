import { auditAll, type By, SYSTEM } from '../audit';
import type { Env } from '../config';
import type { Condition } from '../database';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { inPool } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import type { EndReason } from './grant';
import { NOT_ENDED, ofAnother, standing, unused } from './list';
import { askGrant, type GrantStub, recordEnd } from './store';

/** Objects told by one request, and how many of them at once: a Worker may call a thousand, six at a time. */
const MOST_TOLD = 900;
/** Objects told by one portion of a sweep, so that the others get their turn. */
const PORTION = 100;
const AT_ONCE = 6;

/**
 * Ends every grant of a subject: in the index all at once, so that `/mcp` refuses them, then each grant's object in turn.
 * Objects that do not hear of it, beyond nine hundred or because of a fault, end at their next refresh, where the identity no longer
 * stands.
 * @param now epoch seconds
 */
export async function endGrantsOf(
  db: D1Database,
  objects: Env['GRANTS'],
  subject: Subject,
  reason: EndReason,
  by: By,
  now: number,
): Promise<void> {
  const [standing] = await db.batch<{ grant_id: string }>([
    db
      .prepare('SELECT grant_id FROM oauth_grant WHERE subject = ?1 AND ended_at IS NULL LIMIT ?2')
      .bind(subject, MOST_TOLD),
    db
      .prepare(
        'UPDATE oauth_grant SET ended_at = ?2, ended_reason = ?3 WHERE subject = ?1 AND ended_at IS NULL',
      )
      .bind(subject, now, reason),
  ]);
  const ended = standing?.results ?? [];
  if (ended.length) {
    const acts = ended.map(({ grant_id }) => ({ act: 'grant.ended' as const, grant_id, reason }));
    await auditAll(db, acts, by).run();
  }
  await tellObjects(objects, ended, (grant) => grant.end(reason, by));
}

/** Ends one grant. Repeatable; false while the index could not be told yet, which the grant's object then does. */
export async function endGrant(
  db: D1Database,
  objects: Env['GRANTS'],
  grantId: string,
  reason: EndReason,
  who: By,
  now: number,
): Promise<boolean> {
  if ((await askGrant(objects, grantId, (grant) => grant.end(reason, who))) === false) return false;
  await recordEnd(db, grantId, reason, who, now); // a grant that never opened has no object that would
  return true;
}

/** Grants that an administrator ends together: of a client or a subject, or those unused for long. Those of another issuer are among them. */
export type Together = { clientId: string } | { subject: Subject } | { unusedSince: number };

/** Ends up to nine hundred grants at once, object by object. @returns how many ended, and whether more are left. */
export async function endTogether(
  db: D1Database,
  objects: Env['GRANTS'],
  which: Together,
  by: By,
  now: number,
): Promise<{ ended: number; areLeft: boolean }> {
  return endThose(
    db,
    objects,
    [conditionOf(which), ...standing({ now, issuer: null })],
    'revoked_by_administrator',
    by,
    now,
  );
}

function conditionOf(which: Together): Condition {
  if ('clientId' in which) return { sql: 'client_id = ?', values: [which.clientId] };
  if ('subject' in which) return { sql: 'subject = ?', values: [which.subject] };
  return unused(which.unusedSince);
}

/**
 * Ends grants of a deleted client, object by object: up to nine hundred, or `most`.
 * @returns how many ended, and whether more are left.
 */
export async function endGrantsOfClient(
  db: D1Database,
  objects: Env['GRANTS'],
  clientId: string,
  by: By,
  now: number,
  most = MOST_TOLD,
): Promise<{ ended: number; areLeft: boolean }> {
  return endThose(db, objects, [conditionOf({ clientId }), NOT_ENDED], 'client_deleted', by, now, most);
}

/** How long another issuer may be taken back (CONTRACT §5). Seconds: 24 hours. */
const REGRET = 86_400;

/**
 * Ends the grants of every issuer but `issuer`, up to a hundred at a time, once the cron has found it for 24 hours. The
 * row `issuer <issuer>` of `revision` says since when, and 0 when nothing is left to end: only the cron writes it, so the
 * time counts wherever the change was made, in a variable or a saved setting, and a change that is taken back starts over.
 * @param issuer the one that is configured @returns how many ended
 */
export async function endOfOtherIssuers(
  db: D1Database,
  objects: Env['GRANTS'],
  issuer: string,
  now: number,
): Promise<number> {
  const name = `issuer ${issuer}`;
  const [, , found] = await db.batch<{ n: number }>([
    db.prepare("DELETE FROM revision WHERE name LIKE 'issuer %' AND name <> ?1").bind(name),
    db
      .prepare('INSERT INTO revision (name, n) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING')
      .bind(name, now),
    db.prepare('SELECT n FROM revision WHERE name = ?1').bind(name),
  ]);
  const since = found?.results[0]?.n ?? now;
  if (since === 0 || since + REGRET > now) return 0;
  const those = [NOT_ENDED, ofAnother(issuer)];
  const { ended, areLeft } = await endThose(db, objects, those, 'issuer_changed', SYSTEM, now, PORTION);
  if (!areLeft) await db.prepare('UPDATE revision SET n = 0 WHERE name = ?1').bind(name).run();
  return ended;
}

/** Ends them object by object, each of which tells the index. What does not hear of it stands, and is found again. */
async function endThose(
  db: D1Database,
  objects: Env['GRANTS'],
  those: readonly Condition[],
  reason: EndReason,
  by: By,
  now: number,
  most = MOST_TOLD,
): Promise<{ ended: number; areLeft: boolean }> {
  const { results } = await db
    .prepare(
      `SELECT grant_id FROM oauth_grant WHERE ${those.map(({ sql }) => `(${sql})`).join(' AND ')} LIMIT ?`,
    )
    .bind(...those.flatMap(({ values }) => values), most)
    .all<{ grant_id: string }>();
  const told = await tellObjects(objects, results, (grant) => grant.end(reason, by));
  const unopened = await db // those that never opened have no object that would
    .prepare(
      `UPDATE oauth_grant SET ended_at = ?2, ended_reason = ?3
       WHERE ended_at IS NULL AND grant_id IN (SELECT value FROM json_each(?1)) RETURNING grant_id`,
    )
    .bind(JSON.stringify(told), now, reason)
    .all<{ grant_id: string }>();
  const acts = unopened.results.map(({ grant_id }) => ({ act: 'grant.ended' as const, grant_id, reason }));
  if (acts.length) await auditAll(db, acts, by).run();
  return { ended: told.length, areLeft: told.length < results.length || results.length === most };
}

/** Two hours after its row was written a grant has long been opened, or never will be. Seconds. */
const LONG_OPENED = 7200;
/** How far back such rows are looked for: a day's worth of missed crons. Seconds. */
const LOOKED_BACK = 93_600;

/**
 * Ends in the index what a fault left there between consent's row and the opening of its object: rows never used since,
 * whose object knows of no answer. At most nine hundred at a time. @returns how many ended.
 * @param now epoch seconds
 */
export async function endUnopened(db: D1Database, objects: Env['GRANTS'], now: number): Promise<number> {
  const { results } = await db
    .prepare(
      `SELECT grant_id FROM oauth_grant WHERE created_at BETWEEN ?1 AND ?2 AND last_used_at IS NULL AND ended_at IS NULL
       LIMIT ?3`,
    )
    .bind(now - LOOKED_BACK, now - LONG_OPENED, MOST_TOLD)
    .all<{ grant_id: string }>();
  let ended = 0;
  for (const { grant_id } of results) {
    if (await askGrant(objects, grant_id, (grant) => grant.answer())) continue;
    await recordEnd(db, grant_id, 'code_never_redeemed', SYSTEM, now);
    ended += 1;
  }
  return ended;
}

/** Tells each grant's object. @returns the ids of those that heard it. */
async function tellObjects(
  objects: Env['GRANTS'],
  grants: readonly { grant_id: string }[],
  tell: (grant: GrantStub) => Promise<unknown>,
): Promise<string[]> {
  const told: string[] = [];
  await inPool(AT_ONCE, grants, async ({ grant_id: id }) => {
    try {
      await askGrant(objects, id, tell);
      told.push(id);
    } catch (error) {
      log('grant.end_failed', { grant_id: id, ...faultFacts(error) });
    }
  });
  return told;
}
