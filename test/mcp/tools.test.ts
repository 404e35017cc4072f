import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exposedNameOf } from '../../src/protocol/exposed-name';
import { McpCaller } from '../support/caller';
import { shortWaits } from '../support/clock';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { addressOf, Upstream } from '../support/upstream';

const closed = { registration: { allow_on_all_virtual_keys: false } };

/** A caller whose key was given these tools of these servers. */
async function keyFor(configs: Record<string, string[]>): Promise<McpCaller> {
  const { id, value } = await newKey();
  const mcp_configs = Object.entries(configs).map(([mcp_client_name, tools_to_execute]) => ({
    mcp_client_name,
    tools_to_execute,
  }));
  await admin('PUT', `/governance/virtual-keys/${id}`, { mcp_configs });
  return new McpCaller({ 'x-bf-vk': value });
}

/** A caller with a token that a person allowed with `options`. */
async function tokenFor(options: Parameters<McpClient['obtainGrant']>[0]): Promise<McpCaller> {
  const { access_token } = await (await McpClient.register()).obtainGrant(options);
  return new McpCaller({ authorization: `Bearer ${access_token}` });
}

const unknownTool = { body: { error: { code: -32602, message: expect.stringMatching(/^Unknown tool/) } } };

describe('names (CONTRACT §6)', () => {
  it.each([
    ['echo', 'web-echo'],
    ['a.b/c', `web-a_b_c_${'[0-9a-f]{8}'}`],
    ['x'.repeat(61), `web-${'x'.repeat(51)}_${'[0-9a-f]{8}'}`],
    ['x'.repeat(60), `web-${'x'.repeat(60)}`],
  ])('gives %j a name model providers take', async (name, expected) => {
    const exposed = await exposedNameOf('web', name);

    expect(exposed).toMatch(new RegExp(`^${expected}$`));
    expect(exposed).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });

  it('keeps apart names that only differ in what is replaced', async () => {
    expect(await exposedNameOf('web', 'a.b')).not.toBe(await exposedNameOf('web', 'a/b'));
  });

  it('prefixes on /mcp, and gives a server its own names on its own address', async () => {
    const upstream = await Upstream.start(['search.web', 'echo'], closed);
    const everywhere = await keyFor({ [upstream.name]: ['*'] });
    const here = everywhere.with({}, `/mcp/${upstream.slug}`);
    const exposed = await exposedNameOf(upstream.name, 'search.web');

    expect(await everywhere.with({ 'x-bf-mcp-include-clients': upstream.name }).toolNames()).toEqual([
      exposed,
      `${upstream.name}-echo`,
    ]);
    expect(await here.toolNames()).toEqual(['search.web', 'echo']);
    expect(await everywhere.call(exposed)).toMatchObject({
      body: { result: { content: [{ text: 'search.web ran' }] } },
    });
    expect(await here.call('search.web')).toMatchObject({
      body: { result: { content: [{ text: 'search.web ran' }] } },
    });
    expect(await here.call(exposed)).toMatchObject(unknownTool);
  });

  it('gives prompts names alike', async () => {
    const upstream = await Upstream.start([], {
      ...closed,
      prompts: [{ name: 'greet me' }],
    });
    const caller = await keyFor({ [upstream.name]: ['*'] });
    const name = await exposedNameOf(upstream.name, 'greet me');

    const prompts = await caller.ask('prompts/list');
    const prompt = await caller.ask('prompts/get', { name });

    expect(prompts.body.result?.prompts).toContainEqual({ name });
    expect(prompt.body.result).toMatchObject({ messages: [{ content: { text: 'prompt greet me' } }] });
  });
});

describe('filters narrow, on list and on call alike (SECURITY 14)', () => {
  it.each([
    [
      'the server',
      async (up: Upstream) => {
        await up.change({ tools_to_execute: ['one'] });
        return keyFor({ [up.name]: ['*'] });
      },
    ],
    ['the key', (up: Upstream) => keyFor({ [up.name]: ['one'] })],
    [
      'x-bf-mcp-include-tools',
      async (up: Upstream) =>
        (await keyFor({ [up.name]: ['*'] })).with({ 'x-bf-mcp-include-tools': `${up.name}-one, other-*` }),
    ],
  ] as [string, (up: Upstream) => Promise<McpCaller>][])('by %s', async (_, narrowed) => {
    const upstream = await Upstream.start(['one', 'two'], closed);
    const caller = await narrowed(upstream);

    expect(await caller.toolNames()).toEqual([`${upstream.name}-one`]);
    expect(await caller.call(`${upstream.name}-one`)).toMatchObject({
      body: { result: { content: [{ text: 'one ran' }] } },
    });
    expect(await caller.call(`${upstream.name}-two`)).toMatchObject(unknownTool);
    expect(await upstream.seen('tools/call')).toHaveLength(1);
  });

  it.each([
    ['a server the key was not given', async () => keyFor({})],
    ['a key given none of its tools', async (up: Upstream) => keyFor({ [up.name]: [] })],
    [
      'another server in x-bf-mcp-include-clients',
      async (up: Upstream) =>
        (await keyFor({ [up.name]: ['*'] })).with({ 'x-bf-mcp-include-clients': 'other' }),
    ],
    [
      'an empty x-bf-mcp-include-clients',
      async (up: Upstream) => (await keyFor({ [up.name]: ['*'] })).with({ 'x-bf-mcp-include-clients': '' }),
    ],
    [
      'an empty x-bf-mcp-include-tools',
      async (up: Upstream) => (await keyFor({ [up.name]: ['*'] })).with({ 'x-bf-mcp-include-tools': '' }),
    ],
  ] as [string, (up: Upstream) => Promise<McpCaller>][])('to nothing: %s', async (_, narrowed) => {
    const upstream = await Upstream.start(['one'], {
      ...closed,
      resources: [{ uri: `x://${crypto.randomUUID()}`, name: 'x' }],
    });
    const caller = await narrowed(upstream);
    const { body } = await caller.ask('resources/list');

    expect(await caller.toolNames()).not.toContain(`${upstream.name}-one`);
    expect(await caller.call(`${upstream.name}-one`)).toMatchObject(unknownTool);
    expect(body.result?.resources).toEqual([]);
  });

  it('answers a tool that is missing as one that is hidden', async () => {
    const upstream = await Upstream.start(['one'], closed);
    const caller = await keyFor({});
    const [hidden, missing] = [
      await caller.call(`${upstream.name}-one`),
      await caller.call(`${upstream.name}-none`),
    ];

    expect(hidden.body.error?.message.replace('one', 'none')).toBe(missing.body.error?.message);
    expect(hidden.status).toBe(missing.status);
  });

  it('lets a server be open to every key, unless the key says otherwise', async () => {
    const upstream = await Upstream.start(['one', 'two']);

    expect(await (await keyFor({})).toolNames()).toContain(`${upstream.name}-two`);
    expect(await (await keyFor({ [upstream.name]: ['one'] })).toolNames()).not.toContain(
      `${upstream.name}-two`,
    );
  });

  it('follows a change at once where revocation_lag is 0', async () => {
    const upstream = await Upstream.start(['one']);
    const caller = await keyFor({ [upstream.name]: ['*'] });
    const before = await caller.call(`${upstream.name}-one`);
    await upstream.change({ enabled: false });
    const after = await caller.call(`${upstream.name}-one`);

    expect(before.body.result).toBeDefined();
    expect(after).toMatchObject(unknownTool);
  });
});

describe('consent and scope (CONTRACT §§2, 4)', () => {
  const reading = { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
  const consented = (upstream: Upstream, answers = {}) => ({
    answers: { services: 'shown', server: [upstream.name], ...answers },
  });

  it('leaves out a server that was unticked', async () => {
    const [kept, unticked] = [await Upstream.start(['one']), await Upstream.start(['one'])];
    const caller = await tokenFor(consented(kept));

    expect(await caller.toolNames()).toEqual([`${kept.name}-one`]);
    expect(await caller.call(`${unticked.name}-one`)).toMatchObject(unknownTool);
  });

  it('hides what the person narrowed away: the client has nothing to ask for again', async () => {
    const upstream = await Upstream.start(['write', reading]);
    const caller = await tokenFor(consented(upstream, { read_only: 'on' }));

    expect(await caller.toolNames()).toEqual([`${upstream.name}-read`]);
    expect(await caller.call(`${upstream.name}-write`)).toMatchObject(unknownTool);
    expect(await caller.call(`${upstream.name}-read`)).toMatchObject({
      body: { result: { content: [{ text: 'read ran' }] } },
    });
  });

  it('challenges a scope the client chose too narrow (RFC 6750 §3.1)', async () => {
    const upstream = await Upstream.start(['write', reading]);
    const caller = await tokenFor({ ...consented(upstream), changes: { scope: 'mcp:read' } });
    const { status, headers, body } = await caller.call(`${upstream.name}-write`);

    expect(await caller.toolNames()).toEqual([`${upstream.name}-read`]);
    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", scope="mcp", resource_metadata="${ISSUER}/.well-known/oauth-protected-resource/mcp"`,
    );
    expect(body.error).toMatchObject({ data: { type: 'insufficient_scope' } });
    expect(await upstream.seen('tools/call')).toEqual([]);
  });
});

describe('what a server says is data (SECURITY 17)', () => {
  const inputSchema = { type: 'object' };

  it('strips what people cannot see and models can, and caps descriptions', async () => {
    const upstream = await Upstream.start([
      {
        name: 'one',
        title: 'Del\u202eete\u200b',
        description: `ok\u{E0041}\n${'x'.repeat(70_000)}`,
        inputSchema: {
          type: 'object',
          properties: { a: { type: 'string', description: 'h\u2066i', const: 'k\u200be' } },
        },
      },
    ]);
    const { body } = await (await keyFor({ [upstream.name]: ['*'] }))
      .with({}, `/mcp/${upstream.slug}`)
      .ask('tools/list');
    const [tool] = (body.result?.tools ?? []) as unknown as {
      title: string;
      description: string;
      inputSchema: unknown;
    }[];

    expect(tool?.title).toBe('Delete');
    expect(tool?.description).toMatch(/^ok\nx+$/);
    expect(tool?.description).toHaveLength(65_536);
    expect(tool?.inputSchema).toEqual({
      type: 'object',
      properties: { a: { type: 'string', description: 'hi', const: 'k\u200be' } },
    });
  });

  it('leaves out and flags what cannot be offered', async () => {
    const upstream = await Upstream.start([
      { name: 'good', inputSchema },
      { name: 'good', inputSchema },
      { name: 'hid\u200bden', inputSchema },
      { name: 'no schema', inputSchema: 'none' },
      { inputSchema },
      { name: 'huge', inputSchema: { type: 'object', default: 'x'.repeat(270_000) } },
      ...[59, 60, 61, 62, 63, 70, 3000].map((depth) => ({
        name: `deep ${depth}`,
        inputSchema: JSON.parse(`${'{"properties":'.repeat(depth)}["]}"]${'}'.repeat(depth)}`),
      })),
    ]);
    const row = await env.DB.prepare('SELECT left_out FROM server WHERE id = ?1')
      .bind(upstream.id)
      .first<{ left_out: string }>();

    expect(
      await (await keyFor({ [upstream.name]: ['*'] })).with({}, `/mcp/${upstream.slug}`).toolNames(),
    ).toEqual(['good']);
    expect(JSON.parse(row?.left_out ?? '[]').map(({ reason }: { reason: string }) => reason)).toEqual([
      'it is listed twice',
      'its name holds hidden characters',
      'its inputSchema is no JSON Schema object',
      'it has no name',
      'its definition is over 256 KiB',
      ...Array(7).fill('its definition is nested too deep'),
    ]);
  });

  it('follows pages, and a cursor that goes round not for ever', async () => {
    const many = Array.from({ length: 7 }, (_, at) => `tool${at}`);
    const upstream = await Upstream.start(many, { pageSize: 3 });
    await Upstream.start(['one'], { pageSize: 0 });

    expect(await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).toolNames()).toEqual(many);
  });

  it('offers every member of a definition it does not know', async () => {
    const upstream = await Upstream.start([
      {
        name: 'one',
        inputSchema,
        outputSchema: { type: 'object' },
        icons: [{ src: 'https://x.example/i.png' }],
        _meta: { 'x.example/y': 1 },
        new: [1.5],
      },
    ]);
    const { body } = await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).ask('tools/list');

    expect(body.result?.tools).toEqual([
      {
        name: 'one',
        inputSchema,
        outputSchema: { type: 'object' },
        icons: [{ src: 'https://x.example/i.png' }],
        _meta: { 'x.example/y': 1 },
        new: [1.5],
      },
    ]);
  });
});

describe('servers that do not answer (CONTRACT §6, SECURITY 24)', () => {
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await configure({ mcp_tool_sync_interval: null });
  });

  it('names one never listed in _meta, and finds it by itself once it is back', async () => {
    const [well, dead] = [await Upstream.start(['one']), await Upstream.start(['two'], { fault: 'die' })];
    const caller = (await keyFor({})).with({ 'x-bf-mcp-include-clients': `${well.name},${dead.name}` });
    const without = await caller.ask('tools/list');
    await dead.behave({ fault: null });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
    const withBoth = await caller.toolNames();

    expect(without.body.result?.tools).toMatchObject([{ name: `${well.name}-one` }]);
    expect(without.body.result?._meta).toEqual({
      'toolgate/unavailable': [
        { server: dead.name, message: expect.stringContaining(`${dead.name} could not be reached`) },
      ],
    });
    expect(withBoth.sort()).toEqual([`${dead.name}-two`, `${well.name}-one`].sort());
  });

  it('waits 5 seconds for one that hangs, for no other longer', async () => {
    const hanging = await Promise.all(
      [1, 2, 3].map(() => Upstream.start(['one'], { fault: 'hang', registration: { enabled: false } })),
    );
    for (const upstream of hanging)
      await env.DB.prepare('UPDATE server SET enabled = 1 WHERE id = ?1').bind(upstream.id).run();
    await (await Upstream.start()).change({ name: `renamed_${crypto.randomUUID().slice(0, 8)}` }); // the catalogue is read again
    const caller = (await keyFor({})).with({
      'x-bf-mcp-include-clients': hanging.map(({ name }) => name).join(),
    });
    const limits = shortWaits();
    const { body } = await caller.ask('tools/list');

    expect(limits.filter((limit) => limit === 5_000)).toHaveLength(3); // one for each, all begun at once
    expect(body.result?._meta).toMatchObject({ 'toolgate/unavailable': [{}, {}, {}] });
    for (const upstream of hanging) await upstream.behave({ fault: 'die' });
  });

  it('goes on with the list it has, and asks again behind an answer when that is old', async () => {
    const upstream = await Upstream.start(['one']);
    const caller = (await keyFor({})).with({}, `/mcp/${upstream.slug}`);
    await upstream.behave({ tools: [{ name: 'two', inputSchema: { type: 'object' } }] });
    const young = await caller.toolNames();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 });
    const old = await caller.toolNames();
    await upstream.sees('tools/list', 2);
    await vi.waitFor(async () => expect(await caller.toolNames()).toEqual(['two']));

    expect([young, old]).toEqual([['one'], ['one']]);
    expect(await upstream.seen('tools/list')).toHaveLength(2);
  });

  it('lists nothing of a server that was never there, and says so to whoever calls', async () => {
    const name = `gone_${crypto.randomUUID().slice(0, 8)}`;
    await admin('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: addressOf(name).replace(/:\d+/, ':1'),
      allow_on_all_virtual_keys: true,
    });
    const caller = await keyFor({});

    expect(await caller.call(`${name}-one`)).toMatchObject(unknownTool);
  });

  it('explains an empty list in instructions', async () => {
    const upstream = await Upstream.start(['one'], closed);
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    };
    const nothing = await (await keyFor({}))
      .with({ 'x-bf-mcp-include-clients': '' })
      .ask('initialize', params);
    const something = await (await keyFor({ [upstream.name]: ['*'] })).ask('initialize', params);

    expect(nothing.body.result?.instructions).toMatch(
      /^No tools are available: no server is open to the access key "key /,
    );
    expect(something.body.result).not.toHaveProperty('instructions');
  });
});
