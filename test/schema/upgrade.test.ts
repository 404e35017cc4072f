import { createScheduledController } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import schema from '../../schema.sql?raw';
import { forgetDeployment } from '../../src/config';
import { hashSecret, seal } from '../../src/crypto/secrets';
import worker from '../../src/index';
import { FIRST, type SchemaStep, STEPS } from '../../src/schema/steps';
import { newest, schemaOf, upgrade } from '../../src/schema/upgrade';
import { admin, gate, ISSUER, read } from '../support/gate';
import firstVersion from './first-version.sql?raw';

const { DB } = env;
const files = import.meta.glob('../../src/schema/*.sql');

const KEY = 'sk-bf-kept-across-the-upgrade-0123456789';
const NOW = Math.floor(Date.now() / 1000);

beforeEach(async () => {
  const { results } = await DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
  ).all<{ name: string }>();
  if (results.length) await DB.batch(results.map(({ name }) => DB.prepare(`DROP TABLE "${name}"`)));
  forgetDeployment();
});

/** Runs statements that this file wrote: none holds a semicolon of its own. */
async function run(sql: string): Promise<void> {
  const statements = sql.replace(/--.*$/gm, '').split(';');
  await DB.batch(statements.filter((one) => one.trim()).map((one) => DB.prepare(one)));
}

async function insert(table: string, row: Record<string, unknown>): Promise<void> {
  const names = Object.keys(row);
  await DB.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`)
    .bind(...Object.values(row))
    .run();
}

/** Every table with its columns, whatever their order, and every index. */
async function shape(): Promise<string[]> {
  const columns = await DB.prepare(
    `SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '-') || ' ' || c.pk AS line
     FROM sqlite_schema t, pragma_table_info(t.name) c
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_cf_%'`,
  ).all<{ line: string }>();
  const indexes = await DB.prepare(
    "SELECT sql AS line FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
  ).all<{ line: string }>();
  return [...columns.results, ...indexes.results]
    .map(({ line }) => line.replace(/\s+/g, ' ').replace('IF NOT EXISTS ', ''))
    .sort();
}

/** A database of the first version in use: a row of every table, written as that version wrote it. */
async function fillFirstVersion(): Promise<{ token: string }> {
  await run(firstVersion);
  const times = { created_at: NOW - 9000, updated_at: NOW - 9000 };
  await insert('setting', { name: 'display_name', value: '"Kept Tools"' });
  await insert('revision', { name: 'catalog', n: 7 });
  const token = await fillSigningKey();
  await insert('client', {
    client_id: 'client-1',
    metadata: JSON.stringify({
      redirect_uris: ['https://app.example/cb'],
      client_name: 'Old App',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: 'mcp',
    }),
    name: 'Old App',
    created_at: NOW - 9000,
  });
  await insert('virtual_key', {
    id: 'key-1',
    name: 'old key',
    description: 'from before',
    value_hash: await hashSecret(KEY),
    value_mask: 'sk-bf-••••6789',
    generation: 0,
    is_active: 1,
    shared: 0,
    mcp_configs: JSON.stringify([{ mcp_client_name: 'docs', tools_to_execute: ['*'] }]),
    limits: '[]',
    ...times,
  });
  await insert('virtual_mcp', {
    id: 'toolset-1',
    name: 'old toolset',
    endpoint_slug: 'old-toolset',
    description: '',
    enabled: 1,
    tools: JSON.stringify([{ mcp_client_id: 'server-1', tool_names: ['search'] }]),
    ...times,
  });
  await insert('virtual_mcp_key', { virtual_key_id: 'key-1', virtual_mcp_id: 'toolset-1' });
  await insert('oauth_grant', {
    grant_id: 'a'.repeat(64),
    client_id: 'client-1',
    client_name: 'Old App',
    subject: 'vk:key-1',
    generation: 0,
    scope: 'mcp',
    resource: `${ISSUER}/mcp`,
    read_only: 0,
    redirect_host: 'app.example',
    created_at: NOW - 9000,
    last_used_at: NOW - 60,
  });
  await fillServer(times);
  await insert('person', {
    id: 'person-1',
    issuer: 'https://id.example',
    provider_subject: 'ada',
    email: 'ada@example.com',
    name: 'Ada',
    generation: 0,
    is_active: 1,
    mcp_configs: '[]',
    last_signed_in_at: NOW - 100,
    ...times,
  });
  await insert('browser_session', {
    secret_hash: 'nobody knows',
    subject: 'user:person-1',
    proof: '0',
    expires_at: NOW + 900,
  });
  await insert('audit', {
    id: '0mkept',
    at: NOW - 9000,
    act: 'virtual_key.created',
    outcome: 'done',
    actor: 'administrator',
    detail: '{"virtual_key":"key-1"}',
    code: 'F-KEPT',
  });
  await insert('audit', {
    id: '0mkept2',
    at: NOW - 9000,
    act: 'code.redeemed',
    outcome: 'done',
    actor: 'client',
    client_id: 'client-1',
    grant_id: 'a'.repeat(64),
    detail: '{}',
    code: 'F-KEP2',
  });
  await insert('tool_count', {
    hour: Math.floor(NOW / 3600),
    server_id: 'server-1',
    tool: 'docs-search',
    outcome: 'answered',
    n: 3,
  });
  return { token };
}

async function fillServer(times: { created_at: number; updated_at: number }): Promise<void> {
  await insert('server', {
    id: 'server-1',
    name: 'docs',
    endpoint_slug: 'docs',
    connection_type: 'http',
    connection_string: 'https://mcp.example.com/mcp',
    auth_type: 'headers',
    headers: await seal(
      env.ENCRYPTION_KEY,
      'server/server-1/headers@https://mcp.example.com',
      '{"authorization":"Bearer abcd1234"}',
    ),
    tools_to_execute: '["*"]',
    allow_on_all_virtual_keys: 0,
    enabled: 1,
    state: 'healthy',
    listed_at: NOW,
    asked_at: NOW,
    ...times,
  });
  await insert('listing', {
    server_id: 'server-1',
    kind: 'tool',
    position: 0,
    definition: '{"name":"search","inputSchema":{"type":"object"}}',
  });
  await insert('oauth_config', {
    id: 'config-1',
    server_id: 'server-2',
    configured: '{}',
    status: 'pending',
    ...times,
  });
  await insert('credential', {
    id: 'account-1',
    owner: 'vk:key-1',
    server_id: 'server-1',
    kind: 'header',
    generation: 1,
    status: 'active',
    header_keys: '["x-key"]',
    ...times,
  });
  const waiting = { generation: 0, expires_at: NOW + 600, created_at: NOW };
  await insert('connect_link', {
    id: 'link-1',
    subject: 'vk:key-1',
    server_ids: '["server-1"]',
    client_name: 'Old App',
    ...waiting,
  });
  await insert('upstream_flow', {
    id: 'flow-1',
    owner: 'vk:key-1',
    server_id: 'server-1',
    sealed: 'x',
    return_to: '/',
    ...waiting,
  });
}

/** A signing key as the first version stored it. @returns an access token that it signed. */
async function fillSigningKey(): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: 'kid-1' };
  const sealed = await seal(
    env.ENCRYPTION_KEY,
    'signing_key/kid-1/sealed',
    JSON.stringify(await exportJWK(privateKey)),
  );
  await insert('signing_key', {
    kid: 'kid-1',
    public_jwk: JSON.stringify(jwk),
    sealed,
    active_at: NOW - 9000,
    created_at: NOW - 9000,
  });
  const claims = { sub: 'vk:key-1', aud: `${ISSUER}/mcp`, client_id: 'client-1', scope: 'mcp' };
  return new SignJWT({ ...claims, jti: '1.a', grant_id: 'a'.repeat(64), iss: ISSUER })
    .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'kid-1' })
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('5m')
    .sign(privateKey);
}

async function listTools(credential: string): Promise<string[]> {
  const response = await gate('/mcp', {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
  const { body } = await read<{ result?: { tools: { name: string }[] } }>(response);
  return body.result?.tools.map(({ name }) => name) ?? [JSON.stringify(body)];
}

describe('a database of the first version (CONTRACT §8)', () => {
  it('is brought to today’s schema by the first request, and everything in it is used on', async () => {
    const { token } = await fillFirstVersion();

    expect(await listTools(KEY)).toEqual(['docs-search']);
    expect(await listTools(token)).toEqual(['docs-search']);
    expect(await schemaOf(DB)).toBe(newest());

    expect(await admin('GET', '/config')).toMatchObject({ display_name: 'Kept Tools' });
    expect(await admin('GET', '/mcp/client/server-1')).toMatchObject({
      client: { name: 'docs', headers: { authorization: expect.stringMatching(/••••1234$/) } },
    });
    expect(await admin('GET', '/governance/virtual-keys/key-1')).toMatchObject({
      virtual_key: { name: 'old key', description: 'from before' },
    });
    expect(await admin('GET', '/mcp/virtual-mcps/toolset-1')).toMatchObject({
      virtual_mcp: { name: 'old toolset' },
    });
    expect(await admin('GET', '/oauth2/clients/client-1')).toMatchObject({
      client: { client_name: 'Old App' },
    });
    const allowed = await DB.prepare("SELECT allowed_at FROM client WHERE client_id = 'client-1'").first();
    expect(allowed).toEqual({ allowed_at: expect.any(Number) }); // it has a grant, so it is no stranger
    expect(await admin('GET', '/oauth2/sessions')).toMatchObject({ count: 1 });
    expect(await admin('GET', '/users/person-1')).toMatchObject({ user: { email: 'ada@example.com' } });
    expect(await admin('GET', '/mcp/sessions')).toMatchObject({ count: 1 });
    expect(await admin('GET', '/audit?code=F-KEPT&key=old%20key&q=OLD')).toMatchObject({
      events: [{ about_name: 'old key', subject: 'vk:key-1', detail: { virtual_key: 'key-1' } }],
    });
    expect(await admin('GET', '/audit?app=Old%20App&key=old%20key')).toMatchObject({
      events: [{ act: 'code.redeemed', client_name: 'Old App', subject_name: 'old key' }],
    });
  });

  it('says of its keys when their apps were last used, and of none that it never was', async () => {
    await fillFirstVersion();
    await DB.prepare(
      `INSERT INTO virtual_key (id, name, description, value_hash, value_mask, generation, is_active, shared, mcp_configs, limits,
         created_at, updated_at)
       SELECT 'key-2', 'silent key', '', 'hash', 'mask', 0, 1, 0, '[]', '[]', 1, 1`,
    ).run();
    const path = '/governance/virtual-keys';

    expect(await admin('GET', `${path}/key-1`)).toMatchObject({
      virtual_key: { last_used_at: `${new Date((NOW - 60) * 1000).toISOString().slice(0, 19)}Z` },
    });
    expect(await admin('GET', `${path}/key-2`)).toMatchObject({ virtual_key: { last_used_at: null } });
    expect(await admin('GET', `${path}?used=never`)).toMatchObject({ virtual_keys: [] });
    expect(await admin('GET', `${path}?used=not_30_days`)).toMatchObject({ virtual_keys: [] });
    await admin('POST', path, { name: 'new key' });
    expect(await admin('GET', `${path}?used=never`)).toMatchObject({ virtual_keys: [{ name: 'new key' }] });
  });

  it('can be changed afterwards, in every table', async () => {
    await fillFirstVersion();

    const changed = [
      await admin('PUT', '/config', { display_name: 'New Tools' }),
      await admin('PUT', '/mcp/client/server-1', { allow_on_all_virtual_keys: true }),
      await admin('PUT', '/governance/virtual-keys/key-1', { description: 'now' }),
      await admin('PUT', '/mcp/virtual-mcps/toolset-1', { description: 'now' }),
      await admin('PUT', '/users/person-1', { is_active: false }),
      await admin('DELETE', '/mcp/sessions/account-1'),
      await admin('DELETE', `/oauth2/sessions/${'a'.repeat(64)}`),
      await admin('DELETE', '/oauth2/clients/client-1'),
    ];

    expect(changed.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 204, 204, 200]);
  });

  it('has then the very schema that an empty database is given', async () => {
    await run(firstVersion);
    await upgrade(DB);
    const upgraded = await shape();
    await run(
      (
        await DB.prepare(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
        ).all<{ name: string }>()
      ).results
        .map(({ name }) => `DROP TABLE "${name}"`)
        .join(';'),
    );
    await upgrade(DB);

    expect(upgraded).toEqual(await shape());
    expect(upgraded.length).toBeGreaterThan(100);
  });

  it('is brought up by the cron, when that comes before a request (SECURITY 25)', async () => {
    await run(firstVersion);

    await worker.scheduled(createScheduledController({ scheduledTime: new Date() }), env);

    expect(await schemaOf(DB)).toBe(newest());
  });

  it('is told by /health to an administrator', async () => {
    await run(firstVersion);

    const { body } = await read(await gate('/health', { headers: { 'x-api-key': env.ADMIN_TOKEN } }));

    expect(body).toMatchObject({ status: 'ok', schema: newest() });
  });
});

describe('the steps', () => {
  const n = newest();
  const legs: SchemaStep = {
    n: n + 1,
    name: 'legs',
    sql: 'ALTER TABLE setting ADD COLUMN legs INTEGER; UPDATE setting SET legs = 4',
  };
  const noise: SchemaStep = { n: n + 2, name: 'noise', sql: 'ALTER TABLE setting ADD COLUMN noise TEXT' };
  const steps = [...STEPS, legs, noise];

  it('are numbered without a gap, and every file in src/schema is one of them', () => {
    expect(STEPS.map(({ n }) => n)).toEqual(STEPS.map((_, at) => FIRST + 1 + at));
    expect(Object.keys(files).map((file) => file.replace(/.*\/|\.sql$/g, ''))).toEqual(
      STEPS.map(({ n, name }) => `${String(n).padStart(4, '0')}_${name}`),
    );
  });

  it('are applied once, in order, and recorded', async () => {
    await run(firstVersion);
    await insert('setting', { name: 'display_name', value: '"x"' });

    const versions = [await upgrade(DB, steps), await upgrade(DB, steps)];

    const { results } = await DB.prepare('SELECT n, name FROM schema_step ORDER BY n').all();
    expect(versions).toEqual([n + 2, n + 2]);
    expect(results).toEqual(steps.map(({ n, name }) => ({ n, name })));
    expect(await DB.prepare('SELECT legs, noise FROM setting').first()).toEqual({ legs: 4, noise: null });
  });

  it('leave nothing of a step that fails in the middle, and go on from there', async () => {
    await run(firstVersion);
    const broken = { ...noise, sql: `${noise.sql}; UPDATE no_such_table SET x = 1` };

    await expect(upgrade(DB, [...STEPS, legs, broken])).rejects.toThrow('no_such_table');
    const between = await schemaOf(DB);

    expect(between).toBe(n + 1);
    expect(await upgrade(DB, steps)).toBe(n + 2);
  });

  it('are applied by one of many who come at once', async () => {
    await run(firstVersion);

    const versions = await Promise.all([1, 2, 3, 4].map(() => upgrade(DB, steps)));

    expect(versions).toEqual(Array(4).fill(n + 2));
  });

  it('are all there in a database that is made from nothing, also by many at once', async () => {
    const versions = await Promise.all([1, 2, 3].map(() => upgrade(DB)));

    expect(versions).toEqual([newest(), newest(), newest()]);
    expect(schema).toContain('schema_step');
  });
});

describe('a database that is newer than the code', () => {
  it('is refused with words, in the form each caller reads, and not touched', async () => {
    await upgrade(DB);
    await insert('schema_step', { n: 9999, name: 'from_the_future', applied_at: NOW });
    const before = await shape();

    await expect(upgrade(DB)).rejects.toThrow('The database has schema 9999');
    expect(await shape()).toEqual(before);
  });
});
