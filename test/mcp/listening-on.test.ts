import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../src/accounts/connect';
import { currentSettings } from '../../src/config';
import { listenIn } from '../../src/mcp-client/questions/listening';
import { beginSession } from '../../src/mcp-client/sessions/session-life';
import { findServer } from '../../src/servers/find';
import type { Server } from '../../src/servers/server';
import { markVerified } from '../../src/servers/store';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller, modern, wholeAnswer } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { administer, ISSUER, newKey } from '../support/gate';
import { granted } from '../support/granted';
import { listedAgain } from '../support/list-changes';
import { OpenStream } from '../support/open-stream';
import { Upstream } from '../support/upstream';

const UPDATED = 'notifications/resources/updated';
const LOG = 'notifications/message';
const TOOLS = 'notifications/tools/list_changed';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const DOC = { uri: 'doc://a', name: 'a' };
const HELLO = { level: 'info', data: 'hello' };
const question = (message = 'Who?') =>
  `{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"${message}","requestedSchema":{"type":"object"}}}`;

afterEach(async () => {
  await OpenStream.leaveAll();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const talking = (behaviour: Record<string, unknown> = {}) =>
  Upstream.start(['a'], { streams: true, resources: [DOC], ...behaviour });

/** A client of the 2025 era at one server. */
const at = async ({ slug }: Upstream, capabilities: Record<string, unknown> = {}) =>
  (await McpCaller.withKey('2025', `/mcp/${slug}`)).initialized(capabilities);

/** The answers that a server got to what it asked, or was told of its questions. */
const answersAt = async (upstream: Upstream) =>
  (await upstream.seen()).filter(({ message, text }) => text && !message.method).map(({ text }) => text);

/** The object of the client session that `work` begins. */
async function sessionOf<T>(work: () => Promise<T>): Promise<[T, DurableObjectStub]> {
  const before = (await listDurableObjectIds(env.SESSIONS)).map(String);
  const done = await work();
  const [own] = (await listDurableObjectIds(env.SESSIONS)).filter((id) => !before.includes(String(id)));
  return [done, env.SESSIONS.get(own as DurableObjectId)];
}

describe('a client that listens (PROTOCOL §5)', () => {
  it('hears on after its server has forgotten the session: in another, with its subscriptions', async () => {
    const upstream = await talking();
    const client = await at(upstream);
    shortWaits();
    const stream = await OpenStream.get(client);
    await client.ask('resources/subscribe', { uri: DOC.uri });
    await upstream.opens(1);

    await upstream.forgetSessions();
    await upstream.cut();
    await upstream.sees('resources/subscribe', 2);
    await upstream.opens(1);
    await upstream.says(UPDATED, { uri: DOC.uri });
    await stream.until(1);

    expect(stream.methods).toEqual([UPDATED]);
  });

  it('hears on after a server that says so with 400, twice within a minute', async () => {
    const upstream = await talking({ forgetting: 400 });
    const client = await at(upstream);
    shortWaits();
    const stream = await OpenStream.get(client);
    await client.ask('resources/subscribe', { uri: DOC.uri });
    await upstream.opens(1);

    for (const count of [2, 3]) {
      await upstream.forgetSessions();
      await upstream.cut();
      await upstream.sees('resources/subscribe', count);
      await upstream.opens(1);
    }
    await upstream.says(UPDATED, { uri: DOC.uri });

    expect((await stream.until(1)).map(({ method }) => method)).toEqual([UPDATED]);
  });

  it('costs no token and no session where a server refuses its stream alone', async () => {
    const provider = await AuthorizationServer.start();
    const name = `up_${crypto.randomUUID().slice(0, 8)}`;
    const upstream = await Upstream.start(['whoami'], {
      paths: { [`GET /${name}/mcp`]: { status: 401 } },
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { name, auth_type: 'per_user_oauth', tool_sync_interval: 10_080 },
    });
    await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
    await markVerified(env.DB, upstream.id);
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(provider, 'ann');
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    const client = await caller.initialized();
    await client.call('whoami');
    shortWaits();
    await OpenStream.get(client);
    await upstream.sees('ping');
    const { body } = await client.call('whoami');
    const calls = await upstream.seen('tools/call');

    expect(body.result?.content?.[0]?.text).toBe('ann');
    expect(new Set(calls.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
    expect(await provider.tokenRequests('refresh_token')).toEqual([]);
  });

  it('of 2026-07-28 hears on after its token has expired', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await Upstream.start(['whoami'], {
      era: '2026',
      streams: true,
      capabilities: { tools: { listChanged: true } },
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'per_user_oauth', tool_sync_interval: 10_080 },
    });
    await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
    await markVerified(env.DB, upstream.id);
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(provider, 'ann');
    const client = new McpCaller({ 'x-bf-vk': key.value }, '2026', `/mcp/${upstream.slug}`);
    shortWaits();
    await OpenStream.listen(client, { toolsListChanged: true });
    await upstream.opens(1);

    await provider.lose('expire');
    await upstream.cut();
    const listens = async () => (await upstream.seen('subscriptions/listen')).length;
    await expect
      .poll(async () => {
        wait(20);
        return listens();
      })
      .toBeGreaterThan(2); // the first, one that was refused, and one with another token

    await upstream.opens(1);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it('hears on after its token has expired', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await Upstream.start(['whoami'], {
      streams: true,
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'per_user_oauth', tool_sync_interval: 10_080 },
    });
    await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
    await markVerified(env.DB, upstream.id);
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(provider, 'ann');
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    const client = await caller.initialized();
    await client.call('whoami');
    shortWaits();
    const stream = await OpenStream.get(client);
    await upstream.opens(1);

    await provider.lose('expire');
    await upstream.cut();
    await upstream.sees('initialize', (await upstream.seen('initialize')).length + 1);
    await upstream.opens(1);
    await upstream.says(LOG, HELLO);
    await stream.until(1);

    expect(stream.methods).toEqual([LOG]);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it.each(['2025', '2026'])(
    'hears of lists of a server of %s that was away when its stream began',
    async (era) => {
      const upstream = await talking({ era, capabilities: { tools: { listChanged: true } } });
      const client = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
      await upstream.behave({ fault: 503 });
      shortWaits();
      const stream = await OpenStream.listen(client, { toolsListChanged: true });
      const method = era === '2026' ? 'subscriptions/listen' : 'initialize';
      const { length } = await upstream.sees(method);
      await upstream.behave({ fault: null });
      await expect
        .poll(async () => {
          wait(20);
          return (await upstream.seen(method)).length;
        })
        .toBeGreaterThan(length);

      await upstream.opens(1);
      await upstream.behave({
        tools: ['a', 'new'].map((name) => ({ name, inputSchema: { type: 'object' } })),
      });
      await upstream.says(TOOLS);
      await listedAgain(upstream);
      await stream.until(2);

      expect(stream.methods.at(-1)).toBe(TOOLS);
    },
  );

  it('is not deaf for good to a server because a request of it was lost with its isolate', async () => {
    const upstream = await talking();
    const client = await at(upstream);
    const [, object] = await sessionOf(() => client.call('a'));
    shortWaits();
    const stream = await OpenStream.get(client);
    await upstream.opens(1);
    const flight = { serverId: upstream.id, id: 12_345, clientId: '"c"', sentAt: Date.now(), listens: true };
    await (object as unknown as { follow(flight: object): Promise<void> }).follow({
      ...flight,
      session: { id: 'x', version: '2025-11-25' },
    });
    await upstream.opens(0);

    wait(331);
    await runDurableObjectAlarm(object);
    await upstream.opens(1);
    await upstream.says(LOG, HELLO);

    expect((await stream.until(1)).at(-1)).toMatchObject({ method: LOG });
  });

  it('loses one message to a fault, and not the stream', async () => {
    const upstream = await Upstream.start(['a'], { streams: true });
    const server = (await findServer(env.DB, upstream.id)) as Server;
    const peer = await connect(env, await currentSettings(env), ISSUER, server, {
      owner: null,
      sharer: null,
    });
    const session = await beginSession(peer, AbortSignal.timeout(5_000), false);
    const stop = new AbortController();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    let count = 0;
    const listening = listenIn(peer, session, stop.signal, async ({ params }) => {
      if (++count === 1) throw new Error('D1_ERROR: Network connection lost.');
      resolve(params);
    });
    await upstream.opens(1);

    await upstream.says(LOG, { n: 1 });
    await upstream.says(LOG, { n: 2 });

    expect(await promise).toEqual({ n: 2 });
    expect((await upstream.seen()).filter(({ method }) => method === 'GET')).toHaveLength(1);
    stop.abort();
    await listening;
  });
});

describe('resources/subscribe (PROTOCOL §5)', () => {
  it('takes no address that is longer than any', async () => {
    const upstream = await talking();
    const client = await at(upstream);

    const { status, body } = await client.ask('resources/subscribe', { uri: `doc://${'x'.repeat(4_096)}` });

    expect([status, body.error?.code]).toEqual([200, -32602]);
    expect(body.error?.message).toContain('params.uri');
    expect(await upstream.seen('resources/subscribe')).toEqual([]);
  });

  it('keeps one that stands when the same is refused', async () => {
    const upstream = await talking();
    const client = await at(upstream);
    shortWaits();
    await OpenStream.get(client);
    await client.ask('resources/subscribe', { uri: DOC.uri });
    await upstream.opens(1);
    const lists = { 'resources/subscribe': ['{"error":{"code":-32600,"message":"already subscribed"}}'] };
    await upstream.behave({ lists });
    await client.ask('resources/subscribe', { uri: DOC.uri });
    await upstream.behave({ lists: {} });

    await upstream.forgetSessions();
    await upstream.cut();

    const seen = await upstream.sees('resources/subscribe', 3); // in the session that is over as well, it may be
    expect(seen.at(-1)?.message.params).toMatchObject({ uri: DOC.uri });
  });

  it('lets its server ask where the client has no stream', async () => {
    const asks = { 'resources/subscribe': [{ on: 'stream', text: question() }] };
    const upstream = await talking({ answers: 'events', asks });
    const client = await at(upstream, { elicitation: {} });
    const call = new CallUnderWay(await client.send('resources/subscribe', { uri: DOC.uri }, { id: 's' }));
    const { id } = await call.message(0);
    const { status } = await client.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });

    expect(status).toBe(202);
    await call.message(1);
    await call.leave();
  });

  it.each(['json', 'events'])('counts none that its server refused, in %s', async (answers) => {
    const refused = { 'resources/subscribe': ['{"error":{"code":-32602,"message":"no"}}'] };
    const upstream = await talking({ answers, lists: refused });
    const client = await at(upstream);
    for (let n = 0; n < 101; n++) await client.ask('resources/subscribe', { uri: `doc://${n}` });
    await upstream.behave({ lists: {} });

    const { body } = await client.ask('resources/subscribe', { uri: DOC.uri });

    expect(body.error).toBeUndefined();
  });
});

describe('a question of a server (PROTOCOL §4)', () => {
  it.each([
    [503, 503],
    [408, 503],
    [400, 400],
    [404, 400],
  ])(
    'whose answer meets %i is told as %i, and can be answered again where its server lives',
    async (fault, told) => {
      const upstream = await Upstream.start(['asks'], {
        asks: { asks: [{ text: question() }] },
        streams: true,
      });
      const client = await at(upstream, { elicitation: {} });
      const call = new CallUnderWay(await client.send('tools/call', { name: 'asks' }, { id: 'call' }));
      const { id } = await call.message(0);
      await upstream.behave({ fault });
      const first = await client.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });
      await upstream.behave({ fault: null });
      const second = await client.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });
      await call.message(1);

      expect([first.status, second.status]).toEqual([told, 202]);
      await call.leave();
    },
  );

  it('gets its answer although the token has expired meanwhile', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await Upstream.start(['whoami', 'asks'], {
      streams: true,
      asks: { asks: [{ text: question() }] },
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'per_user_oauth', tool_sync_interval: 10_080 },
    });
    await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
    await markVerified(env.DB, upstream.id);
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(provider, 'ann');
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    const client = await caller.initialized({ elicitation: {} });
    const call = new CallUnderWay(await client.send('tools/call', { name: 'asks' }, { id: 'call' }));
    const { id } = await call.message(0);

    await provider.lose('expire');
    const { status } = await client.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });
    await call.message(1);

    expect(status).toBe(202);
    expect(await answersAt(upstream)).toHaveLength(2);
    await call.leave();
  });

  it('that no stream has room for is refused at once', async () => {
    const long = question('x'.repeat(1_100_000));
    const upstream = await Upstream.start(['asks'], {
      asks: { asks: [{ on: 'stream', text: long }] },
      streams: true,
    });
    const client = await at(upstream, { elicitation: {} });

    const { body } = await client.call('asks');

    expect(body.result).toBeDefined();
    expect(JSON.parse((await answersAt(upstream))[0] ?? '')).toMatchObject({
      id: 1,
      error: { code: -32603 },
    });
  });

  it('is asked again ten minutes after as many as may wait', async () => {
    const upstream = await talking();
    const client = await at(upstream, { elicitation: {} });
    await client.call('a');
    const stream = await OpenStream.get(client);
    await upstream.opens(1);
    const ask = (id: number) =>
      upstream.says('elicitation/create', { message: 'Who?', requestedSchema: { type: 'object' } }, id);
    for (let n = 1; n <= 256; n++) await ask(n);
    await stream.until(256);
    await ask(257);
    await expect.poll(() => answersAt(upstream)).toHaveLength(1);

    wait(601);
    await ask(258);

    expect(await stream.until(257)).toHaveLength(257);
  });

  it('is not asked for ever of a client that comes back without an answer', async () => {
    const upstream = await Upstream.start(['asks'], {
      asks: { asks: [{ text: question() }] },
      streams: true,
    });
    const client = await granted('2026', `/mcp/${upstream.slug}`);
    shortWaits();
    const send = async (more: object) => {
      const params = modern(
        { name: 'asks', arguments: {}, ...more },
        { [CAPABILITIES]: { elicitation: {} } },
      );
      return (await wholeAnswer(await client.send('tools/call', params, { id: 1 }))).body;
    };
    let asked = 0;
    let { result } = (await send({})) as { result?: { requestState?: string; isError?: boolean } };
    for (; result?.requestState && asked < 100; asked++)
      ({ result } = (await send({ requestState: result.requestState, inputResponses: {} })) as never);

    expect([asked, result?.isError]).toEqual([63, true]);
    expect(await upstream.sees('notifications/cancelled')).toHaveLength(1);
  });

  it('whose call goes on for long keeps no alarm busy', async () => {
    const asks = { asks: [{ text: question() }, { text: '$hold' }] };
    const upstream = await Upstream.start(['asks'], { asks, streams: true });
    const client = await granted('2026', `/mcp/${upstream.slug}`);
    const send = (more: object) =>
      client.send(
        'tools/call',
        modern({ name: 'asks', arguments: {}, ...more }, { [CAPABILITIES]: { elicitation: {} } }),
        { id: 1 },
      );
    const [{ body }, object] = await sessionOf(async () => wholeAnswer(await send({})));
    const asked = body.result as unknown as { inputRequests: Record<string, unknown>; requestState: string };
    const names = Object.keys(asked.inputRequests);
    const inputResponses = Object.fromEntries(names.map((name) => [name, { action: 'accept' }]));
    const again = await send({ requestState: asked.requestState, inputResponses });
    await expect.poll(() => answersAt(upstream)).toHaveLength(1);
    wait(601);

    await runDurableObjectAlarm(object);
    const due = await runInDurableObject(object, (_, { storage }) => storage.getAlarm());

    expect(due).toBeGreaterThan(Date.now() + 1_000);
    await again.body?.cancel();
  });
});
