import { isSubject, type Subject } from '../protocol/subject';
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

/** Notes in the index that a grant has ended, at `now` (epoch seconds). The first reason stands. */
export async function recordEnd(
  db: D1Database,
  grantId: string,
  reason: EndReason,
  now: number,
): Promise<void> {
  await db
    .prepare(
      'UPDATE oauth_grant SET ended_at = ?2, ended_reason = ?3 WHERE grant_id = ?1 AND ended_at IS NULL',
    )
    .bind(grantId, now, reason)
    .run();
}

/** Notes that a grant was used at `now` (epoch seconds). */
export async function touchGrant(db: D1Database, grantId: string, now: number): Promise<void> {
  await db.prepare('UPDATE oauth_grant SET last_used_at = ?2 WHERE grant_id = ?1').bind(grantId, now).run();
}

/** What a list of grants may be narrowed to. Several values of one member are alternatives. */
export type GrantFilter = { prefix?: string; kinds?: string[]; subjects?: string[]; clientIds?: string[] };

/** A page of the grants that stand, newest first, and how many there are. */
export async function listGrants(
  db: D1Database,
  filter: GrantFilter,
  limit: number,
  offset: number,
): Promise<{ grants: Grant[]; total: number }> {
  const where = ['ended_at IS NULL'];
  const values: (string | number)[] = [];
  const anyOf = (expression: string, options: string[] | undefined) => {
    if (!options) return;
    where.push(`${expression} IN (${options.map(() => '?').join(', ')})`);
    values.push(...options);
  };
  if (filter.prefix) {
    where.push("client_name LIKE ? ESCAPE '\\'");
    values.push(`${filter.prefix.replace(/[\\%_]/g, '\\$&')}%`);
  }
  anyOf("substr(subject, 1, instr(subject, ':') - 1)", filter.kinds);
  anyOf('subject', filter.subjects?.filter(isSubject));
  anyOf('client_id', filter.clientIds);

  const matching = `FROM oauth_grant WHERE ${where.join(' AND ')}`;
  const [page, count] = await db.batch([
    db
      .prepare(`SELECT * ${matching} ORDER BY created_at DESC, grant_id LIMIT ? OFFSET ?`)
      .bind(...values, limit, offset),
    db.prepare(`SELECT count(*) AS total ${matching}`).bind(...values),
  ]);
  return {
    grants: (page?.results as Row[]).map(fromRow),
    total: (count?.results[0] as { total: number }).total,
  };
}
