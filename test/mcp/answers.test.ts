import { afterEach, describe, expect, it, vi } from 'vitest';
import { altered } from '../support/altered.ts';
import { eventsOf, McpCaller, wholeAnswer } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { admin, administer, gate, newKey } from '../support/gate';
import type { RawAnswer } from '../support/raw-answer';
import { addressOf, Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const RIGHT = '{"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":"right"}]}}';
const ID_LAST = '{"jsonrpc":"2.0","result":{"content":[{"type":"text","text":"right"}]},"id":$id}';
const SECOND = RIGHT.replace('right', 'second');
const OTHER = RIGHT.replace('$id', '$id7').replace('right', 'wrong');
const NOTE = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}';
const PARSE_ERROR = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}';

const ANOTHER = 'answered another request';
const NOT_MCP = 'something that is not MCP';
const EARLY = 'ended its answer before';

/** Someone at a server whose tool `odd` answers as it is told. */
async function at(odd: RawAnswer, registration: Record<string, unknown> = {}) {
  const upstream = await Upstream.start(['odd'], { raw: { odd }, registration });
  return { upstream, caller: await McpCaller.withKey('2025', `/mcp/${upstream.slug}`) };
}

/** What a client that calls its request `mine` is told: the text of the result, or the error. */
async function told(odd: RawAnswer): Promise<unknown> {
  const { caller } = await at(odd);
  const answer = await wholeAnswer(await caller.send('tools/call', { name: 'odd' }, { id: 'mine' }));
  expect(answer).toMatchObject({ status: 200, body: { jsonrpc: '2.0', id: 'mine' } });
  const { result, error } = answer.body;
  return result?.content?.[0]?.text ?? error;
}

const EVENTS = 'text/event-stream';
const events = (...messages: string[]): RawAnswer => ({
  type: EVENTS,
  chunks: messages.map((message) => `event: message\ndata: ${message}\n\n`),
});

describe('a JSON answer counts with the id of its request (PROTOCOL §3)', () => {
  it.each([
    ['as a number', RIGHT],
    ['as text', RIGHT.replace('$id', '"$id"')],
    ['with a point', RIGHT.replace('$id', '$id.0')],
    ['with an exponent', RIGHT.replace('$id', '$ide0')],
    ['behind the result', ID_LAST],
    ['behind a long result', ID_LAST.replace('"content"', '"x":"$fill","content"')],
    ['twice', RIGHT.replace('"id"', '"id":$id,"id"')],
    ['in an array', `[${RIGHT}]`],
    ['among others in an array', `\n[ ${NOTE} , ${OTHER},${RIGHT} , ${SECOND}]`],
    ['before a second answer', `${RIGHT}${SECOND}`],
    ['behind a byte order mark', `\ufeff${RIGHT}`],
    ['with an error that is null', RIGHT.replace('"result"', '"error":null,"result"')],
    ['before an error', RIGHT.replace(/}$/, ',"error":{"code":1,"message":"no"}}')],
    ['with its name in escapes', RIGHT.replace('"id"', '"\\u0069d"')],
  ])('%s', async (_, text) => {
    expect(await told({ chunks: [text] })).toBe('right');
  });

  it.each([
    ['another', OTHER, ANOTHER],
    ['another behind the result', ID_LAST.replace('$id', '$id7'), ANOTHER],
    ['none', RIGHT.replace('"id":$id,', ''), ANOTHER],
    ['null', RIGHT.replace('$id', 'null'), ANOTHER],
    ['an object', RIGHT.replace('$id', '{"id":$id}'), ANOTHER],
    ['two', RIGHT.replace('"id"', '"id":7.5,"id"'), ANOTHER],
    ['another, in an array', `[${OTHER}]`, ANOTHER],
    ['right, and neither a result nor an error', '{"jsonrpc":"2.0","id":$id}', NOT_MCP],
    ['right, and a result that is no object', '{"jsonrpc":"2.0","id":$id,"result":[]}', NOT_MCP],
    ['right, and null for both', '{"jsonrpc":"2.0","id":$id,"result":null,"error":null}', NOT_MCP],
    ['of no JSON', 'Hello', NOT_MCP],
    ['of a text', '"id"', NOT_MCP],
    ['of an empty array', '[]', EARLY],
    ['of a notification', NOTE, EARLY],
    ['of nothing', '', EARLY],
    ['of half an answer', '{"jsonrpc":"2.0","id":', EARLY],
    ['of half an answer whose id would come last', ID_LAST.slice(0, 60), EARLY],
  ])('%s: it is a tool error in words', async (_, text, words) => {
    expect(await told({ chunks: [text] })).toContain(words);
  });

  it.each([
    [201, RIGHT, 'right'],
    [206, RIGHT, 'right'],
    [202, '', EARLY],
    [204, '', EARLY],
  ])('under the status %i', async (status, text, expected) => {
    expect(await told({ status, ...(text ? {} : { type: '' }), chunks: text ? [text] : [] })).toContain(
      expected,
    );
  });

  it('an error without an id says what it says when nothing else came (JSON-RPC 2.0 §5)', async () => {
    expect(await told({ chunks: [PARSE_ERROR] })).toEqual({ code: -32700, message: 'Parse error' });
    expect(await told({ chunks: [`[${PARSE_ERROR},${RIGHT}]`] })).toBe('right');
    expect(
      await told({ chunks: [PARSE_ERROR.replace('{"code":-32700,"message":"Parse error"}', '{}')] }),
    ).toContain(ANOTHER);
  });

  it('is for other methods a JSON-RPC error that says the same', async () => {
    const { slug } = await Upstream.start([], {
      prompts: [{ name: 'odd' }],
      raw: { odd: { chunks: [OTHER] } },
    });
    const { body } = await (await McpCaller.withKey('2025', `/mcp/${slug}`)).ask('prompts/get', {
      name: 'odd',
    });

    expect(body.error).toMatchObject({ code: -32603, data: { type: 'upstream_failed' } });
    expect(body.error?.message).toContain(ANOTHER);
  });
});

describe('an answer that has begun to pass is cut when it is seen to be wrong (PROTOCOL §3)', () => {
  const wrong = ID_LAST.replace('$id', '$id7').replace('"content"', '"x":"$fill","content"');
  it.each([
    ['a long one with another id behind it', [wrong], ANOTHER],
    ['a long one without an id', [wrong.replace(',"id":$id7', '')], ANOTHER],
    ['one with another id behind it', [RIGHT.replace(/}$/, ',"id":5}')], ANOTHER],
    ['half of one', [RIGHT.slice(0, -8)], EARLY],
    ['one that turns into something else', [RIGHT.replace(/}$/, '!!}')], NOT_MCP],
  ])('%s', async (_, [text = ''], words) => {
    for (const answer of [{ chunks: [text] }, events(text)]) {
      const { upstream, caller } = await at(answer);
      const response = await caller.send('tools/call', { name: 'odd' });
      const state = async () => JSON.stringify(await admin('GET', `/mcp/client/${upstream.id}`));

      await expect(response.text()).rejects.toThrow();
      await vi.waitFor(async () => expect(await state()).toContain(words));
    }
  });
});

describe('an event stream answers with the id of its request (PROTOCOL §3)', () => {
  it.each([
    ['behind a late answer of another', events(OTHER, RIGHT)],
    ['last in its message', events(ID_LAST)],
    ['behind an error without an id', events(PARSE_ERROR, RIGHT)],
    ['behind what is no JSON', events('Hello', '{"jsonrpc"', '[]', RIGHT)],
    [
      'behind events of another type',
      { type: EVENTS, chunks: [`event: other\ndata: ${SECOND}\n\ndata: ${RIGHT}\n\n`] },
    ],
    ['before a second answer', events(RIGHT, SECOND)],
    ['in an array', events(`[${OTHER},${RIGHT},${SECOND}]`)],
    ['behind a byte order mark', { type: EVENTS, chunks: [`\ufeffdata: ${RIGHT}\n\n`] }],
    ['between comments', { type: EVENTS, chunks: [': a\n\n', `data:${RIGHT}\n`, ': b\n\n'] }],
    ['in lines that end in CR LF', { type: EVENTS, chunks: [`id: 1\r\ndata: ${RIGHT}\r\n\r\n`] }],
    ['in lines that end in CR', { type: EVENTS, chunks: [`id: 1\rdata: ${RIGHT}\r\r`] }],
    ['over many lines', { type: EVENTS, chunks: [`data: ${RIGHT.replaceAll(',', ',\ndata: ')}\n\n`] }],
    ['cut behind its last brace', { ...events(RIGHT), chunks: [`data: ${RIGHT}`], finish: 'cut' }],
    ['before a stream that stays open', { ...events(RIGHT), finish: 'open' }],
  ] as [string, RawAnswer][])('%s', async (_, answer) => {
    expect(await told(answer)).toBe('right');
  });

  it.each([
    ['another', events(OTHER), ANOTHER],
    ['another, last in its message', events(ID_LAST.replace('$id', '$id7')), ANOTHER],
    ['none', events(RIGHT.replace('"id":$id,', '')), ANOTHER],
    ['none at all', { type: EVENTS, chunks: [': nothing\n\n'] }, EARLY],
    ['one in the middle of an event', { type: EVENTS, chunks: ['data: {"jsonrpc"'] }, EARLY],
    [
      'one in an event of another type',
      { type: EVENTS, chunks: [`event: other\ndata: ${RIGHT}\n\n`] },
      EARLY,
    ],
    ['the right one with neither a result nor an error', events('{"id":$id}'), NOT_MCP],
  ] as [string, RawAnswer, string][])('%s: it is a tool error in words', async (_, answer, words) => {
    expect(await told(answer)).toContain(words);
  });

  it('an error without an id says what it says when nothing else came (JSON-RPC 2.0 §5)', async () => {
    expect(await told(events(NOTE, PARSE_ERROR))).toEqual({ code: -32700, message: 'Parse error' });
  });

  it('passes what the server says of itself, no question that the client does not take, and no answer to another request', async () => {
    const ping = '{"jsonrpc":"2.0","id":$id,"method":"ping"}';
    const { caller, upstream } = await at(events(NOTE, OTHER, ping, `[${NOTE},${ping}]`, RIGHT));
    const text = await (await caller.send('tools/call', { name: 'odd' }, { id: 'mine' })).text();
    const [call] = await upstream.seen('tools/call');
    const pings = (await upstream.seen()).filter(({ message }) => message.id === call?.message.id);

    expect(eventsOf(text).map(({ id, ...message }) => [id, 'method' in message])).toEqual([
      [undefined, true],
      [undefined, true],
      ['mine', false],
    ]);
    expect(pings.map(({ message }) => message).slice(1)).toMatchObject([{ result: {} }, { result: {} }]);
  });

  it('says for the same id why there is no answer, between two events', async () => {
    const { caller } = await at({ ...events(NOTE), finish: 'cut' });
    const text = await (await caller.send('tools/call', { name: 'odd' }, { id: 'mine' })).text();

    expect(eventsOf(text)).toMatchObject([
      { method: 'notifications/message' },
      { id: 'mine', result: { isError: true } },
    ]);
    expect(text).toContain(EARLY);
  });
});

describe('a waiting call (PROTOCOL §3)', () => {
  it('is given up when only comments come: they are no progress', async () => {
    const registration = { tool_execution_timeout: 1 };
    const { caller } = await at({ type: EVENTS, finish: 'comments' }, registration);
    shortWaits();

    expect((await caller.call('odd')).body.result?.content?.[0]?.text).toContain(
      'sent nothing for 1 seconds',
    );
  });

  it('carries a comment every 8 seconds', async () => {
    const { upstream, caller } = await at({ ...events(NOTE, '$hold', RIGHT), finish: 'open' });
    const limits = shortWaits();
    const response = await caller.send('tools/call', { name: 'odd' });
    await vi.waitFor(() => expect(limits).toContain(8_005));
    vi.restoreAllMocks();
    await upstream.release();
    await response.body?.cancel();
  });
});

const primed = (id: string, retry = 100): RawAnswer => ({
  type: EVENTS,
  chunks: [`id: ${id}\nretry: ${retry}\ndata:\n\n`],
});
const event = (id: string, message: string) => `id: ${id}\ndata: ${message}\n\n`;
const gets = async (upstream: Upstream) => (await upstream.seen()).filter(({ method }) => method === 'GET');

describe('a stream that ends before the answer is continued (MCP 2025-11-25, Resumability and Redelivery)', () => {
  const note = (data: string) => NOTE.replace('1}', `"${data}"}`);

  it('by GET behind the last event, in the same session, until the answer comes', async () => {
    const { upstream, caller } = await at(primed('e1'));
    const resumes: RawAnswer[] = [
      { type: EVENTS, chunks: [event('e2', note('a'))] },
      primed('e3'),
      { type: EVENTS, chunks: [event('e4', OTHER), event('e5', RIGHT)] },
    ];
    await upstream.behave({ resumes });
    shortWaits();
    const response = await caller.send('tools/call', { name: 'odd' }, { id: 'mine' });
    const messages = eventsOf(await response.text());
    const [call] = await upstream.seen('tools/call');
    const asked = await gets(upstream);

    expect(messages).toMatchObject([
      { method: 'notifications/message' },
      { id: 'mine', result: { content: [{ text: 'right' }] } },
    ]);
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual(['e1', 'e2', 'e3']);
    for (const { headers } of asked) {
      expect(headers).toMatchObject({ accept: EVENTS, 'mcp-protocol-version': '2025-11-25' });
      expect(headers['mcp-session-id']).toBe(call?.headers['mcp-session-id']);
      expect(headers['content-type']).toBeUndefined();
    }
    expect(await upstream.seen('tools/call')).toHaveLength(1);
  });

  it('after the time the server names, or one second, and never at once', async () => {
    const { upstream, caller } = await at({ type: EVENTS, chunks: ['id: a\ndata:\n\n'] });
    await upstream.behave({ resumes: [primed('b', 7_000), primed('c', 0), events(RIGHT)] });
    const waits = shortWaits();

    expect((await caller.call('odd')).body.result?.content?.[0]?.text).toBe('right');
    expect(waits.filter((wait) => [0, 100, 1_000, 7_000].includes(wait))).toEqual([1_000, 7_000, 100]);
  });

  it('when its connection is cut, and gives nothing twice', async () => {
    const chunks = [event('1', note('a')), event('2', note('b')), 'id: 3\ndata: {"jsonrpc":"2.0","met'];
    const { upstream, caller } = await at({ type: EVENTS, chunks, finish: 'cut' });
    const again = [event('2', note('b')), event('3', note('c')), event('4', RIGHT)];
    await upstream.behave({
      resumes: [
        { status: 503, type: '' },
        { type: EVENTS, chunks: again },
      ],
    });
    shortWaits();
    const messages = eventsOf(await (await caller.send('tools/call', { name: 'odd' })).text());

    expect(messages.map((message) => (message as { params?: { data: string } }).params?.data)).toEqual([
      'a',
      'b',
      'c',
      undefined,
    ]);
    expect((await gets(upstream)).map(({ headers }) => headers['last-event-id'])).toEqual(['2', '2']);
  });

  it('five times when it is cut each time', async () => {
    const { upstream, caller } = await at({ ...primed('e'), finish: 'cut' });
    const cut: RawAnswer = { ...primed('e'), finish: 'cut' };
    await upstream.behave({ resumes: Array.from({ length: 9 }, () => cut) });
    shortWaits();

    expect((await caller.call('odd')).body.result?.content?.[0]?.text).toContain(EARLY);
    expect(await gets(upstream)).toHaveLength(5);
  });

  it.each([400, 404, 405, 401])('unless the server refuses that with %i', async (status) => {
    const { upstream, caller } = await at(primed('e'));
    await upstream.behave({ resumes: [{ status, type: '' }] });
    shortWaits();

    expect((await caller.call('odd')).body.result?.content?.[0]?.text).toContain(EARLY);
    expect(await gets(upstream)).toHaveLength(1);
  });

  it('until nothing has come for too long', async () => {
    const { upstream, caller } = await at(primed('e'), { tool_execution_timeout: 1 });
    await upstream.behave({ resumes: Array.from({ length: 400 }, (_, at) => primed(`e${at}`)) });
    shortWaits();

    expect((await caller.call('odd')).body.result?.content?.[0]?.text).toContain(
      'sent nothing for 1 seconds',
    );
    expect(await upstream.sees('notifications/cancelled')).toHaveLength(1);
  });

  it('until its client leaves', async () => {
    const { upstream, caller } = await at(primed('e'));
    await upstream.behave({ resumes: [{ type: EVENTS, chunks: [event('f', NOTE)], finish: 'open' }] });
    shortWaits();
    const response = await caller.send('tools/call', { name: 'odd' });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await upstream.sees('dropped');

    expect(await gets(upstream)).toHaveLength(1);
  });

  it.each([
    ['without the id of an event', events(NOTE), {}],
    ['with an id that no header carries', primed('é'), {}],
    ['of a server of 2026-07-28', primed('e'), { era: '2026' }],
    [
      'in the middle of the answer',
      { type: EVENTS, chunks: [event('e', NOTE), `data: ${RIGHT.slice(0, -9)}`] },
      {},
    ],
  ] as [string, RawAnswer, object][])('but not one %s', async (_, answer, behaviour) => {
    const { upstream, caller } = await at(answer);
    await upstream.behave({ ...behaviour, resumes: [events(RIGHT)] });
    shortWaits();
    const response = await caller.send('tools/call', { name: 'odd' });

    expect(await response.text().catch(() => EARLY)).toContain(EARLY);
    expect(await gets(upstream)).toEqual([]);
  });
});

describe('a client of 2025-11-25 comes back for an answer that its server primes and closes (PROTOCOL §3)', () => {
  const idIn = (text: string) => /^id: (\S+)$/m.exec(text)?.[1] ?? '';
  const back = (caller: McpCaller, id: string, headers: Record<string, string> = {}) =>
    gate(caller.path, { headers: { ...caller.headers, accept: EVENTS, 'last-event-id': id, ...headers } });

  /** An answer that was left behind its first event. */
  async function left(resumes: RawAnswer[] = [events(RIGHT)]) {
    const { upstream, caller: someone } = await at(primed('e1', 700));
    await upstream.behave({ resumes });
    const caller = await someone.initialized();
    const params = { name: 'odd', _meta: { progressToken: 'mine' } };
    const text = await (await caller.send('tools/call', params, { id: 'call' })).text();
    return { upstream, caller, text, id: idIn(text) };
  }

  it('and gets the rest in the same session, as often as its server wants', async () => {
    const progress =
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$id,"progress":1}}';
    const resumes: RawAnswer[] = [
      { type: EVENTS, chunks: [event('e2', progress)] },
      { type: EVENTS, chunks: [event('e3', OTHER), event('e4', RIGHT)] },
    ];
    const { upstream, caller, text, id } = await left(resumes);
    const second = await (await back(caller, id)).text();
    const answer = await back(caller, idIn(second.slice(second.indexOf('data: {'))));
    const third = await answer.text();
    const [call] = await upstream.seen('tools/call');
    const asked = await gets(upstream);

    expect(text).toBe(`id: ${id}\nretry: 700\ndata: \n\n`);
    expect(second).toMatch(/^id: \S+\nretry: \d+\ndata: \n\ndata: \{/);
    expect(second).toContain('"params":{"progressToken":"mine","progress":1}');
    expect(answer.headers.get('content-type')).toBe(EVENTS);
    expect(eventsOf(third)).toMatchObject([{ id: 'call', result: { content: [{ text: 'right' }] } }]);
    expect(asked.map(({ headers }) => headers['last-event-id'])).toEqual(['e1', 'e2']);
    for (const { headers } of asked) expect(headers['mcp-session-id']).toBe(call?.headers['mcp-session-id']);
    expect(`${text}${second}${third}`).not.toContain(String(call?.headers['mcp-session-id']));
    expect(await upstream.seen('DELETE')).toEqual([]);
  });

  it('but no one else does, nor with another id, session or revision: no server is asked', async () => {
    const { upstream, caller, id } = await left();
    const other = { 'x-bf-vk': (await newKey()).value };
    const session = (await caller.initialized()).headers['mcp-session-id'] ?? '';
    const tries = [
      await back(caller, id, other),
      await back(caller, id, { 'mcp-session-id': session }),
      await back(caller, id, { 'mcp-session-id': '' }),
      await back(caller, altered(id)),
      await back(caller, 'e1'),
      await back(caller, 'x'.repeat(5000)),
    ];
    const bodies = await Promise.all(tries.map((answer) => answer.json()));

    expect(tries.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400]);
    for (const body of bodies) expect(body).toMatchObject({ id: null, error: { code: -32602 } });
    expect((await back(caller, id, { 'mcp-protocol-version': '2026-07-28' })).status).toBe(405);
    expect(await gets(upstream)).toEqual([]);
    expect(eventsOf(await (await back(caller, id)).text())).toHaveLength(1);
  });

  it('and not where the server is not offered or has moved, nor when the request is too old', async () => {
    const { upstream, caller, id } = await left();
    const { slug } = await Upstream.start();
    const elsewhere = await back(new McpCaller(caller.headers, '2025', `/mcp/${slug}`), id);
    wait(299);
    await upstream.change({ connection_string: addressOf(`${upstream.name}x`) });
    const moved = await back(caller, id);
    await upstream.change({ connection_string: addressOf(upstream.name) });
    wait(2);
    const late = await back(caller, id);

    expect([elsewhere.status, moved.status, late.status]).toEqual([400, 400, 400]);
    expect(await gets(upstream)).toEqual([]);
  });

  it('and not where the caller may not use any more what was asked for', async () => {
    const { upstream, caller, id } = await left();
    const narrowed = await back(caller, id, { 'x-bf-mcp-include-tools': `${upstream.name}-other` });
    const joined = await back(new McpCaller(caller.headers), id);
    await upstream.change({ tools_to_execute: ['other'] });
    const taken = await back(caller, id);
    const asked = await gets(upstream);
    await upstream.change({ tools_to_execute: ['*'] });

    expect([narrowed.status, joined.status, taken.status]).toEqual([400, 400, 400]);
    expect(asked).toEqual([]);
    expect(eventsOf(await (await back(caller, id)).text())).toHaveLength(1);
  });

  it.each([
    ['prompts/get', { name: 'odd' }, { allow_prompts: false }],
    ['resources/read', { uri: 'odd:a' }, { allow_resources: false }],
  ] as const)('and not what else is closed meanwhile: %s', async (method, named, closing) => {
    const { upstream, caller: someone } = await at(primed('e1', 700));
    const raw = { '*': primed('e1', 700), 'odd:a': primed('e1', 700) };
    const offers = { prompts: [{ name: 'odd' }], resources: [{ uri: 'odd:a', name: 'a' }] };
    await upstream.behave({ ...offers, raw, resumes: [events(RIGHT)] });
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const caller = await someone.initialized();
    const text = await (await caller.send(method, named, { id: 'call' })).text();
    expect(text).toMatch(/^id: /);
    await upstream.change(closing);
    const closed = await back(caller, idIn(text));
    await upstream.change({ allow_prompts: null, allow_resources: null });

    expect(closed.status).toBe(400);
    expect(eventsOf(await (await back(caller, idIn(text))).text())).toHaveLength(1);
  });

  it('and is told when the server says nothing for too long, or why it can not answer', async () => {
    const silent = await at({ ...primed('e1'), finish: 'open' }, { tool_execution_timeout: 1 });
    const refused = await at({
      type: EVENTS,
      chunks: [...(primed('e1').chunks ?? []), `data: ${PARSE_ERROR}\n\n`],
    });
    const texts = [];
    for (const { caller } of [silent, refused])
      texts.push(await (await (await caller.initialized()).send('tools/call', { name: 'odd' })).text());

    expect(texts[0]).toContain('sent nothing for 1 seconds');
    expect(texts[1]).toContain('"message":"Parse error"');
  });

  it('and is told when the server refuses to go on', async () => {
    const { caller, id } = await left([{ status: 404, type: '' }]);
    const answer = await back(caller, id);

    expect(answer.headers.get('content-type')).toBe(EVENTS);
    expect(eventsOf(await answer.text())).toMatchObject([
      { id: 'call', result: { isError: true, content: [{ text: expect.stringContaining(EARLY) }] } },
    ]);
  });

  it.each([
    ['of an older revision', { 'mcp-session-id': '2025-06-18' }],
    ['that reads JSON only', { accept: 'application/json' }],
    ['without a session', { 'mcp-session-id': '' }],
  ] as [string, Record<string, string>][])('but one %s gets the answer in one piece', async (_, headers) => {
    const { upstream, caller: someone } = await at(primed('e1'));
    await upstream.behave({ resumes: [events(RIGHT)] });
    const protocolVersion = headers['mcp-session-id'] || '2025-11-25';
    const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'x', version: '1' } };
    const begun = await someone.ask('initialize', params);
    const session = begun.headers.get('mcp-session-id') ?? '';
    shortWaits();
    const own = headers['mcp-session-id'] === '' ? '' : session;
    const { body } = await someone.with({ ...headers, 'mcp-session-id': own }).call('odd');

    expect(body.result?.content?.[0]?.text).toBe('right');
  });
});
