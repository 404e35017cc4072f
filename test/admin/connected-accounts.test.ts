import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthorizationEnded } from '../../src/accounts/authorization';
import { sweep } from '../../src/sweeps';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser } from '../support/browser';
import { wait } from '../support/clock';
import { enterHeaders } from '../support/connected';
import { admin, configure, gate, ISSUER, newKey } from '../support/gate';
import { accountServer, headerServer } from '../support/own-accounts';
import { as, Provider, personOf, sessionOf } from '../support/provider';
import type { Upstream } from '../support/upstream';

type Row = {
  id: string;
  kind: string;
  status: string;
  can_reauth: boolean;
  mcp_client: { client_id: string; name: string };
  virtual_key: { id: string } | null;
};
type Rows = { sessions: Row[]; count: number; total_count: number };
type Refusal = { error: { type: string; message: string } };
type Link = { authorize_url: string; session_id: string; kind: string };

let provider: AuthorizationServer;
let linear: Upstream;
let sentry: Upstream;

beforeAll(async () => {
  provider = await AuthorizationServer.start();
  linear = await accountServer(provider);
  sentry = await headerServer();
});
afterEach(() => vi.useRealTimers());

/** What an administrator sees of one server. */
const at = (server: Upstream) => admin<Rows>('GET', `/mcp/sessions?mcp_client_id=${server.id}`);
const rowsIn = async (table: string, column: string, value: string) =>
  (
    await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${column} = ?1`)
      .bind(value)
      .first<{ n: number }>()
  )?.n;

/** Someone with a fresh key, and accounts connected with it. */
async function holder(servers: Upstream[] = [linear]) {
  const key = await newKey();
  for (const server of servers) {
    if (server === sentry) await enterHeaders(server.id, `vk:${key.id}`, { 'x-key': 'of the key' });
    else await new Account(server.id, `vk:${key.id}`).connect(provider, key.name);
  }
  const headers = { 'x-bf-vk': key.value };
  const ask = async <T = Rows & Refusal>(method: string, path = '') => {
    const response = await gate(`/api/mcp/sessions${path}`, { method, headers });
    const text = await response.text();
    return { ...(text ? JSON.parse(text) : {}), status: response.status } as T & { status: number };
  };
  return { key, ask, owner: `vk:${key.id}` as const };
}

/** The only account of a holder. */
async function accountOf({ ask }: Awaited<ReturnType<typeof holder>>): Promise<Row> {
  const { sessions } = await ask('GET');
  if (!sessions[0] || sessions.length > 1) throw new Error(`there are ${sessions.length} accounts`);
  return sessions[0];
}

/** Where people sign in: another one in its place would suspend those who did. */
let people: Promise<Provider> | undefined;

/** Someone signed in to a browser, and their accounts. */
async function person(email = `${crypto.randomUUID().slice(0, 8)}@acme.example`) {
  const browser = new Browser();
  people ??= Provider.start();
  await (await people).signIn(browser, email);
  const { id } = await personOf(email);
  const csrf = (await sessionOf(browser))?.csrf ?? '';
  const ask = (
    method: string,
    path = '',
    headers: Record<string, string> = { 'x-csrf-token': csrf, origin: ISSUER },
  ) => as(browser, method, `/mcp/sessions${path}`, { headers });
  return { id, owner: `user:${id}` as const, email, ask };
}

describe('who sees which connected accounts (CONTRACT §8)', () => {
  it('is whoever holds a key: their own, with nothing secret in it', async () => {
    const ada = await holder([linear, sentry]);
    await holder([linear]);

    const list = await ada.ask('GET');

    expect(list).toEqual({
      status: 200,
      sessions: expect.arrayContaining([
        expect.objectContaining({
          kind: 'header',
          auth_kind: 'headers',
          oauth_config_id: null,
          token_type: null,
        }),
        {
          id: expect.any(String),
          kind: 'token',
          auth_kind: 'oauth',
          auth_mode: 'vk',
          user: null,
          virtual_key: { id: ada.key.id, name: ada.key.name },
          mcp_client: { client_id: linear.id, name: linear.name },
          status: 'active',
          expires_at: expect.any(String),
          created_at: expect.any(String),
          last_refreshed_at: null,
          updated_at: expect.any(String),
          oauth_config_id: expect.any(String),
          can_reauth: true,
          token_type: 'bearer',
          scopes: ['read'],
          wanted_scopes: [],
        },
      ]),
      count: 2,
      total_count: 2,
      limit: 50,
      offset: 0,
    });
    expect(JSON.stringify(list)).not.toMatch(/access-|refresh-|of the key|sk-bf-/);
  });

  it('is nobody else: one of another key is not there, on any verb', async () => {
    const [ada, eve] = [await holder(), await holder([])];
    const { id } = await accountOf(ada);

    expect((await eve.ask('GET')).sessions).toEqual([]);
    expect((await eve.ask('GET', `?virtual_key_id=${ada.key.id}`)).sessions).toEqual([]);
    for (const [method, path] of [
      ['GET', `/${id}`],
      ['DELETE', `/${id}`],
      ['POST', `/${id}/reauth`],
    ] as const) {
      expect([method, (await eve.ask(method, path)).status]).toEqual([method, 404]);
    }
    expect((await ada.ask('GET', `/${id}`)).status).toBe(200);
  });

  it('is nobody who proves nothing', async () => {
    const { key } = await holder();
    const inactive = await newKey();
    await admin('PUT', `/governance/virtual-keys/${inactive.id}`, { is_active: false });
    const strangers: Record<string, string>[] = [
      {},
      { 'x-bf-vk': 'sk-bf-unknown' },
      { 'x-bf-vk': inactive.value },
      { 'x-bf-vk': key.value, 'x-api-key': inactive.value },
      { 'x-bf-vk': key.value, authorization: 'Bearer something' },
      { 'x-bf-mcp-session-id': 'made-up' },
      { 'x-bf-user-id': 'ada' },
    ];

    for (const headers of strangers) {
      const { status } = await gate('/api/mcp/sessions', { headers });
      expect([headers, status]).toEqual([headers, 401]);
    }
  });

  it('is an administrator: all of them, never the one the gateway lists tools with', async () => {
    const ada = await holder();
    const { sessions } = await at(linear);
    const gateways = await env.DB.prepare(
      "SELECT id FROM credential WHERE owner = 'gateway' AND server_id = ?1",
    )
      .bind(linear.id)
      .first<{ id: string }>();

    expect(sessions.map(({ virtual_key }) => virtual_key?.id)).toContain(ada.key.id);
    expect(sessions.length).toBeGreaterThan(1);
    expect(gateways?.id).toBeTruthy();
    expect(sessions.map(({ id }) => id)).not.toContain(gateways?.id);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/reauth'],
    ] as const) {
      expect((await admin(method, `/mcp/sessions/${gateways?.id}${path}`)).status).toBe(404);
    }
  });

  it('is a person signed in: their own, by whatever key of theirs too; their browser writes with its csrf value', async () => {
    const ada = await person();
    const eve = await person();
    await enterHeaders(sentry.id, ada.owner, { 'x-key': 'of ada' });
    const { virtual_key } = await admin<{ virtual_key: { value: string } }>(
      'POST',
      '/governance/virtual-keys',
      {
        name: `owned ${ada.id}`,
        owner_user_id: ada.id,
      },
    );

    const { sessions } = (await (await ada.ask('GET')).json()) as { sessions: (Row & { user: object })[] };
    const byKey = await gate('/api/mcp/sessions', { headers: { 'x-bf-vk': virtual_key.value } });
    const id = sessions[0]?.id;

    expect(sessions).toMatchObject([
      { auth_mode: 'user', user: { id: ada.id, name: ada.email.split('@')[0] } },
    ]);
    expect(((await byKey.json()) as Rows).sessions).toMatchObject([{ id }]);
    expect((await eve.ask('DELETE', `/${id}`)).status).toBe(404);
    expect((await ada.ask('DELETE', `/${id}`, {})).status).toBe(403);
    expect((await ada.ask('DELETE', `/${id}`, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await ada.ask('DELETE', `/${id}`)).status).toBe(204);
    expect(await rowsIn('credential', 'owner', ada.owner)).toBe(0);
  });

  it('is an anonymous session, while there are any', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { session } = await admin<{ session: { id: string } }>('POST', '/mcp/session');
    const owner = `session:${session.id.split('.')[0]}` as const;
    await enterHeaders(sentry.id, owner, { 'x-key': 'of nobody' });
    const headers = { 'x-bf-mcp-session-id': session.id };

    const { sessions } = (await (await gate('/api/mcp/sessions', { headers })).json()) as Rows;
    await configure({ enforce_auth_on_inference: null });
    const later = await gate('/api/mcp/sessions', { headers });
    const listed = await admin<Rows>('GET', `/mcp/sessions?auth_mode=session`);
    const refused = await admin<Refusal>('POST', `/mcp/sessions/${sessions[0]?.id}/reauth`);
    await configure({ enforce_auth_on_inference: false });
    const again = await admin<Rows>('GET', `/mcp/sessions?auth_mode=session`);
    await configure({ enforce_auth_on_inference: null });

    expect(sessions).toMatchObject([
      { auth_mode: 'session', user: null, virtual_key: null, status: 'active' },
    ]);
    expect(later.status).toBe(401);
    expect(listed.sessions).toMatchObject([{ id: sessions[0]?.id, status: 'suspended', can_reauth: false }]);
    expect(refused).toMatchObject({ status: 403, error: { message: expect.stringContaining('A setting') } });
    expect(again.sessions).toMatchObject([{ status: 'active', can_reauth: true }]);
  });
});

describe('what is said of a connected account', () => {
  it('is pending while it was only begun, until that is over; one that is connected hides it', async () => {
    const [ada, eve] = [await holder([]), await holder([linear])];
    await begin(ada.owner);
    await begin(ada.owner);
    await begin(eve.owner);

    const begun = await ada.ask('GET');
    const connected = await eve.ask('GET');
    wait(901);
    const over = await ada.ask('GET');

    expect(begun.sessions).toMatchObject([
      { kind: 'flow', auth_kind: 'oauth', status: 'pending', token_type: null },
    ]);
    expect(connected.sessions).toMatchObject([{ kind: 'token', status: 'active' }]);
    expect(over.sessions).toEqual([]);
  });

  it('is what its owner has to do: connect again, or enter what the server wants now', async () => {
    const server = await headerServer();
    const ada = await holder([]);
    await enterHeaders(server.id, ada.owner, { 'x-key': 'of ada' });
    const status = async () => (await accountOf(ada)).status;

    expect(await status()).toBe('active');
    const { message } = await admin<{ message: string }>('PUT', `/mcp/client/${server.id}`, {
      per_user_header_keys: ['x-key', 'x-more'],
    });
    expect(message).toMatch(/wants other headers than those it is asked with/);
    expect(await status()).toBe('needs_update');
    await admin('PUT', `/mcp/client/${server.id}`, { per_user_header_keys: ['x-key'] });
    expect(await status()).toBe('active');
    const { client } = await admin<{ client: { connection_string: string } }>(
      'GET',
      `/mcp/client/${server.id}`,
    );
    await admin('PUT', `/mcp/client/${server.id}`, {
      connection_string: client.connection_string.replace('127.0.0.1', 'localhost'),
    });
    expect(await status()).toBe('needs_reauth');
  });

  it('is that it is orphaned while whose it is may not use the server, and as before afterwards', async () => {
    const server = await headerServer({ allow_on_all_virtual_keys: false });
    const ada = await holder([]);
    const path = `/governance/virtual-keys/${ada.key.id}`;
    const give = (names: string[]) =>
      admin('PUT', path, {
        mcp_configs: names.map((mcp_client_name) => ({ mcp_client_name, tools_to_execute: ['*'] })),
      });
    await give([server.name]);
    await enterHeaders(server.id, ada.owner, { 'x-key': 'of ada' });
    const { id } = await accountOf(ada);

    await give([]);
    const orphaned = await accountOf(ada);
    const refused = await ada.ask('POST', `/${id}/reauth`);
    await give([server.name]);
    const again = await accountOf(ada);
    await admin('PUT', `/mcp/client/${server.id}`, { enabled: false });
    const resting = await accountOf(ada);
    await admin('PUT', path, { shared: true });
    const shared = await accountOf(ada);
    await admin('PUT', path, { shared: false, is_active: false });
    const inactive = (await at(server)).sessions[0];

    expect([orphaned.status, orphaned.can_reauth]).toEqual(['orphaned', false]);
    expect(refused.status).toBe(403);
    expect([again.status, again.can_reauth]).toEqual(['active', true]);
    expect(resting.status).toBe('active');
    expect(shared.status).toBe('orphaned');
    expect(inactive?.status).toBe('orphaned');
  });

  it('is found by server, kind and whose it is, a page at a time', async () => {
    const [ada, eve] = [await holder([linear, sentry]), await holder([sentry])];
    const list = (query: string) => admin<Rows & Refusal>('GET', `/mcp/sessions?${query}`);
    const both = `virtual_key_id=${ada.key.id},${eve.key.id}`;

    expect(await list(both)).toMatchObject({ count: 3, total_count: 3 });
    expect(await list(`${both}&limit=2&offset=2`)).toMatchObject({
      count: 1,
      total_count: 3,
      limit: 2,
      offset: 2,
    });
    expect((await list(`${both}&kind=token`)).sessions).toMatchObject([{ virtual_key: { id: ada.key.id } }]);
    expect((await list(`${both}&mcp_client_id=${sentry.id}`)).count).toBe(2);
    expect((await list(`${both}&search=${linear.name.toUpperCase()}`)).count).toBe(1);
    expect((await list(`${both}&auth_mode=user,session`)).count).toBe(0);
    for (const bad of ['kind=secret', 'auth_mode=everyone', 'limit=0']) {
      expect([bad, (await list(bad)).status]).toEqual([bad, 400]);
    }
  });
});

/** Someone is sent to the provider of `linear`; where they would come back to. */
async function begin(owner: `vk:${string}`): Promise<string> {
  const id = crypto.randomUUID().replaceAll('-', '').slice(0, 22);
  const now = Math.floor(Date.now() / 1000);
  await env.DB.prepare(
    `INSERT INTO upstream_flow (id, owner, generation, server_id, browser_hash, sealed, return_to, expires_at, created_at)
     VALUES (?1, ?2, 1, ?3, NULL, '', '/', ?4, ?5)`,
  )
    .bind(id, owner, linear.id, now + 900, now)
    .run();
  return `/api/oauth/callback?state=connect.${id}&code=a-code`;
}

describe('connecting an account again', () => {
  it('answers a link that its owner opens; whoever is somebody else proves nothing with it', async () => {
    const ada = await holder();
    const { id } = await accountOf(ada);

    const mine = await ada.ask<Link>('POST', `/${id}/reauth`);
    const given = await admin<Link>('POST', `/mcp/sessions/${id}/reauth`);
    const link = await env.DB.prepare(
      'SELECT subject, server_ids, generation FROM connect_link WHERE id = ?1',
    )
      .bind(mine.authorize_url.split('/').at(-1))
      .first();

    expect(mine).toEqual({
      status: 200,
      authorize_url: expect.stringMatching(new RegExp(`^${ISSUER}/connect/[\\w-]{22}$`)),
      session_id: id,
      kind: 'oauth',
    });
    expect(given.status).toBe(200);
    expect(link).toEqual({ subject: ada.owner, server_ids: JSON.stringify([linear.id]), generation: 1 });
  });

  it("is a person's own affair: not even an administrator begins it for them", async () => {
    const ada = await person();
    await enterHeaders(sentry.id, ada.owner, { 'x-key': 'of ada' });
    const { sessions } = (await (await ada.ask('GET')).json()) as Rows;
    const id = sessions[0]?.id;

    const byAdministrator = await admin<Refusal>('POST', `/mcp/sessions/${id}/reauth`);
    const seen = await admin<{ session: Row }>('GET', `/mcp/sessions/${id}`);
    const byThemselves = await ada.ask('POST', `/${id}/reauth`);

    expect([byAdministrator.status, byAdministrator.error.type]).toEqual([403, 'forbidden']);
    expect(seen.session.can_reauth).toBe(false);
    expect([byThemselves.status, ((await byThemselves.json()) as Link).kind]).toEqual([200, 'headers']);
  });
});

describe('disconnecting an account', () => {
  it('ends it here and at its provider, and what was begun to connect it: coming back later connects nothing', async () => {
    const ada = await holder();
    const { id } = await accountOf(ada);
    const comeBack = await begin(ada.owner);
    const told = (await provider.asked('revoke')).length;

    const first = await ada.ask('DELETE', `/${id}`);
    const second = await ada.ask('DELETE', `/${id}`);
    const late = await gate(comeBack);

    expect([first.status, second.status]).toEqual([204, 404]);
    expect((await provider.asked('revoke')).length).toBeGreaterThan(told);
    expect(late.status).toBe(410);
    expect((await ada.ask('GET')).sessions).toEqual([]);
    expect(await new Account(linear.id, ada.owner).stored()).toEqual({});
    await vi.waitFor(async () => {
      const { events } = await admin<{ events: object[] }>(
        'GET',
        `/audit?act=credential.disconnected&actor=${ada.owner}`,
      );
      expect(events).toHaveLength(1);
    });
  });

  it.each(['disconnects it', 'loses the key'])(
    'ends what comes of an answer that is being redeemed while its owner %s',
    async (how) => {
      const ada = await holder();
      const { id } = await accountOf(ada);
      const account = new Account(linear.id, ada.owner);
      const before = (await provider.tokenRequests('authorization_code')).length;
      await provider.behave({ holds: true });
      const again = account.connect(provider, 'ada').catch((error: unknown) => error);
      await provider.sees('authorization_code', before + 1);
      const gone =
        how === 'loses the key'
          ? (await admin('DELETE', `/governance/virtual-keys/${ada.owner.slice(3)}`)).status
          : (await ada.ask('DELETE', `/${id}`)).status;
      const told = (await provider.asked('revoke')).length;
      await provider.behave({ holds: false });
      await provider.release();

      expect(await again).toBeInstanceOf(AuthorizationEnded);
      expect([200, 204]).toContain(gone);
      expect(await account.row()).toBeNull();
      expect(await account.stored()).toEqual({});
      expect((await provider.asked('revoke')).length).toBeGreaterThan(told);
    },
  );

  it('takes back what was only begun', async () => {
    const ada = await holder([]);
    const comeBack = await begin(ada.owner);
    const { id } = await accountOf(ada);

    expect((await ada.ask('DELETE', `/${id}`)).status).toBe(204);
    expect((await gate(comeBack)).status).toBe(410);
    expect((await ada.ask('GET')).sessions).toEqual([]);
  });
});

describe('what goes with whose it is (CONTRACT §8)', () => {
  it('a deleted key: its accounts, links and what it had begun', async () => {
    const ada = await holder([linear, sentry]);
    const { sessions } = await ada.ask('GET');
    await ada.ask('POST', `/${sessions[0]?.id}/reauth`);
    await begin(ada.owner);

    await admin('DELETE', `/governance/virtual-keys/${ada.key.id}`);

    expect(await rowsIn('credential', 'owner', ada.owner)).toBe(0);
    expect(await rowsIn('upstream_flow', 'owner', ada.owner)).toBe(0);
    expect(await rowsIn('connect_link', 'subject', ada.owner)).toBe(0);
    for (const server of [linear, sentry]) {
      expect(await new Account(server.id, ada.owner).stored()).toEqual({});
    }
  });

  it('a key rotated as leaked keeps its accounts: only links given before are over', async () => {
    const ada = await holder();
    const { id } = await accountOf(ada);
    const { authorize_url } = await ada.ask<Link>('POST', `/${id}/reauth`);

    await admin('POST', `/governance/virtual-keys/${ada.key.id}/rotate`, { reason: 'leaked' });
    const page = await new Browser().open(authorize_url);

    expect((await admin<{ session: Row }>('GET', `/mcp/sessions/${id}`)).session.status).toBe('active');
    expect(page?.status).toBe(410);
  });

  it.each([
    ['blocked', (id: string) => admin('PUT', `/users/${id}`, { is_active: false })],
    ['deleted', (id: string) => admin('DELETE', `/users/${id}`)],
  ])('a person who is %s: their accounts', async (_, end) => {
    const ada = await person();
    await enterHeaders(sentry.id, ada.owner, { 'x-key': 'of ada' });

    await end(ada.id);

    expect(await rowsIn('credential', 'owner', ada.owner)).toBe(0);
    expect(await new Account(sentry.id, ada.owner).stored()).toEqual({});
    await enterHeaders(sentry.id, ada.owner, { 'x-key': 'of a form sent at the same moment' });
    const { sessions } = await admin<Rows>('GET', `/mcp/sessions?user_id=${ada.id}`);
    expect(sessions).toMatchObject([{ status: 'orphaned' }]);
  });

  it('an expired key that asks for it, and whatever a fault has left, with the cron', async () => {
    const expiring = await holder([sentry]);
    await admin('PUT', `/governance/virtual-keys/${expiring.key.id}`, {
      expires_at: new Date(Date.now() + 60_000).toISOString(),
      delete_after_expire: true,
    });
    const stray = await holder([sentry]);
    await env.DB.prepare('DELETE FROM virtual_key WHERE id = ?1').bind(stray.key.id).run();
    const gone = await headerServer();
    await enterHeaders(gone.id, `vk:${(await newKey()).id}`, { 'x-key': 'of somebody' });
    await env.DB.prepare('DELETE FROM server WHERE id = ?1').bind(gone.id).run();
    const kept = await holder([sentry]);
    await admin('POST', `/mcp/sessions/${(await accountOf(kept)).id}/reauth`);
    await begin(kept.owner);

    const { key, owner } = kept;
    await sweep(env, Math.floor(Date.now() / 1000) + 3600);

    for (const ended of [expiring.owner, stray.owner])
      expect(await rowsIn('credential', 'owner', ended)).toBe(0);
    expect(await rowsIn('credential', 'server_id', gone.id)).toBe(0);
    expect(await rowsIn('credential', 'owner', owner)).toBe(1);
    expect(await rowsIn('upstream_flow', 'owner', owner)).toBe(0);
    expect(await rowsIn('connect_link', 'subject', `vk:${key.id}`)).toBe(0);
  });
});
