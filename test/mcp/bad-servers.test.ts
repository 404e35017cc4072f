import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { Edge } from '../support/edge';
import { ISSUER, newKey } from '../support/gate';
import { addressOf, Upstream } from '../support/upstream';

/** How servers behave from the beginning on, and how many do. */
type Kind = [behaviour: Record<string, unknown>, count: number];

/** No word at all, none of the tools, and a stream that brings comments. */
const HANGING: Kind[] = [
  [{ fault: 'hang' }, 8],
  [{ lists: { 'tools/list': ['hang'] } }, 1],
  [{ lists: { 'tools/list': ['open'] } }, 1],
];
const GARBAGE: Kind[] = [
  [{ fault: 'html' }, 1],
  [{ lists: { 'tools/list': ['garbage'] } }, 1],
  [{ fault: 500 }, 1],
];
const GONE: Kind[] = [
  [{ fault: 'die' }, 1],
  [{ fault: 404 }, 1],
];
const HEALTHY: Kind[] = [[{}, 5]];

/** Servers that no one asked for their lists yet. `place`: where they are among all, by name. */
async function neverAsked(place: 'first' | 'last', kinds: Kind[]): Promise<Upstream[]> {
  const behaviours = kinds.flatMap(([behaviour, count]) => Array.from({ length: count }, () => behaviour));
  const servers: Upstream[] = [];
  for (const behaviour of behaviours) {
    const name = `${place === 'first' ? 'a' : 'z'}_${crypto.randomUUID().slice(0, 8)}`;
    const registration = { name, enabled: false, allow_on_all_virtual_keys: false };
    servers.push(await Upstream.start(['one'], { ...behaviour, registration }));
  }
  const enable = env.DB.prepare(
    'UPDATE server SET enabled = 1 WHERE id IN (SELECT value FROM json_each(?1))',
  );
  await enable.bind(JSON.stringify(servers.map(({ id }) => id))).run();
  return servers;
}

/** Someone who may use these servers, in a Worker whose waits last a fifth: what is well has time to answer on a busy machine. */
async function callerOf(servers: readonly Upstream[]): Promise<McpCaller> {
  const { value } = await newKey(servers.map(({ name }) => name)); // the catalogue is read again
  const caller = new McpCaller({ 'x-bf-vk': value });
  await caller.ask('ping');
  shortWaits(FASTER);
  return caller;
}

const FASTER = 5;
/** What a busy machine may add. Milliseconds. */
const SLACK = 400;

async function listed(caller: McpCaller) {
  const since = Date.now();
  const { result } = (await caller.ask('tools/list')).body;
  const took = Date.now() - since;
  const { 'toolgate/unavailable': unavailable = [] } = (result?._meta ?? {}) as {
    'toolgate/unavailable'?: { server: string; message: string }[];
  };
  return { took, names: result?.tools?.map(({ name }) => name).sort(), unavailable };
}

const toolsOf = (servers: readonly Upstream[]) => servers.map(({ name }) => `${name}-one`).sort();
const messagesTo = async (servers: readonly Upstream[]) =>
  (await Promise.all(servers.map((server) => server.seen()))).map((seen) => seen.length);

describe('lists beside many servers that are bad, with six connections an invocation (CONTRACT §6)', () => {
  let edge: Edge;
  beforeEach(() => {
    edge = new Edge();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('begins no seventh connection of an invocation, in the test, while six wait for headers', async () => {
    const server = await Upstream.start(['one'], { fault: 'hang', registration: { enabled: false } });
    const limit = new AbortController();
    const ask = { method: 'POST', body: '{"method":"ask"}', signal: limit.signal };
    const asked = Array.from({ length: 8 }, () => fetch(addressOf(server.name), ask).catch(() => 'given up'));
    await server.sees('ask', 6);
    limit.abort();

    expect(await Promise.all(asked)).toEqual(asked.map(() => 'given up'));
    expect(await server.seen('ask')).toHaveLength(6);
  });

  it('come within 8 s with all that is well when 10 of 20 hang, 3 answer garbage and 2 are gone, and then at once', async () => {
    const bad = await neverAsked('first', [...HANGING, ...GARBAGE, ...GONE]);
    const well = await neverAsked('last', HEALTHY);
    const caller = await callerOf([...bad, ...well]);

    const first = await listed(caller);
    const seen = await messagesTo(bad);
    const next = await listed(caller);

    expect([first.names, next.names]).toEqual([toolsOf(well), toolsOf(well)]);
    expect(first.took).toBeLessThan(8_000 / FASTER + SLACK);
    expect(first.unavailable.map(({ server }) => server).sort()).toEqual(bad.map(({ name }) => name).sort());
    for (const { server, message } of first.unavailable) expect(message).toMatch(`The server ${server} `);
    expect(next.took).toBeLessThan(SLACK);
    expect(next.unavailable).toHaveLength(bad.length);
    expect(await messagesTo(bad)).toEqual(seen);
    expect(edge.objects.size).toBe(20);
    expect(edge.worker.mostWaiting).toBe(0);
  });

  it('come with what is behind twenty servers that are silent, whose lists come behind an answer', async () => {
    const silent = await neverAsked('first', [[{ lists: { 'tools/list': ['held'] } }, 20]]);
    const well = await neverAsked('last', [[{}, 1]]);
    const caller = await callerOf([...silent, ...well]);

    const first = await listed(caller);
    const next = await listed(caller);
    for (const server of silent) await server.release();

    expect(first.names).toEqual(toolsOf(well));
    expect(next.took).toBeLessThan(SLACK);
    await vi.waitFor(async () => expect(await caller.toolNames()).toHaveLength(21));
  });

  it('do not wait for a server whose last listing was silence: it is asked again behind the answer', async () => {
    const [server] = (await neverAsked('first', [[{ fault: 'hang' }, 1]])) as [Upstream];
    const caller = await callerOf([server]);
    vi.restoreAllMocks();
    shortWaits();
    const wanted = { serverId: server.id, issuer: ISSUER, owner: null, reason: 'now' } as const;
    await env.SERVERS.get(env.SERVERS.idFromName(server.id)).list(wanted);
    await (await Upstream.start()).change({ name: `renamed_${crypto.randomUUID().slice(0, 8)}` }); // the catalogue is read again
    vi.restoreAllMocks();
    shortWaits(FASTER);
    wait(31);
    const { took, unavailable } = await listed(caller);
    await server.behave({ fault: null });
    wait(31);

    expect(unavailable).toMatchObject([{ message: expect.stringContaining('in time') }]);
    expect(took).toBeLessThan(SLACK);
    await vi.waitFor(async () => expect(await caller.toolNames()).toContain(`${server.name}-one`));
  });
});
