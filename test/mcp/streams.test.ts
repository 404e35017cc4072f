import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { shortWaits, unhurried, wait } from '../support/clock';
import { administer, configure, gate, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { OpenStream } from '../support/open-stream';
import { roundTripsOf } from '../support/round-trips';
import { Upstream } from '../support/upstream';

const TOOLS = 'notifications/tools/list_changed';
const PROMPTS = 'notifications/prompts/list_changed';
const RESOURCES = 'notifications/resources/list_changed';

/** A client of the 2025 era with a key of its own, at `path`. */
async function client(path = '/mcp', servers: string[] = []): Promise<McpCaller & { keyId: string }> {
  const key = await newKey(servers);
  const session = await new McpCaller({ 'x-bf-vk': key.value }, '2025', path).initialized();
  return Object.assign(session, { keyId: key.id });
}

/** Lists the server again, as its alarm would, with other tools or whatever else it lists now. */
async function lists(upstream: Upstream, behaviour: Record<string, unknown>): Promise<void> {
  await upstream.behave(behaviour);
  await unhurried(() => administer('POST', `/mcp/client/${upstream.id}/refresh-tools`));
}

const tools = (...names: string[]) => ({
  tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })),
});

/** From here on every stream looks again. */
async function looked(...streams: OpenStream[]): Promise<void> {
  wait(11);
  await Promise.all(streams.map((stream) => stream.looks(3)));
}

beforeEach(() => {
  shortWaits();
});
afterEach(async () => {
  await OpenStream.leaveAll();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('GET of a client session (PROTOCOL §5)', () => {
  it('is an event stream of comments, at every address', async () => {
    const upstream = await Upstream.start();
    for (const path of ['/mcp', `/mcp/${upstream.slug}`]) {
      const stream = await OpenStream.get(await client(path));
      await stream.looks(2);
      expect(stream.messages).toEqual([]);
      await stream.leave();
    }
  });

  it('is 405 without a session of ours, for one who reads JSON only, and for a client of 2026-07-28', async () => {
    const session = await client();
    const { 'mcp-session-id': _, ...others } = session.headers;
    const get = (headers: Record<string, string>) => gate('/mcp', { headers });
    const accept = 'text/event-stream';

    const answers = await Promise.all([
      get({ ...others, accept }),
      get({ ...others, accept, 'mcp-session-id': 'guessed' }),
      get({ ...session.headers, accept: 'application/json' }),
      get({ ...session.headers, accept, 'mcp-protocol-version': '2026-07-28' }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([405, 405, 405, 405]);
    expect(answers.map(({ headers }) => headers.get('allow'))).toEqual(Array(4).fill('POST, OPTIONS'));
  });

  it('initialize says that lists tell', async () => {
    const { body } = await (await McpCaller.withKey()).ask('initialize', { protocolVersion: '2025-11-25' });

    expect(body.result?.capabilities).toMatchObject({
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
    });
  });

  it('tells of the list that has changed, and of no other', async () => {
    const upstream = await Upstream.start(['a']);
    const stream = await OpenStream.get(await client());

    await lists(upstream, tools('a', 'b'));
    await looked(stream);
    expect(stream.methods).toEqual([TOOLS]);

    await lists(upstream, { prompts: [{ name: 'p' }] });
    await looked(stream);
    expect(stream.methods).toEqual([TOOLS, PROMPTS]);

    await lists(upstream, {
      resources: [{ uri: 'a://b', name: 'r' }],
      resourceTemplates: [{ uriTemplate: 'a://{b}', name: 't' }],
    });
    await looked(stream);
    expect(stream.methods).toEqual([TOOLS, PROMPTS, RESOURCES]);

    await lists(upstream, {});
    await looked(stream);
    expect(stream.messages).toHaveLength(3);
    await stream.leave();
  });

  it('tells of a definition that has changed under its name', async () => {
    const upstream = await Upstream.start(['a']);
    const stream = await OpenStream.get(await client());

    await lists(upstream, { tools: [{ name: 'a', description: 'now', inputSchema: { type: 'object' } }] });
    await looked(stream);

    expect(stream.methods).toEqual([TOOLS]);
    await stream.leave();
  });

  it('tells of servers that come, go, are disabled or narrowed', async () => {
    const stream = await OpenStream.get(await client());

    const upstream = await Upstream.start(['a', 'b']);
    await looked(stream);
    await upstream.change({ tools_to_execute: ['a'] });
    await looked(stream);
    await upstream.change({ enabled: false });
    await looked(stream);
    await upstream.change({ enabled: true });
    await looked(stream);
    await administer('DELETE', `/mcp/client/${upstream.id}`);
    await looked(stream);

    expect(stream.methods).toEqual(Array(5).fill(TOOLS));
    await stream.leave();
  });

  it('tells only whom it concerns: not who may not use that server', async () => {
    const closed = { registration: { allow_on_all_virtual_keys: false } };
    const upstream = await Upstream.start(['a'], closed);
    const other = await Upstream.start(['a']);
    const [mine, theirs, elsewhere] = await Promise.all([
      client('/mcp', [upstream.name]).then((one) => OpenStream.get(one)),
      client().then((one) => OpenStream.get(one)),
      client(`/mcp/${other.slug}`).then((one) => OpenStream.get(one)),
    ]);

    await lists(upstream, tools('a', 'secret'));
    await looked(mine, theirs, elsewhere);

    expect(mine.methods).toEqual([TOOLS]);
    expect(theirs.messages).toEqual([]);
    expect(elsewhere.messages).toEqual([]);
    await Promise.all([mine, theirs, elsewhere].map((one) => one.leave()));
  });

  it('tells a caller whose key was narrowed or widened', async () => {
    const upstream = await Upstream.start(['a', 'b'], { registration: { allow_on_all_virtual_keys: false } });
    const narrowed = await client('/mcp', [upstream.name]);
    const stream = await OpenStream.get(narrowed);
    const configs = (tools_to_execute: string[]) => ({
      mcp_configs: [{ mcp_client_name: upstream.name, tools_to_execute }],
    });

    await administer('PUT', `/governance/virtual-keys/${narrowed.keyId}`, configs(['a']));
    await looked(stream);
    await administer('PUT', `/governance/virtual-keys/${narrowed.keyId}`, configs(['a', 'b']));
    await looked(stream);

    expect(stream.methods).toEqual([TOOLS, TOOLS]);
    await stream.leave();
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['deleted', (id) => administer('DELETE', `/governance/virtual-keys/${id}`)],
    ['deactivated', (id) => administer('PUT', `/governance/virtual-keys/${id}`, { is_active: false })],
    ['rotated', (id) => administer('POST', `/governance/virtual-keys/${id}/rotate`, { reason: 'routine' })],
  ])('is closed when its key is %s', async (_, withdraw) => {
    const session = await client();
    const stream = await OpenStream.get(session);

    await withdraw(session.keyId);
    wait(11);

    await stream.ended();
    expect(stream.messages).toEqual([]);
  });

  it('is closed when its token has expired, its grant was revoked, or its address is gone', async () => {
    const upstream = await Upstream.start(['a']);
    const app = await McpClient.register();
    const opened = async (path: string) => {
      const tokens = await app.obtainGrant();
      const bearer = new McpCaller({ authorization: `Bearer ${tokens.access_token}` }, '2025', path);
      return { tokens, stream: await OpenStream.get(await bearer.initialized()) };
    };
    const [expired, revoked, gone] = [
      await opened('/mcp'),
      await opened('/mcp'),
      await opened(`/mcp/${upstream.slug}`),
    ];

    await app.revoke(revoked.tokens.refresh_token);
    await administer('DELETE', `/mcp/client/${upstream.id}`);
    wait(11);
    await Promise.all([revoked.stream.ended(), gone.stream.ended()]);
    await expired.stream.looks(2);
    wait(600);

    await expired.stream.ended();
  });

  it('is one a client session: another takes its place, and another session has its own', async () => {
    const session = await client();
    const [first, others] = [await OpenStream.get(session), await OpenStream.get(await client())];

    const second = await OpenStream.get(session);
    await first.ended();
    await second.looks(1);
    await others.looks(1);
    await Promise.all([second.leave(), others.leave()]);
  });

  it('is ended by DELETE of its session, and by no one else', async () => {
    const session = await client();
    const stranger = await client();
    const stream = await OpenStream.get(session);

    await gate('/mcp', {
      method: 'DELETE',
      headers: { ...stranger.headers, 'mcp-session-id': session.headers['mcp-session-id'] ?? '' },
    });
    await stream.looks(2);
    const ended = await gate('/mcp', { method: 'DELETE', headers: session.headers });

    expect(ended.status).toBe(204);
    await stream.ended();
  });

  it('tells a client that comes back what it has missed', async () => {
    const upstream = await Upstream.start(['a']);
    const session = await client();
    const before = await OpenStream.get(session);
    await before.looks(1);
    await before.leave();

    await lists(upstream, tools('a', 'b'));
    wait(11);
    const after = await OpenStream.get(session, { 'last-event-id': before.lastEventId });
    const [missed] = await after.until(1);
    await after.leave();
    const again = await OpenStream.get(session, { 'last-event-id': after.lastEventId });
    await again.looks(2);

    expect(missed).toEqual({ jsonrpc: '2.0', method: TOOLS });
    expect(again.messages).toEqual([]);
    await again.leave();
  });

  it('has 64 streams of a caller in an isolate, and frees them', async () => {
    const session = await client();
    const key = new McpCaller({ 'x-bf-vk': session.headers['x-bf-vk'] ?? '' });
    const sessions = await Promise.all(Array.from({ length: 64 }, () => key.initialized()));
    const streams = await Promise.all(sessions.map((one) => OpenStream.get(one)));

    const refused = await gate('/mcp', { headers: { ...session.headers, accept: 'text/event-stream' } });
    const other = await OpenStream.get(await client());
    await streams[0]?.leave();
    const freed = await vi.waitFor(() => OpenStream.get(session), { timeout: 5_000 });

    expect(refused.status).toBe(429);
    await Promise.all([...streams, other, freed].map((one) => one.leave()));
  });

  it('reads storage once for all streams of an isolate, however many there are', async () => {
    await configure({ revocation_lag: 60 });
    const streams = await Promise.all(
      Array.from({ length: 8 }, () => client().then((one) => OpenStream.get(one))),
    );
    await Promise.all(streams.map((one) => one.looks(2)));

    const trips = await roundTripsOf(async () => {
      wait(9);
      await Promise.all(streams.map((one) => one.looks(4)));
    });

    expect(trips).toBeLessThanOrEqual(2);
    await Promise.all(streams.map((one) => one.leave()));
    await configure({ revocation_lag: null });
  });
});

describe('`subscriptions/listen` (MCP 2026-07-28, Subscriptions)', () => {
  it('acknowledges first, and tells what was asked for with the id of the request', async () => {
    const upstream = await Upstream.start(['a']);
    const caller = await McpCaller.withKey('2026');
    const asked = { toolsListChanged: true, promptsListChanged: false, taskIds: ['x'] };
    const stream = await OpenStream.listen(caller, asked, 9);
    const other = await OpenStream.listen(caller, { resourcesListChanged: true }, 'other');
    const nothing = await OpenStream.listen(caller, {});

    await lists(upstream, { ...tools('a', 'b'), prompts: [{ name: 'p' }] });
    await looked(stream, other, nothing);

    const _meta = { 'io.modelcontextprotocol/subscriptionId': 9 };
    const method = 'notifications/subscriptions/acknowledged';
    expect(stream.messages).toEqual([
      { jsonrpc: '2.0', method, params: { notifications: { toolsListChanged: true }, _meta } },
      { jsonrpc: '2.0', method: TOOLS, params: { _meta } },
    ]);
    expect(other.messages).toMatchObject([
      {
        params: {
          notifications: { resourcesListChanged: true },
          _meta: { [Object.keys(_meta)[0] ?? '']: 'other' },
        },
      },
    ]);
    expect(nothing.messages).toMatchObject([{ method, params: { notifications: {} } }]);
    await Promise.all([stream, other, nothing].map((one) => one.leave()));
  });

  it('ends with a result when the caller may not be here any more', async () => {
    const key = await newKey();
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2026');
    const stream = await OpenStream.listen(caller, { toolsListChanged: true }, 4);

    await administer('DELETE', `/governance/virtual-keys/${key.id}`);
    wait(11);
    await stream.ended();

    expect(stream.messages.at(-1)).toMatchObject({
      id: 4,
      result: { resultType: 'complete', _meta: { 'io.modelcontextprotocol/subscriptionId': 4 } },
    });
  });

  it.each([undefined, null, 'all', [], { toolsListChanged: 'yes' }])('is refused for %j', async (asked) => {
    const { body } = await (await McpCaller.withKey('2026')).ask('subscriptions/listen', {
      notifications: asked,
    });

    expect(body.error?.code).toBe(-32602);
  });

  it('is no method of the 2025 era, and is nothing for one who reads JSON only', async () => {
    const older = await (await McpCaller.withKey('2025')).ask('subscriptions/listen', { notifications: {} });
    const json = (await McpCaller.withKey('2026')).with({ accept: 'application/json' });
    const refused = await json.ask('subscriptions/listen', { notifications: {} });

    expect(older.body.error?.code).toBe(-32601);
    expect(refused).toMatchObject({ status: 406, body: { error: { code: -32600 } } });
  });
});
