import { describe, expect, it } from 'vitest';
import { McpCaller, modern } from '../support/caller';
import { configure } from '../support/gate';
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

  it('puts them on a resource that a server of the 2025 era was asked for', async () => {
    const uri = `x://${crypto.randomUUID()}`;
    const upstream = await Upstream.start([], { resources: [{ uri, name: 'x' }] });
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

    expect(call?.message.params?._meta).toEqual({ progressToken: 1, 'x/y': 2 });
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
