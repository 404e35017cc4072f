import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventsOf, McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { gate } from '../support/gate';
import { granted } from '../support/granted';
import { Upstream } from '../support/upstream';

const LEVEL = 'io.modelcontextprotocol/logLevel';
const line = (level: unknown) =>
  JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: `a ${level}` } });

/** A server that says these log lines in a call. */
function logging(levels: unknown[], behaviour: Record<string, unknown> = {}): Promise<Upstream> {
  const asks = { asks: levels.map((level) => ({ text: line(level) })) };
  return Upstream.start(['asks', 'echo'], { asks, capabilities: { logging: {} }, ...behaviour });
}

/** The levels a server was told, in order. */
const told = async (upstream: Upstream) =>
  (await upstream.seen('logging/setLevel')).map(({ message }) => message.params?.level);

/** What came of a call: the log lines beside the answer. */
async function linesOf(caller: McpCaller, name: string, meta?: Record<string, unknown>): Promise<unknown[]> {
  const response = await caller.send('tools/call', { name, ...(meta && { _meta: meta }) });
  const messages = eventsOf(await response.text()) as { params?: { level?: unknown }; result?: unknown }[];
  expect(messages.at(-1)?.result).toBeDefined();
  return messages.slice(0, -1).map(({ params }) => params?.level);
}

afterEach(() => {
  vi.useRealTimers();
});

describe('logging/setLevel (PROTOCOL §1)', () => {
  it('reaches the sessions there are, and each begun later, at servers that log', async () => {
    const [first, later, silent] = [await logging([]), await logging([]), await Upstream.start(['echo'])];
    const client = await (await McpCaller.withKey()).initialized();
    await client.call(`${first.name}-echo`);
    await client.call(`${silent.name}-echo`);

    const { body } = await client.ask('logging/setLevel', { level: 'warning' });
    await client.call(`${later.name}-echo`);
    await first.forgetSessions();
    await client.call(`${first.name}-echo`);

    expect(body.result).toEqual({});
    expect(await told(first)).toEqual(['warning', 'warning']);
    expect(await told(later)).toEqual(['warning']);
    expect(await told(silent)).toEqual([]);
    const [begun] = (await later.seen()).filter(({ message }) => message.method === 'tools/call');
    const [set] = await later.seen('logging/setLevel');
    expect(set?.headers['mcp-session-id']).toBe(begun?.headers['mcp-session-id']);
  });

  it("is one client session's: no other's servers are told, nor those without one", async () => {
    const upstream = await logging([]);
    const caller = await McpCaller.withKey();
    const [one, other] = [await caller.initialized(), await caller.initialized()];
    await other.call(`${upstream.name}-echo`);

    await one.ask('logging/setLevel', { level: 'error' });
    expect((await caller.ask('logging/setLevel', { level: 'error' })).body.result).toEqual({});
    await other.call(`${upstream.name}-echo`);
    await (await caller.initialized()).call(`${upstream.name}-echo`);
    await caller.call(`${upstream.name}-echo`);

    expect(await told(upstream)).toEqual([]);
    await one.call(`${upstream.name}-echo`);
    expect(await told(upstream)).toEqual(['error']);
  });

  it.each([{}, { level: 'loud' }, { level: 3 }, { level: 'constructor' }])('%j is −32602', async (params) => {
    const client = await (await McpCaller.withKey()).initialized();

    expect((await client.ask('logging/setLevel', params)).body.error?.code).toBe(-32602);
  });

  it('is no method of 2026-07-28, and `logging` is declared in both eras', async () => {
    const modern = await McpCaller.withKey('2026');
    const begun = await (await McpCaller.withKey()).ask('initialize', { protocolVersion: '2025-11-25' });

    expect((await modern.ask('logging/setLevel', { level: 'info' })).body.error?.code).toBe(-32601);
    for (const { body } of [begun, await modern.ask('server/discover')])
      expect(body.result?.capabilities).toMatchObject({ logging: {} });
  });

  it('is kept for a day, without a session at a server, and ends with the client session', async () => {
    const known = (await listDurableObjectIds(env.SESSIONS)).map(String);
    const client = await (await McpCaller.withKey()).initialized();
    await client.ask('logging/setLevel', { level: 'debug' });
    const [id] = (await listDurableObjectIds(env.SESSIONS)).filter((one) => !known.includes(String(one)));
    if (!id) throw new Error('no object keeps the level');
    const object = env.SESSIONS.get(id);
    const isEmpty = () => runInDurableObject(object, (_, { storage }) => [...storage.kv.list()].length === 0);

    await runDurableObjectAlarm(object);
    expect(await object.level()).toBe('debug');
    await gate('/mcp', { method: 'DELETE', headers: client.headers });
    expect(await isEmpty()).toBe(true);

    await client.ask('logging/setLevel', { level: 'debug' });
    wait(86_401);
    expect(await object.level()).toBeNull();
    await runDurableObjectAlarm(object);
    expect(await isEmpty()).toBe(true);
  });
});

describe('log lines', () => {
  it('of a 2025 server reach a 2025 client as they come, whatever level it set', async () => {
    const upstream = await logging(['debug', 'error']);
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();

    expect(await linesOf(client, 'asks')).toEqual(['debug', 'error']);
  });

  it.each(['2025', '2026'] as const)(
    'of a %s server reach a 2026 client only when its request asks for a level, at that level or above',
    async (era) => {
      const upstream = await logging(['debug', 'warning', 'loud', 'emergency'], { era });
      const client = await granted('2026', `/mcp/${upstream.slug}`);

      expect(await linesOf(client, 'asks')).toEqual([]);
      expect(await linesOf(client, 'asks', { [LEVEL]: 'warning' })).toEqual(['warning', 'emergency']);
      expect(await linesOf(client, 'asks', { [LEVEL]: 'loud' })).toEqual([]);
      expect(await linesOf(client, 'asks')).toEqual([]);

      const calls = await upstream.seen('tools/call');
      const sent = calls.map(({ message }) => (message.params?._meta as Record<string, unknown>)?.[LEVEL]);
      expect(sent[1]).toBe(era === '2026' ? 'warning' : undefined);
      expect(await told(upstream)).toEqual(era === '2026' ? [] : ['warning']);
    },
  );

  it('a 2026 server is told of the level that a 2025 client set, with each request', async () => {
    const upstream = await logging(['info'], { era: '2026' });
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();

    await client.call('echo');
    await client.ask('logging/setLevel', { level: 'info' });
    expect(await linesOf(client, 'asks')).toEqual(['info']);

    const calls = await upstream.seen('tools/call');
    const levels = calls.map(({ message }) => (message.params?._meta as Record<string, unknown>)?.[LEVEL]);
    expect(levels).toEqual([undefined, 'info']);
  });
});

describe('notifications/roots/list_changed', () => {
  it("goes to each of the client session's servers, when the client lets them ask for roots", async () => {
    const [one, other] = [await Upstream.start(['echo']), await Upstream.start(['echo'])];
    const caller = await McpCaller.withKey();
    const rooted = await caller.initialized({ roots: { listChanged: true } });
    const rootless = await caller.initialized();
    for (const client of [rooted, rootless]) await client.call(`${one.name}-echo`);
    await rooted.call(`${other.name}-echo`);

    const answered = await rooted.notify('notifications/roots/list_changed');
    await rootless.notify('notifications/roots/list_changed');
    await caller.notify('notifications/roots/list_changed');
    const seen = [
      ...(await one.sees('notifications/roots/list_changed')),
      ...(await other.sees('notifications/roots/list_changed')),
    ];
    await rootless.call(`${one.name}-echo`);

    expect(answered.status).toBe(202);
    expect(seen).toHaveLength(2);
    expect(await one.seen('notifications/roots/list_changed')).toHaveLength(1);
    const [called] = await one.seen('tools/call');
    expect(seen[0]?.headers['mcp-session-id']).toBe(called?.headers['mcp-session-id']);
  });
});
