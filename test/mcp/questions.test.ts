import { afterEach, describe, expect, it, vi } from 'vitest';
import { altered } from '../support/altered.ts';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { newKey } from '../support/gate';
import { Upstream } from '../support/upstream';

const ELICIT = (id = '9007199254740993', params = '{"message":"Who?","requestedSchema":{"type":"object"}}') =>
  `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":${params}}`;

/** Messages that a server says at once, of which it waits for the answer to the first. */
const together = (...texts: string[]) => texts.join('\n\ndata: ');

/** A client that declares `capabilities`, at a server that says `asks` in a call of its tool. */
async function session(
  asks: { on?: 'stream'; text: string }[],
  capabilities: Record<string, unknown> = { elicitation: {}, sampling: {}, roots: {} },
) {
  const upstream = await Upstream.start(['asks', 'echo'], { asks: { asks }, streams: true });
  const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
  return { upstream, caller, client: await caller.initialized(capabilities) };
}

/** A call under way: its messages as they come. */
async function calling(client: McpCaller, meta?: Record<string, unknown>) {
  const params = { name: 'asks', ...(meta && { _meta: meta }) };
  return new CallUnderWay(await client.send('tools/call', params, { id: 'call' }));
}

/** What the server was answered, as it was written. */
const answersAt = async (upstream: Upstream) =>
  (await upstream.seen()).filter(({ message, text }) => text && !message.method).map(({ text }) => text);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("a server's question in the middle of a call (PROTOCOL §4)", () => {
  it.each([
    ['on the stream of the call', undefined],
    ["on the session's own stream", 'stream'],
  ] as const)('%s reaches the client, and its answer the server', async (_, on) => {
    const { upstream, client } = await session([{ ...(on && { on }), text: ELICIT() }]);

    const call = await calling(client);
    const question = await call.message(0);
    const answered = await client.post({ jsonrpc: '2.0', id: question.id, result: { action: 'decline' } });
    const result = await call.message(1);

    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Who?' } });
    expect(question.id).toSatisfy((id) => typeof id === 'string' && id.length < 4096);
    expect(answered.status).toBe(202);
    expect(result).toMatchObject({ id: 'call', result: { content: [{ text: 'asks ran' }] } });
    expect(await answersAt(upstream)).toEqual([
      '{"jsonrpc":"2.0","id":9007199254740993,"result":{"action":"decline"}}',
    ]);
    const [begun] = (await upstream.seen('initialize')).slice(-1);
    expect(begun?.message.params?.capabilities).toEqual({ elicitation: {}, sampling: {}, roots: {} });
  });

  it('is answered with an error as well, and with numbers digit by digit', async () => {
    const { upstream, client } = await session([{ text: ELICIT('"q"') }, { text: ELICIT('1') }]);

    const call = await calling(client);
    const first = await call.message(0);
    await client.post(
      `{"jsonrpc":"2.0","id":${JSON.stringify(first.id)},"error":{"code":-1,"message":"No"}}`,
    );
    const second = await call.message(1);
    const content = '{"n":12345678901234567890,"d":1.0}';
    await client.post(
      `{"jsonrpc":"2.0","id":${JSON.stringify(second.id)},"result":{"action":"accept","content":${content}}}`,
    );
    await call.message(2);

    expect(await answersAt(upstream)).toEqual([
      '{"jsonrpc":"2.0","id":"q","error":{"code":-1,"message":"No"}}',
      `{"jsonrpc":"2.0","id":1,"result":{"action":"accept","content":${content}}}`,
    ]);
  });

  it('is answered once: a second answer is taken and goes nowhere', async () => {
    const { upstream, client } = await session([{ text: ELICIT() }]);
    const call = await calling(client);
    const { id } = await call.message(0);

    const answers = [1, 2].map(() => client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } }));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    await call.message(1);

    expect(statuses).toEqual([202, 202]);
    expect(await answersAt(upstream)).toHaveLength(1);
  });

  it("is answered by nobody else: not with another's key, session, an altered id, or ten minutes later", async () => {
    const { upstream, caller, client } = await session([{ text: ELICIT() }]);
    const call = await calling(client);
    const { id } = await call.message(0);
    const result = { action: 'accept' };
    const others = [
      client.with({ 'x-bf-vk': (await newKey()).value }),
      await caller.initialized({ elicitation: {} }),
      caller,
    ];

    const refused = await Promise.all([
      ...others.map((other) => other.post({ jsonrpc: '2.0', id, result })),
      client.post({ jsonrpc: '2.0', id: altered(String(id)), result }),
      client.post({ jsonrpc: '2.0', id: 1, result }),
    ]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_001 });
    refused.push(await client.post({ jsonrpc: '2.0', id, result }));
    vi.useRealTimers();

    for (const response of refused) {
      expect(response.status).toBe(400);
      const body = (await response.json()) as { error: { code: number } };
      expect(body.error.code).toBe(-32602);
      expect(body).not.toHaveProperty('id');
    }
    expect(await answersAt(upstream)).toEqual([]);
    await client.post({ jsonrpc: '2.0', id, result });
    await call.message(1);
  });

  it.each([
    ['elicitation/create', 'sampling', '{}'],
    ['sampling/createMessage', 'elicitation', '{}'],
    ['roots/list', 'elicitation', '{}'],
    ['tasks/list', 'elicitation', '{}'],
    ['constructor', 'elicitation', '{}'],
  ])('%s is refused at once when the client did not declare it', async (method, declared, params) => {
    const text = `{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`;
    const { upstream, client } = await session([{ text }], { [declared]: {} });

    const call = await calling(client);
    const result = await call.message(0);

    expect(result).toMatchObject({ id: 'call', result: {} });
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"error":{"code":-32601')]);
  });

  it('a form or an address is asked for only where the client takes it', async () => {
    const url = ELICIT('2', '{"mode":"url","url":"https://a.example","elicitationId":"e","message":"Go"}');
    const formless = await session([{ text: ELICIT('1') }], { elicitation: { url: {} } });
    const pageless = await session([{ text: url }], { elicitation: {} });

    for (const { upstream, client } of [formless, pageless]) {
      await (await calling(client)).message(0);
      expect(await answersAt(upstream)).toEqual([expect.stringContaining('"error":{"code":-32602')]);
    }
  });

  it('`ping` is answered by the gateway', async () => {
    const { upstream, client } = await session([{ text: '{"jsonrpc":"2.0","id":5,"method":"ping"}' }], {});

    await (await calling(client)).message(0);

    expect(await answersAt(upstream)).toEqual(['{"jsonrpc":"2.0","id":5,"result":{}}']);
  });

  it('is taken back under the id it went out with', async () => {
    const cancelled =
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"late"}}';
    const { client } = await session([{ text: ELICIT('2') }, { text: cancelled.replace(':1,', ':3,') }]);
    const call = await calling(client);
    const { id } = await call.message(0);
    await client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } });
    expect(await call.message(1)).toMatchObject({ id: 'call' }); // it named a question of no one here
  });

  it('has a progress token that leads home as well', async () => {
    const text = ELICIT(
      '1',
      '{"message":"Who?","requestedSchema":{},"_meta":{"progressToken":12345678901234567890}}',
    );
    const { upstream, client } = await session([{ text }]);
    const call = await calling(client);
    const { id, params } = await call.message(0);
    const { progressToken } = (params as { _meta: { progressToken: unknown } })._meta;

    await client.notify('notifications/progress', { progressToken, progress: 1 });
    await client.notify('notifications/progress', { progressToken: 'guessed', progress: 1 });
    const [told] = await upstream.sees('notifications/progress');
    await client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } });
    await call.message(1);

    expect(told?.text).toContain('"progressToken":12345678901234567890');
    expect(await upstream.seen('notifications/progress')).toHaveLength(1);
  });

  it('is taken back by name where it is open', async () => {
    const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';
    const { client } = await session([{ text: together(ELICIT('2'), ELICIT('1'), cancelled) }]);
    const call = await calling(client);
    const [first, second] = [await call.message(0), await call.message(1)];

    expect(await call.message(2)).toMatchObject({ params: { requestId: second.id } });
    await client.post({ jsonrpc: '2.0', id: first.id, result: { action: 'cancel' } });
    await call.message(3);
  });

  it('is refused where its id is too long, and beyond 256 in a call', async () => {
    const long = await session([{ text: ELICIT(`"${'€'.repeat(1000)}"`) }]);
    const texts = Array.from({ length: 257 }, (_, at) => ELICIT(String(at + 1)));
    const many = await session([{ text: together(...texts) }]);

    await (await calling(long.client)).message(0);
    const call = await calling(many.client);
    const { id } = await call.message(0);
    await many.client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } });
    expect(await call.message(256)).toMatchObject({ id: 'call' });

    expect(await answersAt(long.upstream)).toEqual([expect.stringContaining('"error":{"code":-32600')]);
    const errors = (await answersAt(many.upstream)).filter((text) => text.includes('"error"'));
    expect(errors).toEqual([expect.stringContaining('"id":257,"error":{"code":-32603')]);
  });

  it('does not go out under an id that is none', async () => {
    const ids = [`"${'x'.repeat(1001)}"`, 'null', '{}'];
    const { client } = await session([{ text: together(ELICIT('1'), ...ids.map((id) => ELICIT(id))) }]);
    const call = await calling(client);
    const { id } = await call.message(0);
    await client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } });

    expect(await call.message(1)).toMatchObject({ id: 'call' });
  });

  it('is answered under its own name: a progress token of it names no question, nor it a token', async () => {
    const text = ELICIT('1', '{"message":"Who?","requestedSchema":{},"_meta":{"progressToken":"t"}}');
    const { upstream, client } = await session([{ text }]);
    const call = await calling(client);
    const { id, params } = await call.message(0);
    const { progressToken } = (params as { _meta: { progressToken: unknown } })._meta;

    await client.notify('notifications/progress', { progressToken: id, progress: 1 });
    const swapped = await client.post({ jsonrpc: '2.0', id: progressToken, result: { action: 'accept' } });
    await client.post({ jsonrpc: '2.0', id, result: { action: 'cancel' } });
    await call.message(1);

    expect(swapped.status).toBe(400);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"cancel"')]);
    expect(await upstream.seen('notifications/progress')).toEqual([]);
  });

  it('is over with the session it was asked in: its answer goes into no other', async () => {
    const { upstream, client } = await session([{ text: ELICIT() }]);
    const call = await calling(client);
    const { id } = await call.message(0);
    await upstream.forgetSessions();
    await client.call('echo'); // in another session

    const { status } = await client.post({ jsonrpc: '2.0', id, result: { action: 'accept' } });
    await call.leave();

    expect(status).toBe(202);
    expect(await answersAt(upstream)).toEqual([]);
  });
});

describe("progress that a server tells only on the session's own stream (PROTOCOL §4)", () => {
  const PROGRESS =
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$token,"progress":1}}';
  const OTHERS = PROGRESS.replace('$token', '987654');
  const progress = { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } };

  it('reaches the call that it is of, with its client’s token, and counts: the call is not given up', async () => {
    const said = [OTHERS, PROGRESS, '$hold', PROGRESS, '$hold'].map((text) => ({
      on: 'stream' as const,
      text,
    }));
    const { upstream, client } = await session(said, {});
    await client.toolNames();
    shortWaits();

    const call = await calling(client, { progressToken: 'mine' });
    const first = await call.message(0);
    wait(50);
    await call.comment();
    await upstream.release();
    const second = await call.message(1);
    wait(50);
    await call.comment();
    await upstream.release();
    const result = await call.message(2);

    expect([first, second]).toMatchObject([progress, progress]);
    expect(result).toMatchObject({ id: 'call', result: { content: [{ text: 'asks ran' }] } });
  });

  it('is not listened for when the client wants none', async () => {
    const { upstream, client } = await session([{ text: '$hold' }], {});
    await client.toolNames();
    const asked = shortWaits();

    const answering = client.call('asks');
    await upstream.sees('tools/call');
    await expect.poll(() => asked).toContain(2000);
    await upstream.release();
    await answering;

    expect((await upstream.seen()).filter(({ method }) => method === 'GET')).toEqual([]);
  });
});
