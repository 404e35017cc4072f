import { auditAll, auditIfChanged, type By } from '../audit';
import { columnsOf, flag, integer, json, type RowIn, text } from '../columns';
import type { Env } from '../config';
import { ask, type Ids, type Question, question, selection } from '../database';
import { retrying } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import type { ChangeableTerms, ConsentedServer, EndReason, ToldChange } from './grant';

/** A row of the index of grants. Times are epoch seconds. */
export type Grant = {
  grantId: string;
  clientId: string;
  clientName: string;
  /** What the one it acts for calls it; null: as it calls itself. */
  givenName: string | null;
  subject: Subject;
  /** Of the key that allowed it: what an earlier one allowed is over once the key was leaked. 0 for other identities. */
  generation: number;
  scope: string;
  /** What the client asked for, which no change goes beyond; null: the same as `scope`. */
  askedScope: string | null;
  resource: string;
  /** What consent left in; null when it narrowed nothing. */
  servers: ConsentedServer[] | null;
  /** True when the person, not the client, narrowed the scope to `mcp:read`. */
  readOnly: boolean;
  /** Where the person was sent back to: a host, or a private-use scheme. */
  redirectHost: string;
  /** The browser that answered consent, as it calls itself, and the country Cloudflare saw it in (two letters). */
  userAgent: string | null;
  country: string | null;
  createdAt: number;
  expiresAt: number | null;
  /** When it was last refreshed, as of up to an hour ago; null: never. */
  lastUsedAt: number | null;
  endedAt: number | null;
  endedReason: EndReason | null;
  /** The entry of `ENCRYPTION_KEY` that its object's seed is sealed with, as `sealerOf` tells it; null: not known. */
  sealedBy: string | null;
  /** Counts changes of its terms; its object knows the last. */
  termsVersion: number;
};

export const grantColumns = columnsOf<Grant>()({
  grantId: text('grant_id'),
  clientId: text('client_id'),
  clientName: text('client_name'),
  givenName: text('given_name'),
  subject: text('subject'),
  generation: integer('generation'),
  scope: text('scope'),
  askedScope: text('asked_scope'),
  resource: text('resource'),
  servers: json('servers'),
  readOnly: flag('read_only'),
  redirectHost: text('redirect_host'),
  userAgent: text('user_agent'),
  country: text('country'),
  createdAt: integer('created_at'),
  expiresAt: integer('expires_at'),
  lastUsedAt: integer('last_used_at'),
  endedAt: integer('ended_at'),
  endedReason: text('ended_reason'),
  sealedBy: text('sealed_by'),
  termsVersion: integer('terms_version'),
});

/** A row of `oauth_grant`. */
export type GrantRow = RowIn<typeof grantColumns>;

/** The grant a row of `oauth_grant` is. */
export const { fromRow } = grantColumns;

/** A grant's object, from outside. */
export type GrantStub = ReturnType<Env['GRANTS']['get']>;

/** The object of the grant `grantId`, or null when the namespace never made such an id: a forged one wakes nothing. */
export function grantObject(namespace: Env['GRANTS'], grantId: string): GrantStub | null {
  if (!/^[0-9a-f]{64}$/.test(grantId)) return null;
  try {
    return namespace.get(namespace.idFromString(grantId));
  } catch {
    return null;
  }
}

/**
 * Asks a grant something that may be asked again, while its object is being moved or restarted. Null when there can be no
 * such grant.
 */
export async function askGrant<T>(
  namespace: Env['GRANTS'],
  grantId: string,
  ask: (grant: GrantStub) => Promise<T>,
): Promise<T | null> {
  return retrying(async () => {
    const grant = grantObject(namespace, grantId); // each time: a stub whose object failed stays broken
    return grant && ask(grant);
  });
}

type NewGrant = Omit<Grant, 'givenName' | 'lastUsedAt' | 'endedAt' | 'endedReason' | 'termsVersion'>;

/** Writes the row of a grant about to be opened. False when there is one already, from an answer at the same moment. */
export async function insertGrant(db: D1Database, grant: NewGrant): Promise<boolean> {
  const asYet = { givenName: null, lastUsedAt: null, endedAt: null, endedReason: null, termsVersion: 0 };
  const row = grantColumns.insert({ ...grant, ...asYet });
  const { meta } = await db
    .prepare(
      `INSERT INTO oauth_grant (${row.columns}) VALUES (${row.placeholders}) ON CONFLICT (grant_id) DO NOTHING`,
    )
    .bind(...row.values)
    .run();
  return meta.changes === 1;
}

/** Makes the row say what the answer that opened the grant said. */
export async function correctGrant(db: D1Database, grant: NewGrant): Promise<void> {
  const set = grantColumns.set(grant);
  await db
    .prepare(`UPDATE oauth_grant SET ${set.sql} WHERE grant_id = ?`)
    .bind(...set.values, grant.grantId)
    .run();
}

/** Takes back the row of a grant that did not open after all. */
export async function deleteGrant(db: D1Database, grantId: string): Promise<void> {
  await db.prepare('DELETE FROM oauth_grant WHERE grant_id = ?1').bind(grantId).run();
}

/** The grant `grantId` as the index has it, or null when there is none. */
export async function findGrant(db: D1Database, grantId: string): Promise<Grant | null> {
  const [grant] = await ask(db, grantQuestion(db, grantId));
  return grant;
}

/** {@link findGrant}, to be asked along with others. */
export function grantQuestion(db: D1Database, grantId: string): Question<Grant | null> {
  const select = {
    sql: 'SELECT * FROM oauth_grant WHERE grant_id = ?',
    values: [grantId],
    columns: grantColumns.names,
  };
  return selection<GrantRow, Grant | null>(db, select, ([row]) => (row ? fromRow(row) : null));
}

/** The subject of the grant `grantId`, for questions asked along with {@link grantQuestion}. */
export function subjectOfGrant(grantId: string): Ids {
  return { sql: 'SELECT subject FROM oauth_grant WHERE grant_id = ?', values: [grantId] };
}

/** Its client, likewise. */
export function clientOfGrant(grantId: string): Ids {
  return { sql: 'SELECT client_id FROM oauth_grant WHERE grant_id = ?', values: [grantId] };
}

/** Notes in the index that a grant has ended, at `now` (epoch seconds), and tells the audit. The first reason stands. */
export async function recordEnd(
  db: D1Database,
  grantId: string,
  reason: EndReason,
  who: By,
  now: number,
): Promise<void> {
  await db.batch([
    db
      .prepare(
        'UPDATE oauth_grant SET ended_at = ?2, ended_reason = ?3 WHERE grant_id = ?1 AND ended_at IS NULL',
      )
      .bind(grantId, now, reason),
    auditIfChanged(db, { act: 'grant.ended', grant_id: grantId, reason }, who),
  ]);
}

/** Notes which entry of `ENCRYPTION_KEY` a grant's seed is sealed with. Only its object does. */
export async function recordSealer(db: D1Database, grantId: string, sealedBy: string): Promise<void> {
  const update = db.prepare('UPDATE oauth_grant SET sealed_by = ?2 WHERE grant_id = ?1');
  await update.bind(grantId, sealedBy).run();
}

/** How many grants that have not ended each entry of `ENCRYPTION_KEY` holds, by its id; null: of which it is not known. */
export function grantSealersQuestion(db: D1Database): Question<ReadonlyMap<string | null, number>> {
  return question<{ sealed_by: string | null; n: number }, ReadonlyMap<string | null, number>>(
    db.prepare('SELECT sealed_by, count(*) AS n FROM oauth_grant WHERE ended_at IS NULL GROUP BY sealed_by'),
    (rows) => new Map(rows.map(({ sealed_by, n }) => [sealed_by, n])),
  );
}

/** Gives a grant the name that the one it acts for calls it by; null takes it away. */
export async function nameGrant(
  db: D1Database,
  grantId: string,
  name: string | null,
  { by, before, after }: ToldChange,
): Promise<void> {
  await db.batch([
    db
      .prepare('UPDATE oauth_grant SET given_name = ?2 WHERE grant_id = ?1 AND given_name IS NOT ?2')
      .bind(grantId, name),
    auditIfChanged(db, { act: 'grant.changed', grant_id: grantId, before, after }, by),
  ]);
}

/** Makes the index say what the terms of a grant are now, unless it knows later ones, and tells the audit of `changes`. */
export async function recordTerms(
  db: D1Database,
  grantId: string,
  terms: ChangeableTerms & { scope: string; askedScope: string; termsVersion: number },
  changes: readonly (ToldChange & { version: number })[],
): Promise<void> {
  const set = grantColumns.set(terms);
  const isNews = (version: number) =>
    `(SELECT terms_version FROM oauth_grant WHERE grant_id = value ->> 'grantId') < ${version}`;
  await db.batch([
    ...changes.map(({ by, before, after, version }) =>
      auditAll(db, [{ act: 'grant.changed', grant_id: grantId, before, after }], by, isNews(version)),
    ),
    db
      .prepare(`UPDATE oauth_grant SET ${set.sql} WHERE grant_id = ? AND terms_version < ?`)
      .bind(...set.values, grantId, terms.termsVersion),
  ]);
}

/** Notes that a grant was used at `now` (epoch seconds). False when the index does not know it. */
export async function touchGrant(db: D1Database, grantId: string, now: number): Promise<boolean> {
  const { meta } = await db
    .prepare('UPDATE oauth_grant SET last_used_at = ?2 WHERE grant_id = ?1')
    .bind(grantId, now)
    .run();
  return meta.changes > 0;
}

/** The same of a call, unless a use is noted since `before`. */
export function grantTouch(
  db: D1Database,
  grantId: string,
  before: number,
  now: number,
): D1PreparedStatement {
  return db
    .prepare(
      'UPDATE oauth_grant SET last_used_at = ?3 WHERE grant_id = ?1 AND coalesce(last_used_at, 0) <= ?2',
    )
    .bind(grantId, before, now);
}

/** Deletes up to 10,000 rows of grants that ended before `until` (epoch seconds). @returns how many. */
export async function deleteEndedGrants(db: D1Database, until: number): Promise<number> {
  const { meta } = await db
    .prepare(
      'DELETE FROM oauth_grant WHERE grant_id IN (SELECT grant_id FROM oauth_grant WHERE ended_at < ?1 LIMIT 10000)',
    )
    .bind(until)
    .run();
  return meta.changes;
}
