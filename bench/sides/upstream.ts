import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The MCP server behind every side, a process of its own: `/mcp`, and `/<n>/mcp` with n tools. It answers at once and keeps nothing.
 * Tells its parent its port.
 */
type Message = {
  id?: number | string;
  method: string;
  params?: { name?: string; protocolVersion?: string; arguments?: Record<string, unknown> };
};

/** How long `later` waits between its first event and its answer. Milliseconds. */
const LATER = 200;
const BIG = 10 * 1024 * 1024;
const CHUNK = 64 * 1024;
const NAMES = ['echo', 'echo_as_event', 'later', 'big', 'big_as_events'];

const notice = (size: number) =>
  event({
    jsonrpc: '2.0',
    method: 'notifications/message',
    params: { level: 'info', data: 'x'.repeat(size) },
  });
const NOTICE = notice(100);
const BIG_NOTICE = notice(CHUNK);

function event(message: object): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

const textResult = (text: unknown) => ({ content: [{ type: 'text', text: String(text) }] });
const BIG_RESULT = JSON.stringify(textResult('x'.repeat(BIG)));

function tools(count: number): object[] {
  return Array.from({ length: count }, (_, n) => ({
    name: NAMES[n] ?? `tool_${n}`,
    description: `Tool ${n} of the benchmark. ${'It does what its name says. '.repeat(5)}`,
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'What is said' }, count: { type: 'integer' } },
    },
  }));
}

async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { id, method, params = {} } = JSON.parse((await text(incoming)) || '{}') as Message;
  if (id === undefined) return void response.writeHead(202).end();
  const message = (result: object) => ({ jsonrpc: '2.0', id, result });
  const json = (result: object) => sendJson(response, message(result));
  const [, count = ''] = /^\/(\d+)\//.exec(incoming.url ?? '') ?? [];
  if (method === 'initialize')
    return json({
      protocolVersion: params.protocolVersion ?? '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'bench', version: '1' },
    });
  if (method === 'ping') return json({});
  if (method === 'tools/list') return json({ tools: tools(Number(count) || NAMES.length) });
  if (method !== 'tools/call')
    return sendJson(response, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } });

  const said = textResult(params.arguments?.text ?? '');
  if (params.name === 'echo_as_event') return sendEvents(response, [event(message(said))]);
  if (params.name === 'later') return sendEvents(response, [NOTICE, LATER, event(message(said))]);
  if (params.name === 'big') return sendText(response, `{"jsonrpc":"2.0","id":${id},"result":${BIG_RESULT}}`);
  if (params.name === 'big_as_events') {
    const notices = Array.from({ length: BIG / CHUNK }, () => BIG_NOTICE);
    return sendEvents(response, [...notices, event(message(said))]);
  }
  return json(said);
}

function sendJson(response: ServerResponse, message: object): void {
  sendText(response, JSON.stringify(message));
}

function sendText(response: ServerResponse, body: string): void {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(200, headers).end(body);
}

/** Sends events, and waits where a number of milliseconds stands among them. */
async function sendEvents(response: ServerResponse, parts: readonly (string | number)[]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  for (const part of parts) {
    if (typeof part === 'number') await delay(part);
    else if (!response.write(part) && !response.destroyed) await once(response, 'drain');
  }
  response.end();
}

const server = createServer((incoming, response) => {
  answer(incoming, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
