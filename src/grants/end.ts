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

function conditionOf(which: Together | Withdrawn): Condition {
  if ('clientId' in which) return { sql: 'client_id = ?', values: [which.clientId] };
  if ('subject' in which) return { sql: 'subject = ?', values: [which.subject] };
  return unused(which.unusedSince);
}

/** What a deletion, a block or a leak ends: of a subject all, or those that were proved with an earlier generation. */
export type Withdrawn = { clientId: string } | { subject: Subject; before?: number };

/**
 * Ends some of them, object by object: up to nine hundred, or `most`. Repeatable: what a fault leaves is found again.
 * @returns `more`: as many as that ended; false: a fault left some
 */
export async function endWithdrawn(
  db: D1Database,
  objects: Env['GRANTS'],
  which: Withdrawn,
  reason: EndReason,
  by: By,
  now: number,
  most = MOST_TOLD,
): Promise<boolean | 'more'> {
  const isEarlier: Condition[] =
    'before' in which && which.before !== undefined
      ? [{ sql: 'generation < ?', values: [which.before] }]
      : [];
  const those = [conditionOf(which), ...isEarlier, NOT_ENDED];
  const { ended, areLeft } = await endThose(db, objects, those, reason, by, now, most);
  return areLeft && ended === most ? 'more' : !areLeft;
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
  await recordEnds(db, told, reason, by, now); // those that never opened have no object that would
  return { ended: told.length, areLeft: told.length < results.length || results.length === most };
}

/** Of an end that the index has already, by an object of another moment, the audit has the act. */
const UNENDED = "value ->> 'grantId' IN (SELECT grant_id FROM oauth_grant WHERE ended_at IS NULL)";

/** Records in the index the ends that no object has recorded, each with its act. */
async function recordEnds(
  db: D1Database,
  grantIds: readonly string[],
  reason: EndReason,
  by: By,
  now: number,
): Promise<void> {
  if (!grantIds.length) return;
  const { results } = await db
    .prepare(
      'SELECT grant_id FROM oauth_grant WHERE ended_at IS NULL AND grant_id IN (SELECT value FROM json_each(?1))',
    )
    .bind(JSON.stringify(grantIds))
    .all<{ grant_id: string }>();
  const unrecorded = results.map(({ grant_id }) => grant_id);
  if (!unrecorded.length) return;
  const acts = unrecorded.map((grant_id) => ({ act: 'grant.ended' as const, grant_id, reason }));
  await db.batch([
    auditAll(db, acts, by, UNENDED), // right before the statement that records them
    db
      .prepare(
        `UPDATE oauth_grant SET ended_at = ?2, ended_reason = ?3
         WHERE ended_at IS NULL AND grant_id IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify(unrecorded), now, reason),
  ]);
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
