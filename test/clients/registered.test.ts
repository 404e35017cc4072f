import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure, gate } from '../support/gate';
import { McpClient, register } from '../support/mcp-client';

const CALLBACK = 'https://app.example/callback';
const fresh = () => ({ redirect_uris: [CALLBACK], client_name: `App ${crypto.randomUUID()}` });
const idOf = async (metadata: Record<string, unknown>) => (await register(metadata)).body.client_id;

type Shown = { id: string; client_name: string | null; registration: string };
type List = { clients: Shown[]; count: number; total_count: number };

describe('an identical registration (CONTRACT §3)', () => {
  it('is answered with the same client while that never got a grant', async () => {
    const metadata = fresh();

    const [first, second] = [await register(metadata), await register({ ...metadata, logo_uri: 'x' })];

    expect(second.status).toBe(201);
    expect(second.body).toEqual({ ...first.body, client_id_issued_at: expect.any(Number) });
  });

  it('is answered with one client at the same moment too', async () => {
    const metadata = fresh();

    const ids = await Promise.all(Array.from({ length: 8 }, () => idOf(metadata)));

    expect(new Set(ids).size).toBe(1);
  });

  it('is a new client once the first was allowed something', async () => {
    const metadata = fresh();
    const client = await McpClient.register(metadata);
    await client.obtainCode();

    const second = await idOf(metadata);

    expect(second).not.toBe(client.clientId);
    expect(await idOf(metadata)).toBe(second);
  });

  it('is never answered with a client that has a secret', async () => {
    const metadata = { ...fresh(), token_endpoint_auth_method: 'client_secret_basic' };

    const [first, second] = [await register(metadata), await register(metadata)];

    expect(second.body.client_id).not.toBe(first.body.client_id);
    expect(second.body.client_secret).not.toBe(first.body.client_secret);
  });

  it.each([
    { client_name: 'Another' },
    { redirect_uris: [CALLBACK, `${CALLBACK}/2`] },
    { scope: 'mcp:read' },
    { grant_types: ['authorization_code', 'refresh_token'] },
    { token_endpoint_auth_method: 'client_secret_post' },
  ])('differs by %j', async (change) => {
    const metadata = fresh();

    expect(await idOf({ ...metadata, ...change })).not.toBe(await idOf(metadata));
  });

  it('after a deletion is a new client', async () => {
    const metadata = fresh();
    const first = await idOf(metadata);
    await admin('DELETE', `/oauth2/clients/${first}`);

    expect(await idOf(metadata)).not.toBe(first);
  });
});

describe('allowed_redirect_uris (CONTRACT §1)', () => {
  const only = (...allowed_redirect_uris: string[]) =>
    configure({ oauth2_server_config: { allowed_redirect_uris } });

  it('lets clients register exactly those, loopback and private-use schemes', async () => {
    await only(CALLBACK, 'https://other.example/cb');
    const answer = async (...redirect_uris: string[]) => {
      const { status, body } = await register({ ...fresh(), redirect_uris });
      return status === 201 ? 'registered' : body.error;
    };

    const answers = [
      await answer(CALLBACK),
      await answer('http://127.0.0.1:1234/cb', 'cursor://anysphere.cursor-mcp/oauth/callback'),
      await answer(CALLBACK, 'https://evil.example/cb'),
      await answer(`${CALLBACK}/more`),
      await answer(`${CALLBACK}?x`),
      await answer('HTTPS://app.example/callback'),
    ];
    await only();
    const anywhere = await answer('https://evil.example/cb');

    expect(answers).toEqual(['registered', 'registered', ...Array(4).fill('invalid_redirect_uri')]);
    expect(anywhere).toBe('registered');
  });

  it('refuses at authorize a client that registered before', async () => {
    const client = await McpClient.register(fresh());
    await only('https://other.example/cb');
    const browser = new Browser();

    const asked = await gate(await client.authorizeUrl());
    const page = await browser.open(await client.authorizeUrl());
    await only();

    expect([asked.status, asked.headers.get('location')]).toEqual([400, null]); // before any step of consent
    expect([page?.status, browser.callback]).toEqual([400, null]);
    expect(page?.html).toContain('can’t be connected');
  });

  it.each(['allow', 'deny'])('sends nobody anywhere from a flow under way: %s', async (decision) => {
    const client = await McpClient.register(fresh());
    const browser = new Browser();
    const services = await client.toServices(browser);
    await only('https://other.example/cb');

    const page = await browser.submit(services, { decision });
    await only();
    const grant = await env.DB.prepare('SELECT 1 FROM oauth_grant WHERE client_id = ?1')
      .bind(client.clientId)
      .first();

    expect([page?.status, browser.callback, grant]).toEqual([400, null, null]);
  });

  it('takes nothing but https', async () => {
    const put = (uri: string) =>
      admin('PUT', '/config', { oauth2_server_config: { allowed_redirect_uris: [uri] } });

    for (const uri of ['http://app.example/cb', 'cursor://x', 'https://', 'https://app.example/#x'])
      expect((await put(uri)).status).toBe(400);
  });
});

describe('the clients an administrator sees (CONTRACT §8)', () => {
  it('are listed newest first, without their secrets', async () => {
    const secret = await register({ ...fresh(), token_endpoint_auth_method: 'client_secret_post' });
    await env.DB.prepare('UPDATE client SET created_at = created_at + 100 WHERE client_id = ?1')
      .bind(secret.body.client_id)
      .run();

    const { clients, ...page } = await admin<List>('GET', '/oauth2/clients?limit=2');

    expect(page).toEqual({ status: 200, count: 2, total_count: expect.any(Number), limit: 2, offset: 0 });
    expect(clients[0]).toEqual({
      id: secret.body.client_id,
      client_id: secret.body.client_id,
      client_name: secret.body.client_name,
      registration: 'dynamic',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
      scope: 'mcp',
      session_count: 0,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(JSON.stringify(clients)).not.toContain(String(secret.body.client_secret));
  });

  it('are found by any part of their name, without regard to case', async () => {
    const unique = crypto.randomUUID();
    for (const name of ['B', 'a', 'C']) await register({ ...fresh(), client_name: `${unique} 100%_${name}` });

    const { clients, total_count } = await admin<List>(
      'GET',
      `/oauth2/clients?${new URLSearchParams({ search: `${unique.slice(1).toUpperCase()} 100%_`, offset: '1' })}`,
    );

    expect(clients.map(({ client_name }) => client_name?.slice(-1))).toEqual(['B', 'C']);
    expect(total_count).toBe(3);
  });

  it('cost a page no more than it shows, and a count one index, however many there are', async () => {
    await env.DB.prepare(
      `INSERT INTO client (client_id, metadata, name, created_at)
       SELECT 'many-' || value, '{"redirect_uris":[]}', 'many ' || value, value FROM json_each(?1)`,
    )
      .bind(JSON.stringify(Array.from({ length: 5000 }, (_, n) => n)))
      .run();
    const read = async (sql: string) => (await env.DB.prepare(sql).run()).meta.rows_read;
    const plan = async (sql: string) =>
      JSON.stringify((await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).all()).results);
    const standing = 'FROM client WHERE (deleted_at IS NULL)';

    expect(
      await read(`SELECT * ${standing} ORDER BY created_at DESC, client_id LIMIT 50 OFFSET 100`),
    ).toBeLessThanOrEqual(160);
    expect(await plan(`SELECT count(*) AS total ${standing}`)).toContain('COVERING INDEX');
    await env.DB.prepare("DELETE FROM client WHERE client_id LIKE 'many-%'").run();
  });

  it('are shown one by one; one with a metadata document by its address', async () => {
    const url = 'https://app.example/oauth/client.json';
    await env.DB.prepare('INSERT INTO client (client_id, metadata, name, created_at) VALUES (?1, ?2, ?3, 1)')
      .bind(url, JSON.stringify({ redirect_uris: [CALLBACK] }), '')
      .run();
    const registered = await McpClient.register(fresh());

    const one = await admin<{ client: Shown }>('GET', `/oauth2/clients/${registered.clientId}`);
    const described = await admin<{ client: Shown }>('GET', `/oauth2/clients/${encodeURIComponent(url)}`);
    const deleted = await admin('DELETE', `/oauth2/clients/${encodeURIComponent(url)}`);

    expect(one).toMatchObject({ status: 200, client: { id: registered.clientId, registration: 'dynamic' } });
    expect(described).toMatchObject({ status: 200, client: { id: url, registration: 'metadata_document' } });
    expect(deleted.status).toBe(200);
  });

  it('end with everything they were allowed when they are deleted', async () => {
    const client = await McpClient.register(fresh());
    const tokens = await client.obtainGrant();
    const second = await client.obtainGrant();
    const pending = await client.obtainCode();
    const bystander = await McpClient.register(fresh());
    const other = await bystander.obtainGrant();
    const call = (token: string) => new McpCaller({ authorization: `Bearer ${token}` }).ask('ping');
    const before = await call(tokens.access_token);

    const deleted = await admin<{ message: string }>('DELETE', `/oauth2/clients/${client.clientId}`);

    expect(before.status).toBe(200);
    expect(deleted).toEqual({
      status: 200,
      message: 'The client was deleted, and everything it was allowed has ended.',
    });
    expect((await call(tokens.access_token)).status).toBe(401);
    expect((await call(second.access_token)).status).toBe(401);
    expect((await client.refresh(tokens.refresh_token)).body.error).toBe('invalid_client');
    expect((await client.redeem(pending)).body.error).toBe('invalid_client');
    const { results } = await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE client_id = ?1')
      .bind(client.clientId)
      .all();
    expect(results).toEqual(Array(3).fill({ ended_reason: 'client_deleted' }));
    const stolen = await bystander.token({
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect(stolen.body.error).toBe('invalid_grant');
    expect((await call(other.access_token)).status).toBe(200);
  });

  it('that do not exist are 404 on every verb, and all is for administrators', async () => {
    const id = await idOf(fresh());
    await admin('DELETE', `/oauth2/clients/${id}`);

    for (const unknown of [id, 'nobody', encodeURIComponent('https://app.example/none.json')]) {
      expect((await admin('GET', `/oauth2/clients/${unknown}`)).status).toBe(404);
      expect((await admin('DELETE', `/oauth2/clients/${unknown}`)).status).toBe(404);
    }
    expect((await gate('/api/oauth2/clients')).status).toBe(401);
  });
});
