import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { recordSignIn } from '../../src/governance/users';
import { removeExpiredKeys } from '../../src/removal/keys';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure, gate, newKey, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const PATH = '/governance/virtual-keys';
type Key = { id: string; name: string; value: string; limits: object[]; [member: string]: unknown };
type One = { message: string; virtual_key: Key; error: { message: string; field?: string } };

const create = (body: object) => admin<One>('POST', PATH, { name: `key ${crypto.randomUUID()}`, ...body });
const change = (id: string, body: object) => admin<One>('PUT', `${PATH}/${id}`, body);
const rotate = (id: string, reason: string) => admin<One>('POST', `${PATH}/${id}/rotate`, { reason });
const byKey = (value: string) => new McpCaller({ 'x-bf-vk': value });
const byToken = (token: string) => new McpCaller({ authorization: `Bearer ${token}` });
const statusOf = async (caller: McpCaller) => (await caller.ask('ping')).status;
const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const objectOf = (id: string) => env.KEYS.get(env.KEYS.idFromName(id));
const kept = (id: string) =>
  runInDurableObject(objectOf(id), async (_, { storage }) => (await storage.list()).size);

let upstream: Upstream;
beforeAll(async () => {
  upstream = await Upstream.start(['echo'], { prompts: [{ name: 'greet' }] });
});
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

/** Someone who signed in here once. */
async function newPerson(): Promise<string> {
  const account = {
    issuer: 'https://acme.cloudflareaccess.com',
    subject: crypto.randomUUID(),
    email: 'ada@example.com',
    name: 'Ada',
  };
  return (await recordSignIn(env.DB, account, Math.floor(Date.now() / 1000))).id;
}

describe('when a key was last used', () => {
  const usedAt = async (id: string) => (await admin<One>('GET', `${PATH}/${id}`)).virtual_key.last_used_at;
  const settled = (id: string, at: number) =>
    vi.waitFor(async () => expect(Date.parse(String(await usedAt(id)))).toBeGreaterThanOrEqual(at));

  it('is noted by calls, by the key itself or an app that it allowed, and not by what is refused', async () => {
    const [byItself, byApp, off] = await Promise.all([create({}), create({}), create({ is_active: false })]);
    const client = await McpClient.register();
    const { access_token } = await client.obtainGrant({ key: byApp.virtual_key.value });
    const grant = async () =>
      (
        await admin<{ sessions: { last_used_at: string | null }[] }>(
          'GET',
          `/oauth2/sessions?client_id=${client.clientId}`,
        )
      ).sessions[0]?.last_used_at;
    const before = [await usedAt(byApp.virtual_key.id), await grant()];
    const now = Math.floor(Date.now() / 1000) * 1000;

    await byKey(byItself.virtual_key.value).ask('ping');
    await byToken(access_token).ask('ping');
    await byKey(off.virtual_key.value).ask('ping');

    expect(before).toEqual([null, null]);
    await settled(byItself.virtual_key.id, now);
    await settled(byApp.virtual_key.id, now);
    expect(await grant()).not.toBeNull();
    expect(await usedAt(off.virtual_key.id)).toBeNull();
  });

  it('is written once an hour at most, behind the answer', async () => {
    const { virtual_key: key } = await create({});
    const caller = byKey(key.value);
    await caller.ask('ping');
    await settled(key.id, 0);
    const first = await usedAt(key.id);
    pass(3500);
    await caller.ask('ping');
    const same = await usedAt(key.id);
    pass(200);
    await caller.ask('ping');

    expect(same).toBe(first);
    await settled(key.id, Date.parse(String(first)) + 3_600_000);
  });
});

describe('what a key is (CONTRACT §8)', () => {
  it('has an owner who signed in here, or none; is shared, or not', async () => {
    const ada = await newPerson();

    const { virtual_key: owned } = await create({ owner_user_id: ada });
    const { virtual_key: shared } = await create({ shared: true });
    const refused = await create({ owner_user_id: 'nobody' });
    const { virtual_key: freed } = await change(owned.id, { owner_user_id: null, shared: true });

    expect(owned).toMatchObject({ owner_user_id: ada, shared: false });
    expect(shared).toMatchObject({ owner_user_id: null, shared: true });
    expect(refused).toMatchObject({ status: 400, error: { field: 'owner_user_id' } });
    expect(freed).toMatchObject({ owner_user_id: null, shared: true });
  });

  it('is its owner when it has one: by header it may use what they may, as long as they may', async () => {
    await configure({ access: { team_domain: 'acme.cloudflareaccess.com', aud: 'audience' } });
    const { name } = await Upstream.start(['mine'], { registration: { allow_on_all_virtual_keys: false } });
    const ada = await newPerson();
    const { virtual_key: key } = await create({ owner_user_id: ada });
    const before = await byKey(key.value).toolNames();

    await admin('PUT', `/users/${ada}`, {
      mcp_configs: [{ mcp_client_name: name, tools_to_execute: ['*'] }],
    });
    const given = await byKey(key.value).toolNames();
    await admin('PUT', `/users/${ada}`, { is_active: false });
    await change(key.id, { is_active: true });
    const { status, body } = await byKey(key.value).ask('ping');
    await configure({ access: { team_domain: null, aud: null } });

    expect(before).not.toContain(`${name}-mine`);
    expect(given).toContain(`${name}-mine`);
    expect([status, body.error?.data?.type]).toEqual([403, 'access_blocked']);
  });

  it('is deleted after it expires only when it expires', async () => {
    const expires_at = new Date(Date.now() + 60_000).toISOString();

    const endless = await create({ delete_after_expire: true });
    const { virtual_key: key } = await create({ expires_at, delete_after_expire: true });
    const cleared = await change(key.id, { expires_at: null });
    const both = await change(key.id, { expires_at: '', delete_after_expire: null });

    expect(endless).toMatchObject({ status: 400, error: { field: 'delete_after_expire' } });
    expect(key.delete_after_expire).toBe(true);
    expect(cleared).toMatchObject({ status: 400, error: { field: 'delete_after_expire' } });
    expect(both.virtual_key).toMatchObject({ expires_at: null, delete_after_expire: null });
  });

  it.each([
    ['limits.0.calls', [{ calls: 0, window_seconds: 60 }]],
    ['limits.0.calls', [{ calls: 1.5, window_seconds: 60 }]],
    ['limits.0.window_seconds', [{ calls: 1 }]],
    ['limits.0.window_seconds', [{ calls: 1, window_seconds: 31_622_401 }]],
    ['limits', [1, 2].map((calls) => ({ calls, window_seconds: 60 }))],
    ['limits', { calls: 1, window_seconds: 60 }],
  ])('refuses bad %s', async (field, limits) => {
    expect(await create({ limits })).toMatchObject({ status: 400, error: { field } });
  });
});

describe('keys that ask to be deleted once they have expired', () => {
  it('leave, with their grants, when the sweep comes by, and no others do', async () => {
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const { virtual_key: leaving } = await create({ expires_at, delete_after_expire: true });
    const { virtual_key: staying } = await create({ expires_at, delete_after_expire: false });
    const { virtual_key: later } = await create({
      expires_at: new Date(Date.now() + 600_000).toISOString(),
      delete_after_expire: true,
    });
    const { refresh_token } = await (await McpClient.register()).obtainGrant({ key: leaving.value });
    pass(61);

    const deleted = await removeExpiredKeys(env, Math.floor(Date.now() / 1000));
    const again = await removeExpiredKeys(env, Math.floor(Date.now() / 1000));

    expect([deleted, again]).toEqual([1, 0]);
    expect(await endOf(refresh_token)).toBe('key_deleted');
    const found = await Promise.all([staying, later].map(({ id }) => admin('GET', `${PATH}/${id}`)));
    expect(found.map(({ status }) => status)).toEqual([200, 200]);
  });
});

/** Why the grant of a refresh token ended, as its object and the index have it; null: it stands. */
async function endOf(refreshToken: string): Promise<string | null> {
  const [grantId = ''] = refreshToken.split('.');
  const row = await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?1')
    .bind(grantId)
    .first<{ ended_reason: string | null }>();
  const stub = env.GRANTS.get(env.GRANTS.idFromString(grantId));
  const state = await runInDurableObject(stub, (_, { storage }) =>
    storage.kv.get<{ status: string; reason: string | null }>('state'),
  );
  expect(state?.status, 'index and object agree').toBe(row?.ended_reason ? 'ended' : 'open');
  return row?.ended_reason ?? null;
}

describe('deleting a key', () => {
  it('ends every grant it allowed, in the list and in its object', async () => {
    const key = await newKey();
    const other = await newKey();
    const client = await McpClient.register();
    const grants = [
      await client.obtainGrant({ key: key.value }),
      await client.obtainGrant({ key: key.value }),
    ];
    const { refresh_token } = await client.obtainGrant({ key: other.value });

    await admin('DELETE', `${PATH}/${key.id}`);

    expect(await Promise.all(grants.map((grant) => endOf(grant.refresh_token)))).toEqual([
      'key_deleted',
      'key_deleted',
    ]);
    expect(await endOf(refresh_token)).toBeNull();
  });
});

describe('routine rotation (CONTRACT §8)', () => {
  afterEach(() => configure({ vk_rotation_cooldown: null }));

  it('answers a new value once, and refuses the old one at once when there is no cooldown', async () => {
    const key = await newKey();

    const { status, message, virtual_key: rotated } = await rotate(key.id, 'routine');

    expect(status).toBe(200);
    expect(message).toMatch(/shown only now.*refused from now on/);
    expect(rotated.value).toMatch(/^sk-bf-[\w-]{43}$/);
    expect(rotated).toMatchObject({ id: key.id, name: key.name });
    const { virtual_key: later } = await admin<One>('GET', `${PATH}/${key.id}`);
    expect(later.value).toBe(`sk-bf-••••${rotated.value.slice(-4)}`);
    expect(await statusOf(byKey(key.value))).toBe(401);
    expect(await statusOf(byKey(rotated.value))).toBe(200);
  });

  it('keeps the subject: what was allowed with the old value goes on', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant({ key: key.value });

    await rotate(key.id, 'routine');

    expect(await statusOf(byToken(access_token))).toBe(200);
    expect(await client.refresh(refresh_token)).toMatchObject({ status: 200 });
    expect(await endOf(refresh_token)).toBeNull();
  });

  it('lets the old value work for the cooldown, on /mcp and at consent, and then neither', async () => {
    await configure({ vk_rotation_cooldown: 100 });
    const key = await newKey();
    const client = await McpClient.register();
    const { message, virtual_key: rotated } = await rotate(key.id, 'routine');

    pass(99);
    const within = [await statusOf(byKey(key.value)), await statusOf(byKey(rotated.value))];
    await expect(client.obtainGrant({ key: key.value })).resolves.toHaveProperty('access_token');
    pass(2);
    const after = [await statusOf(byKey(key.value)), await statusOf(byKey(rotated.value))];
    const refused = await client.toServices(new Browser(), { key: key.value });

    expect(message).toMatch(/The one before works until \d{4}-/);
    expect([within, after]).toEqual([
      [200, 200],
      [401, 200],
    ]);
    expect(refused.html).toContain('work here');
  });

  it('keeps one previous value only', async () => {
    await configure({ vk_rotation_cooldown: 100 });
    const key = await newKey();

    const { virtual_key: second } = await rotate(key.id, 'routine');
    const { virtual_key: third } = await rotate(key.id, 'routine');

    const values = [key, second, third].map(({ value }) => statusOf(byKey(value)));
    expect(await Promise.all(values)).toEqual([401, 200, 200]);
  });

  it('refuses the old value when its time is over, from memory too', async () => {
    await configure({ vk_rotation_cooldown: 100, revocation_lag: 60 });
    const key = await newKey();
    await rotate(key.id, 'routine');

    pass(99);
    const before = await statusOf(byKey(key.value));
    pass(2);

    expect([before, await statusOf(byKey(key.value))]).toEqual([200, 401]);
    await configure({ revocation_lag: null });
  });

  it.each(['routine', 'leaked'])('gives the old value to no other key: %s', async (reason) => {
    const key = await newKey();
    await rotate(key.id, reason);

    expect(await create({ value: key.value })).toMatchObject({ status: 409, error: { field: 'value' } });
  });

  it('knows two reasons, and only keys there are', async () => {
    const key = await newKey();

    expect(await rotate(key.id, 'bored')).toMatchObject({ status: 400, error: { field: 'reason' } });
    expect(await rotate('nowhere', 'routine')).toMatchObject({ status: 404 });
    expect(await statusOf(byKey(key.value))).toBe(200);
  });
});

describe('rotation of a leaked key (CONTRACT §8)', () => {
  beforeEach(() => configure({ vk_rotation_cooldown: 100 }));
  afterEach(() => configure({ vk_rotation_cooldown: null }));

  it('ignores the cooldown, for the value before too', async () => {
    await configure({ vk_rotation_cooldown: 100 });
    const key = await newKey();
    const { virtual_key: second } = await rotate(key.id, 'routine');

    const { virtual_key: third } = await rotate(key.id, 'leaked');

    const values = [key, second, third].map(({ value }) => statusOf(byKey(value)));
    expect(await Promise.all(values)).toEqual([401, 401, 200]);
  });

  it('ends its grants: tokens are refused, refresh too, and the list says why', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const grants = await Promise.all(Array.from({ length: 8 }, () => client.obtainGrant({ key: key.value })));

    await rotate(key.id, 'leaked');

    for (const { access_token, refresh_token } of grants) {
      expect(await statusOf(byToken(access_token))).toBe(401);
      expect(await client.refresh(refresh_token)).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      });
      expect(await endOf(refresh_token)).toBe('key_leaked');
    }
  });

  it('leaves nothing standing that its grants were not told of: the generation decides', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant({ key: key.value });
    await env.DB.prepare('UPDATE virtual_key SET generation = generation + 1 WHERE id = ?1')
      .bind(key.id)
      .run();

    expect(await statusOf(byToken(access_token))).toBe(401);
    expect(await client.refresh(refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await endOf(refresh_token)).not.toBeNull();
  });

  it('makes browsers forget who they were: the new value is asked for', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const browser = new Browser();
    await browser.submit(await client.toServices(browser, { key: key.value }), { decision: 'allow' });
    const before = await browser.open(await client.authorizeUrl());

    const { virtual_key: rotated } = await rotate(key.id, 'leaked');
    const after = await browser.open(await client.authorizeUrl());

    expect(before?.html).toContain(`Continue as ${key.name}`);
    expect(after?.html).not.toContain(key.name);
    await expect(client.obtainGrant({ key: rotated.value })).resolves.toHaveProperty('access_token');
  });

  it('stops a consent under way that the old value had proved', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser, { key: key.value });

    await rotate(key.id, 'leaked');
    const refused = await browser.submit(services, { decision: 'allow' });

    expect(browser.callback).toBeNull();
    expect(refused?.html).toContain('name="virtual_key"');
  });

  it('ends no grant of another key', async () => {
    const [leaked, other] = [await newKey(), await newKey()];
    const { access_token } = await (await McpClient.register()).obtainGrant({ key: other.value });

    await rotate(leaked.id, 'leaked');

    expect(await statusOf(byToken(access_token))).toBe(200);
  });
});

describe('limits, counted exactly (CONTRACT §§6, 8)', () => {
  const limited = async (...limits: object[]) => (await create({ limits })).virtual_key;
  const call = (caller: McpCaller) => caller.call(`${upstream.name}-echo`);

  it('says which limit is spent and when it resets, as the result of the tool', async () => {
    const key = await limited({ calls: 2, window_seconds: 60 }, { calls: 3, window_seconds: 3600 });
    const caller = byKey(key.value);
    const first = [await call(caller), await call(caller)];
    pass(20);

    const { status, body } = await call(caller);

    expect(first.map(({ body }) => body.result?.isError)).toEqual([undefined, undefined]);
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ isError: true });
    const resets = new Date(Date.now() + 40_000).toISOString().slice(0, 16);
    expect(body.result?.content?.[0]?.text).toMatch(/2 tool calls in 60 seconds/);
    expect(body.result?.content?.[0]?.text).toContain(`resets at ${resets}`);
    pass(41);
    expect((await call(caller)).body.result?.isError).toBeUndefined();
    expect((await call(caller)).body.result?.content?.[0]?.text).toMatch(/3 tool calls in 3600 seconds/);
  });

  it.each(['2025', '2026'] as const)('tells a client of the era %s', async (era) => {
    const { value } = await limited({ calls: 1, window_seconds: 60 });
    const caller = new McpCaller({ 'x-bf-vk': value }, era);
    await call(caller);

    const { body } = await call(caller);

    expect(body.result).toMatchObject({ isError: true, ...(era === '2026' && { resultType: 'complete' }) });
  });

  it('lets exactly as many through as it says, however many come at once', async () => {
    const { value } = await limited({ calls: 5, window_seconds: 60 });

    const answers = await Promise.all(Array.from({ length: 20 }, () => call(byKey(value))));

    expect(answers.filter(({ body }) => !body.result?.isError)).toHaveLength(5);
  });

  it('counts the calls of the key and of its grants together', async () => {
    const { value } = await limited({ calls: 2, window_seconds: 60 });
    const { access_token } = await (await McpClient.register()).obtainGrant({ key: value });

    await call(byKey(value));
    await call(byToken(access_token));

    expect((await call(byToken(access_token))).body.result?.isError).toBe(true);
    expect((await call(byKey(value))).body.result?.isError).toBe(true);
  });

  it('counts nothing but tool calls that may be made', async () => {
    const { value } = await limited({ calls: 1, window_seconds: 60 });
    const caller = byKey(value);

    await caller.ask('initialize', { protocolVersion: '2025-11-25' });
    await caller.toolNames();
    await caller.call('no-such-tool');
    await caller.ask('prompts/get', { name: `${upstream.name}-greet` });

    expect((await call(caller)).body.result?.isError).toBeUndefined();
    expect((await call(caller)).body.result?.isError).toBe(true);
  });

  it('while spent reaches no server, and still answers what needs none', async () => {
    const { value } = await limited({ calls: 1, window_seconds: 60 });
    const caller = byKey(value);
    await call(caller);
    pass(10);

    const prompt = await caller.ask('prompts/get', { name: `${upstream.name}-greet` });

    expect(prompt).toMatchObject({ status: 429, body: { error: { data: { type: 'request_limited' } } } });
    expect(Number(prompt.headers.get('retry-after'))).toBeLessThanOrEqual(50);
    expect(await caller.toolNames()).toContain(`${upstream.name}-echo`);
  });

  it('goes on from what was used when a limit changes', async () => {
    const key = await limited({ calls: 1, window_seconds: 60 });
    const caller = byKey(key.value);
    await call(caller);
    await change(key.id, { limits: [{ calls: 2, window_seconds: 60 }] });

    expect((await call(caller)).body.result?.isError).toBeUndefined();
    expect((await call(caller)).body.result?.isError).toBe(true);
  });

  it('wakes no object for a key without limits, and leaves none behind', async () => {
    const free = await newKey();
    await call(byKey(free.value));
    await quotaOf({ 'x-bf-vk': free.value });
    const [deleted, unlimited, idle] = await Promise.all(
      [1, 2, 3].map(() => limited({ calls: 9, window_seconds: 60 })),
    );
    for (const key of [deleted, unlimited, idle]) await call(byKey(key?.value ?? ''));
    const before = await Promise.all([deleted, unlimited, idle].map((key) => kept(key?.id ?? '')));

    await admin('DELETE', `${PATH}/${deleted?.id}`);
    await change(unlimited?.id ?? '', { limits: [] });
    pass(61);
    await runDurableObjectAlarm(objectOf(idle?.id ?? ''));

    const awake = (await listDurableObjectIds(env.KEYS)).map(String);
    expect(awake).not.toContain(env.KEYS.idFromName(free.id).toString());
    expect(before).toEqual([2, 2, 2]); // a window, and the version of the state
    expect(await Promise.all([deleted, unlimited, idle].map((key) => kept(key?.id ?? '')))).toEqual([
      0, 0, 0,
    ]);
  });
});

const quotaOf = async (headers: Record<string, string>) =>
  read<Record<string, unknown>>(await gate(`/api${PATH}/quota`, { headers }));

describe('GET /api/governance/virtual-keys/quota', () => {
  it('tells whoever holds the key what is left of it', async () => {
    vi.setSystemTime(Math.ceil(Date.now() / 1000) * 1000);
    const limits = [
      { calls: 5, window_seconds: 60 },
      { calls: 100, window_seconds: 86_400 },
    ];
    const { virtual_key: key } = await create({ limits, expires_at: '2099-01-01T00:00:00Z' });
    const untouched = await quotaOf({ authorization: `Bearer ${key.value}` });
    const startedAt = Date.now();
    await byKey(key.value).call(`${upstream.name}-echo`);
    const used = await quotaOf({ 'x-bf-vk': key.value });

    const at = (seconds: number) => new Date(startedAt + seconds * 1000).toISOString().replace('.000', '');
    expect(untouched.body.limits).toEqual(
      limits.map((limit) => ({ ...limit, used: 0, remaining: limit.calls, resets_at: null })),
    );
    expect(used).toEqual({
      status: 200,
      body: {
        virtual_key_name: key.name,
        is_active: true,
        expires_at: '2099-01-01T00:00:00Z',
        limits: [
          { ...limits[0], used: 1, remaining: 4, resets_at: at(60) },
          { ...limits[1], used: 1, remaining: 99, resets_at: at(86_400) },
        ],
      },
    });
  });

  it('tells that a key is switched off or has expired', async () => {
    const { virtual_key: off } = await create({ is_active: false });
    const { virtual_key: old } = await create({ expires_at: new Date(Date.now() + 5_000).toISOString() });
    pass(6);

    for (const { value } of [off, old]) {
      expect(await quotaOf({ 'x-api-key': value })).toMatchObject({
        status: 200,
        body: { is_active: false },
      });
    }
  });

  it('answers 401 to anything else', async () => {
    const [one, two] = [await newKey(), await newKey()];
    const rotated = await newKey();
    await rotate(rotated.id, 'routine');
    const credentials: Record<string, string>[] = [
      {},
      { 'x-bf-vk': 'sk-bf-unknown' },
      { authorization: 'Bearer test-admin-token-of-32-characters' },
      { 'x-bf-vk': one.value, 'x-api-key': two.value },
      { 'x-bf-vk': one.value, authorization: 'Bearer eyJ' },
      { 'x-bf-vk': rotated.value },
    ];

    for (const headers of credentials) expect((await quotaOf(headers)).status).toBe(401);
  });
});
