import { describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { Upstream } from '../support/upstream';

const RIGHT = '{"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":"right"}]}}';
const inEvents = (...messages: string[]) => ({
  type: 'text/event-stream',
  chunks: messages.map((message) => `data: ${message}\n\n`),
});
const HUGE = 'x'.repeat(2_000_000);

describe.each([
  ['2025', '2025'],
  ['2025', '2026'],
  ['2026', '2025'],
  ['2026', '2026'],
] as const)('an odd message beside the answer of a %s server, to a %s client', (serverEra, era) => {
  it.each([
    '{"jsonrpc":"2.0","id":5,"method":1.0}',
    '{"jsonrpc":"2.0","id":5,"method":{"toString":1}}',
    '{"jsonrpc":"2.0","id":5,"method":null}',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{"toString":1},"progress":1}}',
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":{"toString":1},"data":1}}',
  ])('costs no one the answer: %s', async (odd) => {
    const upstream = await Upstream.start(['odd'], { era: serverEra, raw: { odd: inEvents(odd, RIGHT) } });
    const stranger = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);
    const caller = era === '2025' ? await stranger.initialized({ elicitation: {} }) : stranger;

    const answer = await caller.send('tools/call', { name: 'odd', _meta: { progressToken: 'p' } });

    expect(await answer.text()).toContain('"right"');
  });
});

describe('a fault of this gateway while an answer flows', () => {
  it('is told to the client, and the request ends as any other', async () => {
    const question = '{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{}}';
    const raw = { odd: inEvents(question, RIGHT) };
    const upstream = await Upstream.start(['echo', 'odd'], { raw });
    const stranger = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const caller = await stranger.initialized({ elicitation: {} });
    await caller.call('echo'); // in a session that is kept
    const lines = vi.spyOn(console, 'log');
    vi.spyOn(crypto.subtle, 'encrypt').mockRejectedValue(new Error('no more')); // of the id of the question

    const { body } = await caller.call('odd');
    const logged = lines.mock.calls.map(([line]) => JSON.parse(String(line)));
    vi.restoreAllMocks();

    expect(body.error).toMatchObject({ code: -32603 });
    expect(logged).toMatchObject([
      { event: 'mcp.forwarded', outcome: 'broken' },
      { event: 'request.failed', message: 'no more' },
    ]);
  });
});

describe('what a server of 2026-07-28 has repeated in headers', () => {
  const mirroring = {
    name: 'mirrors',
    inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' } } },
  };

  it.each([
    ['tools/call', { name: 'mirrors', arguments: { a: HUGE } }],
    ['resources/read', { uri: `a://${HUGE}` }],
  ])('is refused over 64 KiB with %s, which changes nothing for others', async (method, params) => {
    const resources = [{ uri: 'a://b', name: 'b' }];
    const upstream = await Upstream.start([mirroring, 'echo'], { era: '2026', resources });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    for (let times = 0; times < 6; times++) {
      const { body } = await caller.ask(method, params);
      expect(JSON.stringify(body)).toContain('over 64 KiB');
    }

    expect(await upstream.seen(method)).toEqual([]);
    const other = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    expect((await other.call('echo')).body.result).toMatchObject({ content: [{ text: 'echo ran' }] });
  });

  it('goes out below that', async () => {
    const upstream = await Upstream.start([mirroring], { era: '2026' });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect((await caller.call('mirrors', { a: 'x'.repeat(9_000) })).body.result?.isError).toBeFalsy();
  });
});

describe('the session of a server that writes a number in another way than JavaScript', () => {
  it.each(['1.0', '1e-07', '12345678901234567890', '-0'])('is kept: %s', async (number) => {
    const capabilities = `{"tools":{},"experimental":{"x":{"v":${number}}}}`;
    const greeting = `{"protocolVersion":"2025-11-25","capabilities":${capabilities},"serverInfo":{"name":"u","version":"1"}}`;
    const upstream = await Upstream.start(['echo'], { lists: { initialize: [greeting] } });
    const caller = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    for (let times = 0; times < 3; times++) await caller.call('echo');

    const seen = await upstream.seen('tools/call');
    expect(new Set(seen.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
  });
});
