import type { Server, ServerState, TokenExchange } from './server';

/** A row of `server`. */
export type ServerRow = {
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
export function exchangeText(exchange: TokenExchange | null): string | null {
  if (!exchange) return null;
  const { sealedSecret: _, ...open } = exchange;
  return JSON.stringify(open);
}

/** A server as its row describes it. */
export function fromRow(row: ServerRow): Server {
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
