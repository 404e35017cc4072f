import * as v2 from '@modelcontextprotocol/client';
import * as v1auth from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const CLIENT_VERSION = '1.0.0';

/** What opens `/mcp`: an OAuth client's memory, or headers. */
export type Access = OAuthMemory | Record<string, string>;

/** What the demo needs of a tool's result. */
type ToolResult = { isError: boolean; text: string };

/** Shows the person a page and waits until they are done with it. `asked`: in which form the server asked for that. */
export type OpenUrl = (url: string, asked: string) => Promise<void>;

/** A client that is connected to the gateway. */
export type Connection = {
  /** The MCP revision both agreed on. */
  revision: string;
  instructions: string | undefined;
  listTools(): Promise<string[]>;
  callTool(
    name: string,
    args: Record<string, unknown>,
    onProgress?: (progress: number) => void,
  ): Promise<ToolResult>;
  close(): Promise<void>;
};

/** One official SDK's client. */
export type SdkClient = {
  name: string;
  /**
   * @param openUrl given, the client declares that it can open pages
   * @throws what the SDK throws, which is its own `UnauthorizedError` after it has set `access.authorizationUrl`.
   */
  connect(mcpUrl: string, access: Access, openUrl?: OpenUrl): Promise<Connection>;
  /** Redeems the code that came back to the client. */
  finishAuth(mcpUrl: string, access: OAuthMemory, callback: URL): Promise<void>;
  /** Trades the refresh token for new tokens. */
  refresh(mcpUrl: string, access: OAuthMemory): Promise<void>;
};

/** What an OAuth client remembers of one server: the provider that both SDKs ask a program to bring. */
export class OAuthMemory implements v1auth.OAuthClientProvider, v2.OAuthClientProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: v2.OAuthClientMetadata;
  readonly clientMetadataUrl?: string;
  /** Where the SDK wanted to send the person. */
  authorizationUrl: URL | undefined;
  /** What the SDK registered as, and where. */
  client: v2.StoredOAuthClientInformation | undefined;
  private issued: v2.StoredOAuthTokens | undefined;
  private discovered: v2.OAuthDiscoveryState | undefined;
  private verifier = '';
  private readonly stateSent = crypto.randomUUID();

  /**
   * @param clientMetadataUrl where the client's metadata document is; the SDK then registers nowhere.
   * @param redirectUrl where its person comes back to
   */
  constructor(
    clientName: string,
    clientMetadataUrl?: string,
    redirectUrl = 'http://localhost:33418/callback',
  ) {
    this.redirectUrl = redirectUrl;
    if (clientMetadataUrl) this.clientMetadataUrl = clientMetadataUrl;
    this.clientMetadata = {
      client_name: clientName,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    };
  }

  state() {
    return this.stateSent;
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client: v2.StoredOAuthClientInformation) {
    this.client = client;
  }
  tokens() {
    return this.issued;
  }
  saveTokens(tokens: v2.StoredOAuthTokens) {
    this.issued = tokens;
  }
  codeVerifier() {
    return this.verifier;
  }
  saveCodeVerifier(verifier: string) {
    this.verifier = verifier;
  }
  discoveryState() {
    return this.discovered;
  }
  saveDiscoveryState(state: v2.OAuthDiscoveryState) {
    this.discovered = state;
  }
  redirectToAuthorization(url: URL) {
    this.authorizationUrl = url;
  }

  /** The SDKs leave it to the program to compare `state`, and to read an error. */
  accept(callback: URL): URLSearchParams {
    const { searchParams } = callback;
    if (searchParams.get('state') !== this.stateSent) throw new Error('the callback carries another state');
    const error = searchParams.get('error');
    if (error) throw new Error(`${error}: ${searchParams.get('error_description')}`);
    return searchParams;
  }
}

function transportOptions(access: Access) {
  return access instanceof OAuthMemory ? { authProvider: access } : { requestInit: { headers: access } };
}

/** `@modelcontextprotocol/sdk` 1.x, which ends at MCP 2025-11-25. */
const sdkV1: SdkClient = {
  name: '@modelcontextprotocol/sdk 1.x',

  async connect(mcpUrl, access, openUrl) {
    const client = new ClientV1({ name: 'toolgate-demo-v1', version: CLIENT_VERSION }, declaring(openUrl));
    const transport = new TransportV1(new URL(mcpUrl), transportOptions(access));
    await client.connect(transport);
    return {
      revision: transport.protocolVersion ?? '',
      instructions: client.getInstructions(),
      listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
      callTool: async (name, args, onProgress) => {
        const onprogress = onProgress && (({ progress }: { progress: number }) => onProgress(progress));
        const call = () => client.callTool({ name, arguments: args }, undefined, { onprogress });
        return toolResult(await openingPages(call, openUrl));
      },
      close: () => client.close(),
    };
  },

  finishAuth(mcpUrl, access, callback) {
    const code = access.accept(callback).get('code') ?? '';
    return new TransportV1(new URL(mcpUrl), { authProvider: access }).finishAuth(code);
  },

  async refresh(mcpUrl, access) {
    await v1auth.auth(access, { serverUrl: mcpUrl });
  },
};

/** `@modelcontextprotocol/client` 2.x, held to one era. */
function sdkV2(era: string, mode: v2.VersionNegotiationMode): SdkClient {
  return {
    name: `@modelcontextprotocol/client 2.x, ${era}`,

    async connect(mcpUrl, access, openUrl) {
      const client = new v2.Client(
        { name: 'toolgate-demo-v2', version: CLIENT_VERSION },
        { versionNegotiation: { mode }, ...declaring(openUrl) },
      );
      if (openUrl) {
        client.setRequestHandler('elicitation/create', async ({ params }) => {
          if (params.mode !== 'url') return { action: 'decline' };
          await openUrl(params.url, 'input_required');
          return { action: 'accept' };
        });
      }
      await client.connect(new v2.StreamableHTTPClientTransport(new URL(mcpUrl), transportOptions(access)));
      return {
        revision: client.getNegotiatedProtocolVersion() ?? '',
        instructions: client.getInstructions(),
        listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
        callTool: async (name, args, onProgress) => {
          const onprogress = onProgress && (({ progress }: { progress: number }) => onProgress(progress));
          const call = () => client.callTool({ name, arguments: args }, { onprogress });
          return toolResult(await openingPages(call, openUrl));
        },
        close: () => client.close(),
      };
    },

    finishAuth(mcpUrl, access, callback) {
      const transport = new v2.StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: access });
      return transport.finishAuth(access.accept(callback));
    },

    async refresh(mcpUrl, access) {
      await v2.auth(access, { serverUrl: mcpUrl });
    },
  };
}

/** Every official client and era that the gateway serves. */
export const SDK_CLIENTS: readonly [SdkClient, SdkClient, SdkClient] = [
  sdkV1,
  sdkV2('2025 era', 'legacy'),
  sdkV2('2026-07-28', { pin: '2026-07-28' }),
];

/** The capability to open pages for the person (MCP, Elicitation: URL mode). */
function declaring(openUrl: OpenUrl | undefined) {
  return openUrl ? { capabilities: { elicitation: { url: {} } } } : {};
}

/** MCP 2025-11-25, URL Elicitation Required: opens the pages an error asks for, then makes the same call again. */
async function openingPages<T>(call: () => Promise<T>, openUrl: OpenUrl | undefined): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, data } = error as { code?: number; data?: { elicitations?: { url: string }[] } };
    if (code !== -32042 || !openUrl) throw error;
    for (const { url } of data?.elicitations ?? []) await openUrl(url, 'error -32042');
    return call();
  }
}

function toolResult(result: object): ToolResult {
  const { isError, content = [] } = result as {
    isError?: boolean;
    content?: { type: string; text?: string }[];
  };
  return { isError: isError === true, text: content.map(({ type, text }) => text ?? `[${type}]`).join('\n') };
}
