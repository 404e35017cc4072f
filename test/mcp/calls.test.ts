import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventsOf, McpCaller, modern, wholeAnswer } from '../support/caller';
import { shortWaits } from '../support/clock';
import { newKey } from '../support/gate';
import { addressOf, Upstream } from '../support/upstream';

/** A caller at a server of its own. */
async function pair(
  tools: string[] = ['echo'],
  behaviour: Parameters<typeof Upstream.start>[1] = {},
  era: '2025' | '2026' = '2025',
) {
  const upstream = await Upstream.start(tools, behaviour);
  return { upstream, caller: await McpCaller.withKey(era, `/mcp/${upstream.slug}`) };
}

const failed = (words: string) => ({
  status: 200,
  body: { result: { isError: true, content: [{ type: 'text', text: expect.stringContaining(words) }] } },
});

/** Reads a stream until `text` has come by. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<string> {
  const decoder = new TextDecoder();
  let read = '';
  while (!read.includes(text)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the stream ended with ${read}`);
    read += decoder.decode(value, { stream: true });
  }
  return read;
}

describe('a result passes value for value (CONTRACT §6)', () => {
  const result =
    '{ "content":[{"type":"image","data":"aGk=","mimeType":"image/png","annotations":{"priority":1.0}},{"type":"text","text":"\\u00e9漢"}],\n "structuredContent":{"n":12345678901234567890},"_meta":{"a/b":[1e400]},"x":null}';

  it.each(['json', 'events'])('byte for byte to a client of the 2025 era (%s)', async (answers) => {
    const { caller } = await pair(['raw'], {
      answers,
      results: { raw: answers === 'json' ? result : result.replace('\n', '') },
    });
    const text = await (await caller.send('tools/call', { name: 'raw' }, { id: 'mine' })).text();

    expect(text).toContain(
      `{"jsonrpc":"2.0","id":"mine","result":${answers === 'json' ? result : result.replace('\n', '')}}`,
    );
  });

  it.each(['json', 'events'])('with resultType added for a client of 2026-07-28 (%s)', async (answers) => {
    const { caller } = await pair(['raw'], { answers, results: { raw: result.replace('\n', '') } }, '2026');
    const text = await (await caller.send('tools/call', { name: 'raw' })).text();

    expect(text).toContain(`${result.replace('\n', '').slice(0, -1)},"resultType":"complete"}}`);
  });

  it.each([
    [
      'json',
      '{"structuredContent":[9007199254740993]}',
      '{"content":[{"type":"text","text":"[9007199254740993]"}]}',
    ],
    ['events', '{"structuredContent":"a","content":[]}', '{"content":[{"type":"text","text":"\\"a\\""}]}'],
    [
      'json',
      '{"content":[{"type":"text","text":"b"}],"structuredContent":null}',
      '{"content":[{"type":"text","text":"b"}]}',
    ],
  ])(
    'but for a structuredContent that clients of the 2025 era refuse (%s)',
    async (answers, result, older) => {
      const { caller } = await pair(['raw'], { answers, results: { raw: result }, era: '2026' });
      const text = await (await caller.send('tools/call', { name: 'raw' })).text();
      const newest = new McpCaller(caller.headers, '2026', caller.path);
      const asIs = await (await newest.send('tools/call', { name: 'raw' })).text();

      expect(text).toContain(`"result":${older}}`);
      expect(asIs).toContain(`"result":${result.slice(0, -1)}`);
    },
  );

  it('carries arguments and _meta to the server, numbers as they were written', async () => {
    const { upstream, caller } = await pair();
    const body =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"n":12345678901234567890},"_meta":{"x.example/a":"b"},"evil":1}}';
    await (await caller.post(body)).text();
    const [call] = await upstream.seen('tools/call');

    expect(call?.text).toContain('"arguments":{"n":12345678901234567890}');
    expect(call?.message.params).toMatchObject({ name: 'echo', _meta: { 'x.example/a': 'b' } });
    expect(call?.message.params).not.toHaveProperty('evil');
  });

  it('is never held whole: 8 MiB flow through', async () => {
    const big = JSON.stringify({ content: [{ type: 'text', text: 'x'.repeat(8_388_608) }] });
    const { caller } = await pair(['big'], { results: { big } });
    const { body } = await caller.call('big');

    expect(body.result?.content?.[0]?.text).toHaveLength(8_388_608);
  });

  it('passes progress while it happens, and neither event ids nor cookies', async () => {
    const { upstream, caller } = await pair(['progress']);
    const response = await caller.send('tools/call', { name: 'progress', _meta: { progressToken: 'p' } });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const begun = await readUntil(reader, '"progress":1}}\n\n');
    await upstream.release();
    const rest = await readUntil(reader, '"result"');

    expect(eventsOf(begun)).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } },
    ]);
    expect(begun).not.toMatch(/^id:/m);
    expect(rest).toContain('progress ran');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('set-cookie')).toBeNull();
    await reader.cancel();
  });

  it("passes a server's JSON-RPC error, in the client's era", async () => {
    const results = { gone: '{"error":{"code":-32002,"message":"gone"}}' };
    const { upstream, caller } = await pair(['gone'], { results });
    const modern = new McpCaller(caller.headers, '2026', caller.path);

    expect((await caller.call('gone')).body.error).toEqual({ code: -32002, message: 'gone' });
    expect((await modern.call('gone')).body.error).toEqual({ code: -32602, message: 'gone' });
    expect(await upstream.seen('tools/call')).toHaveLength(2);
  });
});

describe('what a server is sent (SECURITY 13)', () => {
  it('is made from an allow-list: no credential, cookie or header of the client', async () => {
    const { upstream, caller } = await pair();
    const secrets = {
      cookie: 'a=b',
      'x-forwarded-for': '1.2.3.4',
      'x-custom': 'c',
      'x-bf-mcp-include-clients': '*',
    };
    await caller.with(secrets).call('echo');
    const headers = (await upstream.seen('tools/call'))[0]?.headers ?? {};

    expect(Object.keys(headers).filter((name) => /^(x-bf|x-c|x-f|cookie|authorization)/.test(name))).toEqual(
      [],
    );
    expect(JSON.stringify(headers)).not.toContain('sk-bf-');
  });

  it('holds the header values an administrator keeps, those of variables too', async () => {
    const registration = {
      auth_type: 'headers',
      headers: { Authorization: 'Bearer kept-secret', 'X-Region': 'env.MCP_SERVER_AUTH_MODE' },
    };
    const { upstream, caller } = await pair(['echo'], { registration });
    await caller.call('echo');

    expect((await upstream.seen('tools/call'))[0]?.headers).toMatchObject({
      authorization: 'Bearer kept-secret',
      'x-region': 'both',
    });
  });

  it('is nothing at another origin than the values were entered for', async () => {
    const registration = { auth_type: 'headers', headers: { Authorization: 'Bearer kept-secret' } };
    const { upstream, caller } = await pair(['echo'], { registration });
    const { connection_string } = (await env.DB.prepare('SELECT connection_string FROM server WHERE id = ?1')
      .bind(upstream.id)
      .first<{ connection_string: string }>()) ?? { connection_string: '' };
    await upstream.change({ connection_string: connection_string.replace('127.0.0.1', 'localhost') });
    const moved = await caller.call('echo');
    await upstream.change({ connection_string });
    const back = await caller.call('echo');

    expect(moved).toMatchObject(failed('have to be entered again'));
    expect(back.body.result?.isError).toBeUndefined();
  });
});

describe('sessions with servers of the 2025 era', () => {
  it('are kept for one client session, and shared with no other caller', async () => {
    const { upstream, caller } = await pair();
    const one = await caller.initialized();
    const thief = one.with({ 'x-bf-vk': (await newKey()).value }); // shows the client session of another
    for (const each of [one, one, await caller.initialized(), thief]) await each.call('echo');
    const sessions = (await upstream.seen('tools/call')).map(({ headers }) => headers['mcp-session-id']);

    expect(sessions[0]).toBe(sessions[1]);
    expect(new Set(sessions).size).toBe(3);
  });

  it('never hold one request id twice', async () => {
    const { upstream, caller } = await pair(['held']);
    const session = await caller.initialized();
    const first = session.send('tools/call', { name: 'held' }, { id: 5 });
    await upstream.sees('tools/call');
    const second = session.send('tools/call', { name: 'held' }, { id: 5 });
    const seen = await upstream.sees('tools/call', 2);
    await upstream.release();
    const answers = await Promise.all([first, second].map(async (call) => wholeAnswer(await call)));

    expect(new Set(seen.map(({ message }) => message.id)).size).toBe(2);
    expect(answers.map(({ body }) => body.id)).toEqual([5, 5]);
  });

  it.each([404, 400])(
    'are begun anew when the server has forgotten them (%i), and the call is sent once more',
    async (forgetting) => {
      const { upstream, caller: someone } = await pair(['echo'], { forgetting });
      const caller = await someone.initialized();
      const before = await caller.call('echo');
      await upstream.forgetSessions();
      const after = await caller.call('echo');

      expect([before.body.result?.content, after.body.result?.content]).toEqual([
        [{ type: 'text', text: 'echo ran' }],
        [{ type: 'text', text: 'echo ran' }],
      ]);
      expect(await upstream.seen('tools/call')).toHaveLength(3);
    },
  );

  it('are not needed by a server that keeps none', async () => {
    const { upstream, caller } = await pair(['echo'], { era: 'stateless' });
    await caller.call('echo');
    await caller.call('echo');

    expect((await upstream.seen('tools/call')).map(({ headers }) => headers['mcp-session-id'])).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('a server of 2026-07-28 only', () => {
  const region = {
    name: 'region',
    inputSchema: { type: 'object', properties: { at: { type: 'string', 'x-mcp-header': 'Region' } } },
  };

  it('is found out and spoken to in its own era, for clients of either', async () => {
    const upstream = await Upstream.start([region as never], { era: '2026' });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const modern = new McpCaller({ ...caller.headers, 'mcp-param-region': 'eu' }, '2026', caller.path);
    const legacyAnswer = await caller.call('region', { at: 'eu' });
    const modernAnswer = await modern.call('region', { at: 'eu' });
    const [first, second] = await upstream.seen('tools/call');

    expect(legacyAnswer.body.result).toMatchObject({ content: [{ text: 'region ran' }] });
    expect(modernAnswer.body.result).toMatchObject({
      content: [{ text: 'region ran' }],
      resultType: 'complete',
    });
    for (const seen of [first, second]) {
      expect(seen?.headers).toMatchObject({
        'mcp-method': 'tools/call',
        'mcp-name': 'region',
        'mcp-param-region': 'eu',
      });
      expect(seen?.message.params?._meta).toMatchObject({ 'io.modelcontextprotocol/clientCapabilities': {} });
    }
  });

  it('gets a number in a header digit by digit, and from the client as well', async () => {
    const inputSchema = { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } };
    const upstream = await Upstream.start([{ name: 'count', inputSchema } as never], { era: '2026' });
    const caller = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
    const params = JSON.stringify(modern({ name: 'count', arguments: { n: 0 } }));
    const call = (n: string, header: string) =>
      caller
        .with({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'count' })
        .with({ 'mcp-param-n': header })
        .post(
          `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params.replace('"n":0', `"n":${n}`)}}`,
        );

    const statuses = [];
    for (const header of ['9007199254740992', '9007199254740993'])
      statuses.push((await call('9007199254740993', header)).status);
    statuses.push((await call('1e2', '100')).status);
    const seen = await upstream.seen('tools/call');

    expect(statuses).toEqual([400, 200, 200]);
    expect(seen.map(({ headers }) => headers['mcp-param-n'])).toEqual(['9007199254740993', '100']);
    expect(seen.map(({ text }) => /"n":([^}]*)/.exec(text)?.[1])).toEqual(['9007199254740993', '1e2']);
  });

  it('wants the headers its tool marks from the client too', async () => {
    const upstream = await Upstream.start([region as never]);
    const caller = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);

    expect(await caller.call('region', { at: 'eu' })).toMatchObject({
      status: 400,
      body: { error: { code: -32020 } },
    });
    expect(await caller.with({ 'mcp-param-region': 'us' }).call('region', { at: 'eu' })).toMatchObject({
      status: 400,
    });
    expect(await upstream.seen('tools/call')).toEqual([]);
  });
});

describe('a server that fails is a tool error that says whose turn it is (CONTRACT §6)', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['die', 'could not be reached'],
    ['html', 'something that is not MCP'],
    ['redirect', 'redirect'],
    [500, 'failed (HTTP 500)'],
    [401, 'did not accept this gateway'],
    [403, 'did not accept this gateway'],
    [404, 'no MCP endpoint'],
    [429, 'fewer requests'],
  ] as [string | number, string][])('%s', async (fault, words) => {
    const { upstream, caller } = await pair();
    await upstream.behave({ fault });

    expect(await caller.call('echo')).toMatchObject(failed(words));
    expect((await caller.call('echo')).body.result?.content?.[0]?.text).toContain(upstream.name);
  });

  it('sends nothing twice that may have run', async () => {
    const { upstream, caller: someone } = await pair();
    const caller = await someone.initialized();
    await caller.call('echo');
    await upstream.behave({ fault: 500 });
    await caller.call('echo');

    expect(await upstream.seen('tools/call')).toHaveLength(2);
  });

  it('leaves a server alone for 30 seconds that failed 5 times in 30', async () => {
    const { upstream, caller: someone } = await pair();
    const caller = await someone.initialized();
    await caller.call('echo');
    await upstream.behave({ fault: 500 });
    for (let time = 0; time < 5; time++) await caller.call('echo');
    const resting = await caller.call('echo');
    await upstream.behave({ fault: null });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
    const back = await caller.call('echo');

    expect(resting).toMatchObject(failed('is left alone for'));
    expect(back.body.result?.isError).toBeUndefined();
    expect(await upstream.seen('tools/call')).toHaveLength(7);
  });

  it('takes neither session nor rest along when a server moves to another address', async () => {
    const { upstream, caller } = await pair();
    const next = await Upstream.start();
    await caller.call('echo');
    await upstream.behave({ fault: 500 });
    for (let time = 0; time < 6; time++) await caller.call('echo');

    await upstream.change({ connection_string: addressOf(next.name) });
    const moved = await caller.call('echo');

    expect(moved.body.result?.isError).toBeUndefined();
    const shown = (await next.seen()).map(({ headers }) => headers['mcp-session-id']);
    const known = (await upstream.seen()).map(({ headers }) => headers['mcp-session-id']).filter(Boolean);
    expect(known.length).toBeGreaterThan(0);
    expect(shown.filter((id) => known.includes(id ?? ''))).toEqual([]);
  });

  it.each(['json', 'events'])('says so when an answer ends before it is whole (%s)', async (answers) => {
    const { caller } = await pair(['cut'], { answers });

    expect(await caller.call('cut')).toMatchObject(failed('ended its answer before'));
  });

  it('keeps what it is known to be where administrators see it, and forgets it when it is well', async () => {
    const { upstream, caller } = await pair();
    const standing = async () =>
      env.DB.prepare('SELECT state, last_failure FROM server WHERE id = ?1')
        .bind(upstream.id)
        .first<{ state: string; last_failure: string | null }>();
    await upstream.behave({ fault: 500 });
    await caller.call('echo');
    await vi.waitFor(async () =>
      expect(await standing()).toMatchObject({
        state: 'unstable',
        last_failure: expect.stringContaining('HTTP 500'),
      }),
    );
    await upstream.behave({ fault: null });
    await caller.call('echo');
    await vi.waitFor(async () => expect(await standing()).toEqual({ state: 'healthy', last_failure: null }));
  });
});

describe('time (SECURITY 24)', () => {
  it('gives up on a server that sends nothing, and tells it', async () => {
    const { upstream, caller } = await pair(['held'], { registration: { tool_execution_timeout: 1 } });
    const answer = await (await caller.initialized()).call('held');
    const [cancelled] = await upstream.sees('notifications/cancelled');
    await upstream.sees('dropped');
    const [call] = await upstream.seen('tools/call');

    expect(answer).toMatchObject(failed('sent nothing for 1 seconds'));
    expect(cancelled?.message.params).toMatchObject({ requestId: call?.message.id });
    expect(cancelled?.headers['mcp-session-id']).toBe(call?.headers['mcp-session-id']);
  });

  it('begins a stream with a comment when the server takes its time, and puts a JSON answer into it', async () => {
    const { upstream, caller } = await pair(['held']);
    const limits = shortWaits();
    const response = await caller.send('tools/call', { name: 'held' });
    vi.restoreAllMocks();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const begun = await readUntil(reader, ': \n\n');
    await upstream.sees('tools/call');
    await upstream.release();
    const rest = await readUntil(reader, '\n\n');

    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(begun).toBe(': \n\n');
    expect(limits).toContain(2_000);
    expect(eventsOf(rest)).toMatchObject([{ id: 1, result: { content: [{ text: 'held ran' }] } }]);
    expect(await reader.read()).toMatchObject({ done: true });
  });

  it('waits for a client that reads JSON only', async () => {
    const { upstream, caller } = await pair(['held']);
    const calling = caller.with({ accept: 'application/json' }).call('held');
    await upstream.sees('tools/call');
    await upstream.release();

    expect((await calling).headers.get('content-type')).toBe('application/json');
  });
});

describe('cancelling', () => {
  it("hands a 2025-era client's notice to the session that is answering (MCP 2025-11-25, Cancellation)", async () => {
    const { upstream, caller } = await pair(['held']);
    const session = await caller.initialized();
    const calling = session.send('tools/call', { name: 'held' }, { id: 'x9' });
    await upstream.sees('tools/call');
    const other = await (await caller.initialized()).notify('notifications/cancelled', { requestId: 'x9' });
    const own = await session.notify('notifications/cancelled', { requestId: 'x9', reason: 'enough' });
    const cancelled = await upstream.sees('notifications/cancelled');
    const [call] = await upstream.seen('tools/call');
    await upstream.release();
    await (await calling).text();

    expect([other.status, own.status]).toEqual([202, 202]);
    expect(cancelled).toHaveLength(1);
    expect(cancelled[0]?.message.params).toEqual({ requestId: call?.message.id, reason: 'enough' });
    expect(cancelled[0]?.headers['mcp-session-id']).toBe(call?.headers['mcp-session-id']);
  });

  it.each([
    ['2026', 1],
    ['2025', 0],
  ] as ['2026' | '2025', number][])(
    'a stream dropped by a client of %s tells the server %i times (MCP 2026-07-28, Cancellation)',
    async (era, times) => {
      const { upstream, caller } = await pair(['progress'], {}, era);
      const response = await caller.send('tools/call', { name: 'progress' });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await readUntil(reader, 'notifications/progress');
      await reader.cancel();
      await upstream.sees('dropped');
      if (times) await upstream.sees('notifications/cancelled');

      expect(await upstream.seen('notifications/cancelled')).toHaveLength(times);
    },
  );

  it('ends the request at a server of 2026-07-28 by closing its stream', async () => {
    const { upstream, caller } = await pair(['progress'], { era: '2026' }, '2026');
    const response = await caller.send('tools/call', { name: 'progress' });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await readUntil(reader, 'notifications/progress');
    await reader.cancel();
    await upstream.sees('dropped');

    expect(await upstream.seen('notifications/cancelled')).toEqual([]);
  });
});
