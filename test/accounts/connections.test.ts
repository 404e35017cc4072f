import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectionOf, termsAt } from '../../src/accounts/connections';
import { deleteCredentialsAt, deleteCredentialsOf, statusAt } from '../../src/accounts/credentials';
import { findServer } from '../../src/servers/find';
import { markVerified, raiseCredentialGeneration } from '../../src/servers/store';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { McpCaller } from '../support/caller';
import { shortWaits, wait } from '../support/clock';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { Upstream } from '../support/upstream';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Shown = { state: string; tools: { name: string }[]; last_failure: { message: string } | null };

/** Someone with a key of their own, who calls the tools of one server. */
class Person {
  private constructor(
    readonly account: Account,
    readonly caller: McpCaller,
  ) {}

  static async at(upstream: Upstream, era: '2025' | '2026' = '2025'): Promise<Person> {
    const key = await newKey();
    const caller = new McpCaller({ 'x-bf-vk': key.value }, era, `/mcp/${upstream.slug}`);
    return new Person(new Account(upstream.id, `vk:${key.id}`), caller);
  }

  /** What the tool `whoami` answers: whose account was used, or why none was. */
  async whoami(): Promise<string> {
    const { body } = await this.caller.call('whoami');
    return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
  }
}

/** A server of everyone's own account, its provider, and the account its tools are listed with. */
async function world(
  behaviour: Record<string, unknown> = {},
  server: Record<string, unknown> = {},
  authType = 'per_user_oauth',
) {
  const provider = await AuthorizationServer.start(behaviour);
  const upstream = await Upstream.start(['whoami', 'held_whoami'], {
    demands: { issuer: provider.issuer, scope: 'read' },
    ...server,
    registration: { auth_type: authType, tool_sync_interval: 10_080 }, // no one lists while a test counts
  });
  const gateway = await new Account(upstream.id, 'gateway').connect(provider, 'the administrator');
  await markVerified(env.DB, upstream.id);
  await admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);
  return { provider, upstream, gateway };
}

const shown = async ({ id }: Upstream) => (await admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;

/** Credentials of people that the server has seen. */
const tokensSeen = async (upstream: Upstream) => [
  ...new Set((await upstream.seen()).map(({ headers }) => headers.authorization)),
];

describe('everyone acts with their own account (CONTRACT §7, SECURITY 16)', () => {
  it.each(['2025', '2026'] as const)(
    'finds it by identity and server, and nothing else (era %s)',
    async (era) => {
      const { provider, upstream } = await world({}, { era });
      const [ann, bob, eve] = [
        await Person.at(upstream, era),
        await Person.at(upstream, era),
        await Person.at(upstream, era),
      ];
      await ann.account.connect(provider, 'ann');
      await bob.account.connect(provider, 'bob');

      expect(await ann.whoami()).toBe('ann');
      expect(await bob.whoami()).toBe('bob');
      expect(await eve.whoami()).toContain('Authentication required');
      expect(await ann.whoami()).toBe('ann');
    },
  );

  it('sends neither the key nor anything else a caller shows us (SECURITY 13)', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');

    await ann.caller.with({ cookie: 'a=b', 'x-custom': 'c' }).call('whoami');

    const seen = (await upstream.seen('tools/call')).at(-1);
    expect(seen?.headers.authorization).toMatch(/^Bearer access-/);
    expect(JSON.stringify(seen)).not.toContain(ann.caller.headers['x-bf-vk']);
    expect(seen?.headers).not.toHaveProperty('cookie');
    expect(seen?.headers).not.toHaveProperty('x-custom');
  });

  it('gives a key that several people share, and nobody in particular, no account', async () => {
    const { upstream } = await world();
    const { virtual_key } = await admin<{ virtual_key: { id: string; value: string } }>(
      'POST',
      '/governance/virtual-keys',
      { name: `shared ${crypto.randomUUID()}`, shared: true },
    );
    const caller = new McpCaller({ 'x-bf-vk': virtual_key.value }, '2025', `/mcp/${upstream.slug}`);
    const count = (await upstream.seen('tools/call')).length;

    const { body } = await caller.call('whoami');

    expect(body.result?.isError).toBe(true);
    expect(JSON.stringify(body)).toMatch(/own key|sign in/);
    expect(await upstream.seen('tools/call')).toHaveLength(count);
  });

  it('says that the account may not do this, and keeps it (HTTP 403 without a scope)', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await upstream.behave({ fault: 403 });
    const forbidden = await ann.whoami();
    const said = 'no, not with scope=read, \\"scope=write\\" alone';
    const challenge = `Bearer error="insufficient_scope", error_description="${said}"`;
    await upstream.behave({ challenge });

    expect(forbidden).toContain('does not let your account do this (HTTP 403)');
    expect(await ann.whoami()).toContain('wants more than the connected account allows.');
    expect((await ann.account.row())?.status).toBe('active');
    expect((await shown(upstream)).state).toBe('healthy');
    expect(await provider.tokenRequests('refresh_token')).toEqual([]);
  });
});

describe('what an isolate remembers of an account (ARCHITECTURE, hot path)', () => {
  const lag = (seconds: number) => configure({ revocation_lag: seconds });
  afterEach(() => lag(0));

  it('is sent for revocation_lag without asking the object, and not a moment longer', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await lag(10);
    await ann.whoami();
    await ann.account.tamper(() => ({ status: 'needs_reauth' }));

    expect(await ann.whoami()).toBe('ann');
    wait(11);
    expect(await ann.whoami()).toContain('Authentication required');
  });

  it('never is that there is none, nor a token that is about to expire', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await lag(60);
    const without = await ann.whoami();
    await ann.account.connect(provider, 'ann');
    wait(3_550); // the end is 50 s away

    expect(without).toContain('Authentication required');
    expect(await ann.whoami()).toBe('ann');
    wait(40);
    const before = await tokensSeen(upstream);
    await provider.lose('expire');
    expect(await ann.whoami()).toBe('ann');
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
    expect(await tokensSeen(upstream)).toHaveLength(before.length + 1);
    const sent = (await upstream.seen('tools/call')).map(({ headers }) => headers.authorization);
    expect(new Set(sent).size).toBe(sent.length); // the old one not once more
  });
});

describe('refreshing (CONTRACT §7, RFC 6749 §6)', () => {
  it('refreshes once for 200 calls that come when the token has expired', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_700);
    await provider.lose('expire');

    const answers = await Promise.all(Array.from({ length: 200 }, () => ann.whoami()));

    expect(new Set(answers)).toEqual(new Set(['ann']));
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it('does so before anything is sent with a token that is about to expire', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    const before = await tokensSeen(upstream);
    wait(3_590);

    expect(await ann.whoami()).toBe('ann');
    expect(await tokensSeen(upstream)).toHaveLength(before.length + 1);
    await vi.waitFor(async () => expect((await ann.account.row())?.lastRefreshedAt).not.toBeNull());
  });

  it('refreshes and sends again, once, when the server refuses a token that should be good', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await provider.lose('expire');

    const answers = await Promise.all(Array.from({ length: 20 }, () => ann.whoami()));

    expect(new Set(answers)).toEqual(new Set(['ann']));
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
  });

  it('offers to connect again when the server refuses the new one, too, and loses nothing if that was its fault', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await upstream.behave({ fault: 401 });

    const first = await ann.whoami();
    const second = await ann.whoami();

    expect([first, second].every((text) => text.includes('Authentication required'))).toBe(true);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
    expect((await ann.account.row())?.status).toBe('needs_reauth');
    expect((await shown(upstream)).state).toBe('healthy');
    await upstream.behave({ fault: null });
    expect(await ann.whoami()).toBe('ann');
  });

  it('gives up when the server still refuses a minute later', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await upstream.behave({ fault: 401 });
    await ann.whoami();
    wait(61);
    await ann.whoami();
    await upstream.behave({ fault: null });

    expect(await ann.whoami()).toContain('Authentication required');
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(2);
  });

  it('asks for the account again when the provider refuses, and only once', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await provider.lose('revoke');
    wait(3_700);

    expect(await ann.whoami()).toContain('Authentication required');
    expect(await ann.whoami()).toContain('Authentication required');
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);

    await ann.account.connect(provider, 'ann');
    expect(await ann.whoami()).toBe('ann');
  });

  it('lets a refusal of an old token change nothing of what was connected meanwhile', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await provider.lose('revoke');
    wait(3_700);
    await provider.behave({ holds: true });
    const call = ann.whoami();
    await provider.sees('refresh_token');
    await provider.behave({ holds: false });
    await ann.account.connect(provider, 'ann again');
    await provider.release();

    expect(await call).toBe('ann again');
    expect((await ann.account.row())?.status).toBe('active');
  });

  it('lets what a refresh brings change nothing of what was connected meanwhile', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_700);
    await provider.behave({ holds: true });
    const call = ann.whoami();
    await provider.sees('refresh_token');
    await provider.behave({ holds: false });
    await ann.account.connect(provider, 'ann again');
    await provider.release();

    expect(await call).toBe('ann again');
    expect(await ann.whoami()).toBe('ann again');
  });

  it.each(['die', 429, 'html'])(
    'loses nothing while the provider fails (%s), and works when it is back',
    async (fault) => {
      const { provider, upstream } = await world();
      const ann = await Person.at(upstream);
      await ann.account.connect(provider, 'ann');
      wait(3_700);
      await provider.behave({ fault });
      shortWaits();

      const answer = await ann.whoami();
      vi.restoreAllMocks();
      const status = (await ann.account.row())?.status;
      await provider.behave({ fault: null });

      expect(answer).toMatch(/does not answer. Nothing is lost; try again/);
      expect(status).toBe('active');
      expect((await shown(upstream)).state).toBe('healthy');
      expect(await ann.whoami()).toBe('ann');
    },
  );

  it('goes on with a token that is about to expire while the provider fails', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_590);
    await provider.behave({ fault: 503 });
    shortWaits();

    expect(await ann.whoami()).toBe('ann');
  });

  it('tries a provider that fails for a moment again within the call', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_700);
    await provider.behave({ holds: true });
    const call = ann.whoami();
    await provider.sees('refresh_token');
    await provider.behave({ fault: 503, holds: false });
    await provider.behave({ fault: null });
    await provider.release();

    expect(await call).toBe('ann');
  });

  it('registers again, once, when the provider has forgotten the client that registered itself', async () => {
    const { provider, upstream } = await world();
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];
    await ann.account.connect(provider, 'ann');
    await bob.account.connect(provider, 'bob');
    await provider.lose('forget-clients');
    wait(3_700);

    const answers = [await ann.whoami(), await bob.whoami()];
    await ann.account.connect(provider, 'ann');

    expect(answers.every((text) => text.includes('Authentication required'))).toBe(true);
    expect(await provider.asked('register')).toHaveLength(2);
    expect(await ann.whoami()).toBe('ann');
  });

  it('sends a refresh token to no other origin than the one that issued it', async () => {
    const { provider, upstream } = await world();
    const other = await AuthorizationServer.start();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await env.DB.prepare(
      `UPDATE oauth_config SET provider = json_set(provider, '$.tokenEndpoint', ?2) WHERE server_id = ?1`,
    )
      .bind(upstream.id, `${other.issuer.replace('127.0.0.1', 'localhost')}/token`)
      .run();
    wait(3_700);

    expect(await ann.whoami()).toContain('Authentication required');
    expect(await other.asked()).toEqual([]);
  });

  it('keeps the refresh token of a provider that does not rotate, and does without where there is none', async () => {
    const steady = await world({ rotates: false });
    const ann = await Person.at(steady.upstream);
    await ann.account.connect(steady.provider, 'ann');
    wait(3_700);
    await ann.whoami();
    wait(3_700);
    expect(await ann.whoami()).toBe('ann');
    expect(await steady.provider.tokenRequests('refresh_token')).toHaveLength(2);

    const plain = await world({ issuesRefreshTokens: false });
    const bob = await Person.at(plain.upstream);
    await bob.account.connect(plain.provider, 'bob');
    wait(3_590);
    expect(await bob.whoami()).toBe('bob');
    wait(20);
    expect(await bob.whoami()).toContain('Authentication required');
  });
});

describe('ahead of time, by alarm (SECURITY 25)', () => {
  it('refreshes what is in use before it expires, and leaves alone what is not', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    expect(await ann.account.wakesAt()).toBeNull();
    await ann.whoami();
    const due = await ann.account.wakesAt();
    wait(3_400);

    await ann.account.wake();

    expect(due).toBeLessThan(Date.now() / 1000);
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(1);
    expect(await ann.account.wakesAt()).toBeNull(); // no one has asked since
    expect(await ann.whoami()).toBe('ann');
  });

  it('tries again later, and later still, while the provider fails', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await provider.behave({ fault: 503 });
    wait(3_400);
    shortWaits();
    const pauses: number[] = [];

    for (let round = 0; round < 2; round++) {
      await ann.account.wake();
      pauses.push(((await ann.account.wakesAt()) ?? 0) - Date.now() / 1000);
      wait(60);
    }

    expect(pauses[0]).toBeGreaterThan(2);
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0);
    expect((await ann.account.row())?.status).toBe('active');
  });

  it('tells lists that an account has ended, also when nobody asks', async () => {
    const { provider, upstream } = await world({ issuesRefreshTokens: false });
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_700);

    await ann.account.wake();

    await vi.waitFor(async () => expect((await ann.account.row())?.status).toBe('needs_reauth'));
  });

  it('leaves what a server that rests needs until somebody uses it again', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await upstream.change({ enabled: false });
    wait(3_400);

    await ann.account.wake();

    expect(await provider.tokenRequests('refresh_token')).toHaveLength(0);
    await upstream.change({ enabled: true });
    wait(300);
    expect(await ann.whoami()).toBe('ann');
  });

  it('ends the account at a server that is gone', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await env.DB.prepare('DELETE FROM server WHERE id = ?1').bind(upstream.id).run();
    wait(3_400);

    await ann.account.wake();

    expect(await ann.account.stored()).toEqual({});
    expect(await ann.account.row()).toBeNull();
  });
});

describe('the index follows the object (ARCHITECTURE)', () => {
  it('is told later when it does not answer, and nobody waits for it', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await env.DB.prepare('DELETE FROM credential WHERE owner = ?1').bind(ann.account.owner).run();
    await env.DB.prepare('ALTER TABLE credential RENAME TO away').run();
    wait(3_700);

    const answer = await ann.whoami();
    await env.DB.prepare('ALTER TABLE away RENAME TO credential').run();
    await ann.account.wake();

    expect(answer).toBe('ann');
    expect(await ann.account.row()).toMatchObject({ status: 'active', owner: ann.account.owner });
  });

  it('holds nothing secret, nor does the object in the clear (SECURITY 19)', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    wait(3_700);
    await ann.whoami();

    const kept = JSON.stringify([await ann.account.stored(), await ann.account.row()]);

    expect(kept).not.toMatch(/access-|refresh-/);
  });
});

describe('what must agree (CONTRACT §7, SECURITY 19)', () => {
  it('serves no account obtained before the server was configured otherwise', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await raiseCredentialGeneration(env.DB, upstream.id);
    await newKey(); // whose saving makes this isolate look again

    expect(await ann.whoami()).toContain('Authentication required');
    const server = await findServer(env.DB, upstream.id);
    const row = await ann.account.row();
    expect(server && row && statusAt(row, server)).toBe('needs_reauth');
    expect(await provider.tokenRequests('refresh_token')).toEqual([]);
  });

  it('asks for an account again that was moved from elsewhere, or whose key is lost, without failing', async () => {
    const { provider, upstream } = await world();
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];
    await ann.account.connect(provider, 'ann');
    await bob.account.connect(provider, 'bob');
    const { state } = (await ann.account.stored()) as { state: { sealed: string } };
    await bob.account.tamper(() => ({ sealed: state.sealed }));
    await ann.account.tamper(({ sealed }) => ({ sealed: sealed.replace(/^[^.]+/, 'AAAAAAAA') }));

    expect(await bob.whoami()).toContain('Authentication required');
    expect(await ann.whoami()).toContain('Authentication required');
    await vi.waitFor(async () => expect((await ann.account.row())?.status).toBe('unreadable'));

    await ann.account.tamper(() => ({ sealed: state.sealed }));
    expect(await ann.whoami()).toBe('ann');
    await vi.waitFor(async () => expect((await ann.account.row())?.status).toBe('active'));
  });

  it('seals anew what an older key sealed, when it is opened', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    const before = (await ann.account.stored()) as { state: { sealed: string; version: string } };
    const server = await findServer(env.DB, upstream.id);

    const held = await ann.account.inside(async (object) => {
      const inner = object as unknown as { env: { ENCRYPTION_KEY: string } };
      const { ENCRYPTION_KEY } = inner.env;
      inner.env = {
        ...inner.env,
        ENCRYPTION_KEY: `${btoa('another key of 32 bytes to seal.').replace('=', '')},${ENCRYPTION_KEY}`,
      };
      return server && object.held(termsAt(server, ann.account.owner, ISSUER));
    });

    const after = (await ann.account.stored()) as typeof before;
    expect(held).toMatchObject({ ok: true, version: before.state.version });
    expect(after.state.sealed.split('.')[0]).not.toBe(before.state.sealed.split('.')[0]);
  });
});

describe('sessions of the 2025 era', () => {
  it('do not outlive the account they were begun with', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await ann.whoami();
    await ann.whoami();
    const begun = (await upstream.seen('initialize')).length;
    await ann.account.connect(provider, 'ann');

    await ann.whoami();

    expect(await upstream.seen('initialize')).toHaveLength(begun + 1);
  });

  it('are not shared by two accounts of one caller while the first is still answered', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    const held = ann.caller.call('held_whoami');
    const [first] = await upstream.sees('tools/call');
    await ann.account.connect(provider, 'ann again');
    await ann.whoami();
    await upstream.release();
    await held;

    const second = (await upstream.seen('tools/call')).at(-1);
    expect(second?.headers['mcp-session-id']).not.toBe(first?.headers['mcp-session-id']);
  });
});

describe('the account of the gateway', () => {
  it('serves everybody at a server with one account for all', async () => {
    const { provider, upstream, gateway } = await world({}, {}, 'oauth');
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];

    expect(await ann.whoami()).toBe('the administrator');
    await provider.lose('revoke');
    expect(await bob.whoami()).toMatch(/has to be connected again.*administrator/);
    expect((await shown(upstream)).state).toBe('needs_reauth');

    await gateway.connect(provider, 'another administrator');
    expect(await bob.whoami()).toBe('another administrator');
    await vi.waitFor(async () => expect((await shown(upstream)).state).toBe('healthy'));
  });

  it('is lost by nobody’s call: what one caller meets is not held against it', async () => {
    const { upstream, gateway } = await world({ issuesRefreshTokens: false }, {}, 'oauth');
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];
    await upstream.behave({ fault: 401 });
    const during = await ann.whoami();
    const status = (await gateway.row())?.status;
    wait(61);
    await ann.whoami();
    await upstream.behave({ fault: null });

    expect(during).toContain('has to be connected again');
    expect(status).toBe('active');
    expect(await bob.whoami()).toBe('the administrator');
  });

  it('needs nobody when the server refuses it soon after a refresh; a minute later it does', async () => {
    const { provider, upstream } = await world({}, {}, 'oauth');
    const ann = await Person.at(upstream);
    await upstream.behave({ fault: 401 });
    const first = [await ann.whoami(), await ann.whoami()];
    const stateThen = (await shown(upstream)).state;
    await upstream.behave({ fault: null });
    const well = await ann.whoami();
    await upstream.behave({ fault: 401 });
    wait(61);
    const last = await ann.whoami();

    for (const words of first)
      expect(words).toContain('does not accept credentials that were renewed just now');
    expect(stateThen).toBe('healthy');
    expect(well).toBe('the administrator');
    expect(last).toContain('has to be connected again');
    await vi.waitFor(async () => expect((await shown(upstream)).state).toBe('needs_reauth'));
    expect(await provider.tokenRequests('refresh_token')).toHaveLength(2);
  });

  it('only lists where everyone has their own; when it ends the list stays and people go on', async () => {
    const { provider, upstream, gateway } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    await gateway.tamper(() => ({ status: 'needs_reauth' }));
    const refreshed = await admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);

    expect(refreshed.status).not.toBe(200);
    expect(await ann.whoami()).toBe('ann');
    const server = await shown(upstream);
    expect(server).toMatchObject({
      state: 'needs_reauth',
      tools: [{ name: 'whoami' }, { name: 'held_whoami' }],
    });
    expect(server.last_failure?.message).toContain('the account it is asked with has to be connected again');
  });
});

describe('header values of everyone’s own (CONTRACT §7)', () => {
  /** A server that wants two headers, one of them from everybody. */
  async function headerWorld(keys = ['x-key']) {
    const upstream = await Upstream.start(['whoami'], {
      demandsHeaders: ['x-common', 'x-key'],
      registration: {
        auth_type: 'per_user_headers',
        per_user_header_keys: keys,
        headers: { 'x-common': 'for all', 'X-Key': 'of the administrator' },
        user_headers: { 'x-key': 'to list with' },
      },
    });
    await markVerified(env.DB, upstream.id);
    const enter = async ({ account: { owner } }: Person, values: Record<string, string>) => {
      const server = await findServer(env.DB, upstream.id);
      if (!server) throw new Error('there is no such server');
      return connectionOf(env, owner, server.id).saveHeaders(termsAt(server, owner, ISSUER), values);
    };
    await enter({ account: new Account(upstream.id, 'gateway') } as Person, { 'x-key': 'to list with' });
    await admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    return { upstream, enter };
  }

  it('are sent beside those of the administrator, and in their stead where the name is the same', async () => {
    const { upstream, enter } = await headerWorld();
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];
    await enter(ann, { 'X-KEY': 'of ann', 'x-unwanted': 'dropped' });

    expect(await ann.whoami()).toBe('for all of ann');
    expect((await upstream.seen('tools/call')).at(-1)?.headers).not.toHaveProperty('x-unwanted');
    expect(await bob.whoami()).toContain('Authentication required');
  });

  it('are sent as they are: variables of the Worker are not read for people', async () => {
    const { upstream, enter } = await headerWorld();
    const ann = await Person.at(upstream);
    await enter(ann, { 'x-key': 'env.ADMIN_TOKEN' });

    expect(await ann.whoami()).toBe('for all env.ADMIN_TOKEN');
  });

  it.each(['a person', 'the gateway'])('outlive a refusal by the server that passes (%s)', async (whose) => {
    const { upstream, enter } = await headerWorld();
    const ann = await Person.at(upstream);
    await enter(ann, { 'x-key': 'of ann' });
    const list = () => admin('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const use = async () => (whose === 'a person' ? await ann.whoami() : (await list()).status);
    const before = await use();
    await upstream.behave({ fault: 401 });
    const during = await use();
    const account = whose === 'a person' ? ann.account : new Account(upstream.id, 'gateway');
    await vi.waitFor(async () => expect((await account.row())?.status).toBe('needs_reauth'));
    await upstream.behave({ fault: null });

    expect(during).not.toBe(before);
    expect(await use()).toBe(before);
    wait(601);
    await account.wake();
    expect((await account.row())?.status).toBe('active');
  });

  it('have to be entered again once the server refuses them', async () => {
    const { upstream, enter } = await headerWorld();
    const ann = await Person.at(upstream);
    await enter(ann, { 'x-key': 'wrong' });

    expect(await ann.whoami()).toContain('Authentication required');
    expect((await ann.account.row())?.status).toBe('needs_reauth');

    await enter(ann, { 'x-key': 'right' });
    expect(await ann.whoami()).toBe('for all right');
  });

  it('are asked for where a new name is wanted, and kept where the name still matches', async () => {
    const { upstream, enter } = await headerWorld();
    const ann = await Person.at(upstream);
    await enter(ann, { 'x-key': 'of ann' });
    await upstream.change({ per_user_header_keys: ['x-key', 'x-more'] });
    const server = await findServer(env.DB, upstream.id);
    if (!server) throw new Error('there is no such server');
    const { owner } = ann.account;
    const connection = connectionOf(env, owner, server.id);
    const terms = termsAt(server, owner, ISSUER);

    expect(await ann.whoami()).toContain('Authentication required');
    const row = await ann.account.row();
    expect(row && statusAt(row, server)).toBe('needs_update');
    expect(await connection.keptHeaders(terms)).toEqual({ 'x-key': 'of ann' });
    expect(await connection.saveHeaders(terms, { 'x-key': 'of ann' })).toEqual({
      ok: false,
      missing: ['x-more'],
    });

    await enter(ann, { 'x-key': 'of ann', 'x-more': 'more' });
    expect(await ann.whoami()).toBe('for all of ann');
    expect((await upstream.seen('tools/call')).at(-1)?.headers['x-more']).toBe('more');
  });
});

describe('ending an account', () => {
  it('tells its provider (RFC 7009), and leaves nothing here', async () => {
    const { provider, upstream } = await world();
    const ann = await Person.at(upstream);
    await ann.account.connect(provider, 'ann');
    const { owner, serverId } = ann.account;
    await ann.whoami();

    expect(await connectionOf(env, owner, serverId).disconnect({ owner, serverId })).toBe(true);

    expect((await provider.asked('revoke'))[0]?.form.token).toMatch(/^refresh-/);
    expect(await ann.account.stored()).toEqual({});
    expect(await ann.account.row()).toBeNull();
    expect(await ann.account.wakesAt()).toBeNull();
    expect(await ann.whoami()).toContain('Authentication required');
    expect(await connectionOf(env, owner, serverId).disconnect({ owner, serverId })).toBe(false);
  });

  it('does so while its provider fails, and while a refresh is under way: what comes of that is not kept', async () => {
    const { provider, upstream } = await world();
    const [ann, bob] = [await Person.at(upstream), await Person.at(upstream)];
    for (const one of [ann, bob]) await one.account.connect(provider, 'somebody');
    wait(3_700);
    await provider.behave({ holds: true });
    const call = ann.whoami();
    await provider.sees('refresh_token');
    await provider.behave({ holds: false, fault: 503 });
    const place = { owner: ann.account.owner, serverId: upstream.id };
    await connectionOf(env, place.owner, place.serverId).disconnect(place);
    await provider.behave({ fault: null });
    await provider.release();

    expect(await call).toContain('Authentication required');
    await vi.waitFor(async () => expect(await provider.asked('revoke')).toHaveLength(2));
    expect(await ann.account.stored()).toEqual({});

    await provider.behave({ fault: 'die' });
    await connectionOf(env, bob.account.owner, upstream.id).disconnect({
      ...place,
      owner: bob.account.owner,
    });
    expect(await bob.account.stored()).toEqual({});
  });

  it('ends all of an identity, and all at a server', async () => {
    const [one, two] = [await world(), await world()];
    const ann = await Person.at(one.upstream);
    const elsewhere = new Account(two.upstream.id, ann.account.owner);
    const bob = await Person.at(two.upstream);
    await ann.account.connect(one.provider, 'ann');
    await elsewhere.connect(two.provider, 'ann');
    await bob.account.connect(two.provider, 'bob');

    await deleteCredentialsOf(env, ann.account.owner as `vk:${string}`);
    expect(await Promise.all([ann.account.stored(), elsewhere.stored()])).toEqual([{}, {}]);
    expect(await bob.whoami()).toBe('bob');

    await deleteCredentialsAt(env, two.upstream.id);
    expect(await Promise.all([bob.account.stored(), two.gateway.stored()])).toEqual([{}, {}]);
    expect(await bob.account.row()).toBeNull();
  });
});
