import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestProject } from 'vitest/node';

/** How a server of the transport of 2024-11-05 behaves; tests set it over HTTP. */
type Behaviour = {
  tools: Record<string, unknown>[];
  /** Where messages are posted; null: a path of its own. `absolute`: written as a whole URL. Empty: never said. */
  endpoint: string | null;
  /** The status of a message it takes, and the text with it. */
  accepted: number;
  words: string;
  /** Headers everybody has to send, and the challenge without them. */
  demands: string[];
  challenge: string;
  /** Whose tokens it demands: an issuer of support/authorization-setup.ts. Tokens it refuses all the same. */
  issuer: string;
  refused: string[];
  /** What a message meets in place of an answer, by method. */
  faults: Record<string, number>;
};

type Message = { id?: string | number; method?: string; params?: Record<string, unknown>; result?: unknown };
type Seen = { method: string; session: string; headers: Record<string, unknown>; message: Message };

/** One server of the tests, at `/<name>/sse`, with what it has seen. */
class SseServer {
  behaviour: Behaviour = {
    tools: [],
    endpoint: null,
    accepted: 202,
    words: 'Accepted',
    demands: [],
    challenge: '',
    issuer: '',
    refused: [],
    faults: {},
  };
  seen: Seen[] = [];
  /** By the session's name in its endpoint. */
  readonly streams = new Map<string, ServerResponse>();
  begun = 0;
  private waiting: (() => void)[] = [];
  private held: (() => void)[] = [];

  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  release(): void {
    for (const go of this.held.splice(0)) go();
  }

  cut(): void {
    for (const stream of this.streams.values()) stream.destroy();
    this.streams.clear();
    this.held = [];
  }

  async until(method: string, count: number): Promise<void> {
    const reached = () =>
      method === 'closed'
        ? this.begun - this.streams.size >= count
        : this.seen.filter(({ message }) => message.method === method).length >= count;
    while (!reached()) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private changed(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  async serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { behaviour } = this;
    const method = request.method ?? '';
    if (url.pathname === `${this.path}/metadata`) return this.describe(response, url);
    const isStream = method === 'GET' && url.pathname === `${this.path}/sse`;
    const session = url.searchParams.get('session') ?? '';
    const body = await text(request);
    const message: Message = body ? JSON.parse(body) : {};
    this.seen.push({ method, session, headers: request.headers, message });
    this.changed();
    const lacks = behaviour.demands.some(
      (name) => !request.headers[name] || request.headers[name] === 'wrong',
    );
    const metadata = `${url.origin}${this.path}/metadata`;
    if (lacks || !(await this.isLetIn(request)))
      return void response.writeHead(401, challengeOf(behaviour, metadata)).end('Unauthorized');
    if (isStream) return this.begin(response, url.origin);
    if (method !== 'POST' || url.pathname !== `${this.path}/messages`) {
      return void response.writeHead(url.pathname === `${this.path}/sse` ? 405 : 404).end('No such thing');
    }
    const stream = this.streams.get(session);
    if (!stream) return void response.writeHead(404).end('Could not find session');
    const fault = behaviour.faults[message.method ?? ''];
    if (fault) return void response.writeHead(fault).end('Out of order');
    if (message.params?.name === 'silent') return;
    response.writeHead(behaviour.accepted).end(behaviour.words);
    await this.answer(message, (answer, end) => stream.write(eventOf(answer, end)), session);
  }

  private async isLetIn({ headers }: IncomingMessage): Promise<boolean> {
    const { issuer, refused } = this.behaviour;
    const token = headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (!issuer) return true;
    const body = new URLSearchParams({ token });
    const answer = await fetch(`${issuer}/introspect`, { method: 'POST', body });
    const { active } = (await answer.json()) as { active?: boolean };
    return active === true && !refused.includes(token);
  }

  /** Its resource metadata (RFC 9728). */
  private describe(response: ServerResponse, { origin }: URL): void {
    const { issuer } = this.behaviour;
    const metadata = { resource: `${origin}${this.path}/sse`, authorization_servers: [issuer] };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
  }

  private begin(response: ServerResponse, origin: string): void {
    const session = `s${++this.begun}`;
    const own = `${this.path}/messages?session=${session}`;
    const { endpoint } = this.behaviour;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const named = endpoint === null ? own : endpoint === 'absolute' ? origin + own : endpoint;
    response.write(named ? `event: endpoint\r\ndata: ${named}\r\n\r\n` : ': nothing yet\n\n');
    this.streams.set(session, response);
    response.on('close', () => {
      this.streams.delete(session);
      this.changed();
    });
  }

  private async answer(
    { id, method, params }: Message,
    tell: (answer: object | string, end?: string) => void,
    session: string,
  ): Promise<void> {
    if (id === undefined || method === undefined) return;
    const reply = (result: unknown) => tell({ jsonrpc: '2.0', id, result });
    if (method === 'initialize') {
      const capabilities = { tools: {} };
      return reply({
        protocolVersion: '2024-11-05',
        capabilities,
        serverInfo: { name: 'old', version: '1' },
      });
    }
    if (method === 'ping') return reply({});
    if (method === 'tools/list') return reply({ tools: this.behaviour.tools });
    const refused = { code: -32601, message: `no ${method}` };
    if (method !== 'tools/call') return tell({ jsonrpc: '2.0', id, error: refused });
    await this.call({ id, params }, tell, session);
  }

  private async call(
    { id, params = {} }: Message,
    tell: (answer: object | string, end?: string) => void,
    session: string,
  ): Promise<void> {
    const name = String(params.name);
    const token = (params._meta as { progressToken?: unknown } | undefined)?.progressToken;
    const result = { content: [{ type: 'text', text: `${name} ran in ${session}` }] };
    const progress = { progressToken: token, progress: 1 };
    const turn = () => new Promise<void>((resolve) => this.held.push(resolve));
    switch (name) {
      case 'error':
        return tell({ jsonrpc: '2.0', id, error: { code: -32000, message: 'it broke' } });
      case 'progress':
        tell({ jsonrpc: '2.0', method: 'notifications/progress', params: progress });
        await turn();
        return tell({ jsonrpc: '2.0', id, result });
      case 'log':
        tell({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'working' } });
        await turn();
        return tell({ jsonrpc: '2.0', id, result });
      case 'ask':
        tell({ jsonrpc: '2.0', id: 'p1', method: 'ping' });
        tell({ jsonrpc: '2.0', id: 'q1', method: 'sampling/createMessage', params: {} });
        await turn();
        return tell({ jsonrpc: '2.0', id, result });
      case 'backwards':
        return tell(
          `data: {"result":${JSON.stringify(result)},\r\ndata: "jsonrpc":"2.0","id":"${id}"}\r\n\r\n`,
        );
      case 'strangers':
        tell({
          jsonrpc: '2.0',
          id: Number(id) + 1,
          result: { content: [{ type: 'text', text: 'of another' }] },
        });
        tell('event: other\ndata: {"jsonrpc":"2.0"}\n\ndata: no JSON\n\n');
        tell({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { ...progress, progressToken: 'x' },
        });
        return tell({ jsonrpc: '2.0', id, result });
      case 'long':
        return tell({
          jsonrpc: '2.0',
          id,
          result: { content: [{ type: 'text', text: 'ä'.repeat(1_000_000) }] },
        });
      case 'huge':
        return tell(
          `data: {"result":${JSON.stringify({ content: [{ type: 'text', text: 'a'.repeat(5_000_000) }] })},"jsonrpc":"2.0","id":${id}}\n\n`,
        );
      case 'endless':
        for (let at = 0; at < 100; at++) tell(`${at ? '' : 'data: "'}${'x'.repeat(100_000)}`);
        return;
      default:
        if (name.startsWith('held')) await turn();
        tell({ jsonrpc: '2.0', id, result });
    }
  }
}

/** An event, or text as it is. */
function eventOf(answer: object | string, end = '\n\n'): string {
  return typeof answer === 'string' ? answer : `event: message\ndata: ${JSON.stringify(answer)}${end}`;
}

function challengeOf({ challenge, issuer }: Behaviour, metadata: string): Record<string, string> {
  if (issuer) return { 'www-authenticate': `Bearer resource_metadata="${metadata}", error="invalid_token"` };
  return challenge ? { 'www-authenticate': challenge } : {};
}

export default async function start(project: TestProject): Promise<() => void> {
  const servers = new Map<string, SseServer>();
  const named = (name: string) => {
    const server = servers.get(name) ?? new SseServer(`/${name}`);
    servers.set(name, server);
    return server;
  };
  const http = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const [, name = '', part, act] = url.pathname.split('/');
    const server = named(name);
    if (part !== 'control') return server.serve(request, response, url);
    const body = JSON.parse((await text(request)) || '{}');
    if (act === 'set') Object.assign(server.behaviour, body);
    if (act === 'cut') server.cut();
    if (act === 'release') server.release();
    if (act === 'until') await server.until(body.method, body.count);
    const { seen, begun } = server;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ seen, begun, open: server.streams.size }));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  project.provide('sseOrigin', `http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  return () => {
    http.closeAllConnections();
    http.close();
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    sseOrigin: string;
  }
}
