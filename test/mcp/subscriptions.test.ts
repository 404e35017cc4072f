import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { shortWaits, unhurried, wait } from '../support/clock';
import { administer, configure, gate, newKey } from '../support/gate';
import { granted } from '../support/granted';
import { listedAgain, looked } from '../support/list-changes';
import { OpenStream } from '../support/open-stream';
import { Upstream } from '../support/upstream';

const TOOLS = 'notifications/tools/list_changed';
const UPDATED = 'notifications/resources/updated';
const DOC = { uri: 'doc://a', name: 'a' };

const tools = (...names: string[]) => ({
  tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })),
});

/** A server that says things by itself. */
const talking = (behaviour: Record<string, unknown> = {}) =>
  unhurried(() => Upstream.start(['a'], { streams: true, resources: [DOC], ...behaviour }));

/** A client of the 2025 era at a server, where it has a session, and its notification stream. */
async function listening(upstream: Upstream, capabilities: Record<string, unknown> = {}) {
  const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized(capabilities);
  await client.call('a');
  if (Object.keys(capabilities).length) await expect.poll(() => gets(upstream)).not.toEqual([]);
  await upstream.opens(0); // what a call heard itself is over: what is said there is lost
  return { client, stream: await OpenStream.get(client) };
}

async function keyWith(facts: object): Promise<string> {
  const terms = { name: `key ${crypto.randomUUID()}`, ...facts };
  const made = await administer<{ virtual_key: { value: string } }>(
    'POST',
    '/governance/virtual-keys',
    terms,
  );
  return made.virtual_key.value;
}

/** The GET streams that a server was asked for. */
const gets = async (upstream: Upstream) => (await upstream.seen()).filter(({ method }) => method === 'GET');

beforeEach(() => {
  shortWaits();
});
afterEach(async () => {
  await OpenStream.leaveAll();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("a server's own messages in a client's session (PROTOCOL §5)", () => {
  it('reach the notification stream of that client: log messages and updates, and nothing else', async () => {
    const upstream = await talking();
    const { stream } = await listening(upstream);
    await upstream.opens(1);

    await upstream.says('notifications/progress', { progressToken: 1, progress: 1 });
    await upstream.says('notifications/resources/list_changed');
    await upstream.says('notifications/odd', {});
    await upstream.says('notifications/message', { level: 'info', data: 'hello' });
    await upstream.says(UPDATED, { uri: 'doc://a' });
    const messages = await stream.until(2);

    expect(messages).toEqual([
      { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'hello' } },
      { jsonrpc: '2.0', method: UPDATED, params: { uri: 'doc://a' } },
    ]);
    await stream.leave();
    await upstream.opens(0);
  });

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['with a key', async () => ({ 'x-bf-vk': (await newKey()).value })],
    ['with a shared key', async () => ({ 'x-bf-vk': await keyWith({ shared: true }) })],
    ['without an identity', async () => ({})],
  ])(
    'reach no other client %s: neither another session of the same nor one of another',
    async (_, identity) => {
      await configure({ enforce_auth_on_inference: false });
      const upstream = await talking();
      const path = `/mcp/${upstream.slug}`;
      const caller = new McpCaller(await identity(), '2025', path);
      const client = await caller.initialized();
      await client.call('a');
      const stream = await OpenStream.get(client);
      const sibling = await caller.initialized();
      await sibling.call('a');
      const others = [
        await OpenStream.get(await caller.initialized()),
        await OpenStream.get(await (await McpCaller.withKey('2025', path)).initialized()),
      ];
      await upstream.opens(1);

      await client.ask('resources/subscribe', { uri: 'doc://a' });
      await upstream.says('notifications/message', { level: 'info', data: 'mine' });
      await upstream.says(UPDATED, { uri: 'doc://a' });
      await stream.until(2);
      await looked(...others);

      expect(others.flatMap(({ messages }) => messages)).toEqual([]);
      await configure({ enforce_auth_on_inference: null });
    },
  );

  it('are heard while the object of the session sleeps between what it tells', async () => {
    const [first, second] = [await talking(), await talking()];
    const client = await (await McpCaller.withKey()).initialized();
    await client.call(`${first.name}-a`);
    const stream = await OpenStream.get(client);
    await first.opens(1);

    const objects = (await listDurableObjectIds(env.SESSIONS)).map((id) => env.SESSIONS.get(id));
    const evicted = await Promise.allSettled(objects.map((object) => evictDurableObject(object)));
    expect(evicted.some(({ status }) => status === 'fulfilled')).toBe(true);
    await client.call(`${second.name}-a`);
    await second.opens(1);
    await second.says('notifications/message', { level: 'info', data: 'hello' });

    expect((await stream.until(1)).at(-1)).toMatchObject({ params: { data: 'hello' } });
  });

  it('are heard in a session that begins after the stream', async () => {
    const upstream = await talking();
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    const stream = await OpenStream.get(client);
    await stream.looks(1);
    expect(await gets(upstream)).toEqual([]);

    await client.call('a');
    await upstream.opens(1);
    await upstream.says('notifications/message', { level: 'info', data: 'hello' });

    expect(await stream.until(1)).toMatchObject([{ params: { data: 'hello' } }]);
    await stream.leave();
  });

  it('are heard no more when the client may not use the server any more', async () => {
    const upstream = await talking();
    const key = await newKey();
    const client = await new McpCaller({ 'x-bf-vk': key.value }).initialized();
    await client.call(`${upstream.name}-a`);
    const stream = await OpenStream.get(client);
    await upstream.opens(1);

    await upstream.change({ allow_on_all_virtual_keys: false });
    await looked(stream);
    await upstream.opens(0);

    expect(stream.methods).not.toContain('notifications/message');
    await stream.leave();
  });

  it('tell no more of resources to a client that may only call tools now', async () => {
    const upstream = await talking();
    const configs = (tools: string[]) => ({
      mcp_configs: [{ mcp_client_name: upstream.name, tools_to_execute: tools }],
    });
    const key = await newKey([upstream.name]);
    const client = await new McpCaller({ 'x-bf-vk': key.value }).initialized();
    await client.call(`${upstream.name}-a`);
    const stream = await OpenStream.get(client);
    await upstream.opens(1);

    await administer('PUT', `/governance/virtual-keys/${key.id}`, configs(['a']));
    await looked(stream);
    await upstream.says(UPDATED, { uri: 'doc://a' });
    await upstream.says('notifications/message', { level: 'info', data: 'of tools' });
    const messages = await stream.until(2);

    expect(messages.map(({ method }) => method)).toEqual([
      'notifications/resources/list_changed',
      'notifications/message',
    ]);
    await stream.leave();
  });

  it('ask the client: a question that comes while none of its calls is in flight, answered by POST', async () => {
    const upstream = await talking();
    const { client, stream } = await listening(upstream, { elicitation: {} });
    await upstream.opens(1);

    await upstream.says('elicitation/create', { message: 'Who?', requestedSchema: { type: 'object' } }, 7);
    const [question] = await stream.until(1);
    await client.post({ jsonrpc: '2.0', id: question?.id, result: { action: 'decline' } });

    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Who?' } });
    expect(question?.id).not.toBe(7);
    await vi.waitFor(async () => {
      const answers = (await upstream.seen()).filter(({ text, message }) => text && !message.method);
      expect(answers.map(({ text }) => text)).toEqual([
        '{"jsonrpc":"2.0","id":7,"result":{"action":"decline"}}',
      ]);
    });
    await stream.leave();
  });

  it('are refused at once where the client did not declare what they ask', async () => {
    const upstream = await talking();
    const { stream } = await listening(upstream);
    await upstream.opens(1);

    await upstream.says('sampling/createMessage', {}, 8);

    await vi.waitFor(async () =>
      expect((await upstream.seen()).some(({ text }) => text.includes('"id":8,"error":{"code":-32601'))).toBe(
        true,
      ),
    );
    expect(stream.messages).toEqual([]);
    await stream.leave();
  });

  it('go to the call under way that listens itself, and to the stream again after it', async () => {
    const upstream = await talking({ ...tools('a', 'held') });
    const { client, stream } = await listening(upstream, { elicitation: {} });
    await upstream.opens(1);
    const call = await OpenStream.of(await client.send('tools/call', { name: 'held' }));
    await vi.waitFor(
      async () => {
        await upstream.says('notifications/message', { level: 'info', data: 'during' });
        expect(call.methods).toContain('notifications/message');
      },
      { timeout: 10_000 },
    );
    const before = stream.messages.length;
    await upstream.release();
    await call.ended();
    await vi.waitFor(
      async () => {
        await upstream.says('notifications/message', { level: 'info', data: 'after' });
        expect(stream.messages.slice(before)).toContainEqual(
          expect.objectContaining({ params: { level: 'info', data: 'after' } }),
        );
      },
      { timeout: 10_000 },
    );
    await stream.leave();
  });

  it('keep their session while the stream is open, and ten minutes more', async () => {
    const upstream = await talking();
    const { client, stream } = await listening(upstream);
    await upstream.opens(1);
    const objects = (await listDurableObjectIds(env.SESSIONS)).map((id) => env.SESSIONS.get(id));
    const heard = () =>
      Promise.all(objects.map((one) => runInDurableObject(one, (_, state) => state.getWebSockets().length)));
    const [call] = await upstream.seen('tools/call');
    const session = call?.headers['mcp-session-id'];
    const tenMinutesLater = async () => {
      wait(601);
      await Promise.all(objects.map((one) => runDurableObjectAlarm(one)));
      const ended = (await upstream.seen()).filter(({ method }) => method === 'DELETE');
      return ended.filter(({ headers }) => headers['mcp-session-id'] === session).length;
    };

    const before = await tenMinutesLater();
    await upstream.opens(1);
    await stream.leave();
    await vi.waitFor(async () => expect(Math.max(...(await heard()))).toBe(0), { timeout: 10_000 });

    expect([before, await tenMinutesLater()]).toEqual([0, 1]);
    expect(client.headers).toHaveProperty('mcp-session-id');
  });

  it('end with the client session: DELETE ends its stream and the one at the server', async () => {
    const upstream = await talking();
    const { client, stream } = await listening(upstream);
    await upstream.opens(1);

    await gate(client.path, { method: 'DELETE', headers: client.headers });

    await stream.ended();
    await upstream.opens(0);
  });
});

describe('list_changed of a server (PROTOCOL §5)', () => {
  it('on the stream of a call makes it be listed again, and is told by its lists alone', async () => {
    const text = JSON.stringify({ jsonrpc: '2.0', method: TOOLS });
    const upstream = await Upstream.start(['asks'], { asks: { asks: [{ text }] } });
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    const stream = await OpenStream.get(client);
    const other = await OpenStream.listen(await McpCaller.withKey('2026'), { toolsListChanged: true });

    await upstream.behave(tools('asks', 'new'));
    const answer = await (await client.send('tools/call', { name: 'asks' })).text();
    await listedAgain(upstream);
    await looked(stream, other);

    expect(answer).not.toContain('list_changed');
    expect(stream.methods).toEqual([TOOLS]);
    expect(other.methods.slice(1)).toEqual([TOOLS]);
    await Promise.all([stream, other].map((one) => one.leave()));
  });

  it("on the session's own stream, told to every client that has the list", async () => {
    const upstream = await talking();
    const { stream } = await listening(upstream);
    const other = await OpenStream.get(await (await McpCaller.withKey()).initialized());
    await upstream.opens(1);

    await upstream.behave(tools('a', 'new'));
    await upstream.says(TOOLS);
    await listedAgain(upstream);
    await looked(stream, other);

    expect([stream.methods, other.methods]).toEqual([[TOOLS], [TOOLS]]);
    await Promise.all([stream, other].map((one) => one.leave()));
  });

  it.each(['2025', '2026', 'both'])(
    'of a server of the era %s where no client has a session: one stream of the isolate listens for all',
    async (era) => {
      const told = { listChanged: true };
      const upstream = await talking({ era, capabilities: { tools: told, resources: told } });
      const streams = await Promise.all(
        ['2025', '2026'].map(async (clientEra) =>
          clientEra === '2025'
            ? OpenStream.get(await (await McpCaller.withKey()).initialized())
            : OpenStream.listen(await McpCaller.withKey('2026'), { toolsListChanged: true }),
        ),
      );
      await looked(...streams);
      await upstream.opens(1);

      await upstream.behave(tools('a', 'new'));
      await upstream.says(TOOLS);
      await listedAgain(upstream);
      await looked(...streams);

      expect(streams.map(({ methods }) => methods.at(-1))).toEqual([TOOLS, TOOLS]);
      expect(streams.map(({ messages }) => messages.length)).toEqual([1, 2]);
      await streams[0]?.leave();
      await streams[1]?.leave();
      await upstream.opens(0);
    },
  );

  it.each(['2025', '2026', 'both'])(
    'of a server of the era %s is heard from the beginning of a stream, and told as soon as it is listed: before a look',
    async (era) => {
      const told = { listChanged: true };
      const upstream = await talking({ era, capabilities: { tools: told, prompts: told } });
      const path = `/mcp/${upstream.slug}`;
      vi.restoreAllMocks();
      const begunAt = Date.now();
      const stream = await OpenStream.listen(await McpCaller.withKey('2026', path), {
        toolsListChanged: true,
      });
      const older = await OpenStream.get(await (await McpCaller.withKey('2025', path)).initialized());
      await upstream.opens(1);

      await upstream.behave(tools('a', 'new'));
      await upstream.says(TOOLS);
      await Promise.all([stream.until(2), older.until(1)]);
      await upstream.behave(tools('a', 'newer'));
      await upstream.says(TOOLS);
      await Promise.all([stream.until(3), older.until(2)]);

      expect(Date.now() - begunAt).toBeLessThan(8_000);
      expect(stream.methods.slice(1)).toEqual([TOOLS, TOOLS]);
      expect(older.methods).toEqual([TOOLS, TOOLS]);
    },
  );

  it('tells no one of a list that is the same, or the same for them', async () => {
    const capabilities = { tools: { listChanged: true }, prompts: { listChanged: true } };
    const upstream = await talking({
      era: '2026',
      capabilities,
      registration: { allow_on_all_virtual_keys: false },
    });
    const terms = { mcp_client_name: upstream.name, tools_to_execute: ['a'], allow_prompts: true };
    const path = `/mcp/${upstream.slug}`;
    const narrow = new McpCaller({ 'x-bf-vk': await keyWith({ mcp_configs: [terms] }) }, '2026', path);
    const wide = new McpCaller({ 'x-bf-vk': (await newKey([upstream.name])).value }, '2026', path);
    const asked = { toolsListChanged: true, promptsListChanged: true };
    const streams = [await OpenStream.listen(narrow, asked), await OpenStream.listen(wide, asked)] as const;
    await upstream.opens(1);

    await upstream.says(TOOLS);
    await upstream.sees('tools/list', 2);
    await upstream.behave(tools('a', 'new'));
    await upstream.says(TOOLS);
    await streams[1].until(2);
    await upstream.behave({ ...tools('a', 'new'), prompts: [{ name: 'p' }] });
    await upstream.says('notifications/prompts/list_changed');
    await Promise.all([streams[0].until(2), streams[1].until(3)]);

    const PROMPTS = 'notifications/prompts/list_changed';
    expect(streams.map(({ methods }) => methods.slice(1))).toEqual([[PROMPTS], [TOOLS, PROMPTS]]);
  });

  it('is not listened for at a server that says it tells nothing', async () => {
    const upstream = await talking();
    const stream = await OpenStream.get(await (await McpCaller.withKey()).initialized());

    await looked(stream);
    await stream.looks(4);

    expect(await gets(upstream)).toEqual([]);
    await stream.leave();
  });
});

describe('resources/subscribe of a client of the 2025 era (PROTOCOL §5)', () => {
  /** The stream of the client's session, and one of 2026-07-28 for changed lists where there is such. */
  const openedAt = (era: string) => (era === 'both' ? 2 : 1);

  it('takes no stream of its own, even where its client may be asked: what is said on one that is left is lost', async () => {
    const upstream = await talking();
    const path = `/mcp/${upstream.slug}`;
    const client = await (await McpCaller.withKey('2025', path)).initialized({ elicitation: {} });
    const stream = await OpenStream.get(client);

    await client.ask('resources/subscribe', { uri: 'doc://a' });
    await upstream.opens(1);
    await upstream.says(UPDATED, { uri: 'doc://a' });
    await stream.until(1);
    await client.ask('resources/unsubscribe', { uri: 'doc://a' });

    expect(stream.methods).toEqual([UPDATED]);
    expect(await gets(upstream)).toHaveLength(1);
  });

  it.each(['2025', 'both'])(
    'goes to a server of the era %s in the client’s own session, and its updates come back',
    async (era) => {
      const upstream = await talking({ era });
      const { client, stream } = await listening(upstream);

      const { body } = await client.ask('resources/subscribe', { uri: 'doc://a' });
      await upstream.opens(openedAt(era));
      await upstream.says(UPDATED, { uri: 'doc://a' });
      const messages = await stream.until(1);
      const ended = await client.ask('resources/unsubscribe', { uri: 'doc://a' });

      expect(body.result).toEqual({});
      expect(ended.body.result).toEqual({});
      expect(messages).toEqual([{ jsonrpc: '2.0', method: UPDATED, params: { uri: 'doc://a' } }]);
      const [called, subscribed, unsubscribed] = (
        await Promise.all(
          ['tools/call', 'resources/subscribe', 'resources/unsubscribe'].map((one) => upstream.seen(one)),
        )
      ).map(([seen]) => seen?.headers['mcp-session-id']);
      expect(subscribed).toBe(called);
      expect(unsubscribed).toBe(called);
      await stream.leave();
    },
  );

  it.each(['2025', 'both'])(
    'is made again in a session that takes the place of one a server of the era %s forgot',
    async (era) => {
      const upstream = await talking({ era });
      const { client, stream } = await listening(upstream);
      await client.ask('resources/subscribe', { uri: 'doc://a' });
      await upstream.opens(openedAt(era));

      await upstream.forgetSessions();
      await client.call('a');

      const lastOf = async (method: string) => (await upstream.seen(method)).at(-1);
      const session = (await lastOf('tools/call'))?.headers['mcp-session-id'];
      await vi.waitFor(
        async () => {
          const { headers, message } = (await lastOf('resources/subscribe')) ?? {};
          expect([headers?.['mcp-session-id'], message?.params?.uri]).toEqual([session, 'doc://a']);
        },
        { timeout: 10_000 },
      );
      await stream.leave();
    },
  );

  it('goes to a server of 2026-07-28 by the stream, for as long as it is open', async () => {
    const upstream = await talking({ era: '2026' });
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    const stranger = await OpenStream.get(await (await McpCaller.withKey('2025', client.path)).initialized());
    const stream = await OpenStream.get(client);

    const { body } = await client.ask('resources/subscribe', { uri: 'doc://a' });
    await upstream.sees('subscriptions/listen');
    await upstream.opens(1, 'resourceSubscriptions');
    await upstream.says(UPDATED, { uri: 'doc://other' });
    await upstream.says(UPDATED, { uri: 'doc://a' });
    const [updated] = await stream.until(1);
    await client.ask('resources/unsubscribe', { uri: 'doc://a' });
    await upstream.opens(0, 'resourceSubscriptions');
    await client.ask('resources/subscribe', { uri: 'doc://a' });
    await upstream.opens(1, 'resourceSubscriptions');
    await stream.leave();
    await upstream.opens(0, 'resourceSubscriptions');

    expect(body.result).toEqual({});
    expect(updated).toMatchObject({ method: UPDATED, params: { uri: 'doc://a' } });
    expect(
      (await upstream.seen('subscriptions/listen')).map(({ message }) => message.params?.notifications),
    ).toContainEqual({ resourceSubscriptions: ['doc://a'] });
    expect(stranger.messages).toEqual([]);
    await stranger.leave();
  });

  it('is judged as a read is: what is hidden or not there is not found, and nothing is sent', async () => {
    const closed = await talking({
      resources: [{ uri: 'doc://closed', name: 'c' }],
      registration: { allow_on_all_virtual_keys: false },
    });
    const client = await (await McpCaller.withKey()).initialized();

    for (const uri of ['doc://closed', 'doc://none', 7, undefined]) {
      const { body } = await client.ask('resources/subscribe', { uri });
      expect(body.error?.code).toBe(typeof uri === 'string' ? -32002 : -32602);
    }
    const narrowed = client.with({ 'x-bf-mcp-include-tools': 'other-tool' });
    const open = await talking({ resources: [{ uri: 'doc://open', name: 'o' }] });
    const hidden = await narrowed.ask('resources/subscribe', { uri: 'doc://open' });

    expect(hidden.body.error?.code).toBe(-32002);
    expect(await open.seen('resources/subscribe')).toEqual([]);
    expect(await closed.seen('resources/subscribe')).toEqual([]);
  });

  it('is refused in words without a session, and beyond 100 resources', async () => {
    const resources = Array.from({ length: 101 }, (_, at) => ({ uri: `doc://${at}`, name: `${at}` }));
    const upstream = await talking({ resources });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const client = await caller.initialized();

    const without = await caller.ask('resources/subscribe', { uri: 'doc://0' });
    for (const { uri } of resources.slice(1)) await client.ask('resources/subscribe', { uri });
    const beyond = await client.ask('resources/subscribe', { uri: 'doc://0' });

    expect(without.body.error?.message).toContain('initialize');
    expect(beyond.body.error?.message).toContain('as many');
    expect(await upstream.seen('resources/subscribe')).toHaveLength(100);
  });
});

describe('resourceSubscriptions of a client of 2026-07-28 (Subscriptions)', () => {
  it('go to a server of its era by the same request, acknowledged as that does', async () => {
    const upstream = await talking({ era: '2026' });
    const caller = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
    const asked = { resourceSubscriptions: ['doc://a'] };
    const stream = await OpenStream.listen(caller, asked, 5);
    const other = await OpenStream.listen(caller, { resourcesListChanged: true }, 6);

    await upstream.opens(1, 'resourceSubscriptions');
    await upstream.says('notifications/resources/list_changed');
    await upstream.says(UPDATED, { uri: 'doc://none' });
    await upstream.says(UPDATED, { uri: 'doc://a' });
    await stream.until(2);
    await looked(stream, other);

    const _meta = { 'io.modelcontextprotocol/subscriptionId': 5 };
    expect(stream.messages).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: { notifications: { resourceSubscriptions: ['doc://a'] }, _meta },
      },
      { jsonrpc: '2.0', method: UPDATED, params: { uri: 'doc://a', _meta } },
    ]);
    expect(other.messages).toHaveLength(1);
    await stream.leave();
    await other.leave();
    await upstream.opens(0, 'resourceSubscriptions');
  });

  it('go to a server of the 2025 era in the session of its grant; without a grant they are not acknowledged', async () => {
    const upstream = await talking();
    const path = `/mcp/${upstream.slug}`;
    const asked = { resourceSubscriptions: ['doc://a'] };
    const stream = await OpenStream.listen(await granted('2026', path), asked);
    const stranger = await OpenStream.listen(await granted('2026', path), {});
    const keyed = await OpenStream.listen(await McpCaller.withKey('2026', path), asked);

    await upstream.opens(1);
    await upstream.says('notifications/message', { level: 'info', data: 'nobody asked', uri: 'doc://a' });
    await upstream.says(UPDATED, { uri: 'doc://b' });
    await upstream.says(UPDATED, { uri: 'doc://a' });
    await stream.until(2);
    await looked(stranger, keyed);

    expect(stream.messages.map(({ params }) => params)).toMatchObject([
      { notifications: asked },
      { uri: 'doc://a', _meta: { 'io.modelcontextprotocol/subscriptionId': 'listen' } },
    ]);
    expect(stream.messages).toHaveLength(2);
    expect([...stranger.messages, ...keyed.messages].map(({ params }) => params?.notifications)).toEqual([
      {},
      {},
    ]);
    await Promise.all([stream, stranger, keyed].map((one) => one.leave()));
  });

  it('are told by every request that asked for them, whichever of a grant listens', async () => {
    const upstream = await talking();
    const caller = await granted('2026', `/mcp/${upstream.slug}`);
    const asked = { resourceSubscriptions: ['doc://a'] };
    const streams = [await OpenStream.listen(caller, asked, 1), await OpenStream.listen(caller, asked, 2)];
    await upstream.opens(1);

    await upstream.says(UPDATED, { uri: 'doc://a' });
    await Promise.all(streams.map((stream) => stream.until(2)));
    await looked(...streams);

    expect(streams.map(({ messages }) => messages.length)).toEqual([2, 2]);
    await Promise.all(streams.map((stream) => stream.leave()));
  });

  it('are heard no more when the client may not use the server any more', async () => {
    const upstream = await talking({ era: '2026', resources: [{ uri: 'doc://mine', name: 'm' }] });
    const stream = await OpenStream.listen(await McpCaller.withKey('2026'), {
      resourceSubscriptions: ['doc://mine'],
    });
    await upstream.opens(1, 'resourceSubscriptions');

    await upstream.change({ allow_on_all_virtual_keys: false });
    await looked(stream);
    await upstream.opens(0, 'resourceSubscriptions');

    expect(stream.messages).toHaveLength(1);
    await stream.leave();
  });
});
