import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { beginAuthorization, findAuthorization, keepAuthorized } from '../src/accounts/authorization';
import { connectionOf, SIGN_IN, termsAt } from '../src/accounts/connections';
import { saveSignIn } from '../src/accounts/sign-in-tokens';
import { SYSTEM } from '../src/audit';
import { currentSettings } from '../src/config';
import { recordSignIn, userSubject } from '../src/governance/users';
import { removeExpiredKeys } from '../src/removal/keys';
import { removePerson } from '../src/removal/people';
import { findServer } from '../src/servers/find';
import type { Server } from '../src/servers/server';
import { Account } from './support/account';
import { AuthorizationServer } from './support/authorization-server';
import { Browser, type Page } from './support/browser';
import { McpCaller } from './support/caller';
import { wait } from './support/clock';
import { beginAuthorizing } from './support/connected';
import { cron } from './support/cron';
import { faulty } from './support/faults';
import { admin, administer, gate, ISSUER, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { accountServer } from './support/own-accounts';
import { Upstream } from './support/upstream';

const { DB, GRANTS } = env;
const now = () => Math.floor(Date.now() / 1000);
afterEach(async () => {
  await administer('PUT', '/config', { oauth2_server_config: { refresh_token_ttl: null } });
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Does `work` while D1 refuses `statement`. */
async function refusing<T>(statement: string, work: () => Promise<T>): Promise<T> {
  await DB.prepare(
    `CREATE TRIGGER failing BEFORE ${statement} BEGIN SELECT RAISE(ABORT, 'failing'); END`,
  ).run();
  try {
    return await work();
  } finally {
    await DB.prepare('DROP TRIGGER failing').run();
  }
}

describe('a grant', () => {
  it('is ended by the same revocation once more, when the index did not hear of the first', async () => {
    const client = await McpClient.register();
    const { access_token, refresh_token } = await client.obtainGrant();
    const caller = new McpCaller({ authorization: `Bearer ${access_token}` });
    await caller.ask('ping');

    const first = await refusing('UPDATE OF ended_at ON oauth_grant', () => client.revoke(refresh_token));
    const second = await client.revoke(refresh_token);
    const called = await caller.ask('ping');
    const kept = await runInDurableObject(
      GRANTS.get(GRANTS.idFromString(refresh_token.slice(0, 64))),
      (_, { storage }) => storage.kv.get('seed'),
    );

    expect([first.status, second.status, called.status]).toEqual([503, 200, 401]);
    expect(kept).toBeUndefined();
  });

  it('that was revoked between its row and its opening cannot be opened', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser);
    const rowOf = () =>
      DB.prepare('SELECT grant_id FROM oauth_grant WHERE client_id = ?')
        .bind(client.clientId)
        .first<string>('grant_id');
    let id: string | null = null;
    for (let nth = 1; id === null; nth++) {
      const allow = () => browser.submit(services, { decision: 'allow' });
      await faulty({ nth, isOnwards: true, isLost: false }, allow);
      id = await rowOf();
    }
    const revoked = await admin('DELETE', `/oauth2/sessions/${id}`);

    const allowed = await browser.submit(services, { decision: 'allow' });

    expect([revoked.status, allowed?.status, browser.callback]).toEqual([204, 409, null]);
    wait(3_601);
    await runDurableObjectAlarm(GRANTS.get(GRANTS.idFromString(id)));
    const state = await runInDurableObject(GRANTS.get(GRANTS.idFromString(id)), (_, { storage }) =>
      storage.kv.get('state'),
    );
    expect(state).toBeUndefined();
  });

  it('ends as late as anyone says, and is narrowed then as before', async () => {
    const upstream = await Upstream.start(['x', 'y']);
    await administer('PUT', '/config', { oauth2_server_config: { refresh_token_ttl: 0 } });
    const client = await McpClient.register();
    const key = await newKey();
    const tokens = await client.obtainGrant({ key: key.value, answers: { expires_in: '0' } });
    const at = `/oauth2/sessions/${tokens.refresh_token.slice(0, 64)}`;
    const access = [{ mcp_client_name: upstream.name, tools_to_execute: ['x'] }];

    const late = await admin('PUT', at, { expires_at: '9999-12-31T23:59:59Z' });
    const narrowed = await admin('PUT', at, { access });
    const caller = new McpCaller({ authorization: `Bearer ${tokens.access_token}` });

    expect([late.status, narrowed.status]).toEqual([200, 200]);
    expect(await caller.toolNames()).toEqual([`${upstream.name}-x`]);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });

  it('is told of a change once, whatever call of storage loses its answer', async () => {
    for (let nth = 1, failed = true; failed; nth++) {
      const client = await McpClient.register();
      const { refresh_token } = await client.obtainGrant();
      const id = refresh_token.slice(0, 64);
      const change = (given_name: string) => admin('PUT', `/oauth2/sessions/${id}`, { given_name });
      const until = (day: string) =>
        admin('PUT', `/oauth2/sessions/${id}`, { expires_at: `${day}T00:00:00Z` });
      const soon = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
      const later = new Date(Date.now() + 43_200_000).toISOString().slice(0, 19);
      ({ failed } = await faulty({ nth, isOnwards: false, isLost: true }, () => until(soon)));
      await until(soon);
      await admin('PUT', `/oauth2/sessions/${id}`, { expires_at: `${later}Z` });
      await change('mine');

      const { results } = await DB.prepare(
        "SELECT detail FROM audit WHERE act = 'grant.changed' AND grant_id = ?",
      )
        .bind(id)
        .all();
      const acts = results.map((row) => JSON.stringify(row));
      expect(acts.length).toBeGreaterThan(1);
      expect(new Set(acts).size).toBe(acts.length);
    }
  });
});

describe('an account', () => {
  it('stays connected whichever read of D1 fails in passing while another sign-in of its owner is kept', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await accountServer(provider);
    const owner = `vk:${(await newKey()).id}` as const;
    const account = await new Account(upstream.id, owner).connect(provider, 'ann');
    const server = (await findServer(DB, upstream.id)) as Server;
    const wanted = { server, owner, generation: 0, browserHash: null, returnTo: '/', grantId: null };
    for (let nth = 1, failed = true; failed; nth++) {
      const begun = await beginAuthorization(env, await currentSettings(env), ISSUER, wanted);
      const answer = (await provider.answer(begun.destination.url, 'ann')).searchParams;
      const authorization = await findAuthorization(DB, begun.id);
      if (!authorization) throw new Error('the authorization was not stored');
      const answered = { authorization, server, answer, requireAccess: async () => undefined };
      ({ failed } = await faulty({ nth, isOnwards: false, isLost: false }, () =>
        keepAuthorized(env, ISSUER, answered).catch(() => null),
      ));

      const held = await connectionOf(env, owner, upstream.id).held(termsAt(server, owner, ISSUER));
      expect(held.ok).toBe(true);
    }
    expect(await account.row()).toMatchObject({ status: 'active' });
    expect(await provider.asked('revoke')).toEqual([]);
  });

  it('is kept by an administrator who repeats that, whichever call of storage fails or loses its answer', async () => {
    for (const isLost of [false, true])
      for (let nth = 1, failed = true; failed; nth++) {
        const provider = await AuthorizationServer.start();
        const upstream = await Upstream.start(['whoami'], {
          demands: { issuer: provider.issuer, scope: 'read' },
          registration: { auth_type: 'oauth' },
        });
        const begun = await beginAuthorizing(upstream.id);
        const answered = await gate((await provider.answer(begun.authorize_url, 'root')).href);
        const browser = await Browser.administrator();
        const page = (await browser.open(answered.headers.get('location') ?? '')) as Page;
        const keep = () => browser.submit(page, { decision: 'allow' });
        const first = await faulty({ nth, isOnwards: false, isLost }, () => keep().catch(() => null));
        failed = first.failed;

        if (first.value?.status !== 200) expect((await keep())?.status).toBe(200);
        const { client } = await administer<{ client: { state: string } }>(
          'GET',
          `/mcp/client/${upstream.id}`,
        );
        expect(client.state).not.toBe('pending_verification');
      }
  });

  it('that waits for an administrator is not forgotten with the one before it', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await accountServer(provider);
    const account = new Account(upstream.id, 'gateway');
    const terms = termsAt((await findServer(DB, upstream.id)) as Server, 'gateway', ISSUER);
    const connection = connectionOf(env, 'gateway', upstream.id);
    await account.connect(provider, 'root');
    await refusing('DELETE ON credential', () => connection.disconnect(terms));
    const tokens = {
      accessToken: 'a',
      refreshToken: 'r',
      tokenType: 'bearer',
      expiresAt: null,
      scopes: null,
    };
    await connection.hold(terms, tokens, `${provider.issuer}/token`, {
      authorizationId: 'x',
      endsAt: now() + 900,
    });
    await account.wake();

    expect(await connection.confirm(terms, 'x')).toBe(true);
  });

  it('goes on being seen to when D1 is away while its alarm comes', async () => {
    const provider = await AuthorizationServer.start();
    const upstream = await accountServer(provider);
    const owner = `vk:${(await newKey()).id}` as const;
    const account = await new Account(upstream.id, owner).connect(provider, 'ann');
    const server = (await findServer(DB, upstream.id)) as Server;
    await connectionOf(env, owner, upstream.id).held(termsAt(server, owner, ISSUER));
    wait(3_500);

    const object = env.CONNECTIONS.get(env.CONNECTIONS.idFromName(`${upstream.id} ${owner}`));
    await faulty({ nth: 1, isOnwards: true, isLost: false }, () => runDurableObjectAlarm(object));

    expect(await account.wakesAt()).toBeGreaterThan(now());
  });

  it('of a sign-in is not left to a person who was deleted meanwhile', async () => {
    const person = {
      issuer: 'https://id.example',
      subject: crypto.randomUUID(),
      email: 'ada@acme.example',
      name: 'Ada',
    };
    const user = await recordSignIn(DB, person, now());
    await removePerson(env, user.id, SYSTEM);
    const tokens = {
      accessToken: 'a',
      refreshToken: null,
      tokenType: 'bearer',
      expiresAt: now() + 3_600,
      scopes: null,
    };

    await saveSignIn(env, await currentSettings(env), user, tokens);

    expect(await new Account(SIGN_IN, userSubject(user.id)).stored()).toEqual({});
  });
});

describe('what the cron deletes', () => {
  it('is no key whose end was put off while it was at work', async () => {
    const keys = [await newKey(), await newKey()];
    const change = (body: object) =>
      Promise.all(keys.map(({ id }) => admin('PUT', `/governance/virtual-keys/${id}`, body)));
    await change({ expires_at: new Date(Date.now() + 5_000).toISOString(), delete_after_expire: true });
    wait(3_600);
    const statement = Object.getPrototypeOf(DB.prepare('SELECT 1')) as D1PreparedStatement;
    const { all } = statement;
    const listed = vi.spyOn(statement, 'all').mockImplementationOnce(async function (
      this: D1PreparedStatement,
    ) {
      const found = await all.call(this);
      await change({ expires_at: new Date(Date.now() + 86_400_000).toISOString() });
      return found as never;
    });

    await removeExpiredKeys(env, now());

    expect(listed).toHaveBeenCalled();
    const left = await Promise.all(keys.map(({ id }) => admin('GET', `/governance/virtual-keys/${id}`)));
    expect(left.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('is no client of which a flow is open', async () => {
    const client = await McpClient.register();
    const tokens = await client.obtainGrant();
    await client.revoke(tokens.refresh_token);
    wait(31 * 86_400 + 10);
    await gate(await client.authorizeUrl());

    await cron();

    const count = DB.prepare('SELECT count(*) AS n FROM client WHERE client_id = ?').bind(client.clientId);
    expect(await count.first('n')).toBe(1);
  });
});
