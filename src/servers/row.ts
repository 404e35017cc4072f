import { columnsOf, flag, integer, json, type RowIn, text } from '../columns';
import type { Server, TokenExchange } from './server';

/** What is stored as JSON of `token_exchange`: its secret has a column of its own. */
type OpenExchange = Omit<TokenExchange, 'sealedSecret'>;

/** A server as its row holds it. */
type StoredServer = Omit<Server, 'tokenExchange'> & {
  openExchange: OpenExchange | null;
  exchangeSecret: string | null;
};

export const serverColumns = columnsOf<StoredServer>()({
  id: text('id'),
  name: text('name'),
  endpointSlug: text('endpoint_slug'),
  connectionType: text('connection_type'),
  connectionString: text('connection_string'),
  authType: text('auth_type'),
  sealedHeaders: text('headers'),
  perUserHeaderKeys: json('per_user_header_keys'),
  openExchange: json('token_exchange'),
  exchangeSecret: text('exchange_secret'),
  oauthConfigId: text('oauth_config_id'),
  credentialGeneration: integer('credential_generation'),
  isVerified: flag('is_verified'),
  toolsToExecute: json('tools_to_execute'),
  allowResources: flag('allow_resources'),
  allowPrompts: flag('allow_prompts'),
  allowOnAllVirtualKeys: flag('allow_on_all_virtual_keys'),
  enabled: flag('enabled'),
  passBaggage: flag('pass_baggage'),
  passInstructions: flag('pass_instructions'),
  info: json('info'),
  toolExecutionTimeout: integer('tool_execution_timeout'),
  toolSyncInterval: integer('tool_sync_interval'),
  state: text('state'),
  lastFailure: json('last_failure'),
  leftOut: json('left_out'),
  listedAt: integer('listed_at'),
  askedAt: integer('asked_at'),
  createdAt: integer('created_at'),
  updatedAt: integer('updated_at'),
  listingStamp: text('listing_stamp'),
  listingSize: integer('listing_size'),
  sessionGeneration: integer('session_generation'),
});

/** A row of `server`. */
export type ServerRow = RowIn<typeof serverColumns>;

/** `token_exchange` in the two columns it is stored in. */
export function storedExchange(
  exchange: TokenExchange | null,
): Pick<StoredServer, 'openExchange' | 'exchangeSecret'> {
  if (!exchange) return { openExchange: null, exchangeSecret: null };
  const { sealedSecret: exchangeSecret, ...openExchange } = exchange;
  return { openExchange, exchangeSecret };
}

/** A server as its row describes it. */
export function fromRow(row: ServerRow): Server {
  const { openExchange, exchangeSecret, ...server } = serverColumns.fromRow(row);
  return { ...server, tokenExchange: openExchange && { ...openExchange, sealedSecret: exchangeSecret } };
}
