import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ListToolsRequestSchema,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';

/** Two servers as the official SDK makes them. `json`: without sessions, answers in JSON. `sessions`: with sessions, answers in events. */
export async function startHealthyServers(): Promise<{ json: string; sessions: string; stop: () => void }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer((request, response) => {
    const isStateless = request.url === '/json/mcp';
    const serving = isStateless ? serveOnce(request, response) : serveSession(sessions, request, response);
    serving.catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { json: `${origin}/json/mcp`, sessions: `${origin}/sessions/mcp`, stop };
}

const add: Tool = {
  name: 'add',
  description: 'Adds two numbers',
  inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
  outputSchema: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
};
const count: Tool = { name: 'count', description: 'Counts its calls', inputSchema: { type: 'object' } };

async function serveOnce(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: true,
  });
  const server = serverOf(add, ({ a, b }) => {
    const sum = Number(a) + Number(b);
    return { content: [{ type: 'text', text: `the sum is ${sum}` }], structuredContent: { sum } };
  });
  response.on('close', () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response);
}

async function serveSession(
  sessions: Map<string, StreamableHTTPServerTransport>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  const known = sessions.get(String(id));
  if (known) return known.handleRequest(request, response);
  if (id !== undefined) return void response.writeHead(404).end('Session not found');
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  });
  let calls = 0;
  const server = serverOf(count, () => ({ content: [{ type: 'text', text: `call ${++calls}` }] }));
  await server.connect(transport);
  await transport.handleRequest(request, response);
}

function serverOf(tool: Tool, run: (args: Record<string, unknown>) => CallToolResult): Server {
  const server = new Server({ name: 'healthy', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool] }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => run(params.arguments ?? {}));
  return server;
}
