import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deleteCredentialsOf } from '../../src/accounts/credentials';
import { Account } from '../support/account';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { admin, administer, configure, newKey } from '../support/gate';
import { Provider, personOf } from '../support/provider';
import { addressOf, Upstream } from '../support/upstream';

afterEach(() => vi.useRealTimers());

const CLIENT = { client_id: 'exchanger', client_secret: 'the-secret-of-exchanges' };

/** Where people sign in, a server whose tokens are had by exchange, and who exchanges them. */
async function world() {
  const provider = await Provider.start();
  const exchanger = await AuthorizationServer.start({ clients: [CLIENT], lifetime: 600 });
  const name = `reports_${crypto.randomUUID().slice(0, 8)}`;
  const upstream = await Upstream.start(['whoami'], {
    demands: { issuer: exchanger.issuer },
    registration: {
      name,
      auth_type: 'token_exchange',
      tool_sync_interval: 10_080,
      token_exchange: { audience: addressOf(name), ...CLIENT, authorization_server_url: exchanger.issuer },
    },
  });
  return { provider, exchanger, upstream };
}

type Shown = { client: { state: string; last_failure: unknown } };
type Tokens = { access_token: string; expires_in?: number; refresh_token?: string };

/** Signs someone in at `provider`, which issues `tokens`. */
async function signIn(provider: Provider, email: string, tokens: Tokens): Promise<string> {
  await provider.signIn(new Browser(), email, { tokens });
  return (await personOf(email)).id;
}

/** Someone who signed in, calling by a key of theirs. */
async function personAt(provider: Provider, upstream: Upstream, tokens: Tokens) {
  const id = await signIn(provider, `${crypto.randomUUID().slice(0, 8)}@acme.example`, tokens);
  const { virtual_key } = await admin<{ virtual_key: { id: string; value: string } }>(
    'POST',
    '/governance/virtual-keys',
    {
      name: `of ${id}`,
      owner_user_id: id,
    },
  );
  const caller = new McpCaller({ 'x-bf-vk': virtual_key.value }, '2025', `/mcp/${upstream.slug}`);
  return { id, keyId: virtual_key.id, caller, whoami: () => whoami(caller) };
}

async function whoami(caller: McpCaller): Promise<string> {
  const { body } = await caller.call('whoami');
  return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
}

const exchanges = async (exchanger: AuthorizationServer) =>
  (await exchanger.asked('token')).map(({ form }) => form.subject_token);

describe('token_exchange: everyone acts by their own sign-in (CONTRACT §7)', () => {
  it('exchanges the token of the sign-in once, until shortly before the end of what it got', async () => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    const bob = await personAt(provider, upstream, { access_token: 'bob', expires_in: 3600 });

    expect([await ada.whoami(), await bob.whoami(), await ada.whoami()]).toEqual(['ada', 'bob', 'ada']);
    expect(await exchanges(exchanger)).toEqual(['ada', 'bob']);

    wait(580);
    expect(await ada.whoami()).toBe('ada');
    expect(await exchanges(exchanger)).toEqual(['ada', 'bob', 'ada']);
  });

  it.each([[403, 'does not let your account do this']])(
    'lists for the next person when a server refuses one by %s, and says so to that one alone',
    async (status, words) => {
      const { provider, upstream } = await world();
      const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
      const bob = await personAt(provider, upstream, { access_token: 'bob', expires_in: 3600 });
      const listed = async ({ caller }: typeof ada) =>
        (await caller.ask('tools/list')).body.result as Record<string, unknown>;
      const before = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);
      await upstream.behave({ lists: { 'tools/list': [String(status)] } });
      const first = [await listed(ada), await listed(ada)];
      const asked = await upstream.seen('tools/list');
      const { client } = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);
      await upstream.behave({ lists: {} });
      const second = await listed(bob);

      const missing = [{ server: upstream.name, message: expect.stringContaining(words) }];
      expect(first.map(({ _meta }) => _meta)).toEqual([
        { 'toolgate/unavailable': missing },
        { 'toolgate/unavailable': missing },
      ]);
      expect(asked).toHaveLength(1);
      expect(client).toEqual(before.client);
      expect(second.tools).toMatchObject([{ name: 'whoami' }]);
      expect(second._meta).toBeUndefined();
    },
  );

  it('tells an administrator what is wrong for everyone: an address without an MCP endpoint', async () => {
    const { provider, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await upstream.behave({ lists: { 'tools/list': ['404'] } });
    await ada.caller.ask('tools/list');

    const { client } = await administer<Shown>('GET', `/mcp/client/${upstream.id}`);

    expect(client.last_failure).not.toBeNull();
  });

  it('exchanges once for calls that come side by side', async () => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.whoami();
    wait(600);

    const answers = await Promise.all(Array.from({ length: 10 }, ada.whoami));

    expect(new Set(answers)).toEqual(new Set(['ada']));
    expect(await exchanges(exchanger)).toHaveLength(2);
  });

  it.each([400, 401])('sends nobody to sign in again for a %s that says nothing', async (fault) => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.whoami();
    wait(600);
    await exchanger.behave({ fault });

    expect(await ada.whoami()).not.toContain('subject_token_missing');
  });

  it('refreshes the sign-in at the identity provider when its token has expired', async () => {
    const { provider, exchanger, upstream } = await world();
    const tokens = { access_token: 'ada', expires_in: 300, refresh_token: 'again' };
    const ada = await personAt(provider, upstream, tokens);
    await ada.whoami();
    wait(700);

    expect(await ada.whoami()).toBe('ada-again');
    expect(await exchanges(exchanger)).toEqual(['ada', 'ada-again']);
  });

  it('asks for another sign-in when there is nothing to refresh, or the provider refuses', async () => {
    const { provider, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 300 });
    const bob = await personAt(provider, upstream, {
      access_token: 'bob',
      expires_in: 300,
      refresh_token: 'x',
    });
    await Promise.all([ada.whoami(), bob.whoami()]);
    await provider.behave({ refusesRefresh: 'invalid_grant' });
    wait(601);

    expect(await ada.whoami()).toContain('subject_token_missing');
    expect(await bob.whoami()).toContain('subject_token_missing');
  });

  it.each([
    ['its own word for a fault', { refusesRefresh: 'temporarily_unavailable' }],
    ['another word for one', { refusesRefresh: 'server_error' }],
    ['something in front of it', { fault: 403 }],
    ['a bare 401', { fault: 401 }],
  ])('keeps the sign-in through what passes: %s', async (_, behaviour) => {
    const { provider, upstream } = await world();
    const tokens = { access_token: 'ada', expires_in: 300, refresh_token: 'again' };
    const ada = await personAt(provider, upstream, tokens);
    await ada.whoami();
    wait(700);
    await provider.behave(behaviour);
    const during = await ada.whoami();
    await provider.behave({ refusesRefresh: null, fault: null });

    expect(during).toContain('Nothing is lost; try again');
    expect(await ada.whoami()).toBe('ada-again');
  });

  it('answers whoever did not sign in subject_token_missing, and sends nothing', async () => {
    const { upstream, exchanger } = await world();
    const key = await newKey();
    const caller = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    await env.DB.prepare("UPDATE server SET listed_at = 1, listing_stamp = 'x' WHERE id = ?1")
      .bind(upstream.id)
      .run();
    await env.DB.prepare("INSERT INTO listing VALUES (?1, 'tool', 0, ?2)")
      .bind(upstream.id, '{"name":"whoami","inputSchema":{"type":"object"}}')
      .run();
    await newKey(); // whose saving makes this isolate look again

    expect(await whoami(caller)).toContain('subject_token_missing');
    expect(await upstream.seen()).toEqual([]);
    expect(await exchanger.asked('token')).toEqual([]);
  });

  it('exchanges again, once, when the server refuses what it got', async () => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.whoami();
    await exchanger.lose('expire');

    expect(await ada.whoami()).toBe('ada');
    expect(await exchanges(exchanger)).toHaveLength(2);

    await upstream.behave({ fault: 401 });
    expect(await ada.whoami()).toContain('does not accept what the identity provider issued for you');
    expect(await exchanges(exchanger)).toHaveLength(3);
    const { client } = await admin<{ client: { state: string } }>('GET', `/mcp/client/${upstream.id}`);
    expect(client.state).toBe('healthy');
  });

  it.each([
    ['invalid_grant', 'subject_token_missing'],
    ['invalid_target', 'An administrator of this gateway has to see to it'],
  ])('tells whose turn it is when the exchange is refused (%s)', async (refuses, words) => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.whoami();
    wait(600);
    await exchanger.behave({ refuses });

    expect(await ada.whoami()).toContain(words);
  });

  it('loses nothing while the authorization server fails', async () => {
    const { provider, exchanger, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.whoami();
    wait(600);
    await exchanger.behave({ fault: 503 });
    const answer = await ada.whoami();
    await exchanger.behave({ fault: null });

    expect(answer).toContain('Nothing is lost; try again');
    expect(await ada.whoami()).toBe('ada');
  });
});

describe('what was exchanged serves while the sign-in stands', () => {
  it('and not after a block, nor while there is another provider to sign in with', async () => {
    const { provider, exchanger, upstream } = await world();
    await exchanger.behave({ lifetime: 36_000 });
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    const before = await ada.whoami();
    await Provider.start();
    const during = await ada.whoami();
    await configure({ oidc: { issuer: provider.issuer } });
    const again = await ada.whoami();
    await admin('PUT', `/users/${ada.id}`, { is_active: false });
    await admin('PUT', `/users/${ada.id}`, { is_active: true });
    await admin('PUT', `/governance/virtual-keys/${ada.keyId}`, { is_active: true });

    expect([before, again]).toEqual(['ada', 'ada']);
    expect(during).toContain('is suspended');
    expect(await ada.whoami()).toContain('subject_token_missing');
  });
});

describe('what is listed with the account of whoever asks', () => {
  it('is tools alone: what else they may see is nobody else’s', async () => {
    const { provider, upstream } = await world();
    await upstream.behave({ resources: [{ uri: 'file:///private', name: 'private' }] });
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 });
    await ada.caller.toolNames();

    const kinds = await env.DB.prepare('SELECT DISTINCT kind FROM listing WHERE server_id = ?1')
      .bind(upstream.id)
      .all();

    expect(kinds.results).toEqual([{ kind: 'tool' }]);
  });

  it('is listed anew for whoever has one, though somebody without asked first', async () => {
    const { provider, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'ada', expires_in: 86_400 });
    await ada.caller.toolNames();
    await upstream.change({ tool_sync_interval: 10 });
    await ada.caller.toolNames();
    const listings = (await upstream.seen('tools/list')).length;
    wait(660);
    await (await McpCaller.withKey()).toolNames();
    await ada.caller.toolNames();

    await vi.waitFor(async () =>
      expect((await upstream.seen('tools/list')).length).toBeGreaterThan(listings),
    );
  });
});

describe('what is kept of a sign-in', () => {
  it('is its tokens, sealed, while a server wants them, and no list shows them', async () => {
    const { provider, upstream } = await world();
    const ada = await personAt(provider, upstream, { access_token: 'the-token-of-ada', expires_in: 3600 });
    await ada.whoami();

    const stored = await new Account('sign-in', `user:${ada.id}`).stored();
    const { results } = await env.DB.prepare('SELECT * FROM credential').all();

    expect(stored).toHaveProperty('state');
    expect(JSON.stringify(stored)).not.toContain('the-token-of-ada');
    expect(results).toEqual([]);
  });

  it('is nothing where no server wants it, and no refresh token is asked for', async () => {
    await env.DB.prepare("DELETE FROM server WHERE auth_type = 'token_exchange'").run();
    const provider = await Provider.start();
    await provider.behave({ metadata: { scopes_supported: ['openid', 'offline_access'] } });
    const browser = new Browser();
    await browser.open('/oauth/sign-in?return_to=/health');

    expect(browser.callback?.searchParams.get('scope')).not.toContain('offline_access');
    await provider.approve(browser, 'nobody@acme.example', {});
    const { id } = await personOf('nobody@acme.example');
    expect(await new Account('sign-in', `user:${id}`).stored()).toEqual({});
  });

  it('can be refreshed, where the provider has a scope for that', async () => {
    const { provider } = await world();
    const browser = new Browser();
    await browser.open('/oauth/sign-in?return_to=/health');
    const without = browser.callback?.searchParams.get('scope');
    const other = await Provider.start();
    await other.behave({ metadata: { scopes_supported: ['openid', 'offline_access'] } });
    await browser.open('/oauth/sign-in?return_to=/health');

    expect(without).toBe('openid email profile');
    expect(browser.callback?.searchParams.get('scope')).toBe('openid email profile offline_access');
    expect(provider.issuer).not.toBe(other.issuer);
  });

  it('ends with a block', async () => {
    const { provider, upstream } = await world();
    const [ada, eve] = [
      await personAt(provider, upstream, { access_token: 'ada', expires_in: 3600 }),
      await personAt(provider, upstream, { access_token: 'eve', expires_in: 3600 }),
    ];
    await ada.whoami();
    await deleteCredentialsOf(env, `user:${ada.id}`);
    // Blocked and let in again, while what she had could not be reached.
    await env.DB.prepare('UPDATE person SET generation = generation + 1 WHERE id = ?1').bind(eve.id).run();

    expect(await new Account('sign-in', `user:${ada.id}`).stored()).toEqual({});
    expect(await eve.whoami()).toContain('subject_token_missing');
  });
});
