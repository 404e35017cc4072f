import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { listChanged } from '../../src/mcp/refresh';
import { ServerObject } from '../../src/mcp-client/server-object';
import { findServer } from '../../src/servers/find';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { admin, administer, ISSUER } from '../support/gate';
import { Upstream } from '../support/upstream';

const inputSchema = { type: 'object' };
const MINUTE = 60;
/** The interval of a server that says none. Seconds. */
const INTERVAL = 10 * MINUTE;

const objectOf = ({ id }: Upstream) => env.SERVERS.get(env.SERVERS.idFromName(id));
const stubOf = (upstream: Upstream) => objectOf(upstream) as unknown as DurableObjectStub;
const stored = (upstream: Upstream) =>
  runInDurableObject(stubOf(upstream), (_, { storage }) => [...storage.kv.list()].map(([key]) => key));
/** In how many seconds its alarm comes, to ten where it takes more than twenty: a busy machine is slow. Null: none is set. */
const wakesIn = (upstream: Upstream) =>
  runInDurableObject(stubOf(upstream), async (_, { storage }) => {
    const at = await storage.getAlarm();
    if (at === null) return null;
    const seconds = (at - Date.now()) / 1000;
    return seconds > 20 ? Math.round(seconds / 10) * 10 : Math.round(seconds);
  });
/** Ends the object as a deployment or a fault does: what it is asked is cut off. */
const restart = (upstream: Upstream) =>
  runInDurableObject(stubOf(upstream), (_, state) => state.abort('restarted')).catch(() => undefined);
const alarm = (upstream: Upstream) => runDurableObjectAlarm(stubOf(upstream));
const listings = async (upstream: Upstream) => (await upstream.seen('tools/list')).length;
const lists = (upstream: Upstream, ...tools: string[]) =>
  upstream.behave({ tools: tools.map((name) => ({ name, inputSchema })) });
const known = async ({ id }: Upstream) => (await findServer(env.DB, id)) ?? undefined;
const callerOf = ({ slug }: Upstream) => McpCaller.withKey('2025', `/mcp/${slug}`);
const terms = ({ id }: Upstream) => ({ serverId: id, issuer: ISSUER, owner: null });
/** A server that no one could list yet, and that would answer now. */
async function neverListed(tools = ['one']): Promise<Upstream> {
  const upstream = await Upstream.start(tools, { fault: 'die' });
  await upstream.behave({ fault: null });
  return upstream;
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('one listing at a time (PROTOCOL §5)', () => {
  it('is shared by fifty who ask the object at once', async () => {
    const upstream = await neverListed();
    const wanted = { ...terms(upstream), reason: 'missing' } as const;
    const answers = await Promise.all(Array.from({ length: 50 }, () => objectOf(upstream).list(wanted)));

    expect(answers.map((answer) => answer.kind === 'known' && answer.isListed)).toEqual(
      answers.map(() => true),
    );
    expect(await listings(upstream)).toBe(1);
  });

  it('costs a request one call of the object, and one that finds lists none', async () => {
    const upstream = await neverListed();
    const caller = await callerOf(upstream);
    await caller.ask('ping');
    const asked = vi.spyOn(Object.getPrototypeOf(env.SERVERS), 'get');
    await caller.toolNames();
    const first = asked.mock.calls.length;
    await caller.toolNames();
    await caller.call('one');

    expect([first, asked.mock.calls.length]).toEqual([1, 1]);
  });

  it('goes on when no one waits any more, and is not asked again for the next', async () => {
    const upstream = await neverListed();
    await upstream.behave({ lists: { 'tools/list': ['held'] } });
    shortWaits();
    const caller = await callerOf(upstream);
    const { result } = (await caller.ask('tools/list')).body;
    await upstream.release();
    await vi.waitFor(async () => expect(await caller.toolNames()).toEqual(['one']));

    expect(result?._meta).toMatchObject({ 'toolgate/unavailable': [{ server: upstream.name }] });
    expect(await listings(upstream)).toBe(1);
  });

  it('does not hold up a request in another isolate that comes when others waited for it already', async () => {
    const upstream = await neverListed();
    await upstream.behave({ lists: { 'tools/list': ['held'] } });
    const wanted = { ...terms(upstream), reason: 'missing' } as const;
    const first = objectOf(upstream).list(wanted);
    await upstream.sees('tools/list');
    wait(6);
    const next = await objectOf(upstream).list(wanted);
    await upstream.release();

    expect(next).toMatchObject({ kind: 'known', isListed: false });
    expect(await first).toMatchObject({ kind: 'known', isListed: true });
    expect(await listings(upstream)).toBe(1);
  });

  it('does not serve an administrator who asks after it began', async () => {
    const upstream = await Upstream.start(['one']);
    await upstream.behave({ lists: { 'tools/list': ['held'] } });
    const before = objectOf(upstream).list({ ...terms(upstream), reason: 'now' });
    await upstream.sees('tools/list', 2);
    const after = admin<{ tool_count: number }>('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    await upstream.behave({ lists: {}, tools: ['one', 'two'].map((name) => ({ name, inputSchema })) });
    await upstream.release();
    await before;

    expect(await after).toMatchObject({ tool_count: 2 });
    expect(await listings(upstream)).toBe(3);
  });

  it('gives up what the server was before, and stores nothing of it', async () => {
    const upstream = await Upstream.start(['old']);
    const other = await Upstream.start(['new']);
    await upstream.behave({ lists: { 'tools/list': ['held'] } });
    const before = objectOf(upstream).list({ ...terms(upstream), reason: 'now' });
    await upstream.sees('tools/list', 2);
    await other.behave({ lists: { 'tools/list': ['held'] } });
    const change = upstream.change({ connection_string: (await known(other))?.connectionString });
    await other.sees('tools/list', 2);
    const meanwhile = await known(upstream);
    await other.release();
    await change;
    await upstream.release();
    const answer = await before;

    expect(meanwhile).toMatchObject({ state: 'healthy', lastFailure: null });
    expect(answer).toMatchObject({ kind: 'known', isListed: true });
    expect(await (await callerOf(upstream)).toolNames()).toEqual(['new']);
  });
});

describe('a listing that is cut off', () => {
  it('by a restart of its object leaves what is stored, and the next asking lists', async () => {
    const upstream = await Upstream.start(['one']);
    await upstream.behave({ lists: { 'tools/list': ['hang'] } });
    const listing = objectOf(upstream)
      .list({ ...terms(upstream), reason: 'now' })
      .then(
        () => 'answered',
        () => 'cut off',
      );
    await upstream.sees('tools/list', 2);
    await restart(upstream);
    const caller = await callerOf(upstream);
    const meanwhile = await caller.toolNames();
    await upstream.behave({ lists: {} });
    await lists(upstream, 'one', 'two');
    const again = await admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);

    expect(await listing).toBe('cut off');
    expect(meanwhile).toEqual(['one']);
    expect(again).toMatchObject({ status: 200, tool_count: 2 });
    expect(await wakesIn(upstream)).toBe(INTERVAL);
  });

  it('by a restart of its object holds up no request for a server never listed', async () => {
    const upstream = await neverListed();
    await upstream.behave({ lists: { 'tools/list': ['hang'] } });
    const caller = await callerOf(upstream);
    const asking = caller.ask('tools/list');
    await upstream.sees('tools/list');
    await upstream.behave({ lists: {} });
    const since = Date.now();
    await restart(upstream);
    const { status } = await asking;
    const took = Date.now() - since;
    wait(31);

    expect(status).toBe(200);
    expect(took).toBeLessThan(4_000);
    expect(await caller.toolNames()).toEqual(['one']);
  });

  it('by a server that never answers ends, and says so', async () => {
    const upstream = await neverListed();
    await upstream.behave({ fault: 'hang' });
    shortWaits();
    await objectOf(upstream).list({ ...terms(upstream), reason: 'due' });

    expect(await known(upstream)).toMatchObject({
      state: 'unstable',
      listedAt: null,
      lastFailure: { stated: { reason: 'late' } },
    });
  });

  it('where someone waits and one list is silent ends with the tools, and the alarm reads the rest', async () => {
    const upstream = await neverListed();
    const resources = [{ uri: 'x://a', name: 'a' }];
    await upstream.behave({ lists: { 'prompts/list': ['hang'] }, prompts: [{ name: 'p' }], resources });
    const caller = await callerOf(upstream);
    shortWaits(8); // the lists that answer have time on a busy machine
    const names = await caller.toolNames();
    vi.restoreAllMocks();
    const leftOut = (await known(upstream))?.leftOut;
    const others = (await caller.ask('resources/list')).body.result?.resources;
    const wakes = await wakesIn(upstream);
    await upstream.behave({ lists: {} });
    wait(31);
    await alarm(upstream);

    expect(names).toEqual(['one']);
    expect(leftOut).toMatchObject([{ kind: 'prompt', name: '*' }]);
    expect(others).toEqual(resources);
    expect(wakes).toBe(30);
    expect((await caller.ask('prompts/list')).body.result?.prompts).toHaveLength(1);
    expect(await wakesIn(upstream)).toBe(INTERVAL);
  });

  it('of tools that are silent has the prompts', async () => {
    const upstream = await Upstream.start(['one'], { prompts: [{ name: 'p' }] });
    await upstream.behave({ lists: { 'tools/list': ['hang'] }, prompts: [{ name: 'q' }] });
    shortWaits();
    wait(INTERVAL + 1);
    await objectOf(upstream).list({ ...terms(upstream), reason: 'due' });
    const caller = await callerOf(upstream);

    expect((await caller.ask('prompts/list')).body.result?.prompts).toEqual([{ name: 'q' }]);
    expect(await caller.toolNames()).toEqual(['one']);
    expect(await known(upstream)).toMatchObject({
      state: 'unstable',
      leftOut: [{ kind: 'tool', name: '*' }],
    });
  });
});

describe('the alarm is the sync interval', () => {
  it('lists again without a caller, again and again', async () => {
    const upstream = await Upstream.start(['one']);
    const own = await Upstream.start(['one'], { registration: { tool_sync_interval: 3 } });
    const wakes = [await wakesIn(upstream), await wakesIn(own)];
    await lists(upstream, 'two');
    wait(INTERVAL + 1);
    await alarm(upstream);
    const names = await (await callerOf(upstream)).toolNames();
    wait(INTERVAL + 1);
    await alarm(upstream);

    expect(wakes).toEqual([INTERVAL, 3 * MINUTE]);
    expect(names).toEqual(['two']);
    expect(await listings(upstream)).toBe(3);
    expect(await wakesIn(upstream)).toBe(INTERVAL);
  });

  it('then is not begun by callers, whose isolates ask the object once an interval', async () => {
    const upstream = await Upstream.start(['one']);
    const caller = await callerOf(upstream);
    await caller.toolNames();
    wait(INTERVAL + 1);
    await alarm(upstream);
    const asked = vi.spyOn(ServerObject.prototype, 'list');
    await caller.toolNames();
    await vi.waitFor(() => expect(asked).toHaveBeenCalledOnce());
    await asked.mock.results[0]?.value;
    for (let at = 0; at < 5; at++) {
      await caller.toolNames();
      wait(31);
    }

    expect(await listings(upstream)).toBe(2);
    expect(asked).toHaveBeenCalledOnce();
  });

  it.each<[string, (upstream: Upstream) => Promise<unknown>]>([
    ['a disabled server', (upstream) => upstream.change({ enabled: false })],
    ['a server that is gone', ({ id }) => env.DB.prepare('DELETE FROM server WHERE id = ?1').bind(id).run()],
    ['a server no one used for a day', async () => wait(24 * 60 * MINUTE)],
  ])('of %s lists nothing, and is the last', async (_, withdraw) => {
    const upstream = await Upstream.start(['one']);
    await withdraw(upstream);
    wait(INTERVAL + 1);
    await alarm(upstream);

    expect(await listings(upstream)).toBe(1);
    expect(await wakesIn(upstream)).toBeNull();
    expect(await stored(upstream)).toEqual([]);
  });

  it('begins again with the first request of a caller', async () => {
    const upstream = await Upstream.start(['one']);
    wait(24 * 60 * MINUTE);
    await alarm(upstream);
    await lists(upstream, 'two');
    const caller = await callerOf(upstream);
    const first = await caller.toolNames();
    await vi.waitFor(async () => expect(await caller.toolNames()).toEqual(['two']));

    expect(first).toEqual(['one']);
    expect(await wakesIn(upstream)).toBe(INTERVAL);
  });

  it('stays for a server that fails, and finds it when it is back', async () => {
    const upstream = await Upstream.start(['one'], { fault: 'die' });
    wait(INTERVAL + 1);
    await alarm(upstream);
    const failed = await known(upstream);
    await upstream.behave({ fault: null });
    wait(INTERVAL + 1);
    await alarm(upstream);

    expect(failed).toMatchObject({ state: 'unstable', listedAt: null });
    expect(await known(upstream)).toMatchObject({ state: 'healthy', lastFailure: null });
  });
});

describe('a server that is deleted', () => {
  it('leaves nothing in its object, not from a listing under way, and may be deleted there again', async () => {
    const upstream = await Upstream.start(['one']);
    await upstream.behave({ lists: { 'tools/list': ['held'] } });
    const listing = objectOf(upstream).list({ ...terms(upstream), reason: 'now' });
    await upstream.sees('tools/list', 2);
    await administer('DELETE', `/mcp/client/${upstream.id}`);
    await upstream.release();
    const answer = await listing;
    await objectOf(upstream).forget();

    expect(answer).toEqual({ kind: 'gone' });
    expect(await stored(upstream)).toEqual([]);
    expect(await wakesIn(upstream)).toBeNull();
  });

  it('is gone for who asks its object late', async () => {
    const upstream = await Upstream.start(['one']);
    await administer('DELETE', `/mcp/client/${upstream.id}`);

    expect(await objectOf(upstream).list({ ...terms(upstream), reason: 'missing' })).toEqual({
      kind: 'gone',
    });
    expect(await stored(upstream)).toEqual([]);
  });
});

describe('list_changed lists again (PROTOCOL §5)', () => {
  /** Says so, and goes on when the object knows: what comes of it comes later. */
  const changed = (upstream: Upstream) =>
    runInDurableObject(stubOf(upstream), async (object, { storage }) => {
      const answer = (object as unknown as ServerObject).changed(terms(upstream));
      await vi.waitFor(async () => expect(storage.kv.get('change')).toBeDefined());
      return { answer };
    });

  it('in a moment, once for many, and only a list that differs has another stamp', async () => {
    const upstream = await Upstream.start(['one']);
    const before = await known(upstream);
    for (let at = 0; at < 5; at++) await changed(upstream);
    wait(1);
    await alarm(upstream);
    const same = await known(upstream);
    await lists(upstream, 'two');
    await changed(upstream);
    wait(1);
    await alarm(upstream);

    expect(await listings(upstream)).toBe(3);
    expect(same?.listingStamp).toBe(before?.listingStamp);
    expect((await known(upstream))?.listingStamp).not.toBe(before?.listingStamp);
    expect(await stored(upstream)).toEqual(['state', 'version']);
    expect(await wakesIn(upstream)).toBe(INTERVAL);
  });

  it('for each that heard it, who gets what came of it', async () => {
    const upstream = await Upstream.start(['one']);
    const before = await known(upstream);
    await lists(upstream, 'two');
    const answers = Array.from({ length: 3 }, () => objectOf(upstream).changed(terms(upstream)));
    const [one, ...others] = await Promise.all(answers);

    expect(one).toMatchObject({ kind: 'known', isListed: true });
    expect(one?.kind === 'known' && one.server.listingStamp).not.toBe(before?.listingStamp);
    expect(others).toEqual([one, one]);
    expect(await listings(upstream)).toBe(2);
  });

  it('ten times at once, then every ten seconds, and what was said in between is not lost', async () => {
    const upstream = await Upstream.start(['one']);
    const sayAndList = async () => {
      await changed(upstream);
      const isDue = ((await wakesIn(upstream)) ?? 0) < 1;
      if (isDue) {
        wait(0.2);
        await alarm(upstream);
      }
      return isDue;
    };
    const atOnce: boolean[] = [];
    for (let at = 0; at < 11; at++) atOnce.push(await sayAndList());
    const soon = await wakesIn(upstream);
    const before = await listings(upstream);
    for (let at = 0; at < 30; at++) {
      wait(1); // it goes on saying so
      await sayAndList();
    }

    expect(atOnce).toEqual([...Array(10).fill(true), false]);
    expect(soon).toBeGreaterThanOrEqual(8);
    expect(soon).toBeLessThanOrEqual(10);
    expect(before).toBe(11);
    expect((await listings(upstream)) - before).toBeLessThanOrEqual(4);
    expect((await listings(upstream)) - before).toBeGreaterThanOrEqual(2);
  });

  it('when it is heard on a stream: its object is told once in a burst, and once more of what came meanwhile', async () => {
    const upstream = await Upstream.start(['one']);
    const server = await known(upstream);
    if (!server) throw new Error('it was made');
    const by = {
      gate: { env, issuer: ISSUER },
      caller: { subject: null },
      session: null,
      headers: new Headers(),
      entries: [{ server }],
    };
    const told = vi.spyOn(ServerObject.prototype, 'changed');
    for (let at = 0; at < 100; at++) listChanged(by as unknown as Parameters<typeof listChanged>[0], server);
    await vi.waitFor(async () => expect(await listings(upstream)).toBe(3), { timeout: 5_000 });

    expect(told).toHaveBeenCalledTimes(2);
  });
});
