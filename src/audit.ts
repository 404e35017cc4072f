import { waitUntil } from 'cloudflare:workers';
import type { RequestContext } from './config';
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

/** What something was called that is gone by the time its end is written down. */
export type Named = { name?: string };

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
  acts: readonly (Act & Named)[],
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
  act: Act & Named,
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

/** Refusals of strangers in one second that are a line each, of an isolate: a flood would cost more in lines than in requests. */
const MOST_LINES = 50;
/** The second of the last one, epoch seconds, and how many there were in it. */
let refusals = { second: 0, count: 0 };

/** Logs a refusal or failure of a stranger; beyond {@link MOST_LINES}, how many more there were. @returns the code they are shown */
export function logRefusal(c: RequestContext, status: number, type: string): string {
  const refusal = refusalOf(c, status, type);
  const second = Math.floor(Date.now() / 1000);
  const { count } = refusals;
  if (refusals.second !== second) {
    refusals = { second, count: 0 };
    if (count > MOST_LINES) log('refusals.not_told', { count: count - MOST_LINES });
  }
  if (++refusals.count > MOST_LINES) return codeOf(c);
  return logAct(c, refusal);
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

/** An act as the audit shows it. `at` is in epoch seconds. Names are what things were called then. */
export type AuditEvent<Name extends string = Act['act']> = {
  /** Sorts as time does. */
  id: string;
  at: number;
  act: Name;
  outcome: Outcome;
  actor: Actor;
  actorName: string | null;
  clientId: string | null;
  clientName: string | null;
  grantId: string | null;
  /** The key or person it is about, or that its grant acts for. */
  subject: string | null;
  subjectName: string | null;
  /** Id of the server or toolset it is about. */
  about: string | null;
  aboutName: string | null;
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
  const {
    client_id = null,
    grant_id = null,
    name = null,
    ...detail
  } = facts as Record<string, string> & Partial<Parties>;
  const { server, virtual_mcp, virtual_key, user, owner } = detail;
  const about = server ?? virtual_mcp ?? null;
  const subject = owner ?? (virtual_key && `vk:${virtual_key}`) ?? (user && `user:${user}`) ?? null;
  const now = Date.now();
  const id = newId(now);
  return {
    id,
    at: Math.floor(now / 1000),
    act,
    outcome: outcomeOf(act),
    actor,
    actorName: null,
    clientId: client_id,
    clientName: null,
    grantId: grant_id,
    subject,
    subjectName: about === null ? name : null,
    about,
    aboutName: about === null ? null : name,
    detail,
    address,
    code: shortCode(grant_id ?? flow ?? requestId ?? id),
    requestId,
  };
}

type Parties = { client_id: string; grant_id: string; name: string };

let made = 0;

/** An id that sorts as time does and, within a millisecond of this isolate, in the order of making. */
function newId(now: number): string {
  made = (made + 1) % 36 ** 2;
  return idAt(now) + made.toString(36).padStart(2, '0') + crypto.randomUUID().slice(0, 8);
}

/** What ids begin with that were made at `now` (epoch milliseconds): nine digits of base 36, for 3,000 years. */
export function idAt(now: number): string {
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

/** What a key or person is called, by its subject; what is gone already, as the audit last knew it. */
const nameOf = (subject: string) => {
  const id = `substr(${subject}, instr(${subject}, ':') + 1)`;
  return `coalesce((SELECT name FROM virtual_key WHERE id = ${id}), (SELECT name FROM person WHERE id = ${id}),
    (SELECT subject_name FROM audit WHERE subject = ${subject} ORDER BY id DESC LIMIT 1))`;
};

/**
 * Names are written along, so that they outlive what they name: what the act gives, else what is there now. The client of a
 * grant need not be named, nor whom it acts for: the index of grants knows them.
 */
function write(db: D1Database, entries: readonly AuditEvent[], condition = 'true'): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (id, at, act, outcome, actor, actor_name, client_id, client_name, grant_id, subject, subject_name,
         about, about_name, detail, address, code, request_id)
       SELECT value ->> 'id', value ->> 'at', value ->> 'act', value ->> 'outcome', actor, ${nameOf('told.actor')}, client_id,
         coalesce(value ->> 'clientName', (SELECT nullif(name, '') FROM client WHERE client_id = told.client_id), client_name,
           (SELECT client_name FROM audit WHERE client_id = told.client_id ORDER BY id DESC LIMIT 1)),
         value ->> 'grantId', subject, coalesce(value ->> 'subjectName', ${nameOf('told.subject')}), about, coalesce(value ->> 'aboutName',
           (SELECT name FROM server WHERE id = told.about), (SELECT name FROM virtual_mcp WHERE id = told.about)),
         value -> 'detail', value ->> 'address', value ->> 'code', value ->> 'requestId'
       FROM (SELECT value, value ->> 'actor' AS actor, value ->> 'about' AS about, client_name,
           coalesce(value ->> 'clientId', client_id) AS client_id, coalesce(value ->> 'subject', subject) AS subject
         FROM json_each(?1) LEFT JOIN oauth_grant ON grant_id = value ->> 'grantId' WHERE ${condition}) AS told`,
    )
    .bind(JSON.stringify(entries));
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
