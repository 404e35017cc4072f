import { describe, expect, it } from 'vitest';
import { McpCaller, modern } from '../support/caller';
import { gate, ISSUER } from '../support/gate';
import { Upstream } from '../support/upstream';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'x', version: '1' },
};

/** A request with its id written as given. */
const message = (id: string, method: string, params: object) =>
  `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${JSON.stringify(params)},"id":${id}}`;

describe.each(['2025', '2026'] as const)('ids, to a client of the %s era (CONTRACT §6)', (era) => {
  const IDS = [
    '9007199254740993',
    '1.0',
    '1e3',
    '1E+3',
    '-0',
    '1e400',
    '12345678901234567890.5',
    '0',
    '"1.0"',
  ];
  const dressed = (params: object) => (era === '2026' ? modern({ ...params }) : params);
  const mirrors = (method: string, name?: string) => ({
    'mcp-method': method,
    'mcp-protocol-version': '2026-07-28',
    ...(name ? { 'mcp-name': name } : {}),
  });
  const send = async (
    caller: McpCaller,
    id: string,
    method: string,
    params: Record<string, unknown> = {},
  ) => {
    const headers = era === '2026' ? mirrors(method, params.name as string | undefined) : {};
    const response = await caller.with(headers).post(message(id, method, dressed(params)));
    return response.text();
  };

  it.each(IDS)('come back as sent: %s', async (id) => {
    const json = await Upstream.start(['echo', 'gone'], {
      results: { gone: '{"error":{"code":-1,"message":"no"}}' },
    });
    const events = await Upstream.start(['echo'], { answers: 'events' });
    const newest = await Upstream.start(['echo'], { era: '2026' });
    const at = ({ slug }: Upstream) => McpCaller.withKey(era, `/mcp/${slug}`);

    const caller = await at(json);
    const answers = [
      era === '2025' ? await send(caller, id, 'ping') : await send(caller, id, 'server/discover'),
      await send(caller, id, 'tools/list'),
      await send(caller, id, 'tools/call', { name: 'echo' }),
      await send(caller, id, 'tools/call', { name: 'gone' }),
      await send(caller, id, 'tools/call', { name: 'missing' }),
      await send(caller, id, 'constructor'),
      await send(await at(events), id, 'tools/call', { name: 'echo' }),
      await send(await at(newest), id, 'tools/call', { name: 'echo' }),
      await send(new McpCaller({ 'x-bf-vk': 'sk-bf-unknown' }, era, caller.path), id, 'tools/list'),
    ];
    if (era === '2025') answers.push(await send(caller, id, 'initialize', initialize));

    for (const answer of answers) expect(answer).toContain(`"id":${id},`);
  });
});

describe('ids of requests in flight', () => {
  it('name the request to be cancelled as it was sent', async () => {
    const upstream = await Upstream.start(['held']);
    const client = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).initialized();
    const calling = client.post(message('1.0', 'tools/call', { name: 'held' }));
    await upstream.sees('tools/call');
    await client.post('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1.0}}');
    const [cancelled] = await upstream.sees('notifications/cancelled');
    const [call] = await upstream.seen('tools/call');
    await upstream.release();
    await (await calling).text();

    expect(cancelled?.message.params?.requestId).toBe(call?.message.id);
  });

  it.each(['{"rawJSON":"1"}', 'null', 'true', '[1]', '{}'])('may not be %s', async (id) => {
    const response = await (await McpCaller.withKey()).post(message(id, 'ping', {}));

    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('"id":null')]);
  });
});

describe('members that are null (CONTRACT §6)', () => {
  const METHODS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];

  it.each(['ping', 'notifications/initialized', ...METHODS])('are none at %s', async (method) => {
    const caller = await McpCaller.withKey();
    const post = (params: unknown) => caller.post({ jsonrpc: '2.0', id: 1, method, params });

    for (const params of [
      null,
      { cursor: null },
      { cursor: '' },
      { _meta: null },
      { _meta: { progressToken: null } },
    ]) {
      const response = await post(params);
      const body = response.status === 202 ? {} : await response.json();
      if (method !== 'notifications/initialized') expect(body).toHaveProperty('result');
    }
    const notice = await caller.post({ jsonrpc: '2.0', method, params: null });
    expect(notice.status).toBe(202);
  });

  it.each(METHODS)('are none at %s of 2026-07-28', async (method) => {
    const caller = await McpCaller.withKey('2026');

    for (const params of [
      { cursor: null },
      { cursor: '' },
      { _meta: { progressToken: null, [CAPABILITIES]: null } },
    ]) {
      expect((await caller.ask(method, params)).body).toHaveProperty('result');
    }
  });

  it('are none at initialize', async () => {
    const caller = await McpCaller.withKey();
    const asked = { protocolVersion: '2025-11-25' };

    for (const params of [
      { ...asked, capabilities: null, clientInfo: null },
      {
        ...asked,
        capabilities: { elicitation: null, roots: null },
        clientInfo: { name: null, version: null },
      },
      {
        ...asked,
        capabilities: {},
        clientInfo: { name: 'x', version: '1', title: null, icons: null },
        _meta: null,
      },
    ]) {
      expect((await caller.ask('initialize', params)).body.result).toMatchObject(asked);
    }
  });

  it.each(['2025', '2026'] as const)('do not go on to a server, from the %s era', async (era) => {
    const upstream = await Upstream.start(['echo'], { era, prompts: [{ name: 'p' }] });
    const caller = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);
    const _meta = { progressToken: null, 'x/kept': null };

    const called = await caller.ask('tools/call', { name: 'echo', arguments: null, _meta });
    const prompted = await caller.ask('prompts/get', { name: 'p', arguments: null, requestState: null });
    const [call] = await upstream.seen('tools/call');
    const [prompt] = await upstream.seen('prompts/get');

    expect([called.body, prompted.body]).toMatchObject([{ result: {} }, { result: {} }]);
    expect(call?.message.params).not.toHaveProperty('arguments');
    expect(call?.message.params?._meta).toHaveProperty(['x/kept'], null);
    expect(call?.message.params?._meta).not.toHaveProperty('progressToken');
    expect(prompt?.message.params).not.toHaveProperty('arguments');
    expect(prompt?.message.params).not.toHaveProperty('requestState');
  });

  it.each([['abc'], [7], [true], [['a', 'b']]])(
    'and a _meta that is no object go to no server: %j',
    async (_meta) => {
      const upstream = await Upstream.start(['echo'], {
        prompts: [{ name: 'p' }],
        resources: [{ uri: 'a:b', name: 'a' }],
      });
      const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
      for (const [method, named] of [
        ['tools/call', { name: 'echo' }],
        ['prompts/get', { name: 'p' }],
        ['resources/read', { uri: 'a:b' }],
      ] as const) {
        expect((await caller.ask(method, { ...named, _meta })).body).toHaveProperty('result');
        const [seen] = await upstream.seen(method);
        expect(seen?.message.params).not.toHaveProperty('_meta');
      }
    },
  );

  it('and a _meta of 4 MB that is a text cost next to nothing', async () => {
    const upstream = await Upstream.start();
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const begun = performance.now();
    const { body } = await caller.ask('tools/call', { name: 'echo', _meta: 'x'.repeat(4_000_000) });

    expect(body).toHaveProperty('result');
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it('still leave a required member missing', async () => {
    const caller = await McpCaller.withKey();

    expect((await caller.ask('tools/call', { name: null })).body.error?.code).toBe(-32602);
    expect((await caller.ask('initialize', { protocolVersion: null })).body.error?.code).toBe(-32602);
    expect((await caller.ask('tools/list', { cursor: 'x' })).body.error?.code).toBe(-32602);
  });
});

describe('a slash at the end (CONTRACT §6, SECURITY 14)', () => {
  const paths = (slug: string): [string, string][] => [
    ['/mcp/', '/mcp'],
    ['//mcp', '/mcp'],
    ['/mcp//', '/mcp'],
    ['/%6dcp/', '/mcp'],
    ['/mcp/./', '/mcp'],
    [`/mcp/${slug}/`, `/mcp/${slug}`],
    [`/mcp//${slug}`, `/mcp/${slug}`],
  ];

  it('changes nothing: not what is served, nor who is, nor where a client learns to sign in', async () => {
    const { slug } = await Upstream.start();
    for (const [path, plain] of paths(slug)) {
      const caller = await McpCaller.withKey('2025', `${ISSUER}${path}`);
      const listed = await caller.toolNames();
      const refused = await new McpCaller({}, '2025', `${ISSUER}${path}`).send('tools/list');
      const others = await Promise.all(
        ['GET', 'DELETE', 'OPTIONS'].map((method) =>
          gate(`${ISSUER}${path}`, { method, headers: caller.headers }),
        ),
      );

      expect([path, listed]).toEqual([path, await caller.with({}, plain).toolNames()]);
      expect([path, refused.status]).toEqual([path, 401]);
      expect(refused.headers.get('www-authenticate')).toContain(
        `resource_metadata="${ISSUER}/.well-known/oauth-protected-resource${plain}"`,
      );
      expect(others.map(({ status }) => status)).toEqual([405, 405, 204]);
    }
  });

  it.each(['oauth-protected-resource', 'oauth-authorization-server'])(
    'changes nothing at %s',
    async (name) => {
      for (const path of ['', '/mcp', '/mcp/any-server']) {
        const plain = await gate(`/.well-known/${name}${path}`);
        const slashed = await gate(`/.well-known/${name}${path}/`);

        expect(slashed.status).toBe(200);
        expect(await slashed.json()).toEqual(await plain.json());
      }
    },
  );
});
