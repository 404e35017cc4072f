import { waitUntil } from 'cloudflare:workers';
import type { RequestContext } from './config';
import {
  type Condition,
  equals,
  type Ids,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
} from './database';
import { log, shortCode } from './log';
import { measure } from './metrics';
import { addressOf } from './protocol/address';
import { faultFacts } from './protocol/faults/storage';
import type { Actor } from './protocol/subject';

/**
 * What the audit remembers (CONTRACT §8): authorization acts and management changes, each with the ids it is about.
 * Settings are named, their values are not; no arguments, no secrets, no header values.
 */
export type Act =
  | { act: 'client.deleted' | 'client.swept'; client_id: string }
  | {
      act: 'consent.allowed';
      client_id: string;
      grant_id: string;
      redirect_host: string;
      scope: string;
      access: 'all' | 'chosen';
      /** With `chosen`: names of servers, with how many tools where it is not all of them. */
      servers?: string;
    }
  | { act: 'consent.denied'; client_id: string; grant_id: string }
  | {
      act: 'code.redeemed' | 'code.repeated' | 'code.replayed' | 'refresh_token.reused';
      client_id: string;
      grant_id: string;
    }
  | { act: 'grant.ended'; grant_id: string; reason: string }
  | { act: 'grant.changed'; grant_id: string; before: string; after: string }
  | { act: 'virtual_key.created' | 'virtual_key.changed' | 'virtual_key.deleted'; virtual_key: string }
  | { act: 'virtual_key.rotated'; virtual_key: string; reason: 'routine' | 'leaked' }
  | { act: 'virtual_key.expired'; virtual_key: string }
  | { act: 'virtual_mcp.created' | 'virtual_mcp.changed' | 'virtual_mcp.deleted'; virtual_mcp: string }
  | { act: 'server.created' | 'server.changed' | 'server.deleted'; server: string }
  | {
      act: 'server.authorization_begun' | 'server.authorized' | 'server.authorization_revoked';
      server: string;
    }
  | { act: 'server.authorization_refused'; server: string; reason: string }
  | { act: 'server.registered_again'; server: string }
  | { act: 'server.tool_tried'; server: string; tool: string }
  | {
      act: 'credential.connected' | 'credential.disconnected' | 'credential.refused';
      server: string;
      owner: string;
    }
  | {
      act: 'credential.link_given' | 'credential.link_used' | 'credential.link_refused';
      owner: string;
      servers: string;
      grant_id?: string;
    }
  | { act: 'setting.changed'; settings: string }
  | { act: 'user.signed_in' | 'user.changed' | 'user.blocked' | 'user.deleted'; user: string }
  | { act: 'user.refused'; user: string; reason: string }
  | { act: 'administrator.signed_in' | 'administrator.signed_out' }
  | { act: 'signing_key.rotated'; kid: string }
  | { act: 'encryption.resealed'; values: number }
  | Refusal;

/** A refusal or failure whose code a caller was shown. */
type Refusal = { act: 'request.refused' | 'request.failed'; path: string; status: number; type: string };

/**
 * What anyone can bring about without a credential: a log line with its short code, never a row. The audit begins with the
 * person (SECURITY 30).
 */
type StrangersAct =
  | { act: 'client.registered'; client_id: string }
  | { act: 'authorization.begun'; client_id: string; grant_id: string }
  | { act: 'identity.refused'; client_id: string; grant_id: string; mode: string }
  | { act: 'key.refused' | 'administrator.refused' }
  | Refusal;

/** Who did it, from where, in which request. */
export type By = { actor: Actor; address: string | null; requestId: string | null };

/** Whatever no one asked for: a cron's act, or an alarm's. */
export const SYSTEM: By = { actor: 'system', address: null, requestId: null };

/** How long the audit is kept. Seconds: 90 days. */
const RETENTION = 90 * 86_400;

/** Who makes this request, as far as is known by now. */
export function by(c: RequestContext): By {
  return { actor: c.var.actor ?? 'unknown', address: addressOf(c.req.raw), requestId: c.var.requestId };
}

/** The short code of what this request belongs to: one per flow, which its grant's id names, else its own. */
export function codeOf(c: RequestContext): string {
  return shortCode(c.var.grantId ?? c.var.requestId);
}

/**
 * Logs an act and keeps it, behind the answer: a failure to write is logged and changes nothing else.
 * @param actor when it is someone other than `c.var.actor`
 */
export function audit(c: RequestContext, act: Act, actor?: Actor): void {
  const who = by(c);
  const entry = entryOf(act, actor ? { ...who, actor } : who, c.var.grantId);
  logEntry(entry);
  waitUntil(
    write(c.env.DB, [entry])
      .run()
      .catch((error: unknown) => log('audit.failed', { act: entry.act, id: entry.id, ...faultFacts(error) })),
  );
}

/** The same for a caller with a batch of D1 to put it in. @param condition in SQL, on an entry's `value` as JSON: which are kept */
export function auditAll(
  db: D1Database,
  acts: readonly Act[],
  who: By,
  condition?: string,
): D1PreparedStatement {
  const entries = acts.map((act) => entryOf(act, who));
  for (const entry of entries) logEntry(entry);
  return write(db, entries, condition);
}

/**
 * One act, to run in a batch right after the statement it tells of: written only when that changed a row, so that what is
 * repeated is told once. @param flow what its code is made of when it is not of a grant
 */
export function auditIfChanged(
  db: D1Database,
  act: Act,
  who: By,
  flow: string | undefined = undefined,
): D1PreparedStatement {
  const entry = entryOf(act, who, flow);
  logEntry(entry);
  return write(db, [entry], 'changes() > 0');
}

/** Logs an act that anyone can bring about. @returns its short code */
export function logAct(c: RequestContext, { act, ...facts }: StrangersAct): string {
  const { actor = 'unknown', requestId, grantId } = c.var;
  const { client_id = null, grant_id = null, ...detail } = facts as Record<string, string> & Partial<Parties>;
  const code = shortCode(grant_id ?? grantId ?? requestId);
  log(act, { request_id: requestId, code, actor, client_id, grant_id, ...detail });
  return code;
}

/** Logs a refusal or failure of a stranger. @returns the code they are shown */
export function logRefusal(c: RequestContext, status: number, type: string): string {
  return logAct(c, refusalOf(c, status, type));
}

/** Keeps one that a known caller was shown; a stranger's is a log line only (CONTRACT §8, the last paragraph). */
export function auditRefusal(c: RequestContext, status: number, type: string): void {
  if (c.var.actor) audit(c, refusalOf(c, status, type));
  else logRefusal(c, status, type);
}

function refusalOf(c: RequestContext, status: number, type: string): Refusal {
  const { METRICS } = c.env;
  const outcome = /^[a-z_]+$/.test(type) ? type : String(status); // what names a page's refusal are words for a person
  if (METRICS) measure(METRICS, { event: 'refusal', server: '', item: c.req.routePath, outcome });
  return { act: status >= 500 ? 'request.failed' : 'request.refused', path: c.req.routePath, status, type };
}

/** How an act ended. */
type Outcome = 'done' | 'refused' | 'failed';

/** An act as the audit shows it. `at` is in epoch seconds. */
export type AuditEvent<Name extends string = Act['act']> = {
  /** Sorts as time does. */
  id: string;
  at: number;
  act: Name;
  outcome: Outcome;
  actor: Actor;
  clientId: string | null;
  grantId: string | null;
  /** The other members of the act. */
  detail: Record<string, string | number>;
  address: string | null;
  code: string;
  requestId: string | null;
};

function entryOf<Name extends string>(
  { act, ...facts }: { act: Name },
  { actor, address, requestId }: By,
  flow: string | undefined = undefined,
): AuditEvent<Name> {
  const { client_id = null, grant_id = null, ...detail } = facts as Record<string, string> & Partial<Parties>;
  const now = Date.now();
  const id = newId(now);
  return {
    id,
    at: Math.floor(now / 1000),
    act,
    outcome: outcomeOf(act),
    actor,
    clientId: client_id,
    grantId: grant_id,
    detail,
    address,
    code: shortCode(grant_id ?? flow ?? requestId ?? id),
    requestId,
  };
}

type Parties = { client_id: string; grant_id: string };

let made = 0;

/** An id that sorts as time does and, within a millisecond of this isolate, in the order of making. */
function newId(now: number): string {
  made = (made + 1) % 36 ** 2;
  return idAt(now) + made.toString(36).padStart(2, '0') + crypto.randomUUID().slice(0, 8);
}

/** What ids begin with that were made at `now` (epoch milliseconds): nine digits of base 36, for 3,000 years. */
function idAt(now: number): string {
  return Math.max(0, now).toString(36).padStart(9, '0');
}

function outcomeOf(act: string): Outcome {
  if (act === 'request.failed') return 'failed';
  return /[._](refused|denied|repeated|replayed|reused)$/.test(act) ? 'refused' : 'done';
}

function logEntry({ act, actor, clientId, grantId, detail, code, requestId }: AuditEvent<string>): void {
  const ids = { request_id: requestId, code, actor, client_id: clientId, grant_id: grantId };
  log(act, { ...ids, ...detail });
}

/** The client of a grant need not be named: the index of grants knows it. */
function write(db: D1Database, entries: readonly AuditEvent[], condition = 'true'): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (id, at, act, outcome, actor, client_id, grant_id, detail, address, code, request_id)
       SELECT value ->> 'id', value ->> 'at', value ->> 'act', value ->> 'outcome', value ->> 'actor',
         coalesce(value ->> 'clientId', (SELECT client_id FROM oauth_grant WHERE grant_id = value ->> 'grantId')),
         value ->> 'grantId', value -> 'detail', value ->> 'address', value ->> 'code', value ->> 'requestId'
       FROM json_each(?1) WHERE ${condition}`,
    )
    .bind(JSON.stringify(entries));
}

/** What a list of acts is narrowed to; undefined: all. `since` and `until` are epoch seconds, the second not included. */
export type AuditFilter = {
  act?: string | undefined;
  outcome?: string | undefined;
  actor?: string | undefined;
  client_id?: string | undefined;
  grant_id?: string | undefined;
  code?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
};

type Row = {
  id: string;
  at: number;
  act: Act['act'];
  outcome: Outcome;
  actor: Actor;
  client_id: string | null;
  grant_id: string | null;
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

/** Ids of what the acts on a page are about and of who did them, for questions asked along with {@link auditQuestion}. */
export function idsOfActs(filter: AuditFilter, page: ListPage): Ids {
  const { sql, values } = pageSql(pageOfActs(filter, page));
  const members = ['virtual_key', 'user', 'server', 'virtual_mcp'].map((name) => `acts.detail ->> '${name}'`);
  const actor = "substr(acts.actor, instr(acts.actor, ':') + 1)";
  return {
    sql: `SELECT value FROM (${sql}) AS acts, json_each(json_array(${[...members, actor].join(', ')}))`,
    values,
  };
}

/** Ids of the clients, or of the grants, of the acts on a page. */
export function partiesOfActs(column: 'client_id' | 'grant_id', filter: AuditFilter, page: ListPage): Ids {
  return pageSql(pageOfActs(filter, page), column);
}

function pageOfActs({ since, until, ...ids }: AuditFilter, page: ListPage): PageOf {
  const conditions: Condition[] = [
    ...equals('act', ids.act),
    ...equals('outcome', ids.outcome),
    ...equals('actor', ids.actor),
    ...equals('client_id', ids.client_id),
    ...equals('grant_id', ids.grant_id),
    ...equals('code', ids.code ?? (ids.grant_id && shortCode(ids.grant_id))), // a grant's acts are found by their code
  ];
  if (since !== undefined) conditions.push({ sql: 'id >= ?', values: [idAt(since * 1000)] });
  if (until !== undefined) conditions.push({ sql: 'id < ?', values: [idAt(until * 1000)] });
  return { table: 'audit', conditions, order: 'id DESC', page };
}

function fromRow({ client_id, grant_id, detail, request_id, ...row }: Row): AuditEvent {
  return {
    ...row,
    clientId: client_id,
    grantId: grant_id,
    detail: JSON.parse(detail),
    requestId: request_id,
  };
}

/** Most rows that one sweep deletes, so that it ends in time. */
const PORTION = 10_000;

/** Deletes what is past its {@link RETENTION} at `now` (epoch seconds), at most 10,000 acts at a time. @returns how many. */
export async function deleteOldAudit(db: D1Database, now: number): Promise<number> {
  const { meta } = await db
    .prepare('DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ?1 ORDER BY id LIMIT ?2)')
    .bind(idAt((now - RETENTION) * 1000), PORTION)
    .run();
  return meta.changes;
}
