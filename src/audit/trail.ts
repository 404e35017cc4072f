import { type Act, type AuditEvent, idAt } from '../audit';
import {
  type Condition,
  equals,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  searched,
} from '../database';
import { shortCode } from '../log';

/**
 * What a list of acts is narrowed to; undefined: all. `since` and `until` are epoch seconds, the second not included. `server`,
 * `key`, `app` and `person` are ids, or names as they were then.
 */
export type AuditFilter = {
  act?: string | undefined;
  outcome?: string | undefined;
  actor?: string | undefined;
  client_id?: string | undefined;
  grant_id?: string | undefined;
  code?: string | undefined;
  server?: string | undefined;
  key?: string | undefined;
  app?: string | undefined;
  person?: string | undefined;
  /** What a name or the code holds; a whole code: what happened under it. */
  q?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
};

/** A short code as it is written. */
export const CODE = /^F-[2-9A-Z]{4}$/;

type Row = {
  id: string;
  at: number;
  act: Act['act'];
  outcome: AuditEvent['outcome'];
  actor: AuditEvent['actor'];
  actor_name: string | null;
  client_id: string | null;
  client_name: string | null;
  grant_id: string | null;
  subject: string | null;
  subject_name: string | null;
  about: string | null;
  about_name: string | null;
  detail: string;
  address: string | null;
  code: string;
  request_id: string | null;
};

type ListPage = { limit: number; offset: number };

/** A page of the audit, newest first, and how many acts there are. */
export function auditQuestion(
  db: D1Database,
  filter: AuditFilter,
  page: ListPage,
): Question<{ entries: AuditEvent[]; total: number }> {
  const { statements, answer } = pageQuestion<Row>(db, pageOfActs(filter, page));
  return {
    statements,
    answer: (results) => {
      const { rows, total } = answer(results);
      return { entries: rows.map(fromRow), total };
    },
  };
}

/** At most `limit` acts older than `before`, newest first; null: from the newest on. */
export async function actsBefore(
  db: D1Database,
  filter: AuditFilter,
  before: string | null,
  limit: number,
): Promise<AuditEvent[]> {
  const of = pageOfActs(filter, { limit, offset: 0 });
  const older = before === null ? [] : [{ sql: 'id < ?', values: [before] }];
  const { sql, values } = pageSql({ ...of, conditions: [...of.conditions, ...older] });
  const { results } = await db
    .prepare(sql)
    .bind(...values)
    .all<Row>();
  return results.map(fromRow);
}

function pageOfActs(filter: AuditFilter, page: ListPage): PageOf {
  const { since, until, outcome, code, grant_id, q = '' } = filter;
  const typed = CODE.exec(q.trim().toUpperCase())?.[0];
  const conditions: Condition[] = [
    ...equals('act', filter.act),
    ...equals('outcome', outcome),
    ...equals('actor', filter.actor),
    ...equals('client_id', filter.client_id),
    ...equals('grant_id', grant_id),
    ...equals('code', code ?? typed ?? (grant_id && shortCode(grant_id))), // a grant's acts are found by their code
    ...named('about', filter.server),
    ...named('client', filter.app),
    ...ofIdentity('vk', filter.key),
    ...ofIdentity('user', filter.person),
    ...searched(WORDS, typed ? '' : q),
  ];
  if (outcome && outcome !== 'done') conditions.push({ sql: "outcome <> 'done'", values: [] }); // all that its index has
  if (since !== undefined) conditions.push({ sql: 'id >= ?', values: [idAt(since * 1000)] });
  if (until !== undefined) conditions.push({ sql: 'id < ?', values: [idAt(until * 1000)] });
  return { table: 'audit', conditions, order: 'id DESC', page };
}

/** What a search looks through. */
const WORDS = ['actor_name', 'client_name', 'subject_name', 'about_name', 'code'];

/** An id of ours, or the address that is the id of a client with a metadata document: no name is taken for one. */
const ID = /^([\da-f]{8}-[\da-f-]{27}|https:\/\/.*)$/;

/** That `column` is of `wanted`, by id or by the name it had. */
function named(column: 'about' | 'client', wanted: string | undefined): Condition[] {
  if (wanted === undefined) return [];
  const id = column === 'client' ? 'client_id' : column;
  const isId = ID.test(wanted);
  return [{ sql: isId ? `${id} = ?` : `${column}_name = ? COLLATE NOCASE`, values: [wanted] }];
}

/** That an act is about a key or a person, or done by them. `kind`: of their subjects. */
function ofIdentity(kind: string, wanted: string | undefined): Condition[] {
  if (wanted === undefined) return [];
  const isId = ID.test(wanted);
  const is = (column: string) =>
    isId ? `${column} = ?` : `${column} GLOB '${kind}:*' AND ${column}_name = ? COLLATE NOCASE`;
  const value = isId ? `${kind}:${wanted}` : wanted;
  return [{ sql: `${is('subject')} OR ${is('actor')}`, values: [value, value] }];
}

function fromRow(row: Row): AuditEvent {
  const { actor_name, client_id, client_name, grant_id, subject_name, about_name, detail, request_id } = row;
  return {
    ...row,
    actorName: actor_name,
    clientId: client_id,
    clientName: client_name,
    grantId: grant_id,
    subjectName: subject_name,
    aboutName: about_name,
    detail: JSON.parse(detail),
    requestId: request_id,
  };
}
