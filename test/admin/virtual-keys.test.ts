import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { admin, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';

type Key = {
  id: string;
  name: string;
  description: string;
  value: string;
  is_active: boolean;
  expires_at: string | null;
  mcp_configs: { mcp_client_name: string; tools_to_execute: string[] }[];
  created_at: string;
  updated_at: string;
};
type One = { message: string; virtual_key: Key };
type List = { virtual_keys: Key[]; count: number; total_count: number; limit: number; offset: number };
type Refusal = { error: { type: string; message: string; field?: string } };

const PATH = '/governance/virtual-keys';
const create = <T = One>(body: object) => admin<T>('POST', PATH, body);
const change = <T = One>(id: string, body: object) => admin<T>('PUT', `${PATH}/${id}`, body);
const find = async (id: string) => (await admin<One>('GET', `${PATH}/${id}`)).virtual_key;
const fresh = () => `key ${crypto.randomUUID()}`;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

afterEach(() => void vi.useRealTimers());

beforeAll(async () => {
  for (const name of ['Weather', 'tickets']) {
    await admin('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: 'https://mcp.example.com',
      enabled: false,
    });
  }
});

describe('making a key (CONTRACT §8)', () => {
  it('needs a name only, gives access to nothing, and shows the whole value once', async () => {
    const name = fresh();

    const { status, message, virtual_key: key } = await create({ name });

    expect(status).toBe(200);
    expect(message).toMatch(/shown only now/);
    expect(key.value).toMatch(/^sk-bf-[\w-]{43}$/);
    expect(key).toMatchObject({ name, description: '', is_active: true, expires_at: null, mcp_configs: [] });
    expect(key.created_at).toMatch(RFC3339);
    expect(key.updated_at).toBe(key.created_at);
    const later = await find(key.id);
    expect(later).toEqual({ ...key, value: `sk-bf-••••${key.value.slice(-4)}` });
    const { virtual_keys } = await admin<List>('GET', `${PATH}?search=${encodeURIComponent(name)}`);
    expect(virtual_keys).toEqual([later]);
  });

  it('takes the servers it may use by name, however spelled, and drops what it does not know', async () => {
    const mcp_configs = [
      { mcp_client_name: 'weather', tools_to_execute: ['forecast'], id: 7 },
      { mcp_client_name: 'tickets' },
    ];

    const { virtual_key: key } = await create({
      name: fresh(),
      mcp_configs,
      team_id: 'x',
      created_at: 'never',
    });

    expect(key.mcp_configs).toEqual([
      { mcp_client_name: 'Weather', tools_to_execute: ['forecast'] },
      { mcp_client_name: 'tickets', tools_to_execute: [] },
    ]);
    expect(key).not.toHaveProperty('team_id');
  });

  it('imports a value, which then works', async () => {
    const value = `sk-bf-${crypto.randomUUID()}`;

    const { virtual_key: key } = await create({ name: fresh(), value });

    expect(key.value).toBe(value);
    expect((await find(key.id)).value).toBe(`sk-bf-••••${value.slice(-4)}`);
    await expect((await McpClient.register()).obtainGrant({ key: value })).resolves.toHaveProperty(
      'access_token',
    );
  });

  it('refuses a value that another key has, and a name, whatever its case', async () => {
    const value = `sk-bf-${crypto.randomUUID()}`;
    const name = fresh();
    await create({ name, value });

    expect(await create({ name: fresh(), value })).toEqual({
      status: 409,
      error: { type: 'conflict', message: 'Another key has this value.', field: 'value' },
    });
    expect(await create({ name: name.toUpperCase() })).toMatchObject({
      status: 409,
      error: { field: 'name' },
    });
  });

  it.each([
    ['name', {}],
    ['name', { name: '' }],
    ['name', { name: '   ' }],
    ['name', { name: 7 }],
    ['name', { name: 'x'.repeat(201) }],
    ['name', { name: 'left\u202Eright' }],
    ['value', { value: 'sk-other-0123456789abcdef' }],
    ['value', { value: 'sk-bf-tooshort12345'.slice(0, 19) }],
    ['value', { value: `sk-bf-${'x'.repeat(195)}` }],
    ['value', { value: 'sk-bf-0123456789 abcdef' }],
    ['is_active', { is_active: 'yes' }],
    ['expires_at', { expires_at: 'tomorrow' }],
    ['expires_at', { expires_at: '2020-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: 4102444800 }],
    ['mcp_configs', { mcp_configs: {} }],
    ['mcp_configs.0.mcp_client_name', { mcp_configs: [{ tools_to_execute: ['*'] }] }],
    [
      'mcp_configs.0.tools_to_execute',
      { mcp_configs: [{ mcp_client_name: 'Weather', tools_to_execute: '*' }] },
    ],
    [
      'mcp_configs.1.mcp_client_name',
      { mcp_configs: [{ mcp_client_name: 'Weather' }, { mcp_client_name: 'nowhere' }] },
    ],
    [
      'mcp_configs.1.mcp_client_name',
      { mcp_configs: [{ mcp_client_name: 'Weather' }, { mcp_client_name: 'weather' }] },
    ],
  ])('refuses a bad %s: %j', async (field, body) => {
    const { status, error } = await create<Refusal>({
      name: fresh(),
      ...(field === 'name' && { name: undefined }),
      ...body,
    });

    expect([status, error.type, error.field]).toEqual([400, 'invalid_request', field]);
    expect(error.message).toMatch(/^[a-z].*\.$/);
  });

  it('never repeats a value it refuses', async () => {
    const { error } = await create<Refusal>({ name: fresh(), value: 'sk-secret-0123456789abcdef' });

    expect(JSON.stringify(error)).not.toContain('secret');
  });
});

describe('changing a key (CONTRACT §8)', () => {
  it('merges, and puts a list in place of the list', async () => {
    const mcp_configs = [{ mcp_client_name: 'Weather', tools_to_execute: ['*'] }];
    const { virtual_key: key } = await create({ name: fresh(), description: 'before', mcp_configs });
    const before = await find(key.id);

    const described = await change(key.id, { description: 'after' });
    const narrowed = await change(key.id, { mcp_configs: [] });

    expect(described).toMatchObject({ status: 200, message: 'The key was changed.' });
    expect(described.virtual_key).toEqual({
      ...before,
      description: 'after',
      updated_at: expect.stringMatching(RFC3339),
    });
    expect(narrowed.virtual_key).toMatchObject({ description: 'after', mcp_configs: [] });
  });

  it('changes nothing when all of an answer is sent back', async () => {
    const { virtual_key: key } = await create({ name: fresh(), expires_at: '2099-12-31T23:59:59+02:00' });
    const before = await find(key.id);

    const { status, virtual_key: after } = await change(key.id, before);

    expect(before.expires_at).toBe('2099-12-31T21:59:59Z');
    expect(status).toBe(200);
    expect({ ...after, updated_at: '' }).toEqual({ ...before, updated_at: '' });
  });

  it.each(['', null])('clears the expiry with %j', async (nothing) => {
    const { virtual_key: key } = await create({ name: fresh(), expires_at: '2099-12-31T23:59:59Z' });

    expect((await change(key.id, { expires_at: nothing })).virtual_key.expires_at).toBeNull();
  });

  it('refuses a name that is taken, and changes nothing', async () => {
    const taken = await newKey();
    const { virtual_key: key } = await create({ name: fresh() });

    const refused = await change<Refusal>(key.id, { name: taken.name, description: 'changed' });

    expect(refused).toMatchObject({ status: 409, error: { field: 'name' } });
    expect(await find(key.id)).toMatchObject({ name: key.name, description: '' });
  });

  it('never changes the value', async () => {
    const key = await newKey();

    const refused = await change<Refusal>(key.id, { value: `sk-bf-${crypto.randomUUID()}` });

    expect(refused).toMatchObject({ status: 400, error: { field: 'value' } });
  });

  it('takes an expiry that has passed meanwhile back as it is, and no other in the past', async () => {
    const { virtual_key: made } = await create({ name: fresh(), expires_at: '2099-01-01T00:00:00Z' });
    const key = await find(made.id);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2099-06-01T00:00:00Z') });

    const described = await change(key.id, { ...key, description: 'gone' });
    const backdated = await change<Refusal>(key.id, { expires_at: '2099-02-01T00:00:00Z' });

    expect(described).toMatchObject({ status: 200, virtual_key: { description: 'gone' } });
    expect(backdated).toMatchObject({ status: 400, error: { field: 'expires_at' } });
  });
});

describe('a key that no longer stands', () => {
  it.each([
    ['deleted', 401, (id: string) => admin('DELETE', `${PATH}/${id}`)],
    ['deactivated', 403, (id: string) => change(id, { is_active: false })],
  ])('is refused on /mcp when %s, and so are tokens made with it', async (_, refusal, withdraw) => {
    const key = await newKey();
    const { access_token } = await (await McpClient.register()).obtainGrant({ key: key.value });
    const byHeader = new McpCaller({ 'x-bf-vk': key.value });
    const byToken = new McpCaller({ authorization: `Bearer ${access_token}` });
    const statuses = async () => [
      (await byHeader.ask('tools/list')).status,
      (await byToken.ask('tools/list')).status,
    ];

    expect(await statuses()).toEqual([200, 200]);
    await withdraw(key.id);
    expect(await statuses()).toEqual([refusal, 401]);
  });

  it.each([
    ['deleted', (id: string) => admin('DELETE', `${PATH}/${id}`)],
    ['deactivated', (id: string) => change(id, { is_active: false })],
  ])('ends what was allowed with it at the next refresh when %s', async (_, withdraw) => {
    const key = await newKey();
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ key: key.value });

    await withdraw(key.id);
    const refused = await client.refresh(refresh_token);

    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const { sessions } = await admin<{ sessions: object[] }>(
      'GET',
      `/oauth2/sessions?virtual_key_id=${key.id}`,
    );
    expect(sessions).toMatchObject([{ status: 'ended', ended_reason: expect.stringMatching(/^key_/) }]);
  });

  it('is unknown on every verb once deleted', async () => {
    const key = await newKey();

    const deleted = await admin('DELETE', `${PATH}/${key.id}`);

    expect(deleted).toMatchObject({ status: 200, message: expect.stringMatching(/deleted/) });
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await admin<Refusal>(
        method,
        `${PATH}/${key.id}`,
        method === 'PUT' ? { name: 'x' } : undefined,
      );
      expect([method, answer.status, answer.error.message]).toEqual([
        method,
        404,
        'There is no virtual key with this id.',
      ]);
    }
  });
});

describe('listing keys', () => {
  it('pages by name and finds any part of a name, without regard to case', async () => {
    for (const name of ['List 100% a', 'list 100% B', 'LIST 100% c', 'a list 100%']) await create({ name });
    const search = encodeURIComponent('liST 100% ');

    const all = await admin<List>('GET', `${PATH}?search=${search}`);
    const second = await admin<List>('GET', `${PATH}?search=${search}&limit=1&offset=1`);
    const none = await admin<List>('GET', `${PATH}?search=${encodeURIComponent('list_100')}`);
    const inside = await admin<List>('GET', `${PATH}?search=${encodeURIComponent('T 100% ')}`);

    expect(inside.count).toBe(3);
    expect(all.virtual_keys.map(({ name }) => name)).toEqual(['List 100% a', 'list 100% B', 'LIST 100% c']);
    expect(all).toMatchObject({ status: 200, count: 3, total_count: 3, limit: 50, offset: 0 });
    expect(second.virtual_keys.map(({ name }) => name)).toEqual(['list 100% B']);
    expect(second).toMatchObject({ count: 1, total_count: 3, limit: 1, offset: 1 });
    expect(none).toMatchObject({ virtual_keys: [], count: 0, total_count: 0 });
  });

  it('filters by state and by use, sorts, and refuses what is neither', async () => {
    for (const [name, is_active] of [
      ['sorted a', true],
      ['sorted b', false],
    ])
      await create({ name, is_active });
    const named = async (query: string) =>
      (await admin<List>('GET', `${PATH}?search=sorted&${query}`)).virtual_keys.map(({ name }) => name);

    expect(await named('state=inactive')).toEqual(['sorted b']);
    expect(await named('state=active&used=never')).toEqual(['sorted a']);
    expect(await named('used=not_30_days')).toEqual([]);
    expect(await named('sort=-name')).toEqual(['sorted b', 'sorted a']);
    for (const field of ['state', 'used', 'sort']) {
      const { status, error } = await admin<Refusal>('GET', `${PATH}?${field}=odd`);
      expect([status, error.field]).toEqual([400, field]);
    }
  });
});
