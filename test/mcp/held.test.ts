import {
  abortAllDurableObjects,
  evictAllDurableObjects,
  listDurableObjectIds,
  runDurableObjectAlarm,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { altered } from '../support/altered.ts';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller, modern, wholeAnswer } from '../support/caller';
import { wait } from '../support/clock';
import { administer, configure, newKey } from '../support/gate';
import { granted } from '../support/granted';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const ALL = { elicitation: {}, sampling: {}, roots: {} };
const ELICIT = (id: string, message = 'Who?') =>
  `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"${message}","requestedSchema":{"type":"object"}}}`;
type Saying = { on?: 'stream'; text: string };
type Asked = { resultType: string; inputRequests: Record<string, { method: string }>; requestState: string };

/** A client of 2026-07-28 with a grant, at a server of the 2025 era that says `asks` in a call of its tool. */
async function pair(asks: Saying[], behaviour: Record<string, unknown> = {}) {
  const upstream = await Upstream.start(['asks', 'echo'], { asks: { asks }, streams: true, ...behaviour });
  return { upstream, client: await someone(upstream) };
}

const someone = ({ slug }: Upstream) => granted('2026', `/mcp/${slug}`);

type More = { params?: Record<string, unknown>; capabilities?: unknown; meta?: Record<string, unknown> };

function send(client: McpCaller, { params = {}, capabilities = ALL, meta = {} }: More = {}, id: unknown = 1) {
  const all = { name: 'asks', arguments: { a: 1 }, ...params };
  return client.send('tools/call', modern(all, { ...meta, [CAPABILITIES]: capabilities }), { id });
}

const call = async (client: McpCaller, more: More = {}, id: unknown = 1) =>
  (await wholeAnswer(await send(client, more, id))).body;

const asked = (body: Awaited<ReturnType<typeof call>>) => body.result as unknown as Asked;

/** A retry that answers everything asked with `result`. */
function retry(
  client: McpCaller,
  { inputRequests, requestState }: Asked,
  result: unknown = { action: 'accept' },
) {
  const names = Object.keys(inputRequests);
  const inputResponses = Object.fromEntries(names.map((name) => [name, result]));
  return call(client, { params: { inputResponses, requestState } }, 2);
}

const answersAt = async (upstream: Upstream) =>
  (await upstream.seen()).filter(({ message, text }) => text && !message.method).map(({ text }) => text);
const RAN = { resultType: 'complete', content: [{ text: 'asks ran' }] };
const ENDED = { isError: true, content: [{ text: expect.stringMatching(/has ended.*Call again/s) }] };

describe('a server of the 2025 era that asks a client of 2026-07-28 in the middle of a call (PROTOCOL §4)', () => {
  it.each([
    ['on the stream of the call', undefined],
    ["on the session's own stream", 'stream'],
  ] as const)('%s: the call is held, and the retry brings the answer', async (_, on) => {
    const { upstream, client } = await pair([{ ...(on && { on }), text: ELICIT('9007199254740993') }]);

    const first = asked(await call(client));
    const body = await retry(client, first, { action: 'accept', content: { n: 1 } });

    expect(first).toMatchObject({ resultType: 'input_required', requestState: expect.any(String) });
    expect(Object.values(first.inputRequests)).toEqual([
      { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: { type: 'object' } } },
    ]);
    expect(body).toMatchObject({ id: 2, result: RAN });
    expect(await answersAt(upstream)).toEqual([
      '{"jsonrpc":"2.0","id":9007199254740993,"result":{"action":"accept","content":{"n":1}}}',
    ]);
    expect(await upstream.seen('tools/call')).toHaveLength(1);
    const begun = (await upstream.seen('initialize')).at(-1);
    expect(begun?.message.params?.capabilities).toEqual(ALL);
  });

  it('may ask again and again; what comes at once goes out together', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }, { text: ELICIT('2', 'And?') }]);

    const first = asked(await call(client));
    const second = asked(await retry(client, first));
    const body = await retry(client, second, { action: 'decline' });

    expect(second.requestState).not.toBe(first.requestState);
    expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual([
      '{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}',
      '{"jsonrpc":"2.0","id":2,"result":{"action":"decline"}}',
    ]);
  });

  it('is asked again for what a retry leaves out', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));

    const again = asked(await call(client, { params: { requestState: first.requestState } }));
    const body = await retry(client, again);

    expect(again.inputRequests).toEqual(first.inputRequests);
    expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toHaveLength(1);
  });

  it('a repeated retry gets the same answer, and the question is answered once', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));

    const both = await Promise.all([retry(client, first), retry(client, first, { action: 'cancel' })]);
    const later = await retry(client, first);

    for (const body of [...both, later]) expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toHaveLength(1);
    expect(await upstream.seen('tools/call')).toHaveLength(1);
  });

  it("another's retry, or one with other arguments, capabilities or an altered state, gets nothing", async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    const stranger = await someone(upstream);
    const first = asked(await call(client));
    const { requestState } = first;

    const wrong = { error: { code: -32602 } };
    expect(await retry(stranger, first)).toMatchObject(wrong);
    expect(await call(client, { params: { requestState, arguments: {} } })).toMatchObject(wrong);
    expect(await retry(client, { ...first, requestState: altered(requestState) })).toMatchObject(wrong);
    const others = await call(client, { params: { requestState }, capabilities: { elicitation: {} } });
    expect(others.result).toMatchObject(ENDED);
    expect(await answersAt(upstream)).toEqual([]);
    expect((await retry(client, first)).result).toMatchObject(RAN);
  });

  it('refuses at once what the client did not declare', async () => {
    const { upstream, client } = await pair([
      { text: '{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}' },
      { text: '{"jsonrpc":"2.0","id":2,"method":"ping"}' },
      { text: ELICIT('3', 'x'.repeat(70_000)) },
    ]);

    const body = await call(client, { capabilities: { elicitation: {} } });

    expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual([
      expect.stringContaining('"error":{"code":-32601'),
      '{"jsonrpc":"2.0","id":2,"result":{}}',
      expect.stringContaining('"error":{"code":-32603'),
    ]);
  });

  it('holds nothing for a caller no one knows, and declares nothing for it', async () => {
    const { upstream } = await pair([{ text: ELICIT('1') }]);
    await configure({ enforce_auth_on_inference: false });
    const caller = new McpCaller({}, '2026', `/mcp/${upstream.slug}`);

    const body = await call(caller);

    expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"error":{"code":-32601')]);
    const begun = (await upstream.seen('initialize')).at(-1);
    expect(begun?.message.params?.capabilities).toEqual({});
  });

  it('keeps sessions apart that were begun with other capabilities', async () => {
    const { upstream, client } = await pair([]);
    const capabilities = { elicitation: {} };
    for (const declared of [ALL, capabilities, ALL, {}]) await call(client, { capabilities: declared });

    const begun = (await upstream.seen('initialize')).slice(-3);
    expect(begun.map(({ message }) => message.params?.capabilities)).toEqual([ALL, capabilities, {}]);
  });

  it('brings progress before and after the question', async () => {
    const upstream = await Upstream.start(['asks'], {
      asks: { asks: [{ text: ELICIT('1') }] },
      streams: true,
    });
    const client = await someone(upstream);
    const first = asked(await call(client, { meta: { progressToken: 'p' } }));
    const [begun] = await upstream.seen('tools/call');
    expect(begun?.message.params?._meta).toEqual({ progressToken: begun?.message.id });
    expect((await retry(client, first)).result).toMatchObject(RAN);
  });

  it('passes on how the server refuses the call, and answers in JSON', async () => {
    const { upstream, client } = await pair([], { answers: 'json' });
    expect((await call(client, { params: { name: 'echo' } })).result).toMatchObject({
      content: [{ text: 'echo ran' }],
    });

    await upstream.forgetSessions();
    expect((await call(client, { params: { name: 'echo' } })).result).toMatchObject({
      content: [{ text: 'echo ran' }],
    });
  });
});

describe('a client of 2026-07-28 that shows a key alone', () => {
  const keyed = async (asks: Saying[]) => {
    const { upstream } = await pair(asks);
    return { upstream, client: await McpCaller.withKey('2026', `/mcp/${upstream.slug}`) };
  };
  const ended = async (upstream: Upstream) =>
    (await upstream.seen()).filter(({ method }) => method === 'DELETE').length;

  it('is asked in a session of that call alone, which ends with it', async () => {
    const { upstream, client } = await keyed([{ text: ELICIT('1') }]);
    const before = await ended(upstream);

    const first = asked(await call(client));
    expect(await ended(upstream)).toBe(before);
    const body = await retry(client, first);

    expect(body.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual(['{"jsonrpc":"2.0","id":1,"result":{"action":"accept"}}']);
    await expect.poll(() => ended(upstream)).toBe(before + 1);
    expect((await retry(client, first)).result).toMatchObject(RAN); // the same answer again
  });

  it('shares no session with another call, and answers none of another key', async () => {
    const { upstream, client } = await keyed([{ text: ELICIT('1') }]);
    const other = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);

    const [one, two] = [asked(await call(client)), asked(await call(client))];

    expect(await retry(other, one)).toMatchObject({ error: { code: -32602 } });
    expect((await retry(client, two)).result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toHaveLength(1);
    expect((await retry(client, one)).result).toMatchObject(RAN);
    const [first, second] = (await upstream.seen('tools/call')).map(
      ({ headers }) => headers['mcp-session-id'],
    );
    expect(first).toBeDefined();
    expect(first).not.toBe(second);
  });

  it('is asked however many calls it makes in an hour', async () => {
    const { client } = await keyed([{ text: ELICIT('1') }]);
    for (let calls = 0; calls < 22; calls++)
      expect(asked(await call(client)).resultType).toBe('input_required');
  });

  it('is not asked any more when its key ends', async () => {
    const { upstream } = await pair([{ text: ELICIT('1') }]);
    const key = await newKey();
    const client = new McpCaller({ 'x-bf-vk': key.value }, '2026', `/mcp/${upstream.slug}`);
    await call(client);

    await administer('DELETE', `/governance/virtual-keys/${key.id}`);

    await upstream.sees('notifications/cancelled');
  });
});

describe('how a held call ends (PROTOCOL §4)', () => {
  it('after five minutes: the server is told, its question answered with an error, and the retry gets words', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));

    wait(301);
    await alarms();
    vi.useRealTimers();

    const [cancelled] = await upstream.sees('notifications/cancelled');
    const [called] = await upstream.seen('tools/call');
    expect(cancelled?.message.params?.requestId).toBe(called?.message.id);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"id":1,"error":{"code":-32603')]);
    expect((await retry(client, first)).result).toMatchObject(ENDED);
  });

  it('with a restart of the object that holds it', async () => {
    const { client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));

    await abortAllDurableObjects();

    expect((await retry(client, first)).result).toMatchObject(ENDED);
  });

  it('for a repeated retry, when the object has left memory since', async () => {
    const { client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));
    const { result } = await retry(client, first);

    await evictAllDurableObjects();

    expect(result).toMatchObject(RAN);
    expect((await retry(client, first)).result).toMatchObject(ENDED);
  });

  it('not by the clock of its session: the object keeps itself awake by an alarm every 30 seconds', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    const first = asked(await call(client));
    const before = (await upstream.seen()).filter(({ method }) => method === 'DELETE').length;

    wait(240);
    await alarms();
    await alarms();
    vi.useRealTimers();

    expect((await upstream.seen()).filter(({ method }) => method === 'DELETE')).toHaveLength(before);
    expect((await retry(client, first)).result).toMatchObject(RAN);
  });

  it('when its client leaves its stream: the server is told', async () => {
    const { upstream, client } = await pair([], {
      tools: [{ name: 'progress', inputSchema: { type: 'object' } }],
    });
    const under = new CallUnderWay(
      await send(client, { params: { name: 'progress' }, meta: { progressToken: 'p' } }),
    );
    expect(await under.message(0)).toMatchObject({ params: { progressToken: 'p' } });

    await under.leave();

    const [cancelled] = await upstream.sees('notifications/cancelled');
    const [called] = await upstream.seen('tools/call');
    expect(cancelled?.message.params?.requestId).toBe(called?.message.id);
    await upstream.sees('dropped');
  });

  it('with its grant', async () => {
    const { upstream, client } = await pair([{ text: ELICIT('1') }]);
    await call(client);

    for (const id of await listDurableObjectIds(env.SESSIONS)) await env.SESSIONS.get(id).end();

    await upstream.sees('notifications/cancelled');
  });
});

/** Every alarm that is set comes now. */
async function alarms(): Promise<void> {
  for (const id of await listDurableObjectIds(env.SESSIONS))
    await runDurableObjectAlarm(env.SESSIONS.get(id));
}
