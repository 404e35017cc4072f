import {
  beginsWith,
  type Condition,
  type Ids,
  oneOf,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  startsWith,
} from '../database';
import type { Subject } from '../protocol/subject';
import { fromRow, type Grant, type Row } from './store';

/** What a list of grants is narrowed to. Several values of one member are alternatives; null: all. */
export type GrantFilter = {
  /** How the client's name begins, without regard to case; empty: all. */
  clientName: string;
  status: 'active' | 'ended' | 'all';
  /** What subjects begin with: `vk`, `session`, `user`. */
  kinds: string[] | null;
  subjects: string[] | null;
  clientIds: string[] | null;
  /** What begins so: the client's name, or that of one of these subjects. Null: all. */
  named: { prefix: string; subjects: Ids } | null;
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
 * A page of grants and how many there are: newest first, ended ones by their end, a search by the client's name. Each single
 * filter has its index in that order; several together read what the first of them finds.
 * @param now epoch seconds: what has expired is not active, whether or not anything has noticed
 */
export function grantsQuestion(
  db: D1Database,
  filter: GrantFilter,
  page: { limit: number; offset: number },
  now: number,
): Question<{ grants: Grant[]; total: number }> {
  const { statements, answer } = pageQuestion<Row>(db, pageOfGrants(filter, page, now));
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
  now: number,
): Ids {
  return pageSql(pageOfGrants(filter, page, now), "substr(subject, instr(subject, ':') + 1)");
}

/** The id of whom one grant was allowed by. */
export function holderOf(grantId: string): Ids {
  return {
    sql: "SELECT substr(subject, instr(subject, ':') + 1) FROM oauth_grant WHERE grant_id = ?",
    values: [grantId],
  };
}

function pageOfGrants(filter: GrantFilter, page: PageOf['page'], now: number): PageOf {
  return { table: 'oauth_grant', conditions: conditionsOf(filter, now), order: orderOf(filter), page };
}

function orderOf({ clientName, named, status }: GrantFilter): string {
  if (clientName) return 'client_name COLLATE NOCASE, created_at DESC, grant_id';
  if (named) return '+created_at DESC, grant_id'; // the plus keeps SQLite from walking all grants in this order
  return status === 'ended' ? 'ended_at DESC, created_at, grant_id DESC' : 'created_at DESC, grant_id';
}

function conditionsOf(filter: GrantFilter, now: number): Condition[] {
  const { clientName, status, kinds, subjects, clientIds, named, unusedSince } = filter;
  const conditions: Condition[] = [
    ...startsWith('client_name', clientName),
    ...oneOf(KIND, kinds),
    ...oneOf('subject', subjects),
    ...oneOf('client_id', clientIds),
  ];
  if (named) {
    const client = beginsWith('client_name', named.prefix);
    const { sql, values } = named.subjects;
    const either = `SELECT grant_id FROM oauth_grant WHERE ${client.sql}
      UNION SELECT grant_id FROM oauth_grant WHERE subject IN (${sql})`;
    conditions.push({ sql: `grant_id IN (${either})`, values: [...client.values, ...values] });
  }
  if (status === 'ended') conditions.push({ sql: 'ended_at IS NOT NULL', values: [] });
  if (status === 'active') conditions.push(...standing(now));
  if (unusedSince !== null) conditions.push(unused(unusedSince));
  return conditions;
}

/** That nothing has ended a grant. */
export const NOT_ENDED: Condition = { sql: 'ended_at IS NULL', values: [] };

/** That a grant stands at `now` (epoch seconds): it may have expired without anything having noticed. */
export function standing(now: number): Condition[] {
  return [NOT_ENDED, { sql: 'expires_at IS NULL OR expires_at > ?', values: [now] }];
}

/** That a grant was neither used nor made since `since` (epoch seconds). */
export function unused(since: number): Condition {
  return { sql: 'coalesce(last_used_at, created_at) < ?', values: [since] };
}

/** The grant `grantId` as the index has it, or null: to be asked along with others. */
export function grantQuestion(db: D1Database, grantId: string): Question<Grant | null> {
  const statement = db.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(grantId);
  return question<Row, Grant | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** What one of these subjects allowed last, since `since` (epoch seconds), and nothing has ended; null: nothing. */
export function allowedSinceQuestion(
  db: D1Database,
  subjects: readonly Subject[],
  since: number,
): Question<Grant | null> {
  const statement = db
    .prepare(
      `SELECT * FROM oauth_grant WHERE subject IN (SELECT value FROM json_each(?1)) AND created_at >= ?2 AND ended_at IS NULL
       ORDER BY created_at DESC, grant_id LIMIT 1`,
    )
    .bind(JSON.stringify(subjects), since);
  return question<Row, Grant | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** What the clients of these grants were called when they were allowed, by client id. */
export function grantedNamesQuestion(db: D1Database, grantIds: Ids): Question<Map<string, string>> {
  const statement = db
    .prepare(`SELECT client_id, client_name FROM oauth_grant WHERE grant_id IN (${grantIds.sql})`)
    .bind(...grantIds.values);
  return question<Pick<Row, 'client_id' | 'client_name'>, Map<string, string>>(
    statement,
    (rows) => new Map(rows.map(({ client_id, client_name }) => [client_id, client_name])),
  );
}

/** How many grants of each of these clients stand at `now` (epoch seconds), by client id. */
export function standingByClientQuestion(
  db: D1Database,
  clientIds: Ids,
  now: number,
): Question<Map<string, number>> {
  const statement = db
    .prepare(
      `SELECT client_id, count(*) AS n FROM oauth_grant WHERE client_id IN (${clientIds.sql})
       AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?) GROUP BY client_id`,
    )
    .bind(...clientIds.values, now);
  return question<{ client_id: string; n: number }, Map<string, number>>(
    statement,
    (rows) => new Map(rows.map(({ client_id, n }) => [client_id, n])),
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

/** How many grants of one subject stand at `now` (epoch seconds). */
export function standingGrantsQuestion(db: D1Database, subject: Subject, now: number): Question<number> {
  const statement = db
    .prepare(
      `SELECT count(*) AS n FROM oauth_grant
       WHERE subject = ?1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)`,
    )
    .bind(subject, now);
  return question<{ n: number }, number>(statement, ([row]) => row?.n ?? 0);
}
