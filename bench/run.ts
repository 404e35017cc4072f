import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare, type MiniflareOptions } from 'miniflare';
import { durableObjects } from '../scripts/durable-objects.ts';

/** Requests under way at once, and how many are sent of each kind: some to warm up, the rest counted. */
const PARALLEL = 32;
const WARM_UP = 2_000;
const COUNTED = 10_000;
const ROUNDS = 5;
const ISSUER = 'http://localhost:8787';
const ADMIN_TOKEN = 'bench-token-of-at-least-32-characters';

type Wanted = { name: string; path: string; headers?: Record<string, string>; body?: string };

/** `npm run bench`: requests per second and CPU time of workerd per request, through the bundle that would be deployed. */
async function main(): Promise<void> {
  console.log(`${COUNTED} requests, ${PARALLEL} at once, median (least to most) of ${ROUNDS} rounds\n`);
  await withWorker(convertV4MiniflareOptions(TRIVIAL), (send) =>
    measure(send, { name: 'a Worker that only says ok', path: '/' }),
  );
  const upstream = await startUpstream();
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-bench-'));
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' };
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', folder], { env, stdio: 'ignore' });
  try {
    await withWorker(options(folder), (send) => measureGateway(send, upstream.port));
  } finally {
    upstream.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureGateway(send: Send, upstreamPort: number): Promise<void> {
  const key = await setUp(send, upstreamPort);
  const authorization = `Bearer ${key}`;
  const headers = {
    authorization,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const call = (method: string, params: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const wanted: Wanted[] = [
    { name: 'GET /health', path: '/health' },
    { name: 'POST /mcp ping', path: '/mcp', headers, body: call('ping', {}) },
    { name: 'POST /mcp tools/list (20 tools)', path: '/mcp', headers, body: call('tools/list', {}) },
    {
      name: 'POST /mcp tools/call',
      path: '/mcp',
      headers,
      body: call('tools/call', { name: 'bench-tool_0', arguments: {} }),
    },
  ];
  for (const each of wanted) await measure(send, each);
}

/** The least any Worker costs here. */
const TRIVIAL = {
  modules: true,
  script: 'export default { fetch: () => new Response("ok") }',
  compatibilityDate: '2026-10-23',
  unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
};

/** Runs a Worker for as long as `use` takes. */
async function withWorker(options: MiniflareOptions, use: (send: Send) => Promise<void>): Promise<void> {
  const worker = new Miniflare(options);
  try {
    await worker.ready;
    const { hostname, port } = await worker.unsafeGetDirectURL();
    await use(sender(hostname, Number(port)));
  } finally {
    await worker.dispose();
  }
}

function options(folder: string): MiniflareOptions {
  return convertV4MiniflareOptions({
    modules: readdirSync(folder)
      .filter((name) => /\.(js|sql)$/.test(name))
      .sort((a) => (a === 'index.js' ? -1 : 1))
      .map((name) => ({
        type: name.endsWith('.js') ? ('ESModule' as const) : ('Text' as const),
        path: name,
        contents: readFileSync(join(folder, name), 'utf8'),
      })),
    compatibilityDate: '2026-10-23',
    compatibilityFlags: ['global_fetch_strictly_public', 'enable_request_signal'],
    handleStructuredLogs: () => undefined, // the Worker's own log lines
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    durableObjects: durableObjects(),
    bindings: {
      ENCRYPTION_KEY: 'YmVuY2gtb25seS1lbmNyeXB0aW9uLWtleS0zMmJ5dGU',
      ADMIN_TOKEN,
      RATE_LIMITS: 'off',
      ALLOW_LOOPBACK_UPSTREAMS: true,
      MCP_SERVER_AUTH_MODE: 'both',
      OAUTH2_SERVER_CONFIG_ISSUER_URL: ISSUER,
    },
  });
}

type Send = (wanted: Omit<Wanted, 'name'>) => Promise<{ status: number; body: string }>;

/** Sends requests over connections that stay open. */
function sender(hostname: string, port: number): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  return ({ path, headers, body }) =>
    new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST';
      const sent = request(
        { hostname, port, path, method, headers: { host: 'localhost:8787', ...headers }, agent },
        async (answer) => {
          resolve({ status: answer.statusCode ?? 0, body: await textOf(answer) });
        },
      );
      sent.on('error', reject).end(body);
    });
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message) text += chunk;
  return text;
}

/** An MCP server that answers at once. */
async function startUpstream(): Promise<{ port: number; close(): void }> {
  const tools = Array.from({ length: 20 }, (_, n) => ({
    name: `tool_${n}`,
    description: 'x'.repeat(200),
    inputSchema: { type: 'object' },
  }));
  const server = createServer(async (incoming, answer) => {
    const { id, method } = JSON.parse((await textOf(incoming)) || '{}') as { id?: number; method?: string };
    if (id === undefined) return answer.writeHead(202).end();
    const result =
      method === 'initialize'
        ? {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {} },
            serverInfo: { name: 'bench', version: '1' },
          }
        : method === 'tools/list'
          ? { tools }
          : { content: [{ type: 'text', text: 'x'.repeat(1000) }] };
    return answer
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Makes the server and a key for it. The key's value. */
async function setUp(send: Send, upstreamPort: number): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  const post = async (path: string, body: object) => {
    const answer = await send({ path, headers, body: JSON.stringify(body) });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const connection_string = `http://127.0.0.1:${upstreamPort}/mcp`;
  await post('/api/mcp/client', {
    name: 'bench',
    connection_type: 'http',
    connection_string,
    auth_type: 'none',
  });
  const mcp_configs = [{ mcp_client_name: 'bench', tools_to_execute: ['*'] }];
  return (await post('/api/governance/virtual-keys', { name: 'bench', mcp_configs })).virtual_key.value;
}

async function measure(send: Send, { name, ...wanted }: Wanted): Promise<void> {
  await sendMany(send, wanted, WARM_UP);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const cpu = cpuOfWorkerd();
    const started = performance.now();
    await sendMany(send, wanted, COUNTED);
    const seconds = (performance.now() - started) / 1000;
    rounds.push({ rate: COUNTED / seconds, micros: ((cpuOfWorkerd() - cpu) * 1e6) / COUNTED });
  }
  const spread = (values: number[]) => {
    const [least, , middle, , most] = values.sort((a, b) => a - b).map((value) => Math.round(value));
    return `${middle} (${least} to ${most})`;
  };
  console.log(
    `${name.padEnd(34)} ${spread(rounds.map(({ rate }) => rate))} req/s, ${spread(rounds.map(({ micros }) => micros))} µs of CPU each`,
  );
}

async function sendMany(send: Send, wanted: Omit<Wanted, 'name'>, count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const { status, body } = await send(wanted);
      if (status !== 200) throw new Error(`${wanted.path} answered ${status}: ${body}`);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

/** CPU seconds that the workerd processes we started have used so far (Linux). */
function cpuOfWorkerd(): number {
  const ticks = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, name = ''] = /\((.*)\)/.exec(stat) ?? [];
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return name === 'workerd' && Number(fields[1]) === process.pid
          ? Number(fields[11]) + Number(fields[12])
          : 0;
      } catch {
        return 0; // it has ended since the folder was read
      }
    });
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

await main();
