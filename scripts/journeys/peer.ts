import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { NAMES } from './names.ts';

/** Tools of each server. */
export const TOOLS = 40;

const BACK = 'back';

/** MCP servers in one: whatever stands before `/mcp` is one of its own, with {@link TOOLS} tools, of which every other only reads. */
export class Peer {
  readonly origin: string;
  private readonly server: Server;
  private readonly failing = new Set<string>();

  private constructor(server: Server) {
    this.server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', async (request, response) => {
      const [, name = ''] = (request.url ?? '').split(/[/?]/);
      if (this.failing.has(name)) return response.writeHead(503).end();
      if (request.method === 'GET' && name === BACK)
        return response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Back at the app</h1>');
      const { id, method, params } = JSON.parse((await text(request)) || '{}') as Message;
      if (id === undefined) return response.writeHead(202).end();
      const body = JSON.stringify({ jsonrpc: '2.0', id, result: resultOf(name, method, params) });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
  }

  static async start(): Promise<Peer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Peer(server);
  }

  /** Where an app has its people sent back to. */
  get callback(): string {
    return `${this.origin}/${BACK}`;
  }

  addressOf(name: string): string {
    return `${this.origin}/${name}/mcp`;
  }

  /** From now on the server `name` answers nothing but 503, until it is well again. */
  fail(name: string, isFailing: boolean): void {
    if (isFailing) this.failing.add(name);
    else this.failing.delete(name);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

type Message = {
  id?: number | string;
  method?: string;
  params?: { name?: string; protocolVersion?: string };
};

function resultOf(server: string, method = '', params: Message['params'] = {}): object {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: params.protocolVersion ?? '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: server, version: '1' },
      };
    case 'tools/list':
      return { tools: Array.from({ length: TOOLS }, (_, at) => tool(at)) };
    case 'tools/call':
      return { content: [{ type: 'text', text: `${params.name} of ${server} was called` }] };
    default:
      return {};
  }
}

/** Called as tools may be: letters that do not break, and words in every script. */
function tool(at: number): object {
  const verb = at % 2 ? 'change' : 'read';
  return {
    name: `${verb}_item_${at}${at % 5 ? '' : `_${'W'.repeat(60)}`}`,
    description: `${verb} item ${at}. ${NAMES[at % NAMES.length]}`,
    annotations: { readOnlyHint: at % 2 === 0, destructiveHint: at % 7 === 0 },
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: NAMES[at % NAMES.length] } },
    },
  };
}
