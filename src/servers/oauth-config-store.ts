import { columnsOf, integer, json, type RowIn, text } from '../columns';
import type { SealedValue } from '../crypto/reseal';
import { open, seal } from '../crypto/secrets';
import { type Ids, type Question, question } from '../database';
import { bumpCatalog } from '../governance/revision';
import {
  type AuthMethod,
  type Configured,
  type Discovered,
  isForAnother,
  isSameProvider,
  type OAuthConfig,
  type OAuthConfigChange,
  type OAuthStatus,
  type OwnClient,
} from './oauth-config';

export const oauthConfigColumns = columnsOf<OAuthConfig>()({
  id: text('id'),
  serverId: text('server_id'),
  configured: json('configured'),
  sealedSecret: text('client_secret'),
  discovered: json('provider'),
  client: json('client'),
  sealedRegisteredSecret: text('registered_secret'),
  status: text('status'),
  error: text('error'),
  flowExpiresAt: integer('flow_expires_at'),
  createdAt: integer('created_at'),
  updatedAt: integer('updated_at'),
});
type Row = RowIn<typeof oauthConfigColumns>;
const { fromRow } = oauthConfigColumns;

/** Sealed for the server's address: another address, and it has to be entered again. */
const placeOfSecret = (id: string, origin: string) => `oauth_config/${id}/client_secret@${origin}`;
/** Sealed for the one place it is sent to. */
const placeOfRegistered = (id: string, tokenEndpoint: string) =>
  `oauth_config/${id}/registered_secret@${new URL(tokenEndpoint).origin}`;

/** A server's `oauth_config`, not stored yet. @param server `origin` of its `connection_string` */
export async function newOAuthConfig(
  keys: string,
  server: { id: string; origin: string },
  wanted: OAuthConfigChange,
  now: number,
): Promise<OAuthConfig> {
  const id = crypto.randomUUID();
  const { client_secret, ...members } = wanted;
  return {
    id,
    serverId: server.id,
    configured: merged({}, members),
    sealedSecret: client_secret ? await seal(keys, placeOfSecret(id, server.origin), client_secret) : null,
    discovered: null,
    client: null,
    sealedRegisteredSecret: null,
    status: 'pending',
    error: null,
    flowExpiresAt: null,
    createdAt: now,
    updatedAt: now,
  };
}

/** Stores a new one, in the batch that stores its server: when that was refused, neither is there. */
export function insertOAuthConfig(db: D1Database, config: OAuthConfig): D1PreparedStatement {
  const row = oauthConfigColumns.insert(config);
  return db
    .prepare(
      `INSERT INTO oauth_config (${row.columns}) SELECT ${row.placeholders} WHERE EXISTS (SELECT 1 FROM server WHERE id = ?)`,
    )
    .bind(...row.values, config.serverId);
}

/** Members that say where the provider is: when one changes, what was discovered says nothing any more. */
const WHERE = ['authorize_url', 'token_url', 'registration_url', 'server_url', 'issuer'] as const;

/** The server as a change leaves it: its address' origin, and its name, which another may have. */
type ChangedServer = { origin: string; name: string };

/**
 * What changes what was configured: statements for the batch that changes its server, before it, which do nothing when that is
 * refused. A real change ends the service of every credential obtained before it; what was sent as it is kept changes nothing.
 */
export async function oauthConfigChange(
  db: D1Database,
  keys: string,
  config: OAuthConfig,
  { origin, name, change }: ChangedServer & { change: OAuthConfigChange },
  now: number,
): Promise<D1PreparedStatement[]> {
  const { client_secret: secret, ...members } = change;
  const configured = merged(config.configured, members);
  const isSecretNew =
    secret === null
      ? config.sealedSecret !== null
      : secret !== undefined && secret !== (await clientSecretOf(keys, config, origin));
  if (!isSecretNew && JSON.stringify(configured) === JSON.stringify(merged(config.configured, {}))) return [];

  const isAnother = isForAnother(members, config.configured);
  const isEntered = isSecretNew || (isAnother && secret !== undefined);
  // A secret that does not open now, and could again, is not for another provider either.
  const left = isAnother ? null : config.sealedSecret;
  const sealed = isEntered ? secret && (await seal(keys, placeOfSecret(config.id, origin), secret)) : left;
  const isElsewhere = WHERE.some((member) => configured[member] !== config.configured[member]);
  const set = oauthConfigColumns.set({ configured, sealedSecret: sealed, updatedAt: now });
  const changed = { id: config.serverId, name };
  const isResourceNew = configured.resource !== config.configured.resource;
  return [
    whereChanged(db, `UPDATE oauth_config SET ${set.sql}`, 'server_id', changed, set.values),
    ...(isResourceNew ? [whereChanged(db, FORGET_RESOURCE_REFUSED, 'server_id', changed)] : []),
    ...(isElsewhere
      ? [whereChanged(db, sealed && !isEntered ? DOUBT_PROVIDER : FORGET_PROVIDER, 'server_id', changed)]
      : []),
    whereChanged(
      db,
      'UPDATE server SET credential_generation = credential_generation + 1',
      'server.id',
      changed,
    ),
  ];
}

/** Makes the next authorization discover a moved server's provider, and introduce us there, again: as {@link oauthConfigChange}. */
export function forgetProvider(
  db: D1Database,
  changed: { id: string } & Pick<ChangedServer, 'name'>,
): D1PreparedStatement {
  return whereChanged(db, FORGET_PROVIDER, 'server_id', changed);
}

/** Changes the row whose `column` is the id of the server, when that is there and no other has its name. */
function whereChanged(
  db: D1Database,
  update: string,
  column: string,
  { id, name }: { id: string; name: string },
  values: readonly unknown[] = [],
): D1PreparedStatement {
  return db
    .prepare(
      `${update} WHERE ${column} = ? AND EXISTS (SELECT 1 FROM server AS one WHERE one.id = ?)
       AND NOT EXISTS (SELECT 1 FROM server AS other WHERE other.name = ? AND other.id <> ?)`,
    )
    .bind(...values, id, id, name, id);
}

const FORGET_PROVIDER = 'UPDATE oauth_config SET provider = NULL, client = NULL, registered_secret = NULL';
/** The same, but what was found before must still hold: a secret that no one entered again is for no other provider. */
const DOUBT_PROVIDER = "UPDATE oauth_config SET provider = json_set(provider, '$.at', 0)";
/** Makes the next request send `resource` again: an administrator has set another. */
const FORGET_RESOURCE_REFUSED =
  "UPDATE oauth_config SET provider = json_remove(provider, '$.refusesResource')";

/** The members in one order, without those taken back. */
function merged(known: Configured, change: Omit<OAuthConfigChange, 'client_secret'>): Configured {
  const all = { ...known, ...change };
  const kept = Object.entries(all).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What was found out about a provider: our client there null when an administrator set one. */
export type FoundProvider = {
  discovered: Discovered;
  client: OwnClient | null;
  /** Of a client that registered just now; `kept`: as it was. */
  secret: string | null | 'kept';
};

/**
 * Keeps what was found out, unless what was known has changed meanwhile: two who connect at once must not
 * each use a client of their own. No credential is ever sent to another provider than it came from: when there is another
 * now, those obtained before it do not serve any more (MCP 2026-07-28, Authorization Server Binding).
 * @returns false when it has.
 */
export async function saveProvider(
  db: D1Database,
  keys: string,
  known: OAuthConfig,
  { discovered, client, secret }: FoundProvider,
): Promise<boolean> {
  const sealed =
    secret === 'kept'
      ? known.sealedRegisteredSecret
      : secret && (await seal(keys, placeOfRegistered(known.id, discovered.tokenEndpoint), secret));
  const provider = JSON.stringify(discovered);
  const raise = db
    .prepare(
      `UPDATE server SET credential_generation = credential_generation + 1
       WHERE id = ?1 AND EXISTS (SELECT 1 FROM oauth_config WHERE server_id = ?1 AND provider = ?2)`,
    )
    .bind(known.serverId, provider);
  const isAnother = known.discovered !== null && !isSameProvider(known.discovered, discovered);
  const set = oauthConfigColumns.set({ discovered, client, sealedRegisteredSecret: sealed });
  const [saved] = await db.batch([
    db
      .prepare(
        `UPDATE oauth_config SET ${set.sql} WHERE id = ? AND configured = ? AND provider IS ? AND client IS ?`,
      )
      .bind(
        ...set.values,
        known.id,
        JSON.stringify(known.configured),
        known.discovered && JSON.stringify(known.discovered),
        known.client && JSON.stringify(known.client),
      ),
    ...(isAnother ? [raise, bumpCatalog(db)] : []),
  ]);
  return saved?.meta.changes === 1;
}

/** Remembers that a provider refuses `resource` (RFC 8707): it is not sent there any more. */
export async function noteResourceRefused(db: D1Database, id: string): Promise<void> {
  await db
    .prepare(
      `UPDATE oauth_config SET provider = json_patch(provider, '{"refusesResource":true}') WHERE id = ?1`,
    )
    .bind(id)
    .run();
}

/** Remembers how a client's secret has to be sent, which its registration left unsaid. */
export async function noteAuthMethod(
  db: D1Database,
  id: string,
  clientId: string,
  authMethod: AuthMethod,
): Promise<void> {
  const known = JSON.stringify({ authMethod, isMethodUnsaid: null });
  await db
    .prepare(
      "UPDATE oauth_config SET client = json_patch(client, ?3) WHERE id = ?1 AND client ->> 'clientId' = ?2",
    )
    .bind(id, clientId, known)
    .run();
}

/** Notes how far the administrator's own authorization is. */
export async function recordStatus(
  db: D1Database,
  id: string,
  {
    status,
    error = null,
    flowExpiresAt = null,
  }: { status: OAuthStatus; error?: string | null; flowExpiresAt?: number | null },
  now: number,
): Promise<void> {
  const set = oauthConfigColumns.set({ status, error, flowExpiresAt, updatedAt: now });
  await db
    .prepare(`UPDATE oauth_config SET ${set.sql} WHERE id = ?`)
    .bind(...set.values, id)
    .run();
}

/** The configuration with this id, or null. */
export async function findOAuthConfig(db: D1Database, id: string): Promise<OAuthConfig | null> {
  const row = await db.prepare('SELECT * FROM oauth_config WHERE id = ?1').bind(id).first<Row>();
  return row && fromRow(row);
}

/** A server's, or null: its auth type needs none. */
export async function findOAuthConfigOf(db: D1Database, serverId: string): Promise<OAuthConfig | null> {
  const row = await db.prepare('SELECT * FROM oauth_config WHERE server_id = ?1').bind(serverId).first<Row>();
  return row && fromRow(row);
}

/** A sealed value and what it was sealed for. */
export type Sealed = { place: string; sealed: string };

/** The client secret an administrator set, or null. @param origin of the server's `connection_string` */
export function configuredSecret({ id, sealedSecret }: OAuthConfig, origin: string): Sealed | null {
  return sealedSecret === null ? null : { place: placeOfSecret(id, origin), sealed: sealedSecret };
}

/** The client secret a registration gave us, or null. */
export function registeredSecret(config: OAuthConfig): Sealed | null {
  const { id, sealedRegisteredSecret: sealed, discovered } = config;
  if (sealed === null || !discovered) return null;
  return { place: placeOfRegistered(id, discovered.tokenEndpoint), sealed };
}

/** Those of several servers, by the server's id. */
export function oauthConfigsQuestion(db: D1Database, servers: Ids): Question<Map<string, OAuthConfig>> {
  const statement = db
    .prepare(`SELECT * FROM oauth_config WHERE server_id IN (${servers.sql})`)
    .bind(...servers.values);
  return question<Row, Map<string, OAuthConfig>>(
    statement,
    (rows) => new Map(rows.map((row) => [row.server_id, fromRow(row)])),
  );
}

/** The administrator's client secret as configured (`env.NAME` unread); undefined: none, or it does not open any more. */
export async function clientSecretOf(
  keys: string,
  config: OAuthConfig,
  origin: string,
): Promise<string | undefined> {
  const secret = configuredSecret(config, origin);
  return (secret && (await open(keys, secret.place, secret.sealed))) ?? undefined;
}

/** Every client secret as it is stored, for `reseal` of crypto/reseal.ts. */
export function sealedClientSecrets(db: D1Database): Question<SealedValue[]> {
  const statement = db.prepare(
    `SELECT c.id, c.client_secret, c.registered_secret, c.provider ->> 'tokenEndpoint' AS token_endpoint, s.connection_string
     FROM oauth_config c JOIN server s ON s.id = c.server_id
     WHERE c.client_secret IS NOT NULL OR c.registered_secret IS NOT NULL ORDER BY c.id`,
  );
  type Joined = Row & { token_endpoint: string; connection_string: string };
  return question<Joined, SealedValue[]>(statement, (rows) =>
    rows.flatMap((row) => {
      const place = placeOfSecret(row.id, new URL(row.connection_string).origin);
      const secrets = [sealedIn(db, row.id, 'client_secret', row.client_secret, place)];
      if (row.token_endpoint) {
        const registered = placeOfRegistered(row.id, row.token_endpoint);
        secrets.push(sealedIn(db, row.id, 'registered_secret', row.registered_secret, registered));
      }
      return secrets.filter((secret) => secret !== null);
    }),
  );
}

function sealedIn(
  db: D1Database,
  id: string,
  column: 'client_secret' | 'registered_secret',
  sealed: string | null,
  place: string,
): SealedValue | null {
  return (sealed && {
    place,
    sealed,
    replace: (by) =>
      db
        .prepare(`UPDATE oauth_config SET ${column} = ?3 WHERE id = ?1 AND ${column} = ?2`)
        .bind(id, sealed, by)
        .run(),
  }) as SealedValue | null;
}
