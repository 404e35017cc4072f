import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { answerLogin, demoProvider, showLogin } from './accounts-provider.ts';

/**
 * The demo's servers that want to know who calls, on `127.0.0.1:$PORT`. `/calendar/mcp` takes access tokens of the authorization
 * server beside it, where anybody signs in with any name; `/tickets/mcp` takes a key of one's own in a header: `key-of-<name>`.
 */
const origin = `http://127.0.0.1:${process.env.PORT}`;
const CALENDAR = `${origin}/calendar/mcp`;
const METADATA = '/.well-known/oauth-protected-resource/calendar/mcp';
const TICKETS_HEADER = 'x-tickets-key';

const provider = demoProvider(origin, CALENDAR);
const authorizationServer = provider.callback();

createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '', origin);
  if (pathname === METADATA) {
    const metadata = {
      resource: CALENDAR,
      authorization_servers: [origin],
      scopes_supported: ['calendar'],
      bearer_methods_supported: ['header'],
    };
    return answerJson(response, 200, metadata);
  }
  if (pathname === '/calendar/mcp') {
    const name = await nameByToken(request);
    if (name) return serve('calendar', name, request, response);
    response.setHeader(
      'www-authenticate',
      `Bearer error="invalid_token", resource_metadata="${origin}${METADATA}", scope="calendar"`,
    );
    return answerJson(response, 401, { error: 'invalid_token' });
  }
  if (pathname === '/tickets/mcp') {
    const [, name] = /^key-of-([\w .-]{1,64})$/.exec(String(request.headers[TICKETS_HEADER] ?? '')) ?? [];
    if (name) return serve('tickets', name, request, response);
    return answerJson(response, 401, { error: `${TICKETS_HEADER} must hold key-of- and a name` });
  }
  if (pathname.startsWith('/interaction/')) {
    const act = request.method === 'POST' ? answerLogin : showLogin;
    return act(provider, request, response);
  }
  return authorizationServer(request, response);
}).listen(Number(process.env.PORT), '127.0.0.1');

/** Whose access token a request carries; undefined when none of ours, or not for the calendar. */
async function nameByToken(request: IncomingMessage): Promise<string | undefined> {
  const [, value = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const token = value ? await provider.AccessToken.find(value) : undefined;
  return token?.isValid && token.aud === CALENDAR ? token.accountId : undefined;
}

/** One request to an MCP server that knows nothing but who calls. */
async function serve(
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
