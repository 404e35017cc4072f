import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare, Response } from 'miniflare';
import { durableObjects } from '../durable-objects.ts';
import { addressOf, document, KINDS, type Kind, type Target } from './kinds.ts';
import { type Held, heldIn, keysIn } from './left.ts';

/** Requests of each kind, and how many are under way at once. */
const EACH = Number(process.argv[2] ?? 10_000);
const PARALLEL = 32;
const ISSUER = 'http://localhost:8787';
const ADMIN_TOKEN = 'flood-token-of-at-least-32-characters';
/** Each write waits for the disk: in memory, where there is a folder for it, that costs nothing. */
const MEMORY = '/dev/shm';
const LIMITS = join(import.meta.dirname, '../../docs/limits.md');
const HEADING = '## What a flood leaves';

/** All that is stored: rows and bytes by table, keys of KV and those that do not expire within an hour, objects. */
type State = { tables: Map<string, Held>; keys: number; lasting: number; objects: number };
type Sent = { name: string; status: string; seconds: number; before: State; after: State };

/**
 * `npm run flood [n]`: sends hostile requests of each kind to the bundle that would be deployed, each from an address of its
 * own and with rate limits off, then runs the sweeps as an hour and as eight days later. Prints what is left after each, and writes it
 * as the last section of docs/limits.md when it sent the whole 10,000.
 */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'toolgate-flood-'));
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' };
  const bundle = join(folder, 'bundle');
  execFileSync('wrangler', ['deploy', '--dry-run', '--outdir', bundle], { env, stdio: 'ignore' });
  const worker = new Miniflare(options(bundle, join(folder, 'state')));
  try {
    await worker.ready;
    const text = sectionOf(await flood(worker, join(folder, 'state')));
    console.log(text);
    if (EACH === 10_000) {
      const [before = ''] = readFileSync(LIMITS, 'utf8').split(`\n${HEADING}\n`);
      writeFileSync(LIMITS, `${before.trimEnd()}\n\n${text}`);
    }
  } finally {
    await worker.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Told = { begun: State; sent: Sent[]; flooded: State; hour: State; week: State };

async function flood(worker: Miniflare, folder: string): Promise<Told> {
  const { hostname, port } = await worker.unsafeGetDirectURL();
  const send = sender(hostname, Number(port));
  const target = await setUp(send);
  const state = () => stateOf(worker, folder);
  const begun = await state();
  const sent: Sent[] = [];
  let before = begun;
  for (const kind of KINDS) {
    if (kind.isAnonymous) await administer(send, { enforce_auth_on_inference: false });
    const one = await sendAll(send, kind, target);
    const after = await state();
    sent.push({ ...one, before, after });
    console.log(`${one.name}: ${one.status}, ${Math.round(one.seconds)} s`);
    before = after;
  }
  const flooded = before;
  const hour = await sweptAfter(worker, 2 * 3600).then(state);
  const week = await sweptAfter(worker, 8 * 86_400).then(state);
  return { begun, sent, flooded, hour, week };
}

/** Runs the cron as `seconds` from now. */
async function sweptAfter(worker: Miniflare, seconds: number): Promise<void> {
  const scheduledTime = new Date(Date.now() + seconds * 1000);
  const gateway = await worker.getWorker();
  await gateway.scheduled({ scheduledTime, cron: '17 * * * *' });
}

async function stateOf(worker: Miniflare, folder: string): Promise<State> {
  const [db, kv] = [await worker.getD1Database('DB'), await worker.getKVNamespace('KV')];
  const files = readdirSync(folder, { recursive: true }).map(String);
  const now = Math.floor(Date.now() / 1000);
  return {
    tables: await heldIn(db),
    ...(await keysIn(kv as unknown as Parameters<typeof keysIn>[0], now)),
    objects: files.filter((path) => /^do.*[0-9a-f]{64}\.sqlite$/.test(path)).length,
  };
}

function options(bundle: string, state: string) {
  return convertV4MiniflareOptions({
    modules: readdirSync(bundle)
      .filter((name) => /\.(js|sql)$/.test(name))
      .sort((a) => (a === 'index.js' ? -1 : 1))
      .map((name) => ({
        type: name.endsWith('.js') ? ('ESModule' as const) : ('Text' as const),
        path: name,
        contents: readFileSync(join(bundle, name), 'utf8'),
      })),
    compatibilityDate: '2026-10-23',
    compatibilityFlags: ['global_fetch_strictly_public', 'enable_request_signal'],
    handleStructuredLogs: () => undefined, // a line for every refusal
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    outboundService: ({ url }: { url: string }) =>
      new Response(document(url), { headers: { 'content-type': 'application/json' } }),
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    durableObjects: durableObjects(),
    resourcePersistencePath: state,
    bindings: {
      ENCRYPTION_KEY: 'YmVuY2gtb25seS1lbmNyeXB0aW9uLWtleS0zMmJ5dGU',
      ADMIN_TOKEN,
      RATE_LIMITS: 'off',
      MCP_SERVER_AUTH_MODE: 'both',
      OAUTH2_SERVER_CONFIG_ISSUER_URL: ISSUER,
    },
  });
}

type Send = (
  wanted: ReturnType<Kind['request']>,
  address?: string,
) => Promise<{ status: number; body: string }>;

/** Sends requests over connections that stay open. */
function sender(hostname: string, port: number): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  return ({ path, method, headers, body }, address = '203.0.113.1') =>
    new Promise((resolve, reject) => {
      const all = { host: 'localhost:8787', 'cf-connecting-ip': address, ...headers };
      const sent = request({ hostname, port, path, method, headers: all, agent }, async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode ?? 0, body: text });
      });
      sent.on('error', reject).end(body);
    });
}

/** A client that registered, and the first signing key: what a gateway in use has. */
async function setUp(send: Send): Promise<Target> {
  await send({ path: '/.well-known/jwks.json' });
  const redirectUri = 'https://app.example/cb';
  const { status, body } = await send({
    path: '/oauth2/register',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [redirectUri] }),
  });
  if (status !== 201) throw new Error(`registration answered ${status}: ${body}`);
  return { issuer: ISSUER, clientId: JSON.parse(body).client_id, redirectUri };
}

async function administer(send: Send, settings: object): Promise<void> {
  const { status, body } = await send({
    path: '/api/config',
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify(settings),
  });
  if (status !== 200) throw new Error(`PUT /api/config answered ${status}: ${body}`);
}

async function sendAll(send: Send, kind: Kind, target: Target) {
  const statuses = new Map<number, number>();
  const began = performance.now();
  let next = 0;
  const one = async () => {
    for (let n = next++; n < EACH; n = next++) {
      const { status } = await send(kind.request(n, target), addressOf(n));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, one));
  const status = [...statuses]
    .map(([code, count]) => (count === EACH ? code : `${code} × ${count}`))
    .join(', ');
  return { name: kind.name, status, seconds: (performance.now() - began) / 1000 };
}

const number = (value: number) => value.toLocaleString('en-US');

function sectionOf({ begun, sent, flooded, hour, week }: Told): string {
  const more = (before: State, after: State) =>
    [...after.tables].flatMap(([table, { rows }]) => {
      const added = rows - (before.tables.get(table)?.rows ?? 0);
      return added ? [`${table} ${number(added)}`] : [];
    });
  const bytes = ({ tables }: State) => [...tables.values()].reduce((sum, held) => sum + held.bytes, 0);
  const kinds = sent.map(({ name, status, before, after }) => [
    name,
    status,
    more(before, after).join(', ') || '–',
    number(bytes(after) - bytes(before)),
    number(after.keys - before.keys),
    number(after.objects - before.objects),
  ]);
  const states = [begun, flooded, hour, week];
  const changed = [...flooded.tables.keys()].filter(
    (table) => new Set(states.map(({ tables }) => tables.get(table)?.rows)).size > 1,
  );
  const line = (name: string, value: (state: State) => number) => [
    name,
    ...states.map((state) => number(value(state))),
  ];
  const totals = [
    ...changed.flatMap((table) => [
      line(`\`${table}\`, rows`, ({ tables }) => tables.get(table)?.rows ?? 0),
      line(`\`${table}\`, bytes`, ({ tables }) => tables.get(table)?.bytes ?? 0),
    ]),
    line('all tables, bytes', bytes),
    line('KV, keys that do not expire within the hour', ({ lasting }) => lasting),
    line('objects', ({ objects }) => objects),
  ];
  const day = new Date().toISOString().slice(0, 10);
  return `${HEADING}

\`npm run flood${EACH === 10_000 ? '' : ` ${EACH}`}\` sends ${number(EACH)} hostile requests of each kind to the bundle that would be deployed, each from an address of its own and with rate limits off, and then runs the cron as
two hours and as eight days later. A client that registered before is swept with the others. Bytes are those of values, without indexes. Entries of KV expire by themselves within an hour.
The test run sends 500 of each (\`test/flood.test.ts\`). Measured on ${day}, Node ${process.version}, ${cpus().length} cores.

${table(['kind', 'answered', 'rows', 'bytes in D1', 'keys in KV', 'objects'], kinds)}

The one row of \`setting\` and of \`audit\` is the administrator's, who lets anonymous callers in before the last kind.

${table(['stored', 'before', 'after the flood', 'after the cron two hours later', 'after the cron eight days later'], totals)}
`;
}

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

await main();
