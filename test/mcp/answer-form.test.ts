import { describe, expect, it } from 'vitest';
import { eventsOf, McpCaller, modern } from '../support/caller';
import { configure } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const JSON_TYPE = 'application/json';
const EVENTS = 'text/event-stream';

/** A caller with a token: what it asks goes in sessions of its grant. */
async function ofGrant(era: '2025' | '2026', path: string): Promise<McpCaller> {
  const { access_token } = await (await McpClient.register()).obtainGrant();
  return new McpCaller({ authorization: `Bearer ${access_token}` }, era, path);
}

/** What a call in this session of an upstream is answered with, as it is. */
async function answered(accept: string | null, answers: 'json' | 'events', tool = 'echo') {
  const { slug } = await Upstream.start([tool], { answers });
  const caller = await (await McpCaller.withKey('2025', `/mcp/${slug}`)).initialized();
  const headers = { ...caller.headers, accept: accept ?? '' };
  const response = await new McpCaller(headers, '2025', caller.path).send('tools/call', { name: tool });
  return { type: response.headers.get('content-type'), text: await response.text() };
}

describe('Accept decides the form of an answer (PROTOCOL §3)', () => {
  it.each([
    [JSON_TYPE, 'json', JSON_TYPE],
    [JSON_TYPE, 'events', JSON_TYPE],
    ['Application/JSON; charset=utf-8, text/html', 'events', JSON_TYPE],
    [`${JSON_TYPE}, ${EVENTS};q=0`, 'events', JSON_TYPE],
    [EVENTS, 'json', EVENTS],
    [EVENTS, 'events', EVENTS],
    [`${JSON_TYPE}, ${EVENTS}`, 'json', JSON_TYPE],
    [`${JSON_TYPE}, ${EVENTS}`, 'events', EVENTS],
    [`${JSON_TYPE}, */*`, 'events', EVENTS],
    ['*/*', 'json', JSON_TYPE],
    ['*/*', 'events', EVENTS],
    ['', 'events', EVENTS],
  ] as const)('%j, of a server that answers in %s: %s', async (accept, answers, expected) => {
    const { type, text } = await answered(accept, answers);
    const messages = expected === EVENTS ? eventsOf(text) : [JSON.parse(text)];

    expect(type).toBe(expected);
    expect(messages).toMatchObject([{ id: 1, result: { content: [{ text: 'echo ran' }] } }]);
  });

  it('leaves out what comes before the result for a client that reads JSON only', async () => {
    const upstream = await Upstream.start(['progress'], {
      results: {
        progress:
          '{"content":[{"type":"text","text":"x"}],"structuredContent":{"n":9007199254740993,"s":"é\\n"}}',
      },
    });
    const caller = (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).with({ accept: JSON_TYPE });
    const params = { name: 'progress', _meta: { progressToken: 1 } };
    const calling = caller.send('tools/call', params, { id: 'one' });
    await upstream.sees('tools/call');
    await upstream.release();
    const response = await calling;

    expect(response.headers.get('content-type')).toBe(JSON_TYPE);
    expect((await response.text()).trim()).toBe(
      '{"jsonrpc":"2.0","id":"one","result":{"content":[{"type":"text","text":"x"}],"structuredContent":{"n":9007199254740993,"s":"é\\n"}}}',
    );
  });

  it('leaves out a notification that has a result as well', async () => {
    const odd = '{"jsonrpc":"2.0","method":"notifications/odd","result":{}}';
    const right = '{"jsonrpc":"2.0","id":$id,"result":{"content":[]}}';
    const chunks = [odd, right].map((message) => `data: ${message}\n\n`);
    const upstream = await Upstream.start(['odd'], { raw: { odd: { type: EVENTS, chunks } } });
    const caller = (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).with({ accept: JSON_TYPE });

    expect((await caller.call('odd')).body).toEqual({ jsonrpc: '2.0', id: 1, result: { content: [] } });
  });

  it('says so in JSON when the stream of its server breaks off', async () => {
    const { type, text } = await answered(JSON_TYPE, 'events', 'cut');

    expect(type).toBe(JSON_TYPE);
    expect(JSON.parse(text)).toMatchObject({ id: 1, result: { isError: true } });
  });

  const withoutKey = async (path: string) => {
    await configure({ enforce_auth_on_inference: false });
    return new McpCaller({}, '2025', path);
  };
  const askers: [string, string, (path: string) => Promise<McpCaller>][] = [
    ['a client of a session', '2025', async (path) => (await McpCaller.withKey('2025', path)).initialized()],
    ['a client that shows no session', '2025', (path) => McpCaller.withKey('2025', path)],
    ['a client that shows no session, in one kept', '2025', (path) => ofGrant('2025', path)],
    ['a client of 2026-07-28', '2025', (path) => McpCaller.withKey('2026', path)],
    ['a client of 2026-07-28, in a session kept', '2025', (path) => ofGrant('2026', path)],
    ['no one known', '2025', withoutKey],
    ['no one known, of a server without sessions', 'stateless', withoutKey],
  ];
  it.each(askers)(
    'refuses what a server asks of %s that reads JSON only, at once, by its own id',
    async (_, era, who) => {
      const upstream = await Upstream.start(['asks'], { era });
      const caller = (await who(`/mcp/${upstream.slug}`)).with({ accept: JSON_TYPE });

      const { body } = await caller.call('asks');
      await configure({ enforce_auth_on_inference: null });
      const refusal = (await upstream.seen()).find(
        ({ message }) => message.id !== undefined && !message.method,
      );

      expect(body.result?.content?.[0]?.text).toBe('asks ran');
      expect(refusal?.text).toContain('"id":9007199254740993');
      expect(refusal?.message).toMatchObject({ error: { code: -32601 } });
      const [call] = await upstream.seen('tools/call');
      expect(refusal?.headers['mcp-session-id']).toBe(call?.headers['mcp-session-id']);
      expect(call?.headers['mcp-session-id'] !== undefined).toBe(era === '2025');
    },
  );

  it('declares nothing upstream for a client that reads JSON only', async () => {
    const upstream = await Upstream.start(['echo'], { era: '2026' });
    const caller = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
    const key = 'io.modelcontextprotocol/clientCapabilities';
    const params = modern({ name: 'echo' }, { [key]: { elicitation: { url: {} }, sampling: {} } });

    await caller.ask('tools/call', params);
    await caller.with({ accept: JSON_TYPE }).ask('tools/call', params);
    const declared = (await upstream.seen('tools/call')).map(
      ({ message }) => (message.params?._meta as Record<string, unknown> | undefined)?.[key],
    );

    expect(declared).toEqual([{ elicitation: { url: {} }, sampling: {} }, {}]);
  });

  it('answers everything as an event to a client that reads nothing else', async () => {
    const { slug } = await Upstream.start();
    const caller = (await McpCaller.withKey('2025', `/mcp/${slug}`)).with({ accept: EVENTS });
    const session = await caller.initialized();
    const asked = [
      await session.send('tools/list'),
      await session.send('tools/call', { name: 'missing' }),
      await session.send('nothing/like-it'),
    ];
    const [listed, missing, unknown] = await Promise.all(
      asked.map(async (response) => [response.headers.get('content-type'), eventsOf(await response.text())]),
    );

    expect(session.headers['mcp-session-id']).toBeTruthy();
    expect(listed).toMatchObject([EVENTS, [{ result: { tools: [{ name: 'echo' }] } }]]);
    expect(missing).toMatchObject([EVENTS, [{ error: { code: -32602 } }]]);
    expect(unknown).toMatchObject([EVENTS, [{ error: { code: -32601 } }]]);
    expect((await session.notify('notifications/initialized')).status).toBe(202);
  });
});
