import { listDurableObjectIds } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionActs } from '../../src/mcp-client/sessions/session-acts';
import { altered } from '../support/altered.ts';
import { CallUnderWay } from '../support/call-under-way';
import { eventsOf, McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { newKey } from '../support/gate';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const WHO = {
  method: 'elicitation/create',
  params: { message: 'Who?', requestedSchema: { type: 'object' } },
};
const PAGE = {
  method: 'elicitation/create',
  params: { mode: 'url', message: 'Go', url: 'https://a.example' },
};
const SAMPLE = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
const ROOTS = { method: 'roots/list' };
const required = (inputRequests: unknown, requestState: string | null = 'own 1') =>
  JSON.stringify({
    resultType: 'input_required',
    ...(inputRequests !== null && { inputRequests }),
    ...(requestState !== null && { requestState }),
  });

/** A client of the 2025 era that declares `capabilities`, at a server of 2026-07-28 that wants `rounds` first. */
async function session(
  rounds: string[],
  capabilities: Record<string, unknown> = { elicitation: {}, sampling: {}, roots: {} },
  behaviour: Record<string, unknown> = {},
) {
  const upstream = await Upstream.start(['rounds'], { era: '2026', rounds: { rounds }, ...behaviour });
  const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
  return { upstream, caller, client: await caller.initialized(capabilities) };
}

async function calling(client: McpCaller): Promise<CallUnderWay> {
  const params = { name: 'rounds', arguments: { a: 1 }, _meta: { progressToken: 'p' } };
  return new CallUnderWay(await client.send('tools/call', params, { id: 'call' }));
}

const callsAt = async (upstream: Upstream) =>
  (await upstream.seen('tools/call')).map(({ message }) => message);
const RAN = { id: 'call', result: { content: [{ text: 'rounds ran' }] } };
const FAILED = (words: string) => ({
  id: 'call',
  result: { isError: true, content: [{ text: expect.stringContaining(words) }] },
});

describe('a server of 2026-07-28 that wants input from a client of the 2025 era (PROTOCOL §4)', () => {
  it.each(['json', 'events'])(
    'gets what the client answers to a question on its stream (%s)',
    async (answers) => {
      const { upstream, client } = await session([required({ who: WHO })], undefined, { answers });

      const call = await calling(client);
      const question = await call.message(0);
      const content = { n: 1.5 };
      const answered = await client.post({
        jsonrpc: '2.0',
        id: question.id,
        result: { action: 'accept', content },
      });

      expect(question).toEqual({ jsonrpc: '2.0', id: expect.any(String), ...WHO });
      expect(answered.status).toBe(202);
      expect(await call.message(1)).toMatchObject(RAN);
      const [first, second] = await callsAt(upstream);
      expect(second?.params).toMatchObject({
        arguments: { a: 1 },
        inputResponses: { who: { action: 'accept', content } },
        requestState: 'own 1',
      });
      expect(second?.id).not.toBe(first?.id);
      expect(second?.params?._meta).toMatchObject({ progressToken: second?.id });
    },
  );

  it('asks several things at once, and again and again', async () => {
    const { upstream, client } = await session([
      required({ a: WHO, __proto__x: SAMPLE, c: ROOTS }),
      required(null, 'put off 2'),
      required({ a: WHO }, 'own 3'),
    ]);
    vi.restoreAllMocks();
    shortWaits();

    const call = await calling(client);
    const questions = [await call.message(0), await call.message(1), await call.message(2)];
    for (const { id } of questions.toReversed())
      await client.post({ jsonrpc: '2.0', id, result: { of: id } });
    const { id } = await call.message(3);
    await client.post({ jsonrpc: '2.0', id, result: { action: 'decline' } });
    await call.message(4);

    expect(questions.map(({ method }) => method)).toEqual([WHO.method, SAMPLE.method, ROOTS.method]);
    const brought = (await callsAt(upstream)).map(({ params }) => params?.inputResponses);
    expect(brought).toEqual([
      undefined,
      { a: { of: questions[0]?.id }, __proto__x: { of: questions[1]?.id }, c: { of: questions[2]?.id } },
      undefined,
      { a: { action: 'decline' } },
    ]);
  });

  it('gets the first answer to each question, whatever comes after it', async () => {
    const { upstream, client } = await session([required({ a: WHO, b: SAMPLE })]);
    const call = await calling(client);
    const [first, second] = [await call.message(0), await call.message(1)];

    for (const [id, n] of [
      [first.id, 1],
      [first.id, 2],
      [second.id, 3],
    ])
      await client.post({ jsonrpc: '2.0', id, result: { n } });
    await call.message(2);

    const [, { params } = {}] = await callsAt(upstream);
    expect(params?.inputResponses).toEqual({ a: { n: 1 }, b: { n: 3 } });
  });

  it('is told that a person put it away where the client answers with an error', async () => {
    const { upstream, client } = await session([required({ a: WHO })]);
    const call = await calling(client);
    const { id } = await call.message(0);

    await client.post({ jsonrpc: '2.0', id, error: { code: -1, message: 'No' } });
    await call.message(1);

    const [, again] = await callsAt(upstream);
    expect(again?.params?.inputResponses).toEqual({ a: { action: 'cancel' } });
  });

  it('gets nothing where the client cannot sample: the call says so', async () => {
    const { upstream, client } = await session([required({ a: SAMPLE })]);
    const call = await calling(client);
    const { id } = await call.message(0);

    await client.post({ jsonrpc: '2.0', id, error: { code: -1, message: 'No model' } });

    expect(await call.message(1)).toMatchObject(FAILED('No model'));
    expect(await callsAt(upstream)).toHaveLength(1);
  });

  it('has its pages opened under an id', async () => {
    const { client } = await session([required({ a: PAGE })], { elicitation: { url: {} } });

    const { params } = await (await calling(client)).message(0);

    expect(params).toEqual({ ...PAGE.params, elicitationId: expect.any(String) });
  });

  it('is answered once, and by nobody else', async () => {
    const { upstream, caller, client } = await session([required({ a: WHO })]);
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
    ]);
    const taken = [];
    for (const action of ['decline', 'accept'])
      taken.push(await client.post({ jsonrpc: '2.0', id, result: { action } }));
    await call.message(1);

    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(taken.map(({ status }) => status)).toEqual([202, 202]);
    const [, again] = await callsAt(upstream);
    expect(again?.params?.inputResponses).toEqual({ a: { action: 'decline' } });
  });

  it.each([
    ['what the client did not declare', [required({ a: SAMPLE })], 'sampling/createMessage'],
    ['what MCP does not know', [required({ a: { method: 'constructor' } })], 'constructor'],
    ['nothing at all', [required({ a: 7 })], 'something'],
    [
      'too much at once',
      [required(Object.fromEntries(Array.from({ length: 33 }, (_, at) => [at, WHO])))],
      'at once',
    ],
    ['in a way that is not MCP', ['{"resultType":"input_required"}'], 'not MCP'],
  ])('that asks for %s is told nothing, and the client why', async (_, rounds, words) => {
    const { upstream, client } = await session(rounds, { elicitation: {} });

    expect(await (await calling(client)).message(0)).toMatchObject(FAILED(words));
    expect(await callsAt(upstream)).toHaveLength(1);
  });

  it('that never finishes is given up after ten rounds', async () => {
    const { client } = await session([required(null, 'again 0')]);
    shortWaits();

    expect(await (await calling(client)).message(0)).toMatchObject(FAILED('10 times'));
  });

  it('gets nothing when nobody answers for five minutes: the call says so', async () => {
    const { upstream, client } = await session([required({ a: WHO })]);
    shortWaits();
    const call = await calling(client);
    await call.message(0);

    wait(301);

    expect(await call.message(1)).toMatchObject(FAILED('5 minutes'));
    expect(await callsAt(upstream)).toHaveLength(1);
  });

  it('asks a client without a session of ours nothing', async () => {
    const { caller } = await session([required({ a: WHO })]);

    expect((await caller.call('rounds')).body.result).toMatchObject({ isError: true });
  });
});

describe('cancelling (PROTOCOL §1)', () => {
  const waiting = async (client: McpCaller) => {
    const params = { name: 'progress', _meta: { progressToken: 'p' } };
    const call = new CallUnderWay(await client.send('tools/call', params, { id: 'call' }));
    await call.message(0);
    return call;
  };

  it('by a client of the 2025 era ends the request at a server of 2026-07-28, and no other', async () => {
    const { upstream, caller, client } = await session(
      [],
      {},
      { tools: [{ name: 'progress', inputSchema: {} }] },
    );
    const call = await waiting(client);
    await (await caller.initialized()).notify('notifications/cancelled', { requestId: 'call' });
    await client.notify('notifications/cancelled', { requestId: 'other' });
    expect(await upstream.dropped()).toBe(0);

    await client.notify('notifications/cancelled', { requestId: 'call' });

    await upstream.sees('dropped');
    await expect(call.message(1)).rejects.toThrow('the stream ended');
  });

  it('does so from any isolate', async () => {
    const { upstream, client } = await session([], {}, { tools: [{ name: 'progress', inputSchema: {} }] });
    const before = (await listDurableObjectIds(env.SESSIONS)).map(String);
    shortWaits();
    const call = await waiting(client);
    const news = async () =>
      (await listDurableObjectIds(env.SESSIONS)).filter((id) => !before.includes(id.toString()));
    await vi.waitFor(async () => expect(await news()).toHaveLength(1), { timeout: 5_000 });
    for (const id of await news())
      await (env.SESSIONS.get(id) as unknown as SessionActs).cancel('"call"', 'enough');

    await upstream.sees('dropped');
    await expect(call.message(1)).rejects.toThrow('the stream ended');
  });
});

describe('log lines (MCP 2026-07-28, Logging)', () => {
  const LOG = (level: string) =>
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"${level}","data":1.0}}`;
  const levels = ['debug', 'info', 'warning', 'error', 'emergency', 'constructor'];
  const asks = { asks: levels.map((level) => ({ text: LOG(level) })) };

  it.each([
    ['2025', '2026', undefined, levels],
    ['2026', '2026', undefined, []],
    ['2026', '2026', 'warning', ['warning', 'error', 'emergency']],
    ['2026', '2026', 'constructor', []],
    ['2026', '2025', undefined, []],
    ['2026', '2025', 'debug', ['debug', 'info', 'warning', 'error', 'emergency']],
  ] as const)(
    'reach a client of %s from a server of %s that asked for %s: %j',
    async (era, servers, level, seen) => {
      const upstream = await Upstream.start(['asks'], { era: servers, asks });
      const caller = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);
      const _meta = level && { 'io.modelcontextprotocol/logLevel': level };

      const response = await caller.send('tools/call', { name: 'asks', ...(_meta && { _meta }) });
      const messages = eventsOf(await response.text()) as { method?: string; params?: { level: string } }[];

      const told = messages.filter(({ method }) => method === 'notifications/message');
      expect(told.map(({ params }) => params?.level)).toEqual(seen);
    },
  );
});
