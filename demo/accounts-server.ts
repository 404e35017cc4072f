import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { answerLogin, demoProvider, showLogin } from './accounts-provider.ts';

const METADATA = '/.well-known/oauth-protected-resource/calendar/mcp';
const TICKETS_HEADER = 'x-tickets-key';

/**
 * The demo's servers that want to know who calls, to listen at `origin`. `/calendar/mcp` takes access tokens of the authorization
 * server beside it, where anybody signs in with any name; `/tickets/mcp` takes a key of one's own in a header: `key-of-<name>`.
 * @param tokenLife of access tokens, seconds
 */
export function accountsServer(origin: string, tokenLife = 300): Server {
  const calendar = `${origin}/calendar/mcp`;
  const provider = demoProvider(origin, calendar, tokenLife);
  const authorizationServer = provider.callback();

  /** Whose access token a request carries; undefined when none of this gateway, or not for the calendar. */
  const nameByToken = async ({ headers }: IncomingMessage): Promise<string | undefined> => {
    const [, value = ''] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    const token = value ? await provider.AccessToken.find(value) : undefined;
    return token?.isValid && token.aud === calendar ? token.accountId : undefined;
  };

  return createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '', origin);
    if (pathname === METADATA) {
      return answerJson(response, 200, {
        resource: calendar,
        authorization_servers: [origin],
        scopes_supported: ['calendar'],
        bearer_methods_supported: ['header'],
      });
    }
    if (pathname === '/calendar/mcp') {
      const name = await nameByToken(request);
      if (name) return serveWhoami('calendar', name, request, response);
      const challenge = `Bearer error="invalid_token", resource_metadata="${origin}${METADATA}", scope="calendar"`;
      response.setHeader('www-authenticate', challenge);
      return answerJson(response, 401, { error: 'invalid_token' });
    }
    if (pathname === '/tickets/mcp') {
      const [, name] = /^key-of-([\w .-]{1,64})$/.exec(String(request.headers[TICKETS_HEADER] ?? '')) ?? [];
      if (name) return serveWhoami('tickets', name, request, response);
      return answerJson(response, 401, { error: `${TICKETS_HEADER} must hold key-of- and a name` });
    }
    if (pathname.startsWith('/interaction/')) {
      const act = request.method === 'POST' ? answerLogin : showLogin;
      return act(provider, request, response).catch(() => {
        answerJson(response, 400, { error: 'this sign-in is over, or was begun in another browser' });
      });
    }
    return authorizationServer(request, response);
  });
}

/** One request to an MCP server that knows nothing but who calls. */
export async function serveWhoami(
  server: string,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const mcp = new McpServer({ name: `demo-${server}`, version: '1.0.0' });
  mcp.registerTool(
    'whoami',
    { description: `Whose ${server} this is`, annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: 'text', text: `You are ${name}.` }] }),
  );
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => void mcp.close());
  await mcp.connect(transport as Parameters<typeof mcp.connect>[0]);
  await transport.handleRequest(request, response);
}

function answerJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
