import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { deleteStrayCredentials } from '../../src/accounts/credentials';
import { findServer } from '../../src/servers/find';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { authorizeAs, beginAuthorizing, type Initiation } from '../support/connected';
import { admin, gate, ISSUER, newKey } from '../support/gate';
import { accountServer } from '../support/own-accounts';
import { addressOf, control, Upstream } from '../support/upstream';

type Refusal = { error: { type: string; message: string; field?: string } };
type Status = { id: string; status: string; error?: string; token_id?: string; token_scopes?: string[] };
type Shown = { id: string; state: string; tools: object[]; oauth_config: Record<string, unknown> };

const fresh = () => `server_${crypto.randomUUID().slice(0, 8)}`;
const shown = async (id: string) => (await admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;
const status = ({ oauth_config_id: id }: Pick<Initiation, 'oauth_config_id'>) =>
  admin<Status>('GET', `/oauth/config/${id}/status`);
const complete = ({ oauth_config_id: id }: Pick<Initiation, 'oauth_config_id'>) =>
  admin<Refusal & { client?: Shown }>('POST', `/mcp/client/${id}/complete-oauth`);

let provider: AuthorizationServer;
beforeAll(async () => {
  provider = await AuthorizationServer.start();
});
afterEach(() => vi.useRealTimers());

/** How far an authorization is, as the body has it: `admin` puts the HTTP status in place of its `status`. */
async function standing({ oauth_config_id: id }: Pick<Initiation, 'oauth_config_id'>): Promise<Status> {
  const headers = { authorization: 'Bearer test-admin-token-of-32-characters' };
  return (await gate(`/api/oauth/config/${id}/status`, { headers })).json();
}

/** A server that demands tokens of `as`, created through the API. */
async function create(as = provider, settings: Record<string, unknown> = {}) {
  const name = fresh();
  const tools = [{ name: 'whoami', inputSchema: { type: 'object' } }];
  await control(name, 'set', { tools, demands: { issuer: as.issuer, scope: 'read' } });
  const answer = await admin<Initiation & Refusal>('POST', '/mcp/client', {
    name,
    connection_type: 'http',
    connection_string: addressOf(name),
    auth_type: 'oauth',
    allow_on_all_virtual_keys: true,
    ...settings,
  });
  return { ...answer, name };
}

/** The same, authorized as `root`. */
async function authorized(as = provider, settings: Record<string, unknown> = {}) {
  const created = await create(as, settings);
  await authorizeAs(as, created);
  return { ...created, id: created.mcp_client_id };
}

/** Whom the server hears of when someone with a fresh key calls; or what is said instead. */
async function calls(name: string, caller?: McpCaller): Promise<string> {
  const { body } = await (caller ?? (await McpCaller.withKey())).call(`${name}-whoami`);
  return body.result?.content?.[0]?.text ?? body.error?.message ?? '';
}

describe('creating a server with oauth (CONTRACT §8)', () => {
  it('answers where an administrator authorizes it, and for how long', async () => {
    const created = await create();

    const { mcp_client_id, oauth_config_id: config } = created;
    expect(created).toEqual({
      status: 200, // the test's own, in place of the body's
      name: created.name,
      message: `Authorize the server ${created.name} at authorize_url within 15 minutes.`,
      oauth_config_id: expect.any(String),
      authorize_url: expect.stringMatching(new RegExp(`^${provider.issuer}/authorize\\?`)),
      expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      mcp_client_id,
      complete_url: `/api/mcp/client/${config}/complete-oauth`,
      status_url: `/api/oauth/config/${config}/status`,
      next_steps: [
        expect.stringMatching(/^1\. /),
        expect.stringMatching(/^2\. /),
        expect.stringMatching(/^3\. /),
        expect.stringMatching(/^4\. /),
      ],
    });
    const life = Date.parse(created.expires_at) - Date.now();
    expect(life).toBeGreaterThan(890_000);
    expect(life).toBeLessThanOrEqual(900_000);
  });

  it('hides it from every caller until somebody has finished that', async () => {
    const created = await create();
    const caller = await McpCaller.withKey();
    const { client } = await admin<{ client: { endpoint_slug: string } }>(
      'GET',
      `/mcp/client/${created.mcp_client_id}`,
    );

    expect(await caller.toolNames()).not.toContain(`${created.name}-whoami`);
    expect(await calls(created.name, caller)).toMatch(/^Unknown tool/);
    expect((await caller.with({}, `/mcp/${client.endpoint_slug}`).ask('tools/list')).status).toBe(404);
    expect(await shown(created.mcp_client_id)).toMatchObject({ state: 'pending_verification', tools: [] });
    expect(await status(created)).toMatchObject({ status: 200, id: created.oauth_config_id });
    expect((await complete(created)).status).toBe(409);
    const refreshed = await admin<Refusal>('POST', `/mcp/client/${created.mcp_client_id}/refresh-tools`);
    expect([refreshed.status, refreshed.error.message]).toEqual([
      400,
      `The server ${created.name} is hidden until it is verified: use initiate-verification.`,
    ]);

    const page = await authorizeAs(provider, created, 'root');

    expect(page.status).toBe(200);
    expect(await caller.toolNames()).toContain(`${created.name}-whoami`);
    expect(await calls(created.name, caller)).toBe('root');
    expect(await shown(created.mcp_client_id)).toMatchObject({
      state: 'healthy',
      tools: [{ name: 'whoami' }],
    });
  });

  it('tells how far it is, and completes it once', async () => {
    const created = await create();

    const pending = await standing(created);
    await authorizeAs(provider, created);
    const done = await standing(created);
    const completed = await complete(created);
    const again = await complete(created);

    expect(pending).toEqual({
      id: created.oauth_config_id,
      status: 'pending',
      created_at: expect.any(String),
      expires_at: created.expires_at,
    });
    expect(done).toEqual({
      id: created.oauth_config_id,
      status: 'authorized',
      created_at: expect.any(String),
      token_id: expect.any(String),
      token_expires_at: expect.any(String),
      token_scopes: ['read'],
    });
    expect([completed.status, completed.client?.state]).toEqual([200, 'healthy']);
    expect([again.status, again.error.type]).toEqual([409, 'conflict']);
  });

  it('stays as it was when the provider has a fault of its own', async () => {
    const failing = await AuthorizationServer.start({
      answer: { code: null, error: 'temporarily_unavailable' },
    });
    const created = await create(failing);

    const page = await authorizeAs(failing, created);

    expect(page.status).toBe(503);
    expect((await standing(created)).status).toBe('pending');
  });

  it('may be begun again when it was declined, or took too long', async () => {
    const declining = await AuthorizationServer.start({ answer: { code: null, error: 'access_denied' } });
    const created = await create(declining);

    await authorizeAs(declining, created);
    const declined = await standing(created);
    const early = await complete(created);
    const second = await beginAuthorizing(created.mcp_client_id);
    wait(901);
    const expired = await standing(created);
    const late = await complete(created);
    await declining.behave({ answer: {} });
    const third = await beginAuthorizing(created.mcp_client_id);
    await authorizeAs(declining, third);

    expect(declined).toMatchObject({ status: 'failed', error: expect.stringMatching(/wasn’t finished/) });
    expect([early.status, early.error.type]).toEqual([400, 'invalid_request']);
    expect(second.oauth_config_id).toBe(created.oauth_config_id);
    expect(expired).toMatchObject({ status: 'expired' });
    expect(late.status).toBe(400);
    expect((await standing(third)).status).toBe('authorized');
    expect((await beginAuthorizing(created.mcp_client_id)).status).toBe(400); // verified: reauthorize is for that
  });

  it('saves nothing when nobody can be sent to its provider, and says what was tried', async () => {
    const closed = await AuthorizationServer.start({ registers: false });
    const gone = await AuthorizationServer.start({ foundAt: [] });

    const unregistered = await create(closed);
    const undiscovered = await create(gone);

    const { error } = unregistered;
    expect([unregistered.status, error.type]).toEqual([422, 'registration_unavailable']);
    expect(error.message).toContain(`${ISSUER}/api/oauth/callback`);
    expect(error.message).toMatch(/What was tried: .*registration endpoint/);
    expect([undiscovered.status, undiscovered.error.type]).toEqual([422, 'discovery_failed']);
    for (const name of [unregistered.name, undiscovered.name]) {
      const { total_count } = await admin<{ total_count: number }>('GET', `/mcp/clients?search=${name}`);
      expect(total_count).toBe(0);
    }
    const rows = await env.DB.prepare(
      'SELECT count(*) AS n FROM oauth_config c WHERE NOT EXISTS (SELECT 1 FROM server s WHERE s.id = c.server_id)',
    ).first();
    expect(rows).toEqual({ n: 0 });
  });

  it('refuses a taken name before it asks anybody, and what another auth type takes', async () => {
    const { name } = await create();
    const asked = (await provider.asked()).length;

    const taken = await create(provider, { name });
    const foreign = await create(provider, { headers: { 'X-Key': 'value' } });
    const keys = await create(provider, { per_user_header_keys: ['X-Key'] });

    expect([taken.status, taken.error.field]).toEqual([409, 'name']);
    expect([foreign.status, foreign.error.field]).toEqual([400, 'headers']);
    expect([keys.status, keys.error.field]).toEqual([400, 'per_user_header_keys']);
    expect(await provider.asked()).toHaveLength(asked);
  });
});

describe('authorizing a server anew', () => {
  it('leaves the account there is until another is connected', async () => {
    const { id, name, oauth_config_id } = await authorized();

    const begun = await beginAuthorizing(id, 'reauthorize');
    const meanwhile = await calls(name);
    wait(901);
    const abandoned = await standing({ oauth_config_id });
    vi.useRealTimers();
    const second = await beginAuthorizing(id, 'reauthorize');
    await authorizeAs(provider, second, 'another');

    expect(begun).toMatchObject({ status: 200, mcp_client_id: id });
    expect(meanwhile).toBe('root');
    expect(abandoned.status).toBe('authorized');
    expect(await calls(name)).toBe('another');
  });

  it('is refused where everyone has their own account and the one that lists is healthy', async () => {
    const upstream = await accountServer(provider);

    const healthy = await beginAuthorizing(upstream.id, 'reauthorize');
    await new Account(upstream.id, 'gateway').tamper(() => ({ status: 'needs_reauth' }));
    await env.DB.prepare("UPDATE credential SET status = 'needs_reauth' WHERE server_id = ?1")
      .bind(upstream.id)
      .run();
    const refresh = await admin<Refusal>('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const needed = await beginAuthorizing(upstream.id, 'reauthorize');

    expect(healthy.status).toBe(409);
    expect([refresh.status, refresh.error.message]).toEqual([400, expect.stringMatching(/use reauthorize/)]);
    expect(needed.status).toBe(200);
  });

  it('is refused for servers with nothing to authorize, on every verb, and unknown ones', async () => {
    const { id } = await Upstream.start();
    for (const verb of ['initiate-verification', 'reauthorize', 'reregister']) {
      expect([verb, (await beginAuthorizing(id, verb)).status]).toEqual([verb, 400]);
      expect([verb, (await beginAuthorizing('nobody', verb)).status]).toEqual([verb, 404]);
    }
    expect((await beginAuthorizing((await create()).mcp_client_id, 'reauthorize')).status).toBe(400);
    expect((await complete({ oauth_config_id: 'nothing' })).status).toBe(404);
    expect((await status({ oauth_config_id: 'nothing' })).status).toBe(404);
    expect((await admin('DELETE', '/oauth/config/nothing')).status).toBe(404);
  });
});

describe('registering anew (RFC 7591)', () => {
  it('ends the service of every account connected there, and tells both clients', async () => {
    const upstream = await accountServer(provider);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(provider, 'ada');
    const caller = new McpCaller({ 'x-bf-vk': key.value });
    const before = await calls(upstream.name, caller);

    const again = await admin<Initiation & { registered_client_id: string; previous_client_id: string }>(
      'POST',
      `/mcp/client/${upstream.id}/reregister`,
    );
    const after = await calls(upstream.name, caller);

    expect(before).toBe('ada');
    expect(again.status).toBe(200);
    expect(again.previous_client_id).toMatch(/^client-/);
    expect(again.registered_client_id).toMatch(/^client-/);
    expect(again.registered_client_id).not.toBe(again.previous_client_id);
    expect(new URL(again.authorize_url).searchParams.get('client_id')).toBe(again.registered_client_id);
    expect(after).toMatch(/^Authentication required/);
  });

  it('is refused without a registration to make anew', async () => {
    const configured = await AuthorizationServer.start({
      registers: false,
      clients: [{ client_id: 'ours' }],
    });
    const { id } = await authorized(configured, { oauth_config: { client_id: 'ours' } });

    expect((await beginAuthorizing(id, 'reregister')).status).toBe(400);
  });

  it('changes nothing when the provider does not register', async () => {
    const as = await AuthorizationServer.start();
    const { id, name } = await authorized(as);
    await as.behave({ registers: false });

    const refused = await beginAuthorizing(id, 'reregister');

    expect(refused.status).toBe(422);
    expect(await calls(name)).toBe('root');
  });
});

describe('changing oauth_config in place', () => {
  const settings = {
    oauth_config: { client_id: 'ours', client_secret: 'a-long-client-secret', scopes: ['read'] },
  };
  const registered = {
    registers: false,
    clients: [{ client_id: 'ours', client_secret: 'a-long-client-secret' }],
  };

  it('masks the secret, and changes nothing when everything comes back as it was shown', async () => {
    const as = await AuthorizationServer.start(registered);
    const { id, name } = await authorized(as, settings);
    const { oauth_config } = await shown(id);

    const same = await admin('PUT', `/mcp/client/${id}`, { oauth_config });
    const part = await admin('PUT', `/mcp/client/${id}`, { oauth_config: { client_id: 'ours' } });
    const wrong = await admin<Refusal>('PUT', `/mcp/client/${id}`, {
      oauth_config: { client_secret: '••••9999' },
    });

    expect(oauth_config).toEqual({ client_id: 'ours', client_secret: '••••cret', scopes: ['read'] });
    expect([same.status, part.status]).toEqual([200, 200]);
    expect([wrong.status, wrong.error.field]).toEqual([400, 'oauth_config.client_secret']);
    expect(await calls(name)).toBe('root');
    expect((await shown(id)).oauth_config).toEqual(oauth_config);
  });

  it('makes every account connected there wait for its owner when something really changes', async () => {
    const as = await AuthorizationServer.start(registered);
    const { id, name } = await authorized(as, settings);

    const changed = await admin<{ message: string; client: Shown }>('PUT', `/mcp/client/${id}`, {
      oauth_config: { scopes: ['read', 'write'] },
    });
    const refused = await calls(name);
    const again = await beginAuthorizing(id, 'reauthorize');
    await authorizeAs(as, again);

    expect(changed.status).toBe(200);
    expect(changed.client.state).toBe('needs_reauth');
    expect(refused).toMatch(/has to be connected again/);
    expect(new URL(again.authorize_url).searchParams.get('scope')).toBe('read write');
    expect(await calls(name)).toBe('root');
  });

  it('never takes the secret along to another provider', async () => {
    const as = await AuthorizationServer.start(registered);
    const { id } = await authorized(as, settings);
    const put = (oauth_config: Record<string, unknown>) =>
      admin<Refusal & { client: Shown }>('PUT', `/mcp/client/${id}`, { oauth_config });

    for (const member of ['token_url', 'server_url', 'issuer']) {
      const elsewhere = { [member]: 'https://evil.example/token' };
      for (const sent of [elsewhere, { ...elsewhere, client_secret: '••••cret' }]) {
        const { status, error } = await put(sent);
        expect([sent, status, error.field]).toEqual([sent, 400, 'oauth_config.client_secret']);
      }
    }
    const entered = await put({ issuer: 'https://other.example', client_secret: 'entered-for-the-other' });
    const back = await put({ issuer: null, client_secret: null });

    expect(entered.client.oauth_config).toMatchObject({ client_secret: '••••ther' });
    expect(back.client.oauth_config).toEqual({ client_id: 'ours', scopes: ['read'] });
  });

  it('keeps neither secret nor account when the server moves to another origin', async () => {
    const as = await AuthorizationServer.start(registered);
    const { id, name } = await authorized(as, settings);
    const elsewhere = addressOf(name).replace('127.0.0.1', 'localhost');

    const masked = await admin<Refusal>('PUT', `/mcp/client/${id}`, {
      connection_string: elsewhere,
      oauth_config: { client_secret: '••••cret' },
    });
    const moved = await admin<{ client: Shown }>('PUT', `/mcp/client/${id}`, {
      connection_string: elsewhere,
    });

    expect([masked.status, masked.error.field]).toEqual([400, 'oauth_config.client_secret']);
    expect(moved.client.state).toBe('needs_reauth');
    expect(moved.client.oauth_config).not.toHaveProperty('client_secret');
    expect(await calls(name)).toMatch(/has to be connected again/);
  });
});

describe('ending an authorization', () => {
  it('ends every account at once, tells the provider, keeps what is configured, and may be repeated', async () => {
    const as = await AuthorizationServer.start();
    const upstream = await accountServer(as);
    const key = await newKey();
    await new Account(upstream.id, `vk:${key.id}`).connect(as, 'ada');
    const { oauth_config_id } = await configOf(upstream.id);
    const path = `/oauth/config/${oauth_config_id}`;

    const first = await admin('DELETE', path);
    const second = await admin('DELETE', path);

    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await standing({ oauth_config_id })).toEqual({
      id: oauth_config_id,
      status: 'revoked',
      created_at: expect.any(String),
    });
    expect((await as.asked('revoke')).length).toBeGreaterThanOrEqual(2);
    expect(await credentialsAt(upstream.id)).toBe(0);
    const row = await env.DB.prepare('SELECT credential_generation AS n FROM server WHERE id = ?1')
      .bind(upstream.id)
      .first<{ n: number }>();
    expect(row?.n).toBe(3); // void everywhere at once, also what could not be ended yet
    expect(await calls(upstream.name, new McpCaller({ 'x-bf-vk': key.value }))).toMatch(
      /^Authentication required/,
    );
    expect((await complete({ oauth_config_id })).status).toBe(400);
  });

  it('leaves to the cron what one request has no time for', async () => {
    const as = await AuthorizationServer.start();
    const upstream = await accountServer(as);
    const { oauth_config_id } = await configOf(upstream.id);
    const insert = env.DB.prepare(
      `INSERT INTO credential (id, owner, server_id, kind, generation, status, created_at, updated_at)
       VALUES (?1, ?2, ?3, 'token', ?4, 'active', unixepoch(), 1)`,
    );
    const { credentialGeneration = 0 } = (await findServer(env.DB, upstream.id)) ?? {};
    await admin('DELETE', `/oauth/config/${oauth_config_id}`);
    const left = ['session:left', 'session:new'].map((owner, at) =>
      insert.bind(crypto.randomUUID(), owner, upstream.id, credentialGeneration + at),
    );
    await env.DB.batch(left);

    await deleteStrayCredentials(env, Math.floor(Date.now() / 1000));

    expect(await credentialsAt(upstream.id)).toBe(1);
  });

  it('goes with its server, and so does what was begun', async () => {
    const as = await AuthorizationServer.start();
    const upstream = await accountServer(as);
    await new Account(upstream.id, `vk:${(await newKey()).id}`).connect(as, 'ada');
    await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).call('whoami'); // a link to it alone
    const { oauth_config_id } = await configOf(upstream.id);

    const links = 'SELECT count(*) AS n FROM connect_link WHERE server_ids = json_array(?1)';
    const linked = async () => (await env.DB.prepare(links).bind(upstream.id).first<{ n: number }>())?.n;
    const before = await linked();

    const deleted = await admin('DELETE', `/mcp/client/${upstream.id}`);

    expect(deleted.status).toBe(200);
    expect((await status({ oauth_config_id })).status).toBe(404);
    expect((await as.asked('revoke')).length).toBeGreaterThanOrEqual(2);
    for (const table of ['credential', 'upstream_flow', 'oauth_config']) {
      const left = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE server_id = ?1`)
        .bind(upstream.id)
        .first();
      expect([table, left]).toEqual([table, { n: 0 }]);
    }
    expect([before, await linked()]).toEqual([1, 0]);
  });
});

async function configOf(id: string): Promise<{ oauth_config_id: string }> {
  return (await admin<{ client: { oauth_config_id: string } }>('GET', `/mcp/client/${id}`)).client;
}

async function credentialsAt(id: string): Promise<number> {
  const row = await env.DB.prepare('SELECT count(*) AS n FROM credential WHERE server_id = ?1')
    .bind(id)
    .first<{ n: number }>();
  return row?.n ?? -1;
}

describe('a server with header values of everyone (per_user_headers)', () => {
  type Made = Refusal & { message: string; client: Shown & { per_user_header_keys: string[] } };

  async function createWith(settings: Record<string, unknown>, behaviour: Record<string, unknown> = {}) {
    const name = fresh();
    const tools = [{ name: 'whoami', inputSchema: { type: 'object' } }];
    await control(name, 'set', { tools, demandsHeaders: ['x-key'], ...behaviour });
    const answer = await admin<Made>('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: addressOf(name),
      auth_type: 'per_user_headers',
      per_user_header_keys: ['X-Key'],
      allow_on_all_virtual_keys: true,
      ...settings,
    });
    return { ...answer, name };
  }

  it('is saved once the server has taken the sample, which lists its tools and is shown nowhere', async () => {
    const made = await createWith({
      user_headers: { 'x-key': 'the-administrators-own', 'X-Other': 'dropped' },
    });

    expect(made.status).toBe(200);
    expect(made.message).toMatch(/lists 1 tool\./);
    expect(made.client).toMatchObject({
      state: 'healthy',
      tools: [{ name: 'whoami' }],
      per_user_header_keys: ['X-Key'],
      headers: {},
    });
    expect(JSON.stringify(made)).not.toMatch(/the-administrators-own/);
    expect(await (await McpCaller.withKey()).toolNames()).toContain(`${made.name}-whoami`);
    const refreshed = await admin<{ tool_count: number }>(
      'POST',
      `/mcp/client/${made.client.id}/refresh-tools`,
    );
    expect([refreshed.status, refreshed.tool_count]).toEqual([200, 1]);
  });

  it("saves nothing when the server refuses it, and repeats the server's words", async () => {
    const made = await createWith(
      { user_headers: { 'X-Key': 'wrong one' } },
      { says: 'no such\u0007 token' },
    );

    expect([made.status, made.error.type]).toEqual([422, 'server_failed']);
    expect(made.error.message).toBe(
      `The server ${made.name} does not take these header values: “no such token”.`,
    );
    const { total_count } = await admin<{ total_count: number }>('GET', `/mcp/clients?search=${made.name}`);
    expect(total_count).toBe(0);
    expect(
      await env.DB.prepare(
        "SELECT count(*) AS n FROM credential WHERE owner = 'gateway' AND server_id NOT IN (SELECT id FROM server)",
      ).first(),
    ).toEqual({ n: 0 });
  });

  it('waits for the sample when none is sent, in no caller’s list', async () => {
    const made = await createWith({});
    const path = `/mcp/client/${made.client.id}/verify-headers`;

    const pending = made.client.state;
    const wrong = await admin<Refusal>('POST', path, { user_headers: { 'X-Key': 'wrong' } });
    const missing = await admin<Refusal>('POST', path, { user_headers: {} });
    const hidden = await (await McpCaller.withKey()).toolNames();
    const right = await admin<{ tools_count: number }>('POST', path, { user_headers: { 'X-Key': 'right' } });

    expect(pending).toBe('pending_verification');
    expect(wrong.status).toBe(422);
    expect([missing.status, missing.error.field]).toEqual([400, 'user_headers']);
    expect(hidden).not.toContain(`${made.name}-whoami`);
    expect([right.status, right.tools_count]).toEqual([200, 1]);
    expect(await (await McpCaller.withKey()).toolNames()).toContain(`${made.name}-whoami`);
  });

  it('keeps the sample it has when another is refused', async () => {
    const made = await createWith({ user_headers: { 'X-Key': 'right' } });
    const path = `/mcp/client/${made.client.id}`;

    const refused = await admin('POST', `${path}/verify-headers`, { user_headers: { 'X-Key': 'wrong' } });
    const refreshed = await admin('POST', `${path}/refresh-tools`);

    expect([refused.status, refreshed.status]).toEqual([422, 200]);
  });

  it.each([
    ['no names', { per_user_header_keys: [] }, 'per_user_header_keys'],
    ['names left out', { per_user_header_keys: undefined }, 'per_user_header_keys'],
    ['a name twice', { per_user_header_keys: ['X-Key', 'x-key'] }, 'per_user_header_keys'],
    ['a name of ours', { per_user_header_keys: ['Mcp-Session-Id'] }, 'per_user_header_keys.0'],
    ['a variable as a value', { user_headers: { 'X-Key': 'env.ADMIN' } }, 'user_headers'],
    ['no value for a name', { user_headers: { 'X-Other': 'x' } }, 'user_headers'],
    ['an oauth_config', { oauth_config: { client_id: 'x' } }, 'oauth_config'],
  ])('refuses %s', async (_, settings, field) => {
    const refused = await createWith(settings);

    expect([refused.status, refused.error.field]).toEqual([400, field]);
  });

  it('is verified by header values only where everyone has some', async () => {
    const { id } = await Upstream.start();

    const refused = await admin<Refusal>('POST', `/mcp/client/${id}/verify-headers`, {
      user_headers: { 'X-Key': 'x' },
    });

    expect(refused.status).toBe(400);
  });
});
