import {
  type Condition,
  holds,
  type Ids,
  oneOf,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  searched,
} from '../database';
import type { Subject } from '../protocol/subject';
import { fromRow, type Grant, type GrantRow } from './store';
import type { Today } from './today';

/** What a list of grants is narrowed to. Several values of one member are alternatives; null: all. */
export type GrantFilter = {
  /** What the client's name holds, without regard to case; empty: all. */
  clientName: string;
  status: 'active' | 'ended' | 'all';
  /** What subjects begin with: `vk`, `session`, `user`. */
  kinds: string[] | null;
  subjects: string[] | null;
  clientIds: string[] | null;
  /** What a name holds, the client's or the one it was given here, or whose of these it is. Null: all. */
  named: { text: string; subjects: Ids } | null;
  /** Neither used nor made since then (epoch seconds); null: all. */
  unusedSince: number | null;
};

/** All of them. */
export const EVERY_GRANT: GrantFilter = {
  clientName: '',
  status: 'all',
  kinds: null,
  subjects: null,
  clientIds: null,
  named: null,
  unusedSince: null,
};

/** The kind of a subject, as its index computes it. */
const KIND = "substr(subject, 1, instr(subject, ':') - 1)";

/**
 * A page of grants and how many there are: newest first, ended ones by their end, a search of clients by their name. Each single
 * filter but a search has its index in that order; several together read what the first of them finds.
 * @param today what has expired or is another issuer's is not active, whether or not anything has noticed
 */
export function grantsQuestion(
  db: D1Database,
  filter: GrantFilter,
  page: { limit: number; offset: number },
  today: Today,
): Question<{ grants: Grant[]; total: number }> {
  const { statements, answer } = pageQuestion<GrantRow>(db, pageOfGrants(filter, page, today));
  return {
    statements,
    answer: (results) => {
      const { rows, total } = answer(results);
      return { grants: rows.map(fromRow), total };
    },
  };
}

/** Ids of whom the grants on a page were allowed by, for questions asked along with {@link grantsQuestion}. */
export function holdersOnPage(
  filter: GrantFilter,
  page: { limit: number; offset: number },
  today: Today,
): Ids {
  return pageSql(pageOfGrants(filter, page, today), "substr(subject, instr(subject, ':') + 1)");
}

/** Ids of the clients of the grants on a page, for the same. */
export function clientsOnPage(
  filter: GrantFilter,
  page: { limit: number; offset: number },
  today: Today,
): Ids {
  return pageSql(pageOfGrants(filter, page, today), 'client_id');
}

/** The id of the client of one grant. */
export function clientOf(grantId: string): Ids {
  return { sql: 'SELECT client_id FROM oauth_grant WHERE grant_id = ?', values: [grantId] };
}

/** The id of whom one grant was allowed by. */
export function holderOf(grantId: string): Ids {
  return {
    sql: "SELECT substr(subject, instr(subject, ':') + 1) FROM oauth_grant WHERE grant_id = ?",
    values: [grantId],
  };
}

function pageOfGrants(filter: GrantFilter, page: PageOf['page'], today: Today): PageOf {
  return { table: 'oauth_grant', conditions: conditionsOf(filter, today), order: orderOf(filter), page };
}

function orderOf({ clientName, status }: GrantFilter): string {
  if (clientName) return 'client_name COLLATE NOCASE, created_at DESC, grant_id';
  return status === 'ended' ? 'ended_at DESC, created_at, grant_id DESC' : 'created_at DESC, grant_id';
}

function conditionsOf(filter: GrantFilter, today: Today): Condition[] {
  const { clientName, status, kinds, subjects, clientIds, named, unusedSince } = filter;
  const conditions: Condition[] = [
    ...searched(['client_name'], clientName),
    ...oneOf(KIND, kinds),
    ...oneOf('subject', subjects),
    ...oneOf('client_id', clientIds),
  ];
  if (named) {
    const client = holds(['client_name', "coalesce(given_name, '')"], named.text);
    const { sql, values } = named.subjects;
    conditions.push({ sql: `${client.sql} OR subject IN (${sql})`, values: [...client.values, ...values] });
  }
  if (status === 'ended') conditions.push(over(today.issuer));
  if (status === 'active') conditions.push(...standing(today));
  if (unusedSince !== null) conditions.push(unused(unusedSince));
  return conditions;
}

/** That nothing has ended a grant. */
export const NOT_ENDED: Condition = { sql: 'ended_at IS NULL', values: [] };

/** That a grant is valid today, as `endOf` of today.ts says. */
export function standing({ now, issuer }: Today): Condition[] {
  const unexpired: Condition = { sql: 'expires_at IS NULL OR expires_at > ?', values: [now] };
  return [NOT_ENDED, unexpired, ...(issuer === null ? [] : [ofIssuer(issuer)])];
}

/** That a grant has ended, or counts as ended because it is another issuer's. */
function over(issuer: string | null): Condition {
  const ended: Condition = { sql: 'ended_at IS NOT NULL', values: [] };
  if (issuer === null) return ended;
  const { sql, values } = ofIssuer(issuer);
  return { sql: `${ended.sql} OR NOT ${sql}`, values };
}

/** That a grant's resource is one of `issuer`'s. */
function ofIssuer(issuer: string): Condition {
  const prefix = `${issuer}/mcp/`; // 'https://gate.example/mcp' has it, too, once a slash follows it
  return { sql: "substr(resource || '/', 1, ?) = ?", values: [prefix.length, prefix] };
}

/** That a grant is another issuer's. */
export function ofAnother(issuer: string): Condition {
  const { sql, values } = ofIssuer(issuer);
  return { sql: `NOT ${sql}`, values };
}

/** That all of these hold. */
function all(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  };
}

/** That a grant was neither used nor made since `since` (epoch seconds). */
export function unused(since: number): Condition {
  return { sql: 'coalesce(last_used_at, created_at) < ?', values: [since] };
}

/** The grant `grantId` as the index has it, or null: to be asked along with others. */
export function grantQuestion(db: D1Database, grantId: string): Question<Grant | null> {
  const statement = db.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(grantId);
  return question<GrantRow, Grant | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** What one of these subjects allowed last, since `since` (epoch seconds), and is valid; null: nothing. */
export function allowedSinceQuestion(
  db: D1Database,
  subjects: readonly Subject[],
  since: number,
  today: Today,
): Question<Grant | null> {
  const { sql, values } = all(standing(today));
  const statement = db
    .prepare(
      `SELECT * FROM oauth_grant WHERE subject IN (SELECT value FROM json_each(?)) AND created_at >= ? AND ${sql}
       ORDER BY created_at DESC, grant_id LIMIT 1`,
    )
    .bind(JSON.stringify(subjects), since, ...values);
  return question<GrantRow, Grant | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** How many grants of each of these clients are valid, by client id. */
export function standingByClientQuestion(
  db: D1Database,
  clientIds: Ids,
  today: Today,
): Question<Map<string, number>> {
  const { sql, values } = all(standing(today));
  const statement = db
    .prepare(
      `SELECT client_id, count(*) AS n FROM oauth_grant WHERE client_id IN (${clientIds.sql}) AND ${sql} GROUP BY client_id`,
    )
    .bind(...clientIds.values, ...values);
  return question<{ client_id: string; n: number }, Map<string, number>>(
    statement,
    (rows) => new Map(rows.map(({ client_id, n }) => [client_id, n])),
  );
}

/** How many of the grants that have not ended were allowed on each day from `since` on, by day (epoch days). */
export function allowedByDayQuestion(db: D1Database, since: number): Question<Map<number, number>> {
  const statement = db
    .prepare(
      `SELECT created_at / 86400 AS day, count(*) AS n FROM oauth_grant
       WHERE created_at >= ?1 * 86400 AND ended_at IS NULL GROUP BY day`,
    )
    .bind(since);
  return question<{ day: number; n: number }, Map<number, number>>(
    statement,
    (rows) => new Map(rows.map(({ day, n }) => [day, n])),
  );
}

/** How many grants ended since `since` (epoch seconds) because a spent refresh token came back. */
export function endedByReuseQuestion(db: D1Database, since: number): Question<number> {
  const statement = db
    .prepare(
      "SELECT count(*) AS n FROM oauth_grant WHERE ended_at >= ?1 AND ended_reason = 'refresh_token_reused'",
    )
    .bind(since);
  return question<{ n: number }, number>(statement, ([row]) => row?.n ?? 0);
}

/** How many grants of one subject are valid. */
export function standingGrantsQuestion(db: D1Database, subject: Subject, today: Today): Question<number> {
  const { sql, values } = all(standing(today));
  const statement = db
    .prepare(`SELECT count(*) AS n FROM oauth_grant WHERE subject = ? AND ${sql}`)
    .bind(subject, ...values);
  return question<{ n: number }, number>(statement, ([row]) => row?.n ?? 0);
}
