import { bumpCatalog } from '../governance/revision';
import {
  dropServerFromVirtualMcps,
  dropServerWhereGiven,
  renameServerWhereGiven,
} from '../governance/server-names';
import { slugOf } from '../protocol/authorization';
import type { TokenExchangeRequest } from './auth-settings';
import { openExchangeSecret, sealExchangeSecret } from './exchange-secret';
import { insertOAuthConfig, newOAuthConfig } from './oauth-config-store';
import { exchangeText } from './row';
import { sealHeaders } from './sealed-headers';
import type { Server, ServerChange, ServerTerms, TokenExchange } from './server';

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
  const server: Server = {
    id,
    name: wanted.name,
    endpointSlug: slugOf(wanted.name),
    connectionType: wanted.connection_type,
    connectionString: wanted.connection_string,
    authType: wanted.auth_type,
    sealedHeaders: await sealHeaders(keys, { id, origin }, wanted.headers ?? {}),
    perUserHeaderKeys: wanted.per_user_header_keys ?? [],
    tokenExchange: wanted.token_exchange ? await exchangeOf(keys, id, wanted.token_exchange) : null,
    oauthConfigId: config?.id ?? null,
    credentialGeneration: 1,
    isVerified,
    toolsToExecute: wanted.tools_to_execute ?? ['*'],
    allowOnAllVirtualKeys: wanted.allow_on_all_virtual_keys ?? false,
    enabled: wanted.enabled ?? true,
    toolExecutionTimeout: wanted.tool_execution_timeout || null,
    toolSyncInterval: wanted.tool_sync_interval || null,
    state: 'unstable',
    lastFailure: null,
    leftOut: [],
    listedAt: null,
    askedAt: null,
    createdAt: now,
    updatedAt: now,
  };
  const [inserted] = await db.batch([
    db
      .prepare(
        `INSERT INTO server (id, name, endpoint_slug, connection_type, connection_string, auth_type, headers, tools_to_execute,
           allow_on_all_virtual_keys, enabled, tool_execution_timeout, tool_sync_interval, state, created_at, updated_at,
           per_user_header_keys, token_exchange, exchange_secret, oauth_config_id, credential_generation, is_verified)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15, ?16, ?17, ?18, ?19, ?20
         WHERE NOT EXISTS (SELECT 1 FROM virtual_mcp WHERE endpoint_slug = ?3) ON CONFLICT DO NOTHING`,
      )
      .bind(
        id,
        server.name,
        server.endpointSlug,
        server.connectionType,
        server.connectionString,
        server.authType,
        server.sealedHeaders,
        JSON.stringify(server.toolsToExecute),
        Number(server.allowOnAllVirtualKeys),
        Number(server.enabled),
        server.toolExecutionTimeout,
        server.toolSyncInterval,
        server.state,
        now,
        JSON.stringify(server.perUserHeaderKeys),
        exchangeText(server.tokenExchange),
        server.tokenExchange?.sealedSecret ?? null,
        server.oauthConfigId,
        server.credentialGeneration,
        Number(server.isVerified),
      ),
    ...(config ? [insertOAuthConfig(db, config)] : []),
    bumpCatalog(db),
  ]);
  return inserted?.meta.changes ? server : null;
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
 */
export async function updateServer(
  db: D1Database,
  keys: string,
  server: Server,
  change: ServerChange,
  now: number,
): Promise<Server | null> {
  const connectionString = change.connection_string ?? server.connectionString;
  const { origin } = new URL(connectionString);
  const moved = origin !== new URL(server.connectionString).origin;
  const timeout = change.tool_execution_timeout;
  const interval = change.tool_sync_interval;
  const isExchangedAnew =
    change.token_exchange !== undefined && !(await isExchange(keys, server, change.token_exchange));
  const changed: Server = {
    ...server,
    name: change.name ?? server.name,
    connectionString,
    sealedHeaders: change.headers
      ? await sealHeaders(keys, { id: server.id, origin }, change.headers)
      : server.sealedHeaders,
    perUserHeaderKeys: change.per_user_header_keys ?? server.perUserHeaderKeys,
    tokenExchange:
      isExchangedAnew && change.token_exchange
        ? await exchangeOf(keys, server.id, change.token_exchange)
        : server.tokenExchange,
    credentialGeneration: server.credentialGeneration + Number(moved || isExchangedAnew),
    toolsToExecute: change.tools_to_execute ?? server.toolsToExecute,
    allowOnAllVirtualKeys: change.allow_on_all_virtual_keys ?? server.allowOnAllVirtualKeys,
    enabled: change.enabled ?? server.enabled,
    toolExecutionTimeout: timeout === undefined ? server.toolExecutionTimeout : timeout || null,
    toolSyncInterval: interval === undefined ? server.toolSyncInterval : interval || null,
    state: moved && server.sealedHeaders && !change.headers ? 'needs_reauth' : server.state,
    updatedAt: now,
  };
  const results = await db.batch([
    ...renameServerWhereGiven(db, server.id, changed.name),
    bumpCatalog(db),
    db
      .prepare(
        `UPDATE OR IGNORE server SET name = ?2, connection_string = ?3, headers = ?4, tools_to_execute = ?5,
           allow_on_all_virtual_keys = ?6, enabled = ?7, tool_execution_timeout = ?8, tool_sync_interval = ?9, state = ?10,
           updated_at = ?11, per_user_header_keys = ?12, token_exchange = ?13, exchange_secret = ?14,
           credential_generation = credential_generation + ?15 WHERE id = ?1`,
      )
      .bind(
        server.id,
        changed.name,
        connectionString,
        changed.sealedHeaders,
        JSON.stringify(changed.toolsToExecute),
        Number(changed.allowOnAllVirtualKeys),
        Number(changed.enabled),
        changed.toolExecutionTimeout,
        changed.toolSyncInterval,
        changed.state,
        now,
        JSON.stringify(changed.perUserHeaderKeys),
        exchangeText(changed.tokenExchange),
        changed.tokenExchange?.sealedSecret ?? null,
        Number(moved || isExchangedAnew),
      ),
  ]);
  return results.at(-1)?.meta.changes ? changed : null;
}

/** True when `token_exchange` as it was sent is what is kept. */
async function isExchange(
  keys: string,
  { id, tokenExchange }: Server,
  sent: TokenExchangeRequest,
): Promise<boolean> {
  if (!tokenExchange) return false;
  const same =
    exchangeText(await exchangeOf(keys, id, { ...sent, client_secret: null })) ===
    exchangeText(tokenExchange);
  return same && sent.client_secret === (await openExchangeSecret(keys, id, tokenExchange));
}

/** Makes callers see a server: somebody has authorized it, or proved that its headers serve. */
export async function markVerified(db: D1Database, id: string): Promise<void> {
  await db.batch([db.prepare('UPDATE server SET is_verified = 1 WHERE id = ?1').bind(id), bumpCatalog(db)]);
}

/** Ends the service of every credential obtained so far, at once and everywhere: their owners have to connect again. */
export async function raiseCredentialGeneration(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare('UPDATE server SET credential_generation = credential_generation + 1 WHERE id = ?1').bind(id),
    bumpCatalog(db),
  ]);
}

/**
 * Removes a server, its lists, what keys and Virtual MCPs say of it, and what was begun to connect accounts there. False when
 * there is none.
 */
export async function deleteServer(db: D1Database, id: string): Promise<boolean> {
  const results = await db.batch([
    ...dropServerWhereGiven(db, id),
    dropServerFromVirtualMcps(db, id),
    db.prepare('DELETE FROM listing WHERE server_id = ?1').bind(id),
    db.prepare('DELETE FROM oauth_config WHERE server_id = ?1').bind(id),
    db.prepare('DELETE FROM upstream_flow WHERE server_id = ?1').bind(id),
    db
      .prepare(
        'DELETE FROM connect_link WHERE EXISTS (SELECT 1 FROM json_each(server_ids) WHERE value = ?1) AND json_array_length(server_ids) = 1',
      )
      .bind(id),
    bumpCatalog(db),
    db.prepare('DELETE FROM server WHERE id = ?1').bind(id),
  ]);
  return Boolean(results.at(-1)?.meta.changes);
}
