import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { shortWaits } from '../support/clock';
import { admin, configure, newKey } from '../support/gate';
import { addressOf, control } from '../support/upstream';

type Client = {
  id: string;
  client_id: string;
  name: string;
  endpoint_slug: string;
  connection_string: string;
  headers: Record<string, string>;
  enabled: boolean;
  disabled: boolean;
  state: string;
  last_failure: { stage: string; message: string; at: string; since: string } | null;
  tools: { name: string; description?: string; annotations?: object }[];
  left_out: object[];
};
type One = { message: string; client: Client };
type List = { clients: Client[]; count: number; total_count: number };
type Refusal = { error: { type: string; message: string; field?: string } };

const create = <T = One>(body: object) => admin<T>('POST', '/mcp/client', body);
const change = <T = One>(id: string, body: object) => admin<T>('PUT', `/mcp/client/${id}`, body);
const find = async (id: string) => (await admin<One>('GET', `/mcp/client/${id}`)).client;

const fresh = () => `server_${crypto.randomUUID().slice(0, 8)}`;
const at = (connection_string: string) => ({ name: fresh(), connection_type: 'http', connection_string });
const NOBODY = 'http://127.0.0.1:1/mcp';
const inputSchema = { type: 'object' };

/** A real MCP server the gateway does not know yet. */
async function listen(tools: object[] = [{ name: 'echo', inputSchema }]) {
  const name = fresh();
  const behave = (behaviour: object) => control(name, 'set', behaviour);
  await behave({ tools });
  return { url: addressOf(name), behave, seen: async () => (await control(name, 'seen')).seen };
}

/** The same server by another name of this computer: another origin. */
const elsewhere = (url: string) => url.replace('127.0.0.1', 'localhost');

describe('adding a server (CONTRACT §§7, 8)', () => {
  it('saves it and asks it for its tools at once', async () => {
    const annotations = { readOnlyHint: true };
    const upstream = await listen([
      { name: 'read', description: 'Reads', annotations, inputSchema },
      { name: 'write', inputSchema },
      { name: 'broken', inputSchema: { type: 'string' } },
    ]);

    const { status, message, client } = await create({ ...at(upstream.url), name: 'My_Tools', nonsense: 1 });

    expect(status).toBe(200);
    expect(message).toBe('The server was saved and lists 2 tools.');
    expect(client).toEqual({
      id: expect.any(String),
      client_id: client.id,
      name: 'My_Tools',
      endpoint_slug: 'my-tools',
      connection_type: 'http',
      connection_string: upstream.url,
      auth_type: 'none',
      oauth_config_id: null,
      headers: {},
      per_user_header_keys: [],
      oauth_config: null,
      provider_refuses_resource: false,
      token_exchange: null,
      tools_to_execute: ['*'],
      allow_resources: null,
      allow_prompts: null,
      allow_on_all_virtual_keys: false,
      enabled: true,
      disabled: false,
      pass_baggage: false,
      pass_instructions: true,
      tool_execution_timeout: null,
      tool_sync_interval: null,
      state: 'healthy',
      last_failure: null,
      tools: [{ name: 'read', description: 'Reads', annotations }, { name: 'write' }],
      left_out: [{ kind: 'tool', name: 'broken', reason: expect.any(String) }],
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      updated_at: expect.stringMatching(/Z$/),
    });
    expect(await find(client.id)).toEqual(client);
  });

  it('saves one that does not answer, and says so', async () => {
    const { status, message, client } = await create(at(NOBODY));

    expect(status).toBe(200);
    expect(message).toMatch(
      /^The server was saved, but it could not be asked for its tools\. .* could not be reached/,
    );
    expect(client).toMatchObject({
      state: 'unstable',
      tools: [],
      last_failure: {
        stage: 'list',
        message: expect.stringMatching(/could not be reached/),
        at: expect.stringMatching(/Z$/),
        since: expect.stringMatching(/Z$/),
      },
    });
    expect(await find(client.id)).toEqual(client);
  });

  it('waits 5 seconds for one that is silent, no longer', async () => {
    const upstream = await listen();
    await upstream.behave({ fault: 'hang' });
    const limits = shortWaits();

    const { status, client } = await create(at(upstream.url));

    vi.restoreAllMocks();
    expect([status, client.state]).toEqual([200, 'unstable']);
    expect(limits).toContain(5_000);
  });

  it.each([{ disabled: 'yes' }, { disabled: 1, enabled: false }])(
    'refuses what is neither on nor off: %j',
    async (odd) => {
      const { client } = await create(at(NOBODY));

      const answer = await change<Refusal>(client.id, odd);

      expect([answer.status, answer.error.field]).toEqual([400, 'enabled']);
    },
  );

  it('asks nothing of one that is disabled', async () => {
    const upstream = await listen();

    const enabled = await create({ ...at(upstream.url), enabled: false });
    const disabled = await create({ ...at(upstream.url), disabled: true });

    for (const { status, message, client } of [enabled, disabled]) {
      expect([status, client.state, client.enabled, client.disabled]).toEqual([200, 'disabled', false, true]);
      expect(message).toMatch(/disabled/);
    }
    expect(await upstream.seen()).toEqual([]);
  });

  it('refuses a name or an address segment that is taken', async () => {
    await create({ ...at(NOBODY), name: 'Taken_1', enabled: false });

    for (const name of ['Taken_1', 'taken_1', 'taken__1']) {
      const refused = await create<Refusal>({ ...at(NOBODY), name });
      expect([name, refused.status, refused.error.type, refused.error.field]).toEqual([
        name,
        409,
        'conflict',
        'name',
      ]);
    }
  });

  it.each([
    ['connection_type', { connection_type: 'stdio' }, /nothing can be spawned/],
    ['connection_type', { connection_type: 'pigeon' }, /must be http or sse/],
    ['connection_type', { connection_type: undefined }, /./],
    ['auth_type', { auth_type: 'oauth2' }, /must be one of none, headers/],
    ['auth_type', { auth_type: 'constructor' }, /must be one of none, headers/],
    ['auth_type', { auth_type: { toString: 1 } }, /must be one of none, headers/],
    ['name', { name: 'with space' }, /letters, digits and _/],
    ['name', { name: 'with-hyphen' }, /letters, digits and _/],
    ['name', { name: undefined }, /is required/],
    ['connection_string', { connection_string: 'http://mcp.example.com' }, /must be https/],
    ['connection_string', { connection_string: 'https://10.0.0.1/mcp' }, /public host/],
    ['connection_string', { connection_string: 'https://169.254.169.254/latest' }, /public host/],
    [
      'connection_string',
      { connection_string: 'https://user:secret@mcp.example.com' },
      /user name or password/,
    ],
    ['connection_string', { connection_string: 'nonsense' }, /must be a URL/],
    ['headers', { headers: { Authorization: 'Bearer x' } }, /auth_type headers/],
    [
      'headers.Authorization',
      { auth_type: 'headers', headers: { Authorization: 'env.ADMIN_TOKEN' } },
      /secret of the gateway/,
    ],
    ['headers.Mcp-Session-Id', { auth_type: 'headers', headers: { 'Mcp-Session-Id': 'x' } }, /./],
    ['tools_to_execute', { tools_to_execute: '*' }, /./],
    ['enabled', { disabled: 'yes' }, /./],
    ['tool_execution_timeout', { tool_execution_timeout: 301 }, /./],
  ])('refuses a bad %s: %j', async (field, body, reason) => {
    const { status, error } = await create<Refusal>({ ...at(NOBODY), ...body });

    expect([status, error.type, error.field]).toEqual([400, 'invalid_request', field]);
    expect(error.message).toMatch(reason);
    expect(error.message).not.toContain('secret@');
  });
});

describe('header values (SECURITY 19, 20)', () => {
  const Authorization = 'Bearer a-long-enough-secret-1234';
  const withHeaders = (url: string, headers: object = { Authorization, 'X-Tenant': 'env.TENANT_NAME' }) =>
    create({ ...at(url), auth_type: 'headers', headers });

  it('are shown masked, everywhere', async () => {
    const { client } = await withHeaders(NOBODY, {
      Authorization,
      'X-Short': 'secret',
    });
    const list = await admin<List>('GET', `/mcp/clients?search=${client.name}`);

    expect(client.headers).toEqual({ Authorization: '••••1234', 'X-Short': '••••' });
    expect(await find(client.id)).toMatchObject({ headers: client.headers });
    expect(list.clients[0]?.headers).toEqual(client.headers);
  });

  it('are read from a variable that is one line of text: what a header cannot have is said, and no fault', async () => {
    const upstream = await listen();
    const answers = [
      await withHeaders(upstream.url, { 'X-Tenant': 'env.TENANT' }),
      await withHeaders(upstream.url, { 'X-Tenant': 'env.TENANTS' }),
    ];
    const sent = (await upstream.seen()).map(({ headers }) => headers['x-tenant']);

    expect(answers.map(({ status, message }) => [status, message])).toEqual([
      [200, 'The server was saved and lists 1 tool.'],
      [
        200,
        expect.stringContaining('the variable TENANTS, which its header X-Tenant needs, is not set to one'),
      ],
    ]);
    expect(new Set(sent)).toEqual(new Set(['tenant-one']));
  });

  it('stay when their mask is sent back, and are sent to the server', async () => {
    const upstream = await listen();
    const { client } = await withHeaders(upstream.url, { Authorization });

    const { status } = await change(client.id, {
      headers: { ...client.headers, 'X-More': 'more-visible-text' },
    });

    expect(status).toBe(200);
    const last = (await upstream.seen()).at(-1);
    expect(last?.headers).toMatchObject({ authorization: Authorization, 'x-more': 'more-visible-text' });
  });

  it('never go to another origin: the credentials have to be entered again', async () => {
    const upstream = await listen();
    const { client } = await withHeaders(upstream.url, { Authorization });
    const before = (await upstream.seen()).length;

    const moved = await change(client.id, { connection_string: elsewhere(upstream.url) });

    expect(moved).toMatchObject({ status: 200, client: { state: 'needs_reauth', headers: {} } });
    expect(await upstream.seen()).toHaveLength(before);
    const entered = await change(client.id, { headers: { Authorization: 'Bearer another-secret-5678' } });
    expect(entered.client).toMatchObject({ state: 'healthy', headers: { Authorization: '••••5678' } });
  });

  it('do not go there behind their mask either', async () => {
    const { url } = await listen();
    const { client } = await withHeaders(url, { Authorization });

    const masked = await change<Refusal>(client.id, {
      connection_string: elsewhere(url),
      headers: client.headers,
    });

    expect(masked).toMatchObject({ status: 400, error: { message: expect.stringMatching(/send it again/) } });
    expect((await find(client.id)).connection_string).toBe(url);
  });

  it('move with the address when they are entered again at once', async () => {
    const upstream = await listen();
    const { client } = await withHeaders(upstream.url, { Authorization });

    const moved = await change(client.id, {
      connection_string: elsewhere(upstream.url),
      headers: { Authorization: 'Bearer another-secret-5678' },
    });

    expect(moved.client).toMatchObject({ state: 'healthy', headers: { Authorization: '••••5678' } });
    const last = (await upstream.seen()).at(-1);
    expect(last?.headers).toMatchObject({ authorization: 'Bearer another-secret-5678' });
  });
});

describe('changing a server (CONTRACT §§7, 8)', () => {
  it('merges, and puts a list in place of the list', async () => {
    const { client } = await create({
      ...at((await listen()).url),
      tools_to_execute: ['a', 'b'],
      tool_execution_timeout: 20,
    });

    const {
      status,
      message,
      client: changed,
    } = await change(client.id, { tools_to_execute: ['c'], allow_on_all_virtual_keys: true });

    expect([status, message]).toEqual([200, 'The server was changed.']);
    expect({ ...changed, updated_at: '' }).toEqual({
      ...client,
      tools_to_execute: ['c'],
      allow_on_all_virtual_keys: true,
      updated_at: '',
    });
  });

  it('changes nothing when all of an answer is sent back', async () => {
    const { client } = await create({
      ...at((await listen()).url),
      auth_type: 'headers',
      headers: { 'X-Key': 'a-secret-of-some-length' },
    });

    const { status, client: after } = await change(client.id, client);

    expect(status).toBe(200);
    expect({ ...after, updated_at: '' }).toEqual({ ...client, updated_at: '' });
  });

  it('disables and enables by either name, also within all of an answer', async () => {
    const { client } = await create(at((await listen()).url));

    const disabled = await change(client.id, { ...client, disabled: true });
    const enabled = await change(client.id, { ...disabled.client, enabled: true });
    const again = await change(client.id, { disabled: true });

    expect(disabled.client).toMatchObject({ enabled: false, disabled: true, state: 'disabled' });
    expect(enabled.client).toMatchObject({ enabled: true, disabled: false, state: 'healthy' });
    expect(again.client).toMatchObject({ enabled: false, disabled: true });
  });

  it('asks it again at another address', async () => {
    const { client } = await create(at(NOBODY));

    const { message, client: changed } = await change(client.id, { connection_string: (await listen()).url });

    expect(message).toBe('The server was changed and lists 1 tool.');
    expect(changed).toMatchObject({ state: 'healthy', last_failure: null, tools: [{ name: 'echo' }] });
  });

  it('never changes how it is connected or authenticated, nor its address segment', async () => {
    const { client } = await create({ ...at(NOBODY), enabled: false });

    for (const [field, body] of [
      ['auth_type', { auth_type: 'headers' }],
      ['connection_type', { connection_type: 'sse' }],
    ] as const) {
      expect(await change<Refusal>(client.id, body)).toMatchObject({
        status: 400,
        error: { field, message: expect.stringMatching(/never changes/) },
      });
    }
    const renamed = await change(client.id, { name: fresh(), endpoint_slug: 'other' });
    expect(renamed.client.endpoint_slug).toBe(client.endpoint_slug);
  });

  it('refuses a name that is taken', async () => {
    const { client: one } = await create({ ...at(NOBODY), enabled: false });
    const { client: two } = await create({ ...at(NOBODY), enabled: false });

    expect(await change<Refusal>(two.id, { name: one.name.toUpperCase() })).toMatchObject({
      status: 409,
      error: { field: 'name' },
    });
    expect(await change(two.id, { name: two.name.toUpperCase() })).toMatchObject({ status: 200 });
  });
});

describe('what keys say of a server', () => {
  const configsOf = async (id: string) =>
    (
      await admin<{ virtual_key: { mcp_configs: { mcp_client_name: string }[] } }>(
        'GET',
        `/governance/virtual-keys/${id}`,
      )
    ).virtual_key.mcp_configs;
  const all = (mcp_client_name: string) => ({ mcp_client_name, tools_to_execute: ['*'] });
  const disabled = async () => (await create({ ...at(NOBODY), enabled: false })).client;

  it('follows it to another name', async () => {
    const [kept, renamed] = [await disabled(), await disabled()];
    const key = await newKey([kept.name, renamed.name]);
    const bystander = await newKey([kept.name]);
    const name = fresh();

    await change(renamed.id, { name });

    expect(await configsOf(key.id)).toEqual([all(kept.name), all(name)]);
    expect(await configsOf(bystander.id)).toEqual([all(kept.name)]);
  });

  it('never gives access to another server: not by a name refused, not by a name used again', async () => {
    const [one, two] = [await disabled(), await disabled()];
    const key = await newKey([one.name]);

    await change(one.id, { name: two.name });
    expect(await configsOf(key.id)).toEqual([all(one.name)]);

    await admin('DELETE', `/mcp/client/${one.id}`);
    await create({ ...at(NOBODY), name: one.name, enabled: false });
    expect(await configsOf(key.id)).toEqual([]);
  });
});

describe('asking a server now (CONTRACT §8)', () => {
  it('takes up what it lists today', async () => {
    const upstream = await listen();
    const { client } = await create(at(upstream.url));
    const tools = [
      { name: 'one', inputSchema },
      { name: 'two', inputSchema },
    ];
    await upstream.behave({ tools });

    const refreshed = await admin<{ message: string; tool_count: number }>(
      'POST',
      `/mcp/client/${client.id}/refresh-tools`,
    );

    expect(refreshed).toEqual({
      status: 200,
      message: `The server ${client.name} lists 2 tools.`,
      tool_count: 2,
    });
    expect((await find(client.id)).tools).toEqual([{ name: 'one' }, { name: 'two' }]);
  });

  it.each(['reconnect', 'refresh-tools'])(
    '%s says when it fails, keeps its tools, and sees it come back',
    async (verb) => {
      const upstream = await listen();
      const { client } = await create(at(upstream.url));

      await upstream.behave({ fault: 500 });
      const failed = await admin<Refusal>('POST', `/mcp/client/${client.id}/${verb}`);
      const meanwhile = await find(client.id);
      await upstream.behave({ fault: null });
      const { status } = await admin('POST', `/mcp/client/${client.id}/${verb}`);

      expect(failed).toMatchObject({
        status: 422,
        error: { type: 'server_failed', message: expect.stringMatching(/HTTP 500/) },
      });
      expect(meanwhile).toMatchObject({
        state: 'unstable',
        tools: [{ name: 'echo' }],
        last_failure: { stage: 'list' },
      });
      expect(status).toBe(200);
      expect(await find(client.id)).toMatchObject({ state: 'healthy', last_failure: null });
    },
  );

  it.each(['reconnect', 'refresh-tools'])('%s is refused while it is disabled', async (verb) => {
    const upstream = await listen();
    const { client } = await create({ ...at(upstream.url), enabled: false });

    const refused = await admin<Refusal>('POST', `/mcp/client/${client.id}/${verb}`);

    expect(refused).toMatchObject({
      status: 400,
      error: { type: 'invalid_request', message: expect.stringMatching(/disabled/) },
    });
    expect(await upstream.seen()).toEqual([]);
  });
});

describe('a server on /mcp', () => {
  it('is there for the next request here once saved, under its present name, until disabled or deleted', async () => {
    await configure({ revocation_lag: 60 }); // elsewhere it may take this long
    const { url } = await listen();
    const { client } = await create({ ...at(url), allow_on_all_virtual_keys: true });
    const caller = await McpCaller.withKey();
    const mine = async () => (await caller.toolNames()).filter((name) => name.endsWith('-echo'));
    const renamed = fresh();

    expect(await mine()).toEqual([`${client.name}-echo`]);
    await change(client.id, { name: renamed });
    expect(await mine()).toEqual([`${renamed}-echo`]);
    await change(client.id, { enabled: false });
    expect(await mine()).toEqual([]);
    await change(client.id, { enabled: true });
    expect(await mine()).toEqual([`${renamed}-echo`]);
    await admin('DELETE', `/mcp/client/${client.id}`);
    expect(await mine()).toEqual([]);
    await configure({ revocation_lag: null });
  });
});

describe('listing and deleting servers', () => {
  it('pages by name and finds any part of a name, without regard to case', async () => {
    for (const name of ['Zoo_a', 'zoo_B', 'ZOO_c', 'A_zoo'])
      await create({ ...at(NOBODY), name, enabled: false });

    const found = await admin<List>('GET', '/mcp/clients?search=OO_');
    const second = await admin<List>('GET', '/mcp/clients?search=OO_&limit=1&offset=1');

    expect(found.clients.map(({ name }) => name)).toEqual(['Zoo_a', 'zoo_B', 'ZOO_c']);
    expect(found).toMatchObject({ status: 200, count: 3, total_count: 3, limit: 50, offset: 0 });
    expect(second).toMatchObject({ count: 1, total_count: 3, clients: [{ name: 'zoo_B' }] });
  });

  it('knows a deleted one no more, on every verb', async () => {
    const { client } = await create(at((await listen()).url));

    const deleted = await admin('DELETE', `/mcp/client/${client.id}`);

    expect(deleted).toMatchObject({ status: 200, message: expect.stringMatching(/deleted/) });
    const verbs = [
      ['GET', ''],
      ['PUT', ''],
      ['DELETE', ''],
      ['POST', '/reconnect'],
      ['POST', '/refresh-tools'],
    ] as const;
    for (const [method, path] of verbs) {
      const answer = await admin<Refusal>(
        method,
        `/mcp/client/${client.id}${path}`,
        method === 'PUT' ? {} : undefined,
      );
      expect([method, path, answer.status, answer.error.message]).toEqual([
        method,
        path,
        404,
        'There is no server with this id.',
      ]);
    }
  });
});

describe('a server with token_exchange (CONTRACT §7)', () => {
  type Exchange = Record<string, unknown>;
  const exchange = {
    audience: 'https://api.example',
    client_id: 'gateway',
    client_secret: 'an-exchange-secret',
  };
  const make = <T = One & { client: { token_exchange: Exchange } }>(settings: object = {}) =>
    create<T>({ ...at(NOBODY), auth_type: 'token_exchange', token_exchange: { ...exchange, ...settings } });
  const put = <T = One & { client: { token_exchange: Exchange } }>(id: string, token_exchange: object) =>
    change<T>(id, { token_exchange });
  const generation = async (id: string) =>
    (
      await env.DB.prepare('SELECT credential_generation AS n FROM server WHERE id = ?1')
        .bind(id)
        .first<{ n: number }>()
    )?.n;

  it('shows what is missing as it is filled in, and its secret masked', async () => {
    const { status, client } = await make();

    expect(status).toBe(200);
    expect(client.token_exchange).toEqual({
      audience: 'https://api.example',
      use_idp_credentials: false,
      client_id: 'gateway',
      client_secret: '••••cret',
      authorization_server_url: null,
      scopes: [],
    });
    expect(JSON.stringify((await env.DB.prepare('SELECT * FROM server').all()).results)).not.toMatch(
      /an-exchange/,
    );
  });

  it('changes a member at a time; what comes back as it was shown changes nothing', async () => {
    const { client } = await make();

    const same = await put(client.id, client.token_exchange);
    const before = await generation(client.id);
    const wider = await put(client.id, { scopes: ['read'] });
    const after = await generation(client.id);

    expect(same.client.token_exchange).toEqual(client.token_exchange);
    expect(wider.client.token_exchange).toEqual({ ...client.token_exchange, scopes: ['read'] });
    expect([before, after]).toEqual([1, 2]);
  });

  it('never takes its secret along to another authorization server', async () => {
    const { client } = await make();
    const authorization_server_url = 'https://other.example';

    const moved = await put<Refusal>(client.id, { authorization_server_url });
    const entered = await put(client.id, { authorization_server_url, client_secret: 'another-secret-now' });

    expect([moved.status, moved.error.field]).toEqual([400, 'token_exchange.client_secret']);
    expect(entered.client.token_exchange).toMatchObject({
      authorization_server_url,
      client_secret: '••••-now',
    });
  });

  it.each([
    ['token_exchange.audience', { audience: undefined }],
    ['token_exchange.client_id', { client_id: undefined }],
    ['token_exchange.authorization_server_url', { authorization_server_url: 'http://10.0.0.1' }],
    [
      'token_exchange.authorization_server_url',
      { use_idp_credentials: true, authorization_server_url: 'https://other.example' },
    ],
    ['token_exchange.client_secret', { client_secret: 'env.ADMIN_TOKEN' }],
    ['token_exchange.client_secret', { client_secret: '••••cret' }],
  ])('refuses a bad %s: %j', async (field, settings) => {
    const refused = await make<Refusal>(settings);

    expect([refused.status, refused.error.field]).toEqual([400, field]);
  });

  it('never takes the client of the sign-in to another provider', async () => {
    const { client } = await make({ client_secret: null, use_idp_credentials: true });

    const { status, error } = await put<Refusal>(client.id, {
      authorization_server_url: 'https://other.example',
    });

    expect([status, error.field]).toEqual([400, 'token_exchange.authorization_server_url']);
  });

  it('needs no client of its own when the one people sign in with exchanges', async () => {
    expect((await make({ client_id: undefined, use_idp_credentials: true })).status).toBe(200);
  });
});
