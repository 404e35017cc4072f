import { auditIfChanged, type By } from '../audit';
import type { Subject } from '../protocol/subject';
import type { EndReason, GrantObject } from './grant-object';

/** A row of the index of grants. Times are epoch seconds. */
export type Grant = {
  grantId: string;
  clientId: string;
  clientName: string;
  subject: Subject;
  scope: string;
  resource: string;
  /** Ids of the servers consent left in; null when it narrowed none. */
  servers: string[] | null;
  /** True when the person, not the client, narrowed the scope to `mcp:read`. */
  readOnly: boolean;
  createdAt: number;
  expiresAt: number | null;
  lastUsedAt: number | null;
  endedAt: number | null;
  endedReason: EndReason | null;
};

type Row = {
  grant_id: string;
  client_id: string;
  client_name: string;
  subject: string;
  scope: string;
  resource: string;
  servers: string | null;
  read_only: number;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  ended_at: number | null;
  ended_reason: string | null;
};

function fromRow(row: Row): Grant {
  return {
    grantId: row.grant_id,
    clientId: row.client_id,
    clientName: row.client_name,
    subject: row.subject as Subject,
    scope: row.scope,
    resource: row.resource,
    servers: row.servers === null ? null : JSON.parse(row.servers),
    readOnly: row.read_only === 1,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    endedAt: row.ended_at,
    endedReason: row.ended_reason as EndReason | null,
  };
}

/** The object of the grant `grantId`, or null when the namespace never made such an id: a forged one wakes nothing. */
export function grantObject(
  namespace: DurableObjectNamespace,
  grantId: string,
): DurableObjectStub<GrantObject> | null {
  if (!/^[0-9a-f]{64}$/.test(grantId)) return null;
  try {
    return namespace.get(namespace.idFromString(grantId)) as unknown as DurableObjectStub<GrantObject>;
  } catch {
    return null;
  }
}

type NewGrant = Omit<Grant, 'lastUsedAt' | 'endedAt' | 'endedReason'>;

/** Writes the row of a grant about to be opened. False when there is one already, from an answer at the same moment. */
export async function insertGrant(db: D1Database, grant: NewGrant): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO oauth_grant (grant_id, client_id, client_name, subject, scope, resource, servers, read_only, created_at, expires_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (grant_id) DO NOTHING`,
    )
    .bind(...columns(grant))
    .run();
  return meta.changes === 1;
}

/** Makes the row say what the answer that opened the grant said. */
export async function correctGrant(db: D1Database, grant: NewGrant): Promise<void> {
  await db
    .prepare(
      `UPDATE oauth_grant SET client_id = ?2, client_name = ?3, subject = ?4, scope = ?5, resource = ?6, servers = ?7,
       read_only = ?8, created_at = ?9, expires_at = ?10 WHERE grant_id = ?1`,
    )
    .bind(...columns(grant))
    .run();
}

/** Takes back the row of a grant that did not open after all. */
export async function deleteGrant(db: D1Database, grantId: string): Promise<void> {
  await db.prepare('DELETE FROM oauth_grant WHERE grant_id = ?1').bind(grantId).run();
}

function columns(grant: NewGrant) {
  const { grantId, clientId, clientName, subject, scope, resource, servers, readOnly, createdAt, expiresAt } =
    grant;
  const narrowed = servers && JSON.stringify(servers);
  return [
    grantId,
    clientId,
    clientName,
    subject,
    scope,
    resource,
    narrowed,
    readOnly ? 1 : 0,
    createdAt,
    expiresAt,
  ];
}

/** The grant `grantId` as the index has it, or null when there is none. */
export async function findGrant(db: D1Database, grantId: string): Promise<Grant | null> {
  const row = await db.prepare('SELECT * FROM oauth_grant WHERE grant_id = ?1').bind(grantId).first<Row>();
  return row && fromRow(row);
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

/** Notes that a grant was used at `now` (epoch seconds). */
export async function touchGrant(db: D1Database, grantId: string, now: number): Promise<void> {
  await db.prepare('UPDATE oauth_grant SET last_used_at = ?2 WHERE grant_id = ?1').bind(grantId, now).run();
}

/** What a list of grants is narrowed to. Several values of one member are alternatives; null: all. */
type GrantFilter = {
  /** How the client's name begins, without regard to case. */
  clientName: string;
  /** What subjects begin with: `vk`, `session`, `user`. */
  kinds: string[] | null;
  subjects: string[] | null;
  clientIds: string[] | null;
};

/** A page of the grants that stand at `now` (epoch seconds), newest first, and how many there are. */
export async function listGrants(
  db: D1Database,
  { clientName, kinds, subjects, clientIds }: GrantFilter,
  page: { limit: number; offset: number },
  now: number,
): Promise<{ grants: Grant[]; total: number }> {
  const matching = `FROM oauth_grant WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?1)
    AND lower(substr(client_name, 1, length(?2))) = lower(?2)
    AND (?3 IS NULL OR substr(subject, 1, instr(subject, ':') - 1) IN (SELECT value FROM json_each(?3)))
    AND (?4 IS NULL OR subject IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR client_id IN (SELECT value FROM json_each(?5)))`;
  const lists = [kinds, subjects, clientIds].map((list) => list && JSON.stringify(list));
  const [rows, count] = await db.batch<Row & { total: number }>([
    db
      .prepare(`SELECT * ${matching} ORDER BY created_at DESC, grant_id LIMIT ?6 OFFSET ?7`)
      .bind(now, clientName, ...lists, page.limit, page.offset),
    db.prepare(`SELECT count(*) AS total ${matching}`).bind(now, clientName, ...lists),
  ]);
  return { grants: (rows?.results ?? []).map(fromRow), total: count?.results[0]?.total ?? 0 };
}
