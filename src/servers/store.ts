import { bumpCatalog } from '../governance/revision';
import {
  dropServerFromVirtualMcps,
  dropServerWhereGiven,
  renameServerWhereGiven,
} from '../governance/server-names';
import { slugOf } from '../protocol/authorization';
import type { TokenExchangeRequest } from './auth-settings';
import { openExchangeSecret, sealExchangeSecret } from './exchange-secret';
import type { OAuthConfig } from './oauth-config';
import { forgetProvider, insertOAuthConfig, newOAuthConfig, oauthConfigChange } from './oauth-config-store';
import { fromRow, type ServerRow, serverColumns, storedExchange } from './row';
import { sealHeaders } from './sealed-headers';
import type { ConnectionType, Server, ServerChange, ServerTerms, TokenExchange } from './server';

/**
 * Adds a server; until it is verified no caller sees it. Null when its name or slug is taken, the slug by a Virtual MCP maybe.
 * @param keys the value of `ENCRYPTION_KEY`
 * @param needs what its auth type says: whether an OAuth provider is part of it, and whether callers see it at once
 */
export async function insertServer(
  db: D1Database,
  keys: string,
  wanted: ServerTerms,
  { hasProvider, isVerified }: { hasProvider: boolean; isVerified: boolean },
  now: number,
): Promise<Server | null> {
  const id = crypto.randomUUID();
  const { origin } = new URL(wanted.connection_string);
  const config = hasProvider
    ? await newOAuthConfig(keys, { id, origin }, wanted.oauth_config ?? {}, now)
    : null;
  const endpointSlug = slugOf(wanted.name);
  const row = serverColumns.insert({
    id,
    name: wanted.name,
    endpointSlug,
    connectionType: wanted.connection_type,
    connectionString: wanted.connection_string,
    authType: wanted.auth_type,
    sealedHeaders: await sealHeaders(keys, { id, origin }, wanted.headers ?? {}),
    perUserHeaderKeys: wanted.per_user_header_keys ?? [],
    ...storedExchange(wanted.token_exchange ? await exchangeOf(keys, id, wanted.token_exchange) : null),
    oauthConfigId: config?.id ?? null,
    credentialGeneration: 1,
    sessionGeneration: 0,
    isVerified,
    toolsToExecute: wanted.tools_to_execute ?? ['*'],
    allowResources: wanted.allow_resources ?? null,
    allowPrompts: wanted.allow_prompts ?? null,
    allowOnAllVirtualKeys: wanted.allow_on_all_virtual_keys ?? false,
    enabled: wanted.enabled ?? true,
    passBaggage: wanted.pass_baggage ?? false,
    passInstructions: wanted.pass_instructions ?? true,
    info: null,
    toolExecutionTimeout: wanted.tool_execution_timeout || null,
    toolSyncInterval: wanted.tool_sync_interval || null,
    state: 'unstable',
    lastFailure: null,
    leftOut: [],
    listedAt: null,
    askedAt: null,
    createdAt: now,
    updatedAt: now,
    listingStamp: '',
    listingSize: 0,
  });
  const [inserted] = await db.batch<ServerRow>([
    db
      .prepare(
        `INSERT INTO server (${row.columns}) SELECT ${row.placeholders}
         WHERE NOT EXISTS (SELECT 1 FROM virtual_mcp WHERE endpoint_slug = ?) ON CONFLICT DO NOTHING RETURNING *`,
      )
      .bind(...row.values, endpointSlug),
    ...(config ? [insertOAuthConfig(db, config)] : []),
    bumpCatalog(db),
  ]);
  const [stored] = inserted?.results ?? [];
  return stored ? fromRow(stored) : null;
}

/** `token_exchange` as it is kept, its secret sealed. */
async function exchangeOf(keys: string, id: string, wanted: TokenExchangeRequest): Promise<TokenExchange> {
  const authorizationServerUrl = wanted.authorization_server_url;
  const secret = wanted.client_secret;
  return {
    audience: wanted.audience,
    useIdpCredentials: wanted.use_idp_credentials,
    clientId: wanted.client_id,
    sealedSecret: secret && (await sealExchangeSecret(keys, { id, authorizationServerUrl }, secret)),
    authorizationServerUrl,
    scopes: wanted.scopes,
  };
}

/**
 * Changes a server; the slug stays, keys follow the name. Null when that is taken. Header values not sent are kept. At another
 * origin, or exchanged for otherwise, credentials obtained before do not serve any more.
 * @param config how we are an OAuth client of its provider: changed along, in the same batch
 */
export async function updateServer(
  db: D1Database,
  keys: string,
  server: Server,
  change: ServerChange,
  now: number,
  config: OAuthConfig | null = null,
): Promise<Server | null> {
  const connectionString = change.connection_string ?? server.connectionString;
  const { origin } = new URL(connectionString);
  const moved = origin !== new URL(server.connectionString).origin;
  const timeout = change.tool_execution_timeout;
  const interval = change.tool_sync_interval;
  const isExchangedAnew =
    change.token_exchange !== undefined && !(await isExchange(keys, server, change.token_exchange));
  const name = change.name ?? server.name;
  const set = serverColumns.set({
    name,
    connectionType: change.connection_type,
    connectionString,
    sealedHeaders: change.headers && (await sealHeaders(keys, { id: server.id, origin }, change.headers)),
    perUserHeaderKeys: change.per_user_header_keys,
    ...(isExchangedAnew && change.token_exchange
      ? storedExchange(await exchangeOf(keys, server.id, change.token_exchange))
      : {}),
    toolsToExecute: change.tools_to_execute,
    allowResources: change.allow_resources,
    allowPrompts: change.allow_prompts,
    allowOnAllVirtualKeys: change.allow_on_all_virtual_keys,
    enabled: change.enabled,
    passBaggage: change.pass_baggage,
    passInstructions: change.pass_instructions,
    toolExecutionTimeout: timeout === undefined ? undefined : timeout || null,
    toolSyncInterval: interval === undefined ? undefined : interval || null,
    state: moved && server.sealedHeaders && !change.headers ? 'needs_reauth' : undefined,
    updatedAt: now,
  });
  const asked = { origin, name, change: change.oauth_config ?? {} };
  const results = await db.batch<ServerRow>([
    ...renameServerWhereGiven(db, server.id, name),
    ...(config && moved ? [forgetProvider(db, { id: server.id, name })] : []),
    ...(config ? await oauthConfigChange(db, keys, config, asked, now) : []),
    bumpCatalog(db),
    db
      .prepare(
        `UPDATE OR IGNORE server SET ${set.sql}, credential_generation = credential_generation + ? WHERE id = ? RETURNING *`,
      )
      .bind(...set.values, Number(moved || isExchangedAnew), server.id),
  ]);
  const [stored] = results.at(-1)?.results ?? [];
  return stored ? fromRow(stored) : null;
}

/** True when `token_exchange` as it was sent is what is kept. */
async function isExchange(
  keys: string,
  { id, tokenExchange }: Server,
  sent: TokenExchangeRequest,
): Promise<boolean> {
  if (!tokenExchange) return false;
  const openly = (exchange: TokenExchange) => JSON.stringify(storedExchange(exchange).openExchange);
  const same = openly(await exchangeOf(keys, id, { ...sent, client_secret: null })) === openly(tokenExchange);
  return same && sent.client_secret === (await openExchangeSecret(keys, id, tokenExchange));
}

/** Makes callers see a server: it is authorized, or its headers were proved to work. */
export async function markVerified(db: D1Database, id: string): Promise<void> {
  await db.batch([db.prepare('UPDATE server SET is_verified = 1 WHERE id = ?1').bind(id), bumpCatalog(db)]);
}

/** Ends the use of every session begun there so far, everywhere within `revocation_lag`: the next request begins another. */
export async function raiseSessionGeneration(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('UPDATE server SET session_generation = session_generation + 1 WHERE id = ?1').bind(id),
    bumpCatalog(db),
  ]);
}

/** Notes over which transport a server was found to speak. */
export async function noteConnectionType(db: D1Database, id: string, type: ConnectionType): Promise<void> {
  const noted = db.prepare('UPDATE server SET connection_type = ?2 WHERE id = ?1').bind(id, type);
  await db.batch([noted, bumpCatalog(db)]);
}

/** Ends the service of every credential obtained so far, at once and everywhere: their owners have to connect again. */
export async function raiseCredentialGeneration(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('UPDATE server SET credential_generation = credential_generation + 1 WHERE id = ?1').bind(id),
    bumpCatalog(db),
  ]);
}

/**
 * Deletes a server's lists and what keys, people and Virtual MCPs say of it: statements for the batch that deletes it, right
 * before {@link serverDeletion}. How its provider is reached stays until that was told.
 */
export function serverTraces(db: D1Database, id: string): D1PreparedStatement[] {
  return [
    ...dropServerWhereGiven(db, id),
    dropServerFromVirtualMcps(db, id),
    db.prepare('DELETE FROM listing WHERE server_id = ?1').bind(id),
    db.prepare('DELETE FROM server_words WHERE server_id = ?1').bind(id),
    bumpCatalog(db),
  ];
}

/** Deletes a server. */
export function serverDeletion(db: D1Database, id: string): D1PreparedStatement {
  return db.prepare('DELETE FROM server WHERE id = ?1').bind(id);
}

/** Deletes how we were an OAuth client of a server's provider. */
export async function forgetOAuthConfig(db: D1Database, serverId: string): Promise<void> {
  await db.prepare('DELETE FROM oauth_config WHERE server_id = ?1').bind(serverId).run();
}
