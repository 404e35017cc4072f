import type { AuthMembers } from './auth-settings';
import type { FailureStated } from './failure-words';
import type { ItemKind } from './listed-item';

/** `unstable` until it has answered, and whenever it last failed; `needs_reauth`: its credentials do not serve. */
export type ServerState = 'healthy' | 'unstable' | 'needs_reauth';

/** The last thing that went wrong with a server. Times in epoch seconds; `since`: the first of an unbroken row. */
export type ServerFailure = {
  stage: 'connect' | 'list' | 'call';
  message: string;
  /** The same as data; absent when it was noted before there was any. */
  stated?: FailureStated;
  at: number;
  since: number;
};

/** A definition a server listed that is not offered, and why. The name `*`: a whole list, or the rest of one, that did not come. */
export type LeftOut = {
  kind: ItemKind;
  name: string;
  reason: string;
  /** True for one that is offered all the same: `reason` names the members that were repaired. */
  offered?: true;
};

/** How tokens of people's sign-ins are exchanged for the server's (RFC 8693; Entra on-behalf-of), CONTRACT §7. */
export type TokenExchange = {
  audience: string;
  /** The identity provider's own client makes the exchange. */
  useIdpCredentials: boolean;
  clientId: string | null;
  /** Sealed; null when there is none. */
  sealedSecret: string | null;
  authorizationServerUrl: string | null;
  scopes: string[];
};

/** How a server is spoken to: `http` is Streamable HTTP, `sse` the transport of 2024-11-05 (CONTRACT §7). */
export const CONNECTION_TYPES = ['http', 'sse'] as const;
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

/** What a server calls itself, without its icons (MCP, Implementation). */
export type ServerInfo = {
  name: string;
  version: string;
  title?: string;
  description?: string;
  websiteUrl?: string;
};

/** An MCP server behind the gateway: an "MCP client" of the API (CONTRACT §7). Times are epoch seconds. */
export type Server = {
  id: string;
  name: string;
  endpointSlug: string;
  connectionType: ConnectionType;
  connectionString: string;
  authType: string;
  /** Sealed; null when there are none. */
  sealedHeaders: string | null;
  /** Names of the headers everyone enters for themselves; empty for other auth types. */
  perUserHeaderKeys: string[];
  tokenExchange: TokenExchange | null;
  /** Of its row in `oauth_config`; null for auth types without one. */
  oauthConfigId: string | null;
  /** Counts changes after which credentials obtained before do not serve any more. */
  credentialGeneration: number;
  /** Counts reconnections: sessions begun there before do not serve any more. */
  sessionGeneration: number;
  /** False until it is authorized: no caller sees it (`pending_verification`). */
  isVerified: boolean;
  /** Names of tools as the server gives them; `["*"]` is all. */
  toolsToExecute: string[];
  /** Whether its resources and prompts are offered; null: as {@link toolsToExecute} is, which is when it is all. */
  allowResources: boolean | null;
  allowPrompts: boolean | null;
  allowOnAllVirtualKeys: boolean;
  enabled: boolean;
  /** Whether the `baggage` of requests goes on to it (W3C Baggage). */
  passBaggage: boolean;
  /** Whether clients are given its `instructions`. */
  passInstructions: boolean;
  /** What it calls itself; null: nothing that is right. */
  info: ServerInfo | null;
  /** Seconds without progress; null: the setting. */
  toolExecutionTimeout: number | null;
  /** Minutes; null: the setting. */
  toolSyncInterval: number | null;
  state: ServerState;
  lastFailure: ServerFailure | null;
  leftOut: LeftOut[];
  /** The last complete listing; null when there never was one. */
  listedAt: number | null;
  /** When a listing last began. */
  askedAt: number | null;
  createdAt: number;
  updatedAt: number;
  /** Names what is stored of its lists: another one whenever that changes. Empty: nothing ever was. */
  listingStamp: string;
  /** What is stored of its lists, bytes. */
  listingSize: number;
};

/** A server as far as speaking to it needs it. */
export type Address = Pick<Server, 'id' | 'name' | 'connectionType' | 'connectionString' | 'authType'> &
  Partial<Pick<Server, 'sessionGeneration'>>;

/** Names a server at its address: what was learnt of it there says nothing of another address. */
export function whereIs({ id, connectionString }: Pick<Server, 'id' | 'connectionString'>): string {
  return `${id} ${connectionString}`;
}

/** What a server is shown as. `pending_verification`: it is not authorized yet, so no caller sees it. */
export function stateOf(server: Server): ServerState | 'pending_verification' | 'disabled' {
  if (!server.enabled) return 'disabled';
  return server.isVerified ? server.state : 'pending_verification';
}

/** What a server lists, each item as JSON. */
export type Listing = Record<ItemKind, string[]>;

/** What came of asking a server for its lists. A kind that is not there did not come: what was known of it holds. */
export type Listed = Partial<Listing>;

/** A server as an administrator asks for it, checked, in the API's words. What is left out takes its default. */
export type ServerTerms = {
  name: string;
  connection_string: string;
  connection_type: ConnectionType;
  auth_type: string;
  tools_to_execute?: string[] | undefined;
  allow_resources?: boolean | null | undefined;
  allow_prompts?: boolean | null | undefined;
  allow_on_all_virtual_keys?: boolean | undefined;
  enabled?: boolean | undefined;
  pass_baggage?: boolean | undefined;
  pass_instructions?: boolean | undefined;
  /** Seconds; 0 and null: the setting. */
  tool_execution_timeout?: number | null | undefined;
  /** Minutes; 0 and null: the setting. */
  tool_sync_interval?: number | null | undefined;
} & { [Member in keyof AuthMembers]?: AuthMembers[Member] | undefined };

/** What an administrator changes of a server. */
export type ServerChange = { [Member in keyof ServerTerms]?: ServerTerms[Member] | undefined };
