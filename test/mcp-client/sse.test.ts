import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { markVerified } from '../../src/servers/store';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { eventsOf, McpCaller, wholeAnswer } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { administer, newKey } from '../support/gate';
import { type Added, SseServer } from '../support/sse-server';

/** A client session at a server of its own. */
async function session(tools: string[] = ['echo'], behaviour: Record<string, unknown> = {}) {
  const server = await SseServer.added(tools, behaviour);
  const caller = await McpCaller.withKey('2025', `/mcp/${server.slug}`);
  return { server, caller, client: await caller.initialized() };
}

type Answer = Awaited<ReturnType<McpCaller['call']>>;
const textOf = ({ body }: Answer) => body.result?.content?.[0]?.text ?? JSON.stringify(body);
const sessionsOf = async (server: SseServer) =>
  (await server.seen('tools/call')).map(({ session }) => session);
/** The ids of the objects there are. */
const objects = async () => (await listDurableObjectIds(env.SESSIONS)).map(String);
/** Restarts the object that was made since `before`, as the platform does now and then. */
async function lose(before: string[]): Promise<void> {
  const [id = ''] = (await objects()).filter((id) => !before.includes(id));
  const object = env.SESSIONS.get(env.SESSIONS.idFromString(id)) as unknown as DurableObjectStub;
  await runInDurableObject(object, (_, state) => state.abort()).catch(() => undefined);
}
const openOf = async (server: SseServer) => (await server.streams()).open;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a server of the transport of 2024-11-05 (MCP 2024-11-05, HTTP with SSE)', () => {
  it.each([
    ['a path', {}],
    ['a whole URL', { endpoint: 'absolute' }],
    ['a message answered with 200 and words', { accepted: 200, words: 'Accepted for delivery' }],
  ])('is listed and called in the 2025 era: %s', async (_, behaviour) => {
    const { server, client } = await session(['echo'], behaviour);
    const modern = new McpCaller(client.headers, '2026', client.path);

    expect(await client.toolNames()).toEqual(['echo']);
    expect(textOf(await client.call('echo'))).toMatch(/^echo ran in s\d/);
    expect(textOf(await modern.call('echo'))).toMatch(/^echo ran in s\d/);
    expect(await server.seen('server/discover')).toEqual([]);
    const called = (await server.seen('tools/call')).map(({ headers }) => headers);
    for (const headers of called) expect(headers).not.toHaveProperty('mcp-session-id');
  });

  it('refuses in its own words, by JSON-RPC or HTTP', async () => {
    const { server, client } = await session(['error', 'echo']);
    const refused = await client.call('error');
    await server.behave({ faults: { 'tools/call': 500 } });
    const failed = await client.call('echo');

    expect(refused.body.error).toEqual({ code: -32000, message: 'it broke' });
    expect(failed.body.result?.isError).toBe(true);
    expect(textOf(failed)).toContain('failed (HTTP 500): “Out of order”');
  });

  it('tells its progress, and what belongs to no request while there is one', async () => {
    const { server, client } = await session(['progress', 'log']);
    const progressing = client.send('tools/call', { name: 'progress', _meta: { progressToken: 'mine' } });
    await server.sees('tools/call');
    await server.release();
    const progress = eventsOf(await (await progressing).text());
    const logging = client.send('tools/call', { name: 'log' });
    await server.sees('tools/call', 2);
    await server.release();
    const log = eventsOf(await (await logging).text());

    expect(progress).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'mine' } },
      { id: 1 },
    ]);
    expect(log).toMatchObject([{ method: 'notifications/message' }, { id: 2 }]);
  });

  it('is understood with its id last, as text, and over several lines', async () => {
    const { client } = await session(['backwards']);

    expect(textOf(await client.call('backwards'))).toMatch(/^backwards ran/);
  });

  it('is not listened to about other requests', async () => {
    const { client } = await session(['strangers']);
    const response = await client.send('tools/call', { name: 'strangers' });
    const text = await response.text();

    expect(text).toContain('strangers ran');
    expect(eventsOf(text)).toHaveLength(1);
  });

  it('has its ping answered, and is refused its questions at once', async () => {
    const { server, client } = await session(['ask']);
    const asking = client.send('tools/call', { name: 'ask' });
    await vi.waitFor(async () =>
      expect((await server.seen()).filter(({ message }) => 'id' in message && !message.method)).toHaveLength(
        2,
      ),
    );
    await server.release();

    expect(textOf(await wholeAnswer(await asking))).toMatch(/^ask ran/);
    const answers = (await server.seen()).filter(({ message }) => 'id' in message && !message.method);
    expect(answers.map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        { jsonrpc: '2.0', id: 'p1', result: {} },
        expect.objectContaining({ id: 'q1', error: expect.objectContaining({ code: -32601 }) }),
      ]),
    );
  });

  it('hears in the same session that a request is not wanted any more', async () => {
    const { server, client } = await session(['held']);
    const calling = client.send('tools/call', { name: 'held' }, { id: 'h' });
    const [call] = await server.sees('tools/call');
    await client.notify('notifications/cancelled', { requestId: 'h', reason: 'mine' });
    const [cancelled] = await server.sees('notifications/cancelled');
    await server.release();
    await (await calling).text();

    expect(cancelled?.session).toBe(call?.session);
    expect(cancelled?.message.params).toEqual({ requestId: call?.message.id, reason: 'mine' });
  });

  it('answers several requests at a time over one stream, each its own', async () => {
    const { server, client } = await session(['held_a', 'held_b', 'echo']);
    const [a, b] = [client.call('held_a'), client.call('held_b')];
    await server.sees('tools/call', 2);
    const quick = await client.call('echo');
    await server.release();

    expect([textOf(await a), textOf(await b), textOf(quick)].map((text) => text?.split(' ')[0])).toEqual([
      'held_a',
      'held_b',
      'echo',
    ]);
    expect(new Set(await sessionsOf(server)).size).toBe(1);
  });

  it('flow in parts when they are long and say their id last, one after the other', async () => {
    const { client } = await session(['huge', 'long', 'echo']);
    const texts: (string | undefined)[] = [];
    for (const tool of ['huge', 'long', 'huge', 'huge', 'echo']) {
      const { body } = await client.call(tool);
      texts.push(body.result?.content?.[0]?.text?.slice(0, 4));
    }

    expect(texts).toEqual(['aaaa', 'ääää', 'aaaa', 'aaaa', expect.any(String)]);
  });

  it('may send what is too long to be held, but not while several wait', async () => {
    const { server, client } = await session(['long', 'held', 'endless']);
    const long = await client.call('long');
    const others = [client.call('held'), client.call('endless')];
    const failed = await Promise.all(others);

    expect(textOf(long)).toHaveLength(1_000_000);
    for (const each of failed) expect(textOf(each)).toContain('ended its answer before it was complete');
    await vi.waitFor(async () => expect(await openOf(server)).toBe(0));
  });

  it('gets our credentials with the stream and with every message', async () => {
    const server = await SseServer.start(['echo'], { demands: ['x-key'] });
    await server.add({ connection_type: 'sse', auth_type: 'headers', headers: { 'x-key': 'a-secret' } });
    const caller = await McpCaller.withKey('2025', `/mcp/${server.slug}`);

    expect(textOf(await caller.call('echo'))).toMatch(/^echo ran/);
    const seen = await server.seen();
    expect(seen.length).toBeGreaterThan(5);
    expect(new Set(seen.map(({ headers }) => headers['x-key']))).toEqual(new Set(['a-secret']));
    await server.behave({ demands: ['x-other'] });
    expect(textOf(await caller.call('echo'))).toContain('did not accept this gateway’s'.replace('’', "'"));
  });

  it('is found behind a sign-in, and gets a renewed token when it refuses one, for a message or the stream', async () => {
    const provider = await AuthorizationServer.start();
    const server = await SseServer.start(['echo'], { issuer: provider.issuer });
    await server.add({ auth_type: 'per_user_oauth' });
    const key = await newKey();
    await new Account(server.id, 'gateway').connect(provider, 'the administrator');
    await new Account(server.id, `vk:${key.id}`).connect(provider, 'ann');
    await markVerified(env.DB, server.id);
    await administer('POST', `/mcp/client/${server.id}/refresh-tools`);
    const { client } = await administer<Added>('GET', `/mcp/client/${server.id}`);
    const path = `/mcp/${client.endpoint_slug}`;
    const caller = await new McpCaller({ 'x-bf-vk': key.value }, '2025', path).initialized();
    const refuseLast = async () => {
      const tokens = (await server.seen('tools/call')).map(({ headers }) => headers.authorization ?? '');
      await server.behave({ refused: tokens.map((token) => token.replace('Bearer ', '')) });
      wait(300);
    };
    const answers = [await caller.call('echo')];
    await refuseLast();
    answers.push(await caller.call('echo'));
    await refuseLast();
    await server.restart();
    answers.push(await caller.call('echo'));

    expect(client).toMatchObject({ connection_type: 'sse', state: 'healthy' });
    for (const answer of answers) expect(textOf(answer)).toMatch(/^echo ran/);
    const ran = (await server.seen('tools/call')).map(({ headers }) => headers.authorization);
    expect(new Set(ran).size).toBe(3);
  });

  it.each([
    'https://elsewhere.example/messages',
    'http://127.0.0.1:9/messages',
    '//elsewhere.example/messages',
    'http://user:secret@127.0.0.1/messages',
  ])('is refused an endpoint of another origin: %s', async (endpoint) => {
    const server = await SseServer.start(['echo'], { endpoint });
    const reached: string[] = [];
    const real = globalThis.fetch;
    vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      reached.push(new Request(input).url);
      return real(input, init);
    });
    const { message } = await server.add({ connection_type: 'sse' });

    expect(message).toContain(`wants its messages sent to another origin than its own: “${endpoint}”`);
    expect(reached.filter((url) => new URL(url).origin !== new URL(server.site).origin)).toEqual([]);
  });
});

describe('sessions of the transport of 2024-11-05 (PROTOCOL §§1, 7)', () => {
  it('are one per client session, and another for every other', async () => {
    const { server, caller, client } = await session();
    const other = await caller.initialized();
    for (const each of [client, client, other, client, other]) await each.call('echo');
    const [a, b] = [...new Set(await sessionsOf(server))];

    expect(await sessionsOf(server)).toEqual([a, a, b, a, b]);
    expect(await openOf(server)).toBe(2);
  });

  it('without a client session are one per call, which is closed after it', async () => {
    const { server, caller } = await session();
    const before = await listDurableObjectIds(env.SESSIONS);
    const modern = new McpCaller(caller.headers, '2026', caller.path);
    for (const each of [caller, modern, caller]) await each.call('echo');
    await vi.waitFor(async () => expect(await openOf(server)).toBe(0));

    expect(new Set(await sessionsOf(server)).size).toBe(3);
    expect(await listDurableObjectIds(env.SESSIONS)).toEqual(before);
  });

  it('fail the calls on their way when their stream is cut, which are not sent again; the next call begins another', async () => {
    const { server, client } = await session(['held', 'echo']);
    const calls = [client.call('held'), client.call('held')];
    await server.sees('tools/call', 2);
    await server.restart();
    const failed = await Promise.all(calls);
    const after = await client.call('echo');

    for (const each of failed) {
      expect(each.body.result?.isError).toBe(true);
      expect(textOf(each)).toContain('ended its answer before it was complete');
    }
    expect(textOf(after)).toMatch(/^echo ran/);
    expect(await server.seen('tools/call')).toHaveLength(3);
  });

  it('begin anew when the server was restarted, or the object that held them', async () => {
    const { server, client } = await session();
    const before = await objects();
    await client.call('echo');
    await server.restart();
    const restarted = await client.call('echo');
    await lose(before);
    const evicted = await client.call('echo');

    expect([restarted, evicted].map(textOf)).toEqual([
      expect.stringMatching(/^echo ran/),
      expect.stringMatching(/^echo ran/),
    ]);
    expect(new Set(await sessionsOf(server)).size).toBe(3);
  });

  it('fail a call that is being sent when the object is lost, which says nothing of the server', async () => {
    const { server, client } = await session(['silent', 'echo']);
    const before = await objects();
    await client.call('echo');
    const calling = client.call('silent');
    await server.sees('tools/call', 2);
    await lose(before);
    const failed = await calling;

    expect(textOf(failed)).toContain('lost its connection to the server');
    expect(textOf(await client.call('echo'))).toMatch(/^echo ran/);
    expect((await administer<Added>('GET', `/mcp/client/${server.id}`)).client.state).toBe('healthy');
  });

  it('are closed after 60 idle seconds, never while a call is on its way', async () => {
    const { server, client } = await session(['held', 'echo']);
    await administer('PUT', `/mcp/client/${server.id}`, { tool_execution_timeout: 300 });
    const limits = shortWaits();
    await client.call('echo');
    const [idle] = await sessionsOf(server);
    wait(60);
    await vi.waitFor(async () => expect(await openOf(server)).toBe(0), 10_000);
    const calling = client.call('held');
    await server.sees('tools/call', 2);
    const asked = limits.length;
    wait(60);
    await vi.waitFor(() => expect(limits.slice(asked)).toContain(60_000), 10_000);
    const open = await openOf(server);
    await server.release();

    expect(limits).toContain(60_000);
    expect(open).toBe(1);
    expect(textOf(await calling)).toMatch(/^held ran/);
    expect((await sessionsOf(server))[1]).not.toBe(idle);
  });

  it('are closed with their client session', async () => {
    const { server, client } = await session();
    await client.call('echo');
    const open = await openOf(server);
    const ended = await client.post('', { method: 'DELETE', body: null });
    await server.sees('closed', (await server.streams()).begun);

    expect([open, ended.status, await openOf(server)]).toEqual([1, 204, 0]);
  });

  it.each([
    ['while it is answered', 'held'],
    ['before the server has taken it', 'silent'],
  ])('forget the call of a client that has left: %s', async (_, name) => {
    const { server, client } = await session([name, 'log']);
    const leaving = await client.send('tools/call', { name });
    await leaving.body?.cancel();

    await vi.waitFor(async () => {
      const logging = client.send('tools/call', { name: 'log' });
      await server.sees('tools/call', (await sessionsOf(server)).length);
      await server.release();
      expect(eventsOf(await (await logging).text())).toHaveLength(2); // there is no other whose it may be
    }, 10_000);
    expect(new Set(await sessionsOf(server)).size).toBe(1);
  });

  it('go on when a client reads nothing of its answer', async () => {
    const { client } = await session(['echo', 'long']);
    shortWaits();
    const stalled = await client.send('tools/call', { name: 'long' });
    const answer = await client.call('echo');
    await stalled.body?.cancel();

    expect(textOf(answer)).toMatch(/^echo ran/);
  });

  it('of one call are told that it is not wanted any more, before they are closed', async () => {
    const { server, caller } = await session(['held']);
    const modern = new McpCaller(caller.headers, '2026', caller.path);
    const leaving = await modern.send('tools/call', { name: 'held' });
    await leaving.body?.cancel();
    const [cancelled] = await server.sees('notifications/cancelled');

    expect(cancelled?.session).toBe((await sessionsOf(server))[0]);
    await vi.waitFor(async () => expect(await openOf(server)).toBe(0));
  });
});

describe('finding a server of the transport of 2024-11-05 (PROTOCOL §7)', () => {
  it('by its address, or that of its site', async () => {
    const [byAddress, bySite] = [await SseServer.start(), await SseServer.start()];
    const added = [await byAddress.add(), await bySite.add({ connection_string: bySite.site })];

    for (const [at, server] of [byAddress, bySite].entries()) {
      const { client, message } = added[at] as (typeof added)[0];
      const { connection_type, connection_string, state } = client;
      expect({ connection_type, connection_string, state }).toEqual({
        connection_type: 'sse',
        connection_string: server.address,
        state: 'healthy',
      });
      expect(message).toContain('lists 1 tool');
      expect(message).toContain('HTTP+SSE transport');
    }
    expect(added[1]?.message).toContain(`It was found at ${bySite.address}`);
  });

  it('behind header values, which only its own address is asked with', async () => {
    const server = await SseServer.start(['echo'], { demands: ['x-key'] });
    const { client } = await server.add({ auth_type: 'headers', headers: { 'x-key': 'a-secret' } });
    const caller = await McpCaller.withKey('2025', `/mcp/${server.slug}`);

    expect(client).toMatchObject({ connection_type: 'sse', state: 'healthy' });
    expect(textOf(await caller.call('echo'))).toMatch(/^echo ran/);
  });

  it('but not at an address of 2024-11-05 that says nothing within its time', async () => {
    const server = await SseServer.start(['echo'], { endpoint: '' });
    shortWaits();
    const { client } = await server.add({ connection_type: 'sse' });

    expect(client.state).toBe('unstable');
    await vi.waitFor(async () => expect(await openOf(server)).toBe(0));
  });
});
