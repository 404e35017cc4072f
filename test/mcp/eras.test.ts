import { describe, expect, it } from 'vitest';
import { McpCaller, modern } from '../support/caller';
import { configure, gate } from '../support/gate';
import { Upstream } from '../support/upstream';

const clientInfo = { name: 'test', version: '1' };
const initialize = (protocolVersion: string) => ({ protocolVersion, capabilities: {}, clientInfo });
const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

describe('the 2025 era (MCP 2025-11-25, Lifecycle, Session Management)', () => {
  it.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ])('answers a client that asks for %s with %s', async (asked, answered) => {
    const { status, body, headers } = await (await McpCaller.withKey()).ask('initialize', initialize(asked));

    expect({ status, version: body.result?.protocolVersion }).toEqual({ status: 200, version: answered });
    expect(body.result).toMatchObject({
      capabilities: { tools: {} },
      serverInfo: { name: 'toolgate', title: 'Toolgate' },
    });
    expect(headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]+$/);
  });

  it('shows the display name', async () => {
    await configure({ display_name: 'Tools of Acme' });
    const { body } = await (await McpCaller.withKey()).ask('initialize', initialize('2025-11-25'));
    await configure({ display_name: null });

    expect(body.result).toMatchObject({ serverInfo: { title: 'Tools of Acme' } });
  });

  it('puts nothing readable into the session, and makes each one new', async () => {
    const caller = await McpCaller.withKey();
    const [one, two] = [await caller.initialized(), await caller.initialized()];
    const [id = '', other] = [one.headers['mcp-session-id'], two.headers['mcp-session-id']];

    expect(id).not.toBe(other);
    expect(
      id
        .split('.')
        .map((part) => atob(part.replace(/-/g, '+').replace(/_/g, '/')))
        .join(),
    ).not.toContain('2025');
  });

  it('serves requests without a session and with one we did not make', async () => {
    const caller = await McpCaller.withKey();
    const session = (await caller.initialized()).headers['mcp-session-id'] ?? '';

    for (const id of ['unknown', `${session}x`, 'x'.repeat(7000)]) {
      expect((await caller.with({ 'mcp-session-id': id }).ask('tools/list')).status).toBe(200);
    }
    expect((await caller.ask('tools/list')).status).toBe(200);
  });

  it('lets a session identify no one', async () => {
    const { headers } = await (await McpCaller.withKey()).initialized();
    const stranger = new McpCaller({ 'mcp-session-id': headers['mcp-session-id'] ?? '' });

    expect((await stranger.ask('tools/list')).status).toBe(401);
  });

  it.each(['2025-11-25', '2025-06-18', '2025-03-26'])('serves the header %s', async (version) => {
    const caller = (await McpCaller.withKey()).with({ 'mcp-protocol-version': version });

    expect((await caller.ask('tools/list')).status).toBe(200);
  });

  it('answers ping, and an unknown method in band', async () => {
    const caller = await McpCaller.withKey();

    expect(await caller.ask('ping')).toMatchObject({ status: 200, body: { result: {} } });
    expect(await caller.ask('constructor')).toMatchObject({ status: 200, body: { error: { code: -32601 } } });
    expect(await caller.ask('server/discover')).toMatchObject({
      status: 200,
      body: { error: { code: -32601 } },
    });
  });

  it('adds nothing of the later era to results', async () => {
    const upstream = await Upstream.start();
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect(Object.keys((await caller.ask('tools/list')).body.result ?? {})).toEqual(['tools']);
    expect(Object.keys((await caller.call('echo')).body.result ?? {})).toEqual([
      'content',
      'structuredContent',
    ]);
  });
});

describe('2026-07-28', () => {
  it('answers server/discover (Discovery)', async () => {
    const { status, body } = await (await McpCaller.withKey('2026')).ask('server/discover');

    expect(status).toBe(200);
    expect(body.result).toMatchObject({
      resultType: 'complete',
      supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'],
      capabilities: { tools: {}, prompts: {}, resources: {} },
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'toolgate', title: 'Toolgate' } },
    });
    expect(body.result?.ttlMs).toBeTypeOf('number');
  });

  it.each(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])(
    'puts caching hints on %s (Caching)',
    async (method) => {
      const { body } = await (await McpCaller.withKey('2026')).ask(method);

      expect(body.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private' });
      expect(body.result?._meta).toHaveProperty(['io.modelcontextprotocol/serverInfo']);
    },
  );

  it.each(['2025', '2026'])('puts them on a resource of a server of the era %s', async (era) => {
    const uri = `x://${crypto.randomUUID()}`;
    const upstream = await Upstream.start([], { era, resources: [{ uri, name: 'x' }] });
    const { body } = await (await McpCaller.withKey('2026', `/mcp/${upstream.slug}`)).ask('resources/read', {
      uri,
    });

    expect(body.result).toEqual({
      contents: [{ uri, text: `read ${uri}` }],
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
    });
  });

  it('marks its own tool errors complete too', async () => {
    const upstream = await Upstream.start();
    await upstream.behave({ fault: 500 });
    const { body } = await (await McpCaller.withKey('2026', `/mcp/${upstream.slug}`)).call('echo');

    expect(body.result).toMatchObject({ isError: true, resultType: 'complete' });
  });

  it('gives a server of the 2025 era nothing of its envelope', async () => {
    const upstream = await Upstream.start();
    await (await McpCaller.withKey('2026', `/mcp/${upstream.slug}`)).ask('tools/call', {
      name: 'echo',
      _meta: { progressToken: 1, 'x/y': 2 },
    });
    const [call] = await upstream.seen('tools/call');

    expect(call?.message.params?._meta).toEqual({ progressToken: call?.message.id, 'x/y': 2 });
    expect(call?.headers['mcp-protocol-version']).toBe('2025-11-25');
    expect(call?.headers).not.toHaveProperty('mcp-method');
  });

  const request = (method: string, params: Record<string, unknown>) => ({
    jsonrpc: '2.0',
    id: 1,
    method,
    params,
  });
  const list = request('tools/list', modern({}));

  it.each([
    [
      'no capabilities in _meta',
      request('tools/list', { _meta: { [VERSION]: '2026-07-28' } }),
      {},
      400,
      -32602,
    ],
    ['no version in _meta', request('tools/list', { _meta: { [CAPABILITIES]: {} } }), {}, 400, -32602],
    ['no _meta', request('tools/list', {}), {}, 400, -32602],
    ['a header that disagrees with _meta', list, { 'mcp-protocol-version': '2025-11-25' }, 400, -32020],
    [
      'a revision not served',
      request('tools/list', modern({}, { [VERSION]: '2027-01-01' })),
      { 'mcp-protocol-version': '2027-01-01' },
      400,
      -32022,
    ],
    ['another Mcp-Method', list, { 'mcp-method': 'tools/call' }, 400, -32020],
    ['another Mcp-Name', request('tools/call', modern({ name: 'a' })), { 'mcp-name': 'b' }, 400, -32020],
    ['an unknown method', request('constructor', modern({})), {}, 404, -32601],
    ['a method that has left', request('ping', modern({})), {}, 404, -32601],
    ['initialize', request('initialize', modern(initialize('2025-11-25'))), {}, 404, -32601],
  ] as [string, object, Record<string, string>, number, number][])(
    'refuses %s',
    async (_, message, headers, status, code) => {
      const response = await (await McpCaller.withKey('2026')).with(headers).post(message);

      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status,
        body: { id: 1, error: { code } },
      });
    },
  );

  it.each(['mcp-protocol-version', 'mcp-method', 'mcp-name'])(
    'refuses a request without the header %s',
    async (missing) => {
      const { headers } = await McpCaller.withKey();
      const sent: Record<string, string> = {
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'a',
        ...headers,
      };
      delete sent[missing];
      const response = await new McpCaller(sent).post(request('tools/call', modern({ name: 'a' })));

      expect({ status: response.status, body: await response.json() }).toMatchObject({
        status: 400,
        body: { error: { code: -32020 } },
      });
    },
  );

  it('names the revisions it serves when it refuses one, whatever the era of the request', async () => {
    const caller = (await McpCaller.withKey()).with({ 'mcp-protocol-version': '1999-01-01' });
    const { status, body } = await caller.ask('tools/list');

    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      code: -32022,
      data: { requested: '1999-01-01', supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'] },
    });
  });

  it('refuses such a revision with what is no request, too (MCP 2025-11-25, Protocol Version Header)', async () => {
    const { slug } = await Upstream.start(['echo']);
    const session = await (await McpCaller.withKey('2025', `/mcp/${slug}`)).initialized();
    const other = session.with({ 'mcp-protocol-version': '1999-01-01' });
    const ways = ['GET', 'DELETE'].map((method) => gate(other.path, { method, headers: other.headers }));
    const answers = await Promise.all([
      other.notify('notifications/initialized'),
      other.post({ jsonrpc: '2.0', id: 'x', result: {} }),
      ...ways,
    ]);

    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect((await session.call('echo')).status).toBe(200); // its session goes on
  });

  it('decodes Mcp-Name before it compares (Value Encoding)', async () => {
    const upstream = await Upstream.start(['é']);
    const caller = await McpCaller.withKey('2026', `/mcp/${upstream.slug}`);
    const answer = await caller.with({ 'mcp-name': '=?base64?w6k=?=' }).call('é');

    expect(answer.body.result?.content).toEqual([{ type: 'text', text: 'é ran' }]);
  });

  it('makes no session', async () => {
    expect(
      (await (await McpCaller.withKey('2026')).ask('server/discover')).headers.get('mcp-session-id'),
    ).toBeNull();
  });
});

describe('eras that meet (PROTOCOL §2; MCP 2026-07-28, Backward Compatibility)', () => {
  const MODERN = '2026-07-28';
  const ELICITS = { [CAPABILITIES]: { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} } };
  const pair = async (era: '2025' | '2026', behaviour: Record<string, unknown>, tools = ['echo']) => {
    const upstream = await Upstream.start(tools, behaviour);
    return { upstream, caller: await McpCaller.withKey(era, `/mcp/${upstream.slug}`) };
  };
  const declaredAt = async (upstream: Upstream) =>
    (await upstream.seen('tools/call')).map(({ message }) => {
      const { _meta = {} } = message.params as { _meta?: Record<string, unknown> };
      return _meta[CAPABILITIES];
    });
  const postsTo = async (upstream: Upstream) =>
    (await upstream.seen()).filter(({ method }) => method === 'POST').length;
  const versionsOf = async (upstream: Upstream) =>
    (await upstream.seen('tools/call')).map(({ headers }) => headers['mcp-protocol-version']);

  it.each([
    ['2025', '2025', '2025-11-25'],
    ['2025', 'stateless', '2025-11-25'],
    ['2025', '2026', MODERN],
    ['2025', 'both', '2025-11-25'],
    ['2026', '2025', '2025-11-25'],
    ['2026', 'stateless', '2025-11-25'],
    ['2026', '2026', MODERN],
    ['2026', 'both', MODERN],
  ] as const)(
    'a client of %s and a server of %s speak %s, one request a call',
    async (era, server, version) => {
      const { upstream, caller } = await pair(era, { era: server });
      const client = era === '2025' ? await caller.initialized() : caller;
      expect((await client.call('echo')).body.result?.content).toEqual([{ type: 'text', text: 'echo ran' }]);
      const before = await postsTo(upstream);

      for (let n = 0; n < 3; n++) expect((await client.call('echo')).body).toHaveProperty('result');

      const ownSessions = era === '2026' && server === '2025' ? 3 : 0; // each begun with two messages
      expect((await postsTo(upstream)) - before).toBe(3 + 2 * ownSessions);
      expect(await versionsOf(upstream)).toEqual(Array(4).fill(version));
    },
  );

  it.each([400, 401, 403, 404, 405, 406, 500, 501, 'html'])(
    'a server of the 2025 era that answers server/discover with %s is spoken to all the same',
    async (discovery) => {
      for (const server of ['2025', 'stateless']) {
        const { upstream, caller } = await pair('2026', { era: server, discovery });

        expect(await caller.toolNames()).toEqual(['echo']);
        expect((await caller.call('echo')).body.result?.isError).toBeUndefined();
        expect(await versionsOf(upstream)).toEqual(['2025-11-25']);
        expect(await upstream.seen('server/discover')).toHaveLength(1);
      }
    },
  );

  it('a server that changes its era is found again, both ways, and runs each call once', async () => {
    const { upstream, caller } = await pair('2026', { era: '2025' });
    await caller.call('echo');
    for (const era of ['2026', '2025', 'stateless', '2026']) {
      await upstream.behave({ era });
      await upstream.forgetSessions();
      const before = (await upstream.seen('tools/call')).length;

      expect((await caller.call('echo')).body.result?.isError).toBeUndefined();

      // Those beyond the last were refused before they ran.
      expect((await upstream.seen('tools/call')).length - before).toBeLessThanOrEqual(3);
    }
  });

  it('what a server of 2026-07-28 refuses in its own words is not sent in the other era: it may have run', async () => {
    const { upstream, caller } = await pair('2026', { era: 'both' }, ['refused']);

    for (let n = 1; n <= 2; n++) {
      expect((await caller.call('refused')).body.error).toEqual({
        code: -32000,
        message: 'It ran, and failed',
      });
      expect(await upstream.seen('tools/call')).toHaveLength(n);
    }
  });

  it('passes on what the client declared, to a server of 2026-07-28', async () => {
    const { upstream, caller } = await pair('2026', { era: '2026' });
    await caller.ask('tools/call', { name: 'echo', _meta: ELICITS });
    await caller.call('echo');
    const declared = await declaredAt(upstream);

    expect(declared).toEqual([ELICITS[CAPABILITIES], {}]);
  });

  it('passes on extensions that find their way back (PROTOCOL §6)', async () => {
    const { upstream, caller } = await pair('2026', { era: '2026' });
    const ui = { 'io.modelcontextprotocol/ui': { mimeTypes: [] } };
    const tasks = { 'io.modelcontextprotocol/tasks': {} };
    const others = { 'x.example/y': {}, 'io.modelcontextprotocol/oauth-x': {} };
    const all = {
      extensions: { ...ui, ...tasks, ...others },
      experimental: { z: {} },
      tasks: {},
      sampling: null,
    };
    const _meta = { [CAPABILITIES]: all };
    await caller.ask('tools/call', { name: 'echo', _meta });
    await caller.with({}, '/mcp').ask('tools/call', { name: `${upstream.name}-echo`, _meta });
    const declared = await declaredAt(upstream);

    expect(declared).toEqual([
      { extensions: { ...ui, ...tasks, 'x.example/y': {} }, experimental: { z: {} } },
      { extensions: { ...ui, ...tasks } },
    ]);
  });

  it('declares for a client of the 2025 era what it said at initialize, and nothing it says later', async () => {
    const { upstream, caller } = await pair('2025', { era: '2026' });
    const client = await caller.initialized({ elicitation: {} });
    await client.ask('tools/call', { name: 'echo', _meta: ELICITS });
    await caller.ask('tools/call', { name: 'echo', _meta: ELICITS });

    expect(await declaredAt(upstream)).toEqual([{ elicitation: {} }, {}]);
  });

  it('declares what the client said at `initialize` to a server of the 2025 era, and hands it none of the envelope', async () => {
    const { upstream, caller } = await pair('2026', { era: '2025' });
    await caller.ask('tools/call', { name: 'echo', _meta: ELICITS });
    const [, ...begun] = await upstream.seen('initialize'); // the first is of the listing
    const [call] = await upstream.seen('tools/call');

    expect(begun.map(({ message }) => message.params?.capabilities)).toEqual([ELICITS[CAPABILITIES]]);
    expect(JSON.stringify(call?.message.params)).not.toContain('elicitation');
  });

  it("lets a server's questions and their answers pass value for value (Multi Round-Trip Requests)", async () => {
    const asks =
      '{"resultType":"input_required","inputRequests":{"who":{"method":"elicitation/create","params":{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"s \\u00e9 1.0"}';
    const { upstream, caller } = await pair('2026', { era: '2026', results: { echo: asks } });
    const inputResponses = { who: { action: 'accept', content: { name: 'é', n: 1.5 } } };

    const asked = await caller.ask('tools/call', { name: 'echo', _meta: ELICITS });
    await upstream.behave({ results: {} });
    const { requestState } = asked.body.result ?? {};
    const answered = await caller.ask('tools/call', {
      name: 'echo',
      inputResponses,
      requestState,
      _meta: ELICITS,
    });
    const [, retried] = await upstream.seen('tools/call');

    expect(asked.body.result).toEqual({ ...JSON.parse(asks), requestState: expect.any(String) });
    expect(answered.body.result).toMatchObject({ content: [{ text: 'echo ran' }], resultType: 'complete' });
    expect(retried?.message.params).toMatchObject({ inputResponses, requestState: 's é 1.0' });
  });
});
