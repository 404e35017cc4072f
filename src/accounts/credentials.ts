import { columnsOf, integer, json, type RowIn, text } from '../columns';
import type { Env } from '../config';
import { type Question, question } from '../database';
import { modeOf } from '../identity';
import { SESSION_LIFE } from '../identity/session';
import { inPool } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import type { Server } from '../servers/server';
import { askConnection, SIGN_IN } from './connections';
import type { Credential, CredentialOwner, CredentialStatus } from './credential';
import { missingNames } from './kept-credential';

export const credentialColumns = columnsOf<Credential>()({
  id: text('id'),
  owner: text('owner'),
  serverId: text('server_id'),
  kind: text('kind'),
  generation: integer('generation'),
  status: text('status'),
  headerKeys: json('header_keys'),
  tokenType: text('token_type'),
  scopes: json('scopes'),
  wantedScopes: json('wanted_scopes'),
  expiresAt: integer('expires_at'),
  sealedBy: text('sealed_by'),
  lastRefreshedAt: integer('last_refreshed_at'),
  createdAt: integer('created_at'),
  updatedAt: integer('updated_at'),
});

/** A row of `credential`. */
export type CredentialRow = RowIn<typeof credentialColumns>;

/** A row of `credential`, of whatever else was selected with it. */
export const credentialFrom = credentialColumns.fromRow;

/** How a credential stands at its server as that is now: what its row says holds only for what it was obtained under. */
export function statusAt(
  { kind, generation, status, headerKeys }: Credential,
  server: Pick<Server, 'credentialGeneration' | 'perUserHeaderKeys'>,
): CredentialStatus {
  if (status !== 'active' || generation !== server.credentialGeneration) return 'needs_reauth';
  const lacks = kind === 'header' && missingNames(server.perUserHeaderKeys, headerKeys ?? []).length > 0;
  return lacks ? 'needs_update' : 'active';
}

/** The credential of `owner` at a server, or null. */
export async function findCredentialOf(
  db: D1Database,
  owner: CredentialOwner,
  serverId: string,
): Promise<Credential | null> {
  const row = await db
    .prepare('SELECT * FROM credential WHERE owner = ?1 AND server_id = ?2')
    .bind(owner, serverId)
    .first<CredentialRow>();
  return row && credentialFrom(row);
}

/** The credential with this id, or null. */
export function credentialQuestion(db: D1Database, id: string): Question<Credential | null> {
  const statement = db.prepare('SELECT * FROM credential WHERE id = ?1').bind(id);
  return question<CredentialRow, Credential | null>(statement, ([row]) => (row ? credentialFrom(row) : null));
}

/** Every credential of `owner`. */
export function credentialsQuestion(db: D1Database, owner: CredentialOwner): Question<Credential[]> {
  const statement = db.prepare('SELECT * FROM credential WHERE owner = ?1').bind(owner);
  return question<CredentialRow, Credential[]>(statement, (rows) => rows.map(credentialFrom));
}

/** Writes the row of a credential, in place of whatever the index knew. Only its object does. */
export async function recordCredential(db: D1Database, credential: Credential): Promise<void> {
  const row = credentialColumns.insert(credential);
  const set = credentialColumns.set(credential);
  await db
    .prepare(
      `INSERT INTO credential (${row.columns}) VALUES (${row.placeholders})
       ON CONFLICT (owner, server_id) DO UPDATE SET ${set.sql}`,
    )
    .bind(...row.values, ...set.values)
    .run();
}

/** How many credentials each entry of `ENCRYPTION_KEY` holds, by its id; null: of which it is not known. */
export function credentialSealersQuestion(db: D1Database): Question<ReadonlyMap<string | null, number>> {
  return question<{ sealed_by: string | null; n: number }, ReadonlyMap<string | null, number>>(
    db.prepare('SELECT sealed_by, count(*) AS n FROM credential GROUP BY sealed_by'),
    (rows) => new Map(rows.map(({ sealed_by, n }) => [sealed_by, n])),
  );
}

/**
 * Shows credentials that none of `sealers` (`sealersIn`) opens as that, before anyone has asked their objects; and as active once
 * one of them does again. @returns how many changed
 */
export async function noteUnreadable(db: D1Database, sealers: readonly string[]): Promise<number> {
  const among = 'IN (SELECT value FROM json_each(?1))';
  const results = await db.batch(
    [
      `UPDATE credential SET status = 'unreadable' WHERE status = 'active' AND sealed_by NOT ${among}`,
      `UPDATE credential SET status = 'active' WHERE status = 'unreadable' AND sealed_by ${among}`,
    ].map((sql) => db.prepare(sql).bind(JSON.stringify(sealers))),
  );
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}

/** Takes the row of a credential that is over out of the index. Only its object does. */
export async function forgetCredential(
  db: D1Database,
  { owner, serverId }: { owner: CredentialOwner; serverId: string },
): Promise<void> {
  await db.prepare('DELETE FROM credential WHERE owner = ?1 AND server_id = ?2').bind(owner, serverId).run();
}

/** Credentials one request ends: a Worker may ask so many objects. The others are told of by the next call. */
const MOST = 200;
/** Outgoing requests of one invocation that await an answer (SECURITY 18). */
const POOL = 5;

/**
 * Ends every credential of an identity that is gone or blocked, and the provider's tokens of its sign-in.
 * @returns false when something is left: there are more than one request ends, or an object or the index did not answer.
 */
export async function deleteCredentialsOf(env: Env, owner: Subject): Promise<boolean> {
  const signIn = modeOf(owner)?.isSignedIn ? [{ owner, server_id: SIGN_IN }] : [];
  return endWhere(env, 'owner = ?1', [owner], signIn);
}

/** Ends every credential at a server that is gone: its provider can still be told. @returns as {@link deleteCredentialsOf} */
export async function deleteCredentialsAt(env: Env, serverId: string): Promise<boolean> {
  return endWhere(env, 'server_id = ?1', [serverId]);
}

/** An anonymous session whose grants have ended, or whose value works no more at `?1` (epoch seconds). */
const OVER_SESSION = `owner LIKE 'session:%'
  AND NOT EXISTS (SELECT 1 FROM oauth_grant g WHERE g.subject = owner AND g.ended_at IS NULL AND coalesce(g.expires_at, ?1 + 1) > ?1)
  AND (credential.created_at <= ?1 - ${SESSION_LIFE} OR EXISTS (SELECT 1 FROM oauth_grant g WHERE g.subject = owner))`;

/** Whose server, key, person or session is gone, or blocked, or whose authorization was revoked. */
const STRAY = `NOT EXISTS (SELECT 1 FROM server s WHERE s.id = server_id)
  OR (owner LIKE 'vk:%' AND NOT EXISTS (SELECT 1 FROM virtual_key k WHERE k.id = substr(owner, 4)))
  OR (owner LIKE 'user:%' AND NOT EXISTS (SELECT 1 FROM person p WHERE p.id = substr(owner, 6) AND p.is_active = 1))
  OR (${OVER_SESSION})
  OR EXISTS (SELECT 1 FROM oauth_config o JOIN server s ON s.id = o.server_id WHERE o.server_id = credential.server_id
    AND o.status = 'revoked' AND credential.generation < s.credential_generation)`;

/**
 * Ends up to {@link MOST} credentials whose server or owner is not there any more at `now` (epoch seconds): what their removal
 * had no time for. @returns how many
 */
export async function deleteStrayCredentials(env: Env, now: number): Promise<number> {
  return endThose(env, await rowsWhere(env.DB, STRAY, [now]));
}

type CredentialKey = Pick<CredentialRow, 'owner' | 'server_id'>;

/** Ends those that meet a condition, and some that no row tells of. @returns true when no row meets it any more */
async function endWhere(
  env: Env,
  condition: string,
  values: (string | number)[],
  unindexed: readonly CredentialKey[] = [],
): Promise<boolean> {
  const indexed = await rowsWhere(env.DB, condition, values);
  const all = await endAll(env, [...unindexed, ...indexed]);
  return all && (!indexed.length || !(await rowsWhere(env.DB, condition, values)).length);
}

async function rowsWhere(
  db: D1Database,
  condition: string,
  values: (string | number)[],
): Promise<CredentialKey[]> {
  const { results } = await db
    .prepare(`SELECT owner, server_id FROM credential WHERE ${condition} LIMIT ${MOST}`)
    .bind(...values)
    .all<CredentialKey>();
  return results;
}

async function endAll(env: Env, places: readonly CredentialKey[]): Promise<boolean> {
  return (await endThose(env, places)) === places.length;
}

/** @returns how many ended: every one whose object answered. */
async function endThose(env: Env, places: readonly CredentialKey[]): Promise<number> {
  let ended = 0;
  await inPool(POOL, places, async ({ owner, server_id: serverId }) => {
    const ending = askConnection(env, { owner, serverId }, (object) =>
      object.disconnect({ owner, serverId }),
    );
    await ending.then(
      () => {
        ended += 1;
      },
      () => undefined,
    );
  });
  return ended;
}
