import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { addressOf, document, KINDS, type Kind, type Target } from '../scripts/flood/kinds';
import { type Held, heldIn, keysIn } from '../scripts/flood/left';
import { cron, wait } from './support/cron';
import { configure, gate, ISSUER } from './support/gate';
import { McpClient } from './support/mcp-client';

/** `npm run flood` sends 10,000. */
const EACH = 500;
const OBJECTS = ['GRANTS', 'KEYS', 'CONNECTIONS', 'SESSIONS', 'SUBJECTS', 'SERVERS'] as const;

let target: Target;
let begun: Map<string, Held>;

beforeAll(async () => {
  const { clientId, redirectUri } = await McpClient.register();
  target = { issuer: ISSUER, clientId, redirectUri };
  await (await gate('/.well-known/jwks.json')).text(); // makes the first signing key
  await configure({ revocation_lag: 10 }); // what is shipped: settings are not read for each request
});
beforeEach(async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined); // thousands of refusals
  const connect = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const text = document(String(input)); // the sites of strangers, which nobody runs
    return text === null
      ? connect(input, init)
      : new Response(text, { headers: { 'content-type': 'application/json' } });
  });
  begun = await heldIn(env.DB);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Rows by table that are more than at the beginning. */
async function more(): Promise<Record<string, number>> {
  const held = [...(await heldIn(env.DB))].map(([table, { rows }]): [string, number] => [
    table,
    rows - (begun.get(table)?.rows ?? 0),
  ]);
  return Object.fromEntries(held.filter(([table, rows]) => rows !== 0 && table !== 'audit'));
}

const now = () => Math.floor(Date.now() / 1000);
const objects = async () =>
  (await Promise.all(OBJECTS.map((name) => listDurableObjectIds(env[name] as DurableObjectNamespace)))).flat()
    .length;

async function send({ request }: Kind, n: number): Promise<number> {
  const { path, headers, ...init } = request(n, target);
  const all = { ...headers, 'cf-connecting-ip': addressOf(n) };
  const answer = await gate(path, { ...init, headers: all });
  await answer.body?.cancel();
  return answer.status;
}

describe('500 hostile requests of each kind (SECURITY 30)', () => {
  it.each(KINDS.filter(({ isAnonymous }) => !isAnonymous).map((kind) => [kind.name, kind] as const))(
    '%s leave what they may, and no more',
    (_, kind) => flood(kind),
  );

  it.each(KINDS.filter(({ isAnonymous }) => isAnonymous).map((kind) => [kind.name, kind] as const))(
    '%s leave nothing',
    async (_, kind) => {
      await configure({ enforce_auth_on_inference: false });
      begun = await heldIn(env.DB);
      await flood(kind);
    },
  );

  async function flood(kind: Kind): Promise<void> {
    const [keys, made] = [(await keysIn(env.KV, now())).keys, await objects()];

    const statuses = new Set<number>();
    for (let n = 0; n < EACH; n += 25)
      for (const status of await Promise.all(Array.from({ length: 25 }, (_, at) => send(kind, n + at))))
        statuses.add(status);

    const { client, kv } = kind.leaves ?? {};
    const rows = client === 'each' ? EACH : client;
    expect([...statuses]).toEqual([kind.status]);
    expect(await more()).toEqual(rows === undefined ? {} : { client: rows });
    const left = await keysIn(env.KV, now());
    expect({ keys: left.keys - keys, lasting: left.lasting }).toEqual({ keys: kv ? EACH : 0, lasting: 0 });
    expect(await objects()).toBe(made);
  }

  it('are swept: eight days later nothing is left of them', async () => {
    const clients = 'SELECT count(*) AS n FROM client';
    const before = await env.DB.prepare(clients).first('n');
    vi.useFakeTimers({ toFake: ['Date'] });
    wait(8 * 86_400);

    await cron();

    expect(before).toBe(2 * EACH + 50 + 1);
    expect(await env.DB.prepare(clients).first('n')).toBe(0);
  });
});
