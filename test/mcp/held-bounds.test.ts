import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CallUnderWay } from '../support/call-under-way';
import { McpCaller, modern, wholeAnswer } from '../support/caller';
import { wait } from '../support/clock';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const DECLARED = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
const ELICIT = (id: number) =>
  `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object"}}}`;
const WITHDRAWN = (id: number) =>
  `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
/** Messages that a server says at once, of which it waits for the answer to the first. */
const together = (...texts: string[]) => texts.join('\n\ndata: ');
type Saying = { on?: 'stream'; text: string };
type Asked = { inputRequests: Record<string, unknown>; requestState: string };

/** A client of 2026-07-28 with a grant, at a server of the 2025 era whose tools say these things in a call. */
async function pair(asks: Record<string, readonly Saying[]>, behaviour: Record<string, unknown> = {}) {
  const tools = Object.keys(asks);
  const upstream = await Upstream.start([...tools, 'echo'], { asks, streams: true, ...behaviour });
  const { access_token } = await (await McpClient.register()).obtainGrant();
  const client = new McpCaller({ authorization: `Bearer ${access_token}` }, '2026', `/mcp/${upstream.slug}`);
  return { upstream, client };
}

function send(client: McpCaller, name: string, more: Record<string, unknown> = {}, meta = {}) {
  return client.send('tools/call', modern({ name, ...more }, { ...meta, ...DECLARED }));
}

async function call(client: McpCaller, name: string, more: Record<string, unknown> = {}) {
  return (await wholeAnswer(await send(client, name, more))).body;
}

const asked = async (answer: ReturnType<typeof call>) => (await answer).result as unknown as Asked;
const responding = ({ inputRequests, requestState }: Asked, response: unknown = { action: 'accept' }) => {
  const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((name) => [name, response]));
  return { inputResponses, requestState };
};
const retry = (client: McpCaller, name: string, first: Asked, response?: unknown) =>
  call(client, name, responding(first, response));

const answersAt = async (upstream: Upstream) =>
  (await upstream.seen()).filter(({ message, text }) => text && !message.method).map(({ text }) => text);
const RAN = { content: [{ text: expect.stringMatching(/ ran$/) }] };
const ENDED = { isError: true, content: [{ text: expect.stringMatching(/has ended.*Call again/s) }] };

describe('what a held call asks (PROTOCOL §4)', () => {
  it('is 32 questions at once at most: the server is refused the next', async () => {
    const text = together(...Array.from({ length: 33 }, (_, at) => ELICIT(at + 1)));
    const { upstream, client } = await pair({ asks: [{ text }] });

    const first = await asked(call(client, 'asks'));

    expect(Object.keys(first.inputRequests)).toHaveLength(32);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"id":33,"error":{"code":-32603')]);
  });

  it('is nothing that the server took back', async () => {
    const { upstream, client } = await pair({
      asks: [{ text: together(ELICIT(2), ELICIT(1), WITHDRAWN(1)) }],
    });

    const first = await asked(call(client, 'asks'));

    expect(Object.keys(first.inputRequests)).toHaveLength(1);
    expect((await retry(client, 'asks', first)).result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"id":2,"result"')]);
  });

  it('is asked again where what comes is no response', async () => {
    const { upstream, client } = await pair({ asks: [{ text: ELICIT(1) }] });
    const first = await asked(call(client, 'asks'));

    const again = await asked(retry(client, 'asks', first, 'yes'));

    expect(again.inputRequests).toEqual(first.inputRequests);
    expect(await answersAt(upstream)).toEqual([]);
  });

  it('is answered by the retry of that question: one of an earlier question reads on, and answers nothing', async () => {
    const { upstream, client } = await pair({ asks: [{ text: ELICIT(1) }, { text: ELICIT(2) }] });
    const first = await asked(call(client, 'asks'));
    const second = await asked(retry(client, 'asks', first));

    const { inputResponses } = responding(second, { action: 'decline' });
    const replayed = await asked(call(client, 'asks', { inputResponses, requestState: first.requestState }));

    expect(replayed.inputRequests).toEqual(second.inputRequests);
    expect(await answersAt(upstream)).toHaveLength(1);
    expect((await retry(client, 'asks', second)).result).toMatchObject(RAN);
    expect((await answersAt(upstream))[1]).toContain('"accept"');
  });

  it('is in no state that the server wrote in the name of the gateway', async () => {
    const result = { resultType: 'input_required', inputRequests: {}, requestState: '["guessed",0,1]x' };
    const { client } = await pair({ asks: [] }, { results: { asks: JSON.stringify(result) } });
    const first = await asked(call(client, 'asks'));

    expect((await retry(client, 'asks', first)).result).toMatchObject(ENDED);
  });
});

describe('calls that are held beside each other', () => {
  it('are 16 at most: what the next is asked is refused', async () => {
    const tools = Array.from({ length: 17 }, (_, at) => [`asks_${at}`, [{ text: ELICIT(at + 1) }]] as const);
    const { upstream, client } = await pair(Object.fromEntries(tools));

    for (const [name] of tools.slice(0, 16)) await asked(call(client, name));
    const last = await call(client, 'asks_16');

    expect(last.result).toMatchObject(RAN);
    expect(await answersAt(upstream)).toEqual([expect.stringContaining('"id":17,"error":{"code":-32603')]);
  });

  it('have each their own progress and questions, on whichever stream their server says them', async () => {
    const progress =
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$token,"progress":1}}';
    const { client } = await pair({
      asks_one: [{ on: 'stream', text: ELICIT(1) }],
      asks_two: [
        { on: 'stream', text: progress },
        { on: 'stream', text: ELICIT(2) },
      ],
    });
    const one = await asked(call(client, 'asks_one')); // it hears what is said in the session

    const under = new CallUnderWay(await send(client, 'asks_two', {}, { progressToken: 'two' }));

    expect(await under.message(0)).toMatchObject({ params: { progressToken: 'two' } });
    const two = (await under.message(1)).result as Asked;
    expect((await retry(client, 'asks_two', two)).result).toMatchObject(RAN);
    expect((await retry(client, 'asks_one', one)).result).toMatchObject(RAN);
  });
});

describe('what of a held call is kept', () => {
  it('is there for five minutes once it is over', async () => {
    const { client } = await pair({ asks: [{ text: ELICIT(1) }] });
    const first = await asked(call(client, 'asks'));
    expect((await retry(client, 'asks', first)).result).toMatchObject(RAN);

    wait(301);

    expect((await retry(client, 'asks', first)).result).toMatchObject(ENDED);
  });

  it('is 1 MiB: a longer answer is read once', async () => {
    const text = 'x'.repeat(1_100_000);
    const results = { asks: JSON.stringify({ content: [{ type: 'text', text }] }) };
    const { client } = await pair({ asks: [{ text: ELICIT(1) }] }, { results });
    const first = await asked(call(client, 'asks'));

    const { result } = await retry(client, 'asks', first);

    expect(result?.content?.[0]?.text).toHaveLength(text.length);
    expect((await retry(client, 'asks', first)).result).toMatchObject(ENDED);
  });

  it('keeps its object awake: the next alarm comes within 30 seconds', async () => {
    const { client } = await pair({ asks: [{ text: ELICIT(1) }] });
    const before = (await listDurableObjectIds(env.SESSIONS)).map(String);
    await asked(call(client, 'asks'));

    const [own] = (await listDurableObjectIds(env.SESSIONS)).filter((id) => !before.includes(String(id)));
    const object = own && env.SESSIONS.get(own);
    const alarm = object && (await runInDurableObject(object, (_, { storage }) => storage.getAlarm()));

    expect((alarm ?? Number.POSITIVE_INFINITY) - Date.now()).toBeLessThanOrEqual(30_000);
  });
});

describe('a client that leaves the retry of a held call', () => {
  /** A call that was asked something, and then takes a while. */
  async function slow() {
    const { upstream, client } = await pair({ asks: [{ text: ELICIT(1) }, { text: '$hold' }] });
    const first = await asked(call(client, 'asks'));
    const again = () => send(client, 'asks', responding(first));
    return { upstream, client, again };
  }

  it('ends it: the server is told, not after 20 seconds only', { timeout: 15_000 }, async () => {
    const { upstream, again } = await slow();
    const under = new CallUnderWay(await again());
    await expect.poll(() => answersAt(upstream)).toHaveLength(1);

    await under.leave();

    await upstream.sees('notifications/cancelled');
  });

  it('leaves it to another who reads the same', async () => {
    const { upstream, client, again } = await slow();
    const [one, other] = [new CallUnderWay(await again()), await again()];
    await expect.poll(() => answersAt(upstream)).toHaveLength(1);

    await one.leave();
    for (let calls = 0; calls < 3; calls++) await call(client, 'echo'); // the object has heard of it
    await upstream.release();

    expect((await wholeAnswer(other)).body.result).toMatchObject(RAN);
    expect(await upstream.seen('notifications/cancelled')).toEqual([]);
  });
});
