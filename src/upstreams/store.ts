import {
  ask,
  type Ids,
  known,
  map,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  startsWith,
  together,
} from '../database';
import { bumpCatalog } from '../governance/revision';
import {
  dropServerFromVirtualMcps,
  dropServerWhereGiven,
  renameServerWhereGiven,
} from '../governance/server-names';
import { slugOf } from '../protocol/authorization';
import type { TokenExchangeRequest } from './auth-settings';
import { openExchangeSecret, sealExchangeSecret } from './exchange-secret';
import { type ItemKind, isStoredWrongly } from './listed-item';
import { insertOAuthConfig, newOAuthConfig } from './oauth-config-store';
import { sealHeaders } from './sealed-headers';
import type { Listing, Server, ServerChange, ServerState, ServerTerms, TokenExchange } from './server';

/**
 * Adds a server; until it is verified no caller sees it. Null when its name or slug is taken, the slug by a Virtual MCP maybe.
 * @param keys the value of `ENCRYPTION_KEY`
 */
export async function insertServer(
  db: D1Database,
  keys: string,
  wanted: ServerTerms,
  isVerified: boolean,
  now: number,
): Promise<Server | null> {
  const id = crypto.randomUUID();
  const { origin } = new URL(wanted.connection_string);
  const needsConfig = wanted.auth_type === 'oauth' || wanted.auth_type === 'per_user_oauth';
  const config = needsConfig
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

type Row = {
  id: string;
  name: string;
  endpoint_slug: string;
  connection_type: 'http';
  connection_string: string;
  auth_type: string;
  headers: string | null;
  per_user_header_keys: string;
  token_exchange: string | null;
  exchange_secret: string | null;
  oauth_config_id: string | null;
  credential_generation: number;
  is_verified: number;
  tools_to_execute: string;
  allow_on_all_virtual_keys: number;
  enabled: number;
  tool_execution_timeout: number | null;
  tool_sync_interval: number | null;
  state: ServerState;
  last_failure: string | null;
  left_out: string;
  listed_at: number | null;
  asked_at: number | null;
  created_at: number;
  updated_at: number;
};

/** The members of `token_exchange` that are no secret, as they are kept. */
function exchangeText(exchange: TokenExchange | null): string | null {
  if (!exchange) return null;
  const { sealedSecret: _, ...open } = exchange;
  return JSON.stringify(open);
}

function fromRow(row: Row): Server {
  return {
    id: row.id,
    name: row.name,
    endpointSlug: row.endpoint_slug,
    connectionType: row.connection_type,
    connectionString: row.connection_string,
    authType: row.auth_type,
    sealedHeaders: row.headers,
    perUserHeaderKeys: JSON.parse(row.per_user_header_keys),
    tokenExchange: row.token_exchange && {
      ...JSON.parse(row.token_exchange),
      sealedSecret: row.exchange_secret,
    },
    oauthConfigId: row.oauth_config_id,
    credentialGeneration: row.credential_generation,
    isVerified: row.is_verified === 1,
    toolsToExecute: JSON.parse(row.tools_to_execute),
    allowOnAllVirtualKeys: Boolean(row.allow_on_all_virtual_keys),
    enabled: Boolean(row.enabled),
    toolExecutionTimeout: row.tool_execution_timeout,
    toolSyncInterval: row.tool_sync_interval,
    state: row.state,
    lastFailure: row.last_failure ? JSON.parse(row.last_failure) : null,
    leftOut: JSON.parse(row.left_out),
    listedAt: row.listed_at,
    askedAt: row.asked_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The server with this id, or null. */
export async function findServer(db: D1Database, id: string): Promise<Server | null> {
  const [server] = await ask(db, serverQuestion(db, id));
  return server;
}

/** {@link findServer}, to be asked along with others. */
export function serverQuestion(db: D1Database, id: string): Question<Server | null> {
  const statement = db.prepare('SELECT * FROM server WHERE id = ?1').bind(id);
  return question<Row, Server | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** Whether there is any server to call. */
export function hasServersQuestion(db: D1Database): Question<boolean> {
  const statement = db.prepare('SELECT 1 FROM server WHERE is_verified = 1 AND enabled = 1 LIMIT 1');
  return question<unknown, boolean>(statement, (rows) => rows.length > 0);
}

/** The servers where everyone has an account of their own, by name. */
export function ownAccountServersQuestion(db: D1Database): Question<Server[]> {
  const statement = db.prepare(
    `SELECT * FROM server WHERE is_verified = 1 AND auth_type IN ('per_user_oauth', 'per_user_headers')
     ORDER BY name COLLATE NOCASE`,
  );
  return question<Row, Server[]>(statement, (rows) => rows.map(fromRow));
}

type ListPage = { search: string; limit: number; offset: number };

function pageOfServers({ search, ...page }: ListPage): PageOf {
  const conditions = startsWith('name', search);
  return { table: 'server', conditions, order: 'name COLLATE NOCASE', page };
}

/** The servers with these ids that there are. */
export function serversByIdQuestion(db: D1Database, ids: readonly string[]): Question<Server[]> {
  if (!ids.length) return known([]);
  const statement = db
    .prepare('SELECT * FROM server WHERE id IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(ids));
  return question<Row, Server[]>(statement, (rows) => rows.map(fromRow));
}

/** A page of servers by name, and how many there are in all. `search` is a prefix of the name. */
export function serversQuestion(
  db: D1Database,
  page: ListPage,
): Question<{ servers: Server[]; total: number }> {
  const { statements, answer } = pageQuestion<Row>(db, pageOfServers(page));
  return {
    statements,
    answer: (results) => {
      const { rows, total } = answer(results);
      return { servers: rows.map(fromRow), total };
    },
  };
}

/** The answer to {@link serversQuestion} alone. */
export async function listServers(
  db: D1Database,
  page: ListPage,
): Promise<{ servers: Server[]; total: number }> {
  const [answer] = await ask(db, serversQuestion(db, page));
  return answer;
}

/** Ids of the servers on a page, for questions asked along with {@link serversQuestion}. */
export function idsOfServers(page: ListPage): Ids {
  return pageSql(pageOfServers(page), 'id');
}

/** A server and what it listed last. */
export type ServerWithListing = { server: Server; listing: Listing };

/**
 * Everything `/mcp` serves from: every server that somebody has verified, and what each listed last. One with a definition
 * that an earlier version stored wrongly counts as never listed, so it is asked again; what is right of it serves meanwhile.
 */
export async function readServers(db: D1Database): Promise<ServerWithListing[]> {
  const [servers] = await ask(db, listedServersQuestion(db));
  return servers;
}

/** {@link readServers}, to be asked along with others. */
export function listedServersQuestion(db: D1Database): Question<ServerWithListing[]> {
  const servers = question<Row, Row[]>(
    db.prepare('SELECT * FROM server WHERE is_verified = 1 ORDER BY name COLLATE NOCASE'),
    (rows) => rows,
  );
  const items = question<ItemRow, ItemRow[]>(
    db.prepare('SELECT server_id, kind, definition FROM listing ORDER BY server_id, kind, position'),
    (rows) => rows,
  );
  return map(together(servers, items), ([rows, items]) => {
    const listings = new Map<string, Listing>(
      rows.map(({ id }) => [id, { tool: [], prompt: [], resource: [], template: [] }]),
    );
    const wrong = new Set<string>();
    for (const { server_id, kind, definition } of items) {
      if (isStoredWrongly(definition)) wrong.add(server_id);
      else listings.get(server_id)?.[kind].push(definition);
    }
    return rows.map((row) => {
      const server = fromRow(row);
      const listing = listings.get(row.id) as Listing;
      return { server: wrong.has(row.id) ? { ...server, listedAt: null } : server, listing };
    });
  });
}

type ItemRow = { server_id: string; kind: ItemKind; definition: string };
