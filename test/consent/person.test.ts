import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { as, Provider, personOf, sessionOf } from '../support/provider';
import { Upstream } from '../support/upstream';

let provider: Provider;
let open: Upstream;
let own: Upstream;
let shared: Upstream;
let keyed: Upstream;
beforeAll(async () => {
  provider = await Provider.start();
  open = await Upstream.start(['a', 'b']);
  const closed = { registration: { allow_on_all_virtual_keys: false } };
  [own, shared, keyed] = await Promise.all([
    Upstream.start(['a', 'b'], closed),
    Upstream.start(['a'], closed),
    Upstream.start(['a'], closed),
  ]);
  await configure({ default_user_access: [{ mcp_client_name: shared.name, tools_to_execute: ['*'] }] });
});
afterEach(() => vi.useRealTimers());

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

type Changes = Parameters<Provider['approve']>[2];

/** A flow in `browser` whose person chose "Sign in" and came back as `email`. */
async function signInAtConsent(
  browser: Browser,
  client: McpClient,
  email: string,
  changes?: Changes,
): Promise<Page> {
  const first = shown(await browser.open(await client.authorizeUrl()));
  const another = first.html.includes('name="remembered"')
    ? shown(await browser.open(`${first.url}&use=another`))
    : first;
  await browser.submit(another, { identity: 'user', decision: 'continue' });
  return shown(await provider.approve(browser, email, changes));
}

/** What `email` allowed a fresh client: everything, now and later, until withdrawn. */
async function grantOf(email: string, browser = new Browser()) {
  const client = await McpClient.register();
  const services = await signInAtConsent(browser, client, email);
  await browser.submit(services, { services: null, expires_in: '0', decision: 'allow' });
  const code = browser.callback?.searchParams.get('code') ?? '';
  const { body } = await client.redeem(code);
  const caller = new McpCaller({ authorization: `Bearer ${body.access_token}` });
  return { client, browser, tokens: body, caller };
}

async function keyFor(ownerUserId: string | null, servers: Upstream[] = []) {
  const { virtual_key } = await admin<{ virtual_key: { id: string; value: string } }>(
    'POST',
    '/governance/virtual-keys',
    {
      name: `key ${crypto.randomUUID()}`,
      owner_user_id: ownerUserId,
      mcp_configs: servers.map(({ name }) => ({ mcp_client_name: name, tools_to_execute: ['*'] })),
    },
  );
  return virtual_key;
}

const subjectOf = (token: string) =>
  JSON.parse(atob(token.split('.')[1]?.replace(/-/g, '+').replace(/_/g, '/') ?? '')).sub;
const serversIn = async (caller: McpCaller) =>
  [...new Set((await caller.toolNames()).map((name) => name.split('-')[0]))].sort();

describe('consent as a person (CONTRACT §4)', () => {
  it('offers "Sign in", goes through the provider and comes back to the same flow', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const first = shown(await browser.open(await client.authorizeUrl()));

    await browser.submit(first, { identity: 'user', decision: 'continue' });
    const asked = browser.callback;
    const services = shown(await provider.approve(browser, 'ada@acme.example'));

    expect(first.html).toContain(`Sign in with ${new URL(provider.issuer).host}</button>`);
    expect(asked?.pathname).toMatch(/\/authorize$/);
    expect(services.url).toBe(first.url);
    expect(services.html).toContain('It acts as <b>ada</b>');
  });

  it('binds the grant to the person, who may use their own list, the default, and what their keys may', async () => {
    const { caller, tokens } = await grantOf('bea@acme.example');
    const { id } = await personOf('bea@acme.example');
    const before = await serversIn(caller);
    await admin('PUT', `/users/${id}`, {
      mcp_configs: [{ mcp_client_name: own.name, tools_to_execute: ['a'] }],
    });
    await keyFor(id, [keyed]);
    const after = await caller.toolNames();

    expect(subjectOf(tokens.access_token)).toBe(`user:${id}`);
    expect(before).toEqual([open.name, shared.name].sort());
    expect([...after].sort()).toEqual(
      [`${open.name}-a`, `${open.name}-b`, `${shared.name}-a`, `${own.name}-a`, `${keyed.name}-a`].sort(),
    );
  });

  it("a key that narrows an open server narrows itself, not its owner's own access", async () => {
    const { caller } = await grantOf('cyd@acme.example');
    const { id } = await personOf('cyd@acme.example');
    const { id: keyId } = await keyFor(id);
    await admin('PUT', `/governance/virtual-keys/${keyId}`, {
      mcp_configs: [{ mcp_client_name: open.name, tools_to_execute: ['a'] }],
    });

    expect(await caller.toolNames()).toContain(`${open.name}-b`);
  });

  it('follows a server to its new name, and forgets one that is gone', async () => {
    const server = await Upstream.start(['a'], { registration: { allow_on_all_virtual_keys: false } });
    const { caller } = await grantOf('dee@acme.example');
    const { id } = await personOf('dee@acme.example');
    await admin('PUT', `/users/${id}`, {
      mcp_configs: [{ mcp_client_name: server.name, tools_to_execute: ['*'] }],
    });
    const entry = { mcp_client_name: shared.name, tools_to_execute: ['*'] };
    await configure({ default_user_access: [entry, { ...entry, mcp_client_name: server.name }] });
    await server.change({ name: `${server.name}_new` });
    const renamed = await serversIn(caller);
    const config = await admin('GET', '/config');
    await admin('DELETE', `/mcp/client/${server.id}`);

    expect(renamed).toContain(`${server.name}_new`);
    expect(config).toMatchObject({ default_user_access: [entry, { mcp_client_name: `${server.name}_new` }] });
    expect(await admin('GET', `/users/${id}`)).toMatchObject({ user: { mcp_configs: [] } });
    expect(await admin('GET', '/config')).toMatchObject({ default_user_access: [entry] });
  });

  it('remembers who the person is, for the next app too, and asks for approval again', async () => {
    const { browser } = await grantOf('eve@acme.example');
    const client = await McpClient.register();

    const page = shown(await browser.open(await client.authorizeUrl()));
    const services = shown(await browser.submit(page, { decision: 'continue' }));

    expect(page.html).toContain('Continue as eve');
    expect(services.html).toContain('What can Test client use?');
    expect(services.html).toContain('It acts as <b>eve</b>');
  });

  it('offers to go on as whoever this browser is signed in as', async () => {
    const browser = new Browser();
    await provider.signIn(browser, 'fay@acme.example');
    const client = await McpClient.register();

    expect((await browser.open(await client.authorizeUrl()))?.html).toContain('Continue as fay');
  });

  it('takes nobody for signed in who came back without it', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const first = shown(await browser.open(await client.authorizeUrl()));
    await browser.submit(first, { identity: 'user', decision: 'continue' });
    const refused = shown(await provider.approve(browser, 'gus@evil.example'));

    const back = shown(await browser.open(first.url));

    expect(refused.status).toBe(403);
    expect(refused.html).toContain('/oauth/consent?flow_id=');
    expect(back.html).toContain('Sign in with');
  });

  it('does not go on as whoever was signed in before, when the new sign-in was given up', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const browser = new Browser();
    await provider.signIn(browser, 'old@acme.example');
    vi.setSystemTime(Date.now() + 5_000);
    const client = await McpClient.register();
    const first = shown(await browser.open(await client.authorizeUrl()));
    const another = shown(await browser.open(`${first.url}&use=another`));
    await browser.submit(another, { identity: 'user', decision: 'continue' });

    const back = shown(await browser.open(first.url));

    expect(back.html).not.toContain('What can');
  });

  it('takes no one at their word', async () => {
    const { id } = await (async () => {
      await provider.signIn(new Browser(), 'hal@acme.example');
      return personOf('hal@acme.example');
    })();
    const client = await McpClient.register();
    const browser = new Browser();
    const first = shown(await browser.open(await client.authorizeUrl()));

    await browser.submit(first, {
      identity: 'user',
      user: id,
      subject: `user:${id}`,
      remembered: 'on',
      decision: 'continue',
    });

    expect(browser.callback).toBeNull();
    expect((await browser.open(first.url))?.html).toContain('Sign in with');
  });

  it('offers no sign-in where there is no provider', async () => {
    await configure({ oidc: { issuer: null } });
    const client = await McpClient.register();
    const browser = new Browser();
    const page = shown(await browser.open(await client.authorizeUrl()));
    const posted = shown(await browser.submit(page, { identity: 'user', decision: 'continue' }));
    provider = await Provider.start();

    expect(page.html).not.toContain('Sign in');
    expect(posted.html).toContain('Choose how to continue.');
  });
});

describe('a key that has an owner (CONTRACT §4)', () => {
  const present = async (browser: Browser, value: string) => {
    const client = await McpClient.register();
    const first = shown(await browser.open(await client.authorizeUrl()));
    const form = first.html.includes('name="remembered"')
      ? shown(await browser.open(`${first.url}&use=another`))
      : first;
    return browser.submit(form, { identity: 'virtual_key', virtual_key: value, decision: 'continue' });
  };

  it('stands for its owner, who signs in first', async () => {
    await provider.signIn(new Browser(), 'ida@acme.example');
    const key = await keyFor((await personOf('ida@acme.example')).id);
    const browser = new Browser();

    await present(browser, key.value);
    const services = shown(await provider.approve(browser, 'ida@acme.example'));

    expect(services.html).toContain('It acts as <b>ida</b>');
  });

  it('stands for its owner at once who is signed in already', async () => {
    const browser = new Browser();
    await provider.signIn(browser, 'jan@acme.example');
    const key = await keyFor((await personOf('jan@acme.example')).id);

    expect(shown(await present(browser, key.value)).html).toContain('It acts as <b>jan</b>');
  });

  it('stands for nobody else', async () => {
    await provider.signIn(new Browser(), 'kim@acme.example');
    const key = await keyFor((await personOf('kim@acme.example')).id);
    const browser = new Browser();
    await provider.signIn(browser, 'lou@acme.example');

    await present(browser, key.value);
    const page = shown(await provider.approve(browser, 'lou@acme.example'));

    expect(page.html).toContain('doesn’t belong to lou');
    expect(page.html).not.toContain('What can');
  });
});

describe('ending what a person may do (CONTRACT §§5, 8)', () => {
  it.each(['block', 'delete'] as const)('%s: ends grants, browsers and owned keys, at once', async (act) => {
    const email = `${act}@acme.example`;
    const { client, browser, tokens, caller } = await grantOf(email);
    const { id } = await personOf(email);
    const key = await keyFor(id);
    const allowed = (await caller.ask('tools/list')).status;

    if (act === 'block') await admin('PUT', `/users/${id}`, { is_active: false });
    else await admin('DELETE', `/users/${id}`);

    expect(allowed).toBe(200);
    expect((await caller.ask('tools/list')).status).toBe(401);
    expect((await new McpCaller({ 'x-bf-vk': key.value }).ask('tools/list')).status).toBe(403);
    expect(await sessionOf(browser)).toBeNull();
    expect(await client.refresh(tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const next = shown(await browser.open(await (await McpClient.register()).authorizeUrl()));
    expect(next.html).not.toContain('Continue as');
  });

  it('a blocked person stays blocked when signing in again, and gets nothing back but what they do anew', async () => {
    const { client, tokens, caller, browser } = await grantOf('max@acme.example');
    const { id } = await personOf('max@acme.example');
    await admin('PUT', `/users/${id}`, { is_active: false });

    const refused = await provider.signIn(new Browser(), 'max@acme.example');
    await admin('PUT', `/users/${id}`, { is_active: true });

    expect(refused?.status).toBe(403);
    expect(refused?.html).toContain('You’re blocked here');
    expect((await caller.ask('tools/list')).status).toBe(401);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(400);
    expect(await sessionOf(browser)).toBeNull();
    expect((await (await grantOf('max@acme.example')).caller.ask('tools/list')).status).toBe(200);
  });

  it('a deleted person who signs in again is somebody new', async () => {
    await provider.signIn(new Browser(), 'ned@acme.example');
    const before = await personOf('ned@acme.example');
    await admin('DELETE', `/users/${before.id}`);
    await provider.signIn(new Browser(), 'ned@acme.example');

    expect((await personOf('ned@acme.example')).id).not.toBe(before.id);
    expect(await admin('GET', `/users/${before.id}`)).toMatchObject({ status: 404 });
  });

  it('keeps what was chosen while its person signs in again, and for no one else', async () => {
    const browser = new Browser();
    const client = await McpClient.register();
    const services = await signInAtConsent(browser, client, 'lia@acme.example');
    const { id } = await personOf('lia@acme.example');
    await env.DB.prepare('UPDATE person SET last_signed_in_at = 1 WHERE id = ?').bind(id).run();
    await configure({ user_reauth_days: 1 });
    const chosen = { server: shared.name, expires_in: '28800', decision: 'allow' };
    const lapsed = shown(await browser.submit(services, chosen));

    await browser.submit(lapsed, { identity: 'user', decision: 'continue' });
    const same = shown(await provider.approve(browser, 'lia@acme.example'));
    const switched = shown(await browser.open(`${same.url}&use=another`));
    await browser.submit(switched, { identity: 'user', decision: 'continue' });
    const another = shown(await provider.approve(browser, 'max@acme.example'));
    await configure({ user_reauth_days: 30 });

    expect(lapsed.html).toContain('Your sign-in expired. Sign in again to continue.');
    expect(same.html).toMatch(/name="access" value="chosen" checked/);
    expect(same.html).toMatch(/value="28800"[^>]*selected/);
    expect(same.html).toContain(`name="server" value="${shared.name}" checked`);
    expect(same.html).not.toContain(`name="server" value="${open.name}" checked`);
    expect(another.html).toContain('It acts as <b>max</b>');
    expect(another.html).toMatch(/name="access" value="all" checked/);
  });

  it('asks for a new sign-in after user_reauth_days, which brings the grant back', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { client, tokens } = await grantOf('oda@acme.example');
    vi.setSystemTime(Date.now() + 29 * 86_400_000);
    const inTime = await client.refresh(tokens.refresh_token);
    vi.setSystemTime(Date.now() + 2 * 86_400_000);

    const late = await client.refresh(inTime.body.refresh_token);
    await configure({ user_reauth_days: 0 });
    const never = await client.refresh(inTime.body.refresh_token);
    await configure({ user_reauth_days: 30 });
    await provider.signIn(new Browser(), 'oda@acme.example');
    const again = await client.refresh(never.body.refresh_token);

    expect(inTime.status).toBe(200);
    expect(late).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect([never.status, again.status]).toEqual([200, 200]);
  });

  it('disable_vk_identity suspends what keys allowed, and offers sign-in alone', async () => {
    const client = await McpClient.register();
    const tokens = await client.obtainGrant({ key: (await keyFor(null)).value });
    const caller = new McpCaller({ authorization: `Bearer ${tokens.access_token}` });
    await configure({ mcp_server_auth_mode: 'oauth', oauth2_server_config: { disable_vk_identity: true } });

    const refused = [(await caller.ask('tools/list')).status, await client.refresh(tokens.refresh_token)];
    const browser = new Browser();
    const page = shown(await browser.open(await client.authorizeUrl()));
    const posted = shown(
      await browser.submit(page, { identity: 'virtual_key', virtual_key: 'sk-bf-x', decision: 'continue' }),
    );
    const switchedMode = await admin('PUT', '/config', { mcp_server_auth_mode: 'both' });
    await configure({ mcp_server_auth_mode: null, oauth2_server_config: { disable_vk_identity: null } });

    expect(refused).toMatchObject([401, { status: 400, body: { error: 'invalid_grant' } }]);
    expect(page.html).not.toContain('name="virtual_key"');
    expect(page.html).toContain('Access keys don’t work here. Sign in instead.');
    expect(posted.html).toContain('Choose how to continue.');
    expect(switchedMode.status).toBe(400);
    expect((await caller.ask('tools/list')).status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });
});

describe('people in the API (CONTRACT §8)', () => {
  it('are listed by address, found by its beginning, and shown one by one', async () => {
    for (const name of ['pat', 'Pam', 'quin']) await provider.signIn(new Browser(), `${name}@acme.example`);
    type List = { users: { id: string; email: string }[]; count: number; total_count: number };

    const found = await admin<List>('GET', '/users?search=PA&limit=1&offset=1');
    const one = await admin('GET', `/users/${found.users[0]?.id}`);

    expect(found).toMatchObject({
      count: 1,
      total_count: 2,
      limit: 1,
      offset: 1,
      users: [{ email: 'pat@acme.example' }],
    });
    expect(one).toMatchObject({
      user: {
        email: 'pat@acme.example',
        name: 'pat',
        issuer: provider.issuer,
        is_administrator: false,
        is_active: true,
        mcp_configs: [],
        last_signed_in_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
      },
    });
  });

  it.each(['GET', 'PUT', 'DELETE'])('%s of an unknown id is 404', async (method) => {
    expect(await admin(method, '/users/nobody', method === 'PUT' ? {} : undefined)).toMatchObject({
      status: 404,
    });
  });

  it('refuses what a person is not made of', async () => {
    await provider.signIn(new Browser(), 'ray@acme.example');
    const { id } = await personOf('ray@acme.example');
    type Refusal = { error: { field: string } };

    for (const [body, field] of [
      [{ is_active: 'no' }, 'is_active'],
      [{ mcp_configs: [{ mcp_client_name: 'nowhere' }] }, 'mcp_configs.0.mcp_client_name'],
    ] as const) {
      const { status, error } = await admin<Refusal>('PUT', `/users/${id}`, body);
      expect([status, error.field]).toEqual([400, field]);
    }
  });

  it('are closed to people who are no administrators', async () => {
    const browser = new Browser();
    await provider.signIn(browser, 'sam@acme.example');

    expect((await as(browser, 'GET', '/users')).status).toBe(403);
  });

  it('let a person who is no administrator sign in as someone else, or with the token', async () => {
    const browser = new Browser();
    await provider.signIn(browser, 'sam@acme.example');

    const refused = shown(await browser.open('/admin/keys?offset=50'));
    const [, href = ''] =
      /href="([^"]*)">Sign in as someone else/.exec(refused.html.replace(/\s*\n\s*/g, '')) ?? [];
    const form = shown(await browser.open(href.replaceAll('&amp;', '&')));
    const inside = shown(
      await browser.submit(form, { token: 'test-admin-token-of-32-characters' }, undefined, 'token'),
    );

    expect(refused.status).toBe(403);
    expect(form.html).toContain('/oauth/sign-in?return_to=');
    expect([inside.status, new URL(inside.url).pathname]).toEqual([200, '/admin/keys']);
    expect(inside.html).toContain('<h1>Access keys</h1>');
  });
});
