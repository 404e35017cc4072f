import { createExecutionContext, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import { sealedValuesQuestion } from '../../src/admin/api/sealed-values';
import { isSealedByNewest, open, randomSecret, seal, sealerOf } from '../../src/crypto/secrets';
import { ask } from '../../src/database';
import type { GrantObject } from '../../src/grants/grant-object';
import worker from '../../src/index';
import { sealedHeaders } from '../../src/servers/sealed-headers';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure, gate, newKey, read } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Provider, sessionOf } from '../support/provider';
import { Upstream } from '../support/upstream';

type Resealed = { message: string; resealed: number; remaining: number; unreadable: number };

const NEW = randomSecret();
/** The Worker as it is deployed once a new key stands before the old one. */
const renewed = { ...env, ENCRYPTION_KEY: `${NEW},${env.ENCRYPTION_KEY}` };

async function reseal(): Promise<Resealed> {
  const request = new Request('https://gate.example/api/encryption/reseal', {
    method: 'POST',
    headers: { authorization: 'Bearer test-admin-token-of-32-characters' },
  });
  return (await worker.fetch(request, renewed, createExecutionContext())).json();
}

type Keys = {
  keys: { id: string; values: number; accounts: number; grants: number }[];
  unknown: { accounts: number; grants: number };
};

async function keysNow(deployed: typeof env): Promise<Keys> {
  const request = new Request('https://gate.example/api/encryption', {
    headers: { authorization: 'Bearer test-admin-token-of-32-characters' },
  });
  return (await worker.fetch(request, deployed, createExecutionContext())).json();
}

/** Everything kept in D1 that is sealed. */
async function kept() {
  const [values] = await ask(env.DB, sealedValuesQuestion(env.DB));
  return [...values.values()].flat();
}

/** Servers with a client secret an administrator set, one a provider gave us, and one that exchanges tokens. */
async function withClientSecrets(): Promise<void> {
  const confidential = { token_endpoint_auth_methods_supported: ['client_secret_basic'] };
  const provider = await AuthorizationServer.start({
    metadata: confidential,
    clients: [{ client_id: 'ours', client_secret: 'of the administrator' }],
  });
  const demands = { issuer: provider.issuer };
  const oauth_config = { client_id: 'ours', client_secret: 'of the administrator' };
  await Upstream.start([], { demands, registration: { auth_type: 'oauth', oauth_config } });
  await Upstream.start([], { demands, registration: { auth_type: 'per_user_oauth' } });
  const token_exchange = { audience: 'api', client_id: 'ours', client_secret: 'for exchanges' };
  await Upstream.start([], { registration: { auth_type: 'token_exchange', token_exchange } });
}

describe('sealing anew with the first key of ENCRYPTION_KEY (SECURITY 19)', () => {
  it('takes what is kept in D1 over, a batch a call, until the old key opens nothing that the new one does not', async () => {
    await (await McpClient.register()).obtainGrant(); // makes the first signing key
    await configure({ oidc: { client_secret: 'a secret of ours' } });
    const upstream = await Upstream.start([], {
      registration: { auth_type: 'headers', headers: { authorization: 'Bearer upstream' } },
    });
    await withClientSecrets();
    const { results } = await env.DB.prepare('SELECT headers FROM server WHERE id = ?1')
      .bind(upstream.id)
      .all();
    await env.DB.prepare(
      `INSERT INTO server (id, name, endpoint_slug, connection_type, connection_string, auth_type, headers, tools_to_execute,
         allow_on_all_virtual_keys, enabled, state, created_at, updated_at)
       SELECT 'lost-' || lost.value, 'lost' || lost.value, 'lost' || lost.value, connection_type, connection_string, auth_type, ?2,
         tools_to_execute, 0, 0, state, 1, 1 FROM server, json_each('[1,2]') AS lost WHERE server.id = ?1`,
    )
      .bind(upstream.id, results[0]?.headers)
      .run(); // moved there from another row: they open for no one
    const opened = await Promise.all(
      (await kept()).map(({ place, sealed }) => open(env.ENCRYPTION_KEY, place, sealed)),
    );

    const first = await reseal();
    const after = await kept();
    const second = await reseal();

    expect(first).toEqual({
      message: expect.stringContaining('2 sealed values open with no key'),
      resealed: 6,
      remaining: 0,
      unreadable: 2,
    });
    expect(second).toMatchObject({ resealed: 0, remaining: 0, unreadable: 2 });
    expect(await Promise.all(after.map(({ place, sealed }) => open(NEW, place, sealed)))).toEqual(opened);
    expect(opened.filter((text) => text === null)).toHaveLength(2);
  });

  it('does a hundred at a time, and says how many are left', async () => {
    await reseal();
    const many = Array.from({ length: 130 }, (_, n) => n);
    const rows = await Promise.all(
      many.map(async (n) => ({
        id: `server-${n}`,
        headers: await seal(env.ENCRYPTION_KEY, `server/server-${n}/headers@https://mcp.example`, '{}'),
      })),
    );
    await env.DB.prepare(
      `INSERT INTO server (id, name, endpoint_slug, connection_type, connection_string, auth_type, headers, tools_to_execute,
         allow_on_all_virtual_keys, enabled, state, created_at, updated_at)
       SELECT value ->> 'id', value ->> 'id', value ->> 'id', 'http', 'https://mcp.example/mcp', 'headers', value ->> 'headers',
         '[]', 0, 0, 'healthy', 1, 1 FROM json_each(?1)`,
    )
      .bind(JSON.stringify(rows))
      .run();

    const [first, second, third] = [await reseal(), await reseal(), await reseal()];

    expect(first).toMatchObject({
      resealed: 100,
      remaining: 30,
      message: expect.stringContaining('call again'),
    });
    expect(second).toMatchObject({ resealed: 30, remaining: 0 });
    expect(third).toMatchObject({ resealed: 0, remaining: 0 });
  });

  it('does not undo a change made meanwhile', async () => {
    const upstream = await Upstream.start([], {
      registration: { auth_type: 'headers', headers: { authorization: 'Bearer before' } },
    });
    const [read] = await ask(env.DB, sealedHeaders(env.DB));
    await upstream.change({ headers: { authorization: 'Bearer after' } });
    const current = async () =>
      (
        await env.DB.prepare('SELECT headers FROM server WHERE id = ?1')
          .bind(upstream.id)
          .first<{ headers: string }>()
      )?.headers;
    const changed = await current();

    await read.find(({ place }) => place.includes(upstream.id))?.replace('an old value, sealed anew');

    expect(await current()).toBe(changed);
  });

  it('tells by ids what each key is needed for still, in the database, by accounts and by grants', async () => {
    const { refresh_token: refresh } = await (await McpClient.register()).obtainGrant();
    await reseal();
    const before = await keysNow(env);
    const during = await keysNow(renewed);
    const grant = env.GRANTS.get(env.GRANTS.idFromString(refresh.slice(0, 64)));
    const [, n = '', tag = ''] = refresh.split('.');
    await runInDurableObject(grant, (object) => {
      Object.assign(object, { env: renewed });
      return (object as unknown as GrantObject).terms(Number(n), tag);
    });
    await env.DB.prepare('UPDATE oauth_grant SET sealed_by = NULL WHERE grant_id <> ?1')
      .bind(refresh.slice(0, 64))
      .run();

    const [newer, older] = during.keys;
    expect(before.keys.map(({ id }) => id)).toEqual([older?.id]);
    expect(newer).toMatchObject({ id: sealerOf(await seal(NEW, 'x', 'y')), grants: 0, accounts: 0 });
    expect(newer?.values).toBeGreaterThan(0);
    expect(older?.values).toBe(0);
    expect(older?.grants).toBeGreaterThan(0);
    await vi.waitFor(async () => {
      const { keys, unknown } = await keysNow(renewed);
      expect(keys.map(({ grants }) => grants)).toEqual([1, 0]);
      expect(unknown.grants).toBe((older?.grants ?? 0) - 1);
    });
  });

  it('is for administrators', async () => {
    expect((await gate('/api/encryption/reseal', { method: 'POST' })).status).toBe(401);
    expect((await gate('/api/encryption')).status).toBe(401);
  });
});

describe("a grant's seed", () => {
  it('is sealed anew by its object when it is next opened, and its refresh tokens go on', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ key: key.value });
    const grant = env.GRANTS.get(env.GRANTS.idFromString(refresh_token.slice(0, 64)));
    const [, n = '', tag = ''] = refresh_token.split('.');

    const [before, after] = await runInDurableObject(grant, async (object, { storage }) => {
      const before = storage.kv.get<string>('seed') ?? '';
      Object.assign(object, { env: renewed });
      await (object as unknown as GrantObject).terms(Number(n), tag);
      const after = storage.kv.get<string>('seed') ?? '';
      return [before, after];
    });

    const told = await vi.waitFor(async () => {
      const [row] = (await sealedBy()).filter(({ grant_id }) => grant_id === refresh_token.slice(0, 64));
      expect(row?.sealed_by).not.toBe(sealerOf(before));
      return row?.sealed_by;
    });

    expect(told).toBe(sealerOf(after));
    expect(await isSealedByNewest(NEW, before)).toBe(false);
    expect(await isSealedByNewest(NEW, after)).toBe(true);
    expect((await client.refresh(refresh_token)).status).toBe(200);
    expect((await admin('GET', '/oauth2/sessions')).status).toBe(200);
  });
});

/** Which entry of `ENCRYPTION_KEY` the index says that each grant is sealed with. */
async function sealedBy() {
  const statement = env.DB.prepare('SELECT grant_id, sealed_by FROM oauth_grant');
  return (await statement.all<{ grant_id: string; sealed_by: string | null }>()).results;
}

/** What a value is once the `ENCRYPTION_KEY` that sealed it is lost. */
const lost = () => seal(NEW, 'somewhere', 'of no use');

describe('a value that no entry of ENCRYPTION_KEY opens costs what needs it, and nothing else', () => {
  it('of the sign-in provider: signing in, until its secret is saved again', async () => {
    const provider = await Provider.start();
    await env.DB.prepare("UPDATE setting SET value = ?1 WHERE name = 'oidc.client_secret'")
      .bind(JSON.stringify(await lost()))
      .run();

    const { access_token } = await (await McpClient.register()).obtainGrant();
    const called = await new McpCaller({ authorization: `Bearer ${access_token}` }).ask('tools/list');
    const signIn = await gate('/oauth/sign-in');
    const health = await read(
      await gate('/health', { headers: { authorization: 'Bearer test-admin-token-of-32-characters' } }),
    );
    await configure({ oidc: { client_secret: 'client-secret' } });
    const browser = new Browser();
    await provider.signIn(browser, 'ada@acme.example');

    expect(called.status).toBe(200);
    expect(signIn.status).toBe(503);
    expect(await signIn.text()).toContain('npx wrangler secret put OIDC_CLIENT_SECRET');
    expect(health).toMatchObject({
      status: 503,
      body: { status: 'unconfigured', d1: 'ok', missing: [{ secret: 'OIDC_CLIENT_SECRET' }] },
    });
    expect(health.body.unreadable).toContainEqual({
      kind: 'settings',
      count: 1,
      remedy: expect.stringContaining('again'),
    });
    expect((await gate('/health')).status).toBe(200);
    expect((await sessionOf(browser))?.user).not.toBeNull();
  });

  it('of a server: that server, which needs to be authorized again', async () => {
    const [broken, healthy] = await Promise.all([
      Upstream.start(['a'], {
        registration: { auth_type: 'headers', headers: { authorization: 'Bearer upstream' } },
      }),
      Upstream.start(['b']),
    ]);
    await env.DB.prepare('UPDATE server SET headers = ?2 WHERE id = ?1')
      .bind(broken.id, await lost())
      .run();
    const caller = await McpCaller.withKey();

    const answers = [
      await caller.ask('tools/call', { name: `${broken.name}-a`, arguments: {} }),
      await caller.ask('tools/call', { name: `${healthy.name}-b`, arguments: {} }),
    ];

    expect(answers.map(({ status, body }) => [status, body.result?.isError === true])).toEqual([
      [200, true],
      [200, false],
    ]);
    expect(answers[0]?.body.result?.content?.[0]?.text).toContain('have to be entered again');
    expect(await admin('GET', `/mcp/client/${broken.id}`)).toMatchObject({
      client: { state: 'needs_reauth' },
    });
  });

  it('of a grant: its tokens, which are refused for good instead of failing again and again', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    const { refresh_token } = await client.obtainGrant();
    for (const token of [code, refresh_token]) {
      const grant = env.GRANTS.get(env.GRANTS.idFromString(token.slice(0, 64)));
      const sealed = await lost();
      await runInDurableObject(grant, (_, { storage }) => storage.kv.put('seed', sealed));
    }

    const answers = [
      await client.redeem(code),
      await client.refresh(refresh_token),
      await client.refresh(refresh_token),
    ];

    expect(answers.map(({ status, body }) => [status, body.error])).toEqual(
      Array.from({ length: 3 }, () => [400, 'invalid_grant']),
    );
    expect((await client.revoke(refresh_token)).status).toBe(200);
  });

  it('of a browser: what its cookies remembered', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser);
    await browser.submit(services, { decision: 'allow' });
    for (const name of browser.cookies.keys()) browser.cookies.set(name, await lost());

    const [same, fresh, me] = [
      await browser.open(services.url),
      await browser.open(await client.authorizeUrl()),
      await browser.open('/me'),
    ];

    expect([same?.status, fresh?.status, me?.status]).toEqual([403, 200, 200]);
    expect(fresh?.html).not.toContain('name="remembered"');
  });
});
