import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Browser } from '../support/browser';
import { deployedWith } from '../support/deployed';
import { admin, configure, gate, ISSUER, read } from '../support/gate';
import { accessTeam, as, Provider, personOf, sessionOf, signed } from '../support/provider';

let provider: Provider;
beforeAll(async () => {
  provider = await Provider.start();
});
afterEach(() => vi.useRealTimers());

const now = () => Math.floor(Date.now() / 1000);

describe('signing in with OpenID Connect (CONTRACT §8, OpenID Connect Core §3.1)', () => {
  it('asks the provider with PKCE, state and nonce, and signs in whom it vouches for', async () => {
    const browser = new Browser();
    await browser.open('/oauth/sign-in?return_to=/health');
    const asked = browser.callback?.searchParams;
    const page = await provider.approve(browser, 'Ada@acme.example');
    const session = await sessionOf(browser);
    const token = (await provider.behave()).find(({ path }) => path === 'token');

    expect(Object.fromEntries(asked ?? [])).toMatchObject({
      response_type: 'code',
      client_id: 'toolgate',
      redirect_uri: `${ISSUER}/api/oauth/callback`,
      scope: 'openid email profile',
      code_challenge_method: 'S256',
      state: expect.stringMatching(/^sign-in\.[\w-]{22}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(token?.form.code_verifier).toMatch(/^[\w-]{43}$/);
    expect(decodeURIComponent(atob(token?.authorization?.slice(6) ?? ''))).toBe('toolgate:client-secret');
    expect(page?.url).toBe(`${ISSUER}/health`);
    expect(session).toMatchObject({ is_administrator: false, user: { email: 'ada@acme.example' } });
    expect([...browser.cookies.keys()]).toEqual(['__Host-toolgate-session']);
  });

  it('takes the address from the userinfo endpoint when the ID token has none', async () => {
    const browser = new Browser();
    const userinfo = { sub: 'sub of bea@acme.example', email: 'bea@acme.example', email_verified: true };

    await provider.signIn(browser, 'bea@acme.example', { claims: { email: undefined }, userinfo });

    expect(await sessionOf(browser)).toMatchObject({ user: { email: 'bea@acme.example' } });
  });

  it('is the same person at the next sign-in, under another address too', async () => {
    const claims = { sub: 'one-person' };
    const first = new Browser();
    await provider.signIn(first, 'maiden@acme.example', { claims });
    const before = await personOf('maiden@acme.example');
    const second = new Browser();
    await provider.signIn(second, 'married@acme.example', { claims });

    expect((await personOf('married@acme.example')).id).toBe(before.id);
  });

  it.each([
    ['another nonce', { claims: { nonce: 'another' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['another audience', { claims: { aud: 'another-client' } }],
    ['several audiences without us as the party', { claims: { aud: ['toolgate', 'x'], azp: 'x' } }],
    ['another issuer', { claims: { iss: 'https://accounts.example' } }],
    ['a time that is over by more than 120 s', { claims: { exp: 1_700_000_000 } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['no subject', { claims: { sub: undefined } }],
    ['a signature by another key', { signature: 'other' }],
    ['no signature (alg none)', { signature: 'none' }],
    ['our own secret as its key (HS256)', { signature: 'HS256' }],
    ['another issuer in the answer (RFC 9207)', { answer: { iss: 'https://accounts.example' } }],
    ['an address that is not verified', { claims: { email_verified: false } }],
    ['an address nobody says is verified', { claims: { email_verified: undefined } }],
    ['an address verified in another word', { claims: { email_verified: 'yes' } }],
    ['another domain', { claims: { email: 'mallory@acme.example.evil.example' } }],
    ['two addresses in one', { claims: { email: 'x@evil.example,root@acme.example' } }],
    ['a letter that some fold into ours', { claims: { email: 'eve@aᴄme.example' } }],
    ['an error of the provider', { answer: { error: 'access_denied' } }],
  ])('refuses %s', async (_, changes) => {
    const browser = new Browser();

    const page = await provider.signIn(browser, 'ada@acme.example', { signature: 'own', ...changes });
    await provider.behave({ signature: 'own' });

    expect(page?.status).toBe(403);
    expect(page?.html).toMatch(/F-[0-9A-Z]{4}/);
    expect(await sessionOf(browser)).toBeNull();
  });

  it('says which account was tried where it is another than this gateway takes', async () => {
    const page = await provider.signIn(new Browser(), 'mallory@elsewhere.example');

    expect(page?.html).toContain('<h1>mallory@elsewhere.example can’t sign in here</h1>');
  });

  it('forgives 120 s between the clocks', async () => {
    const browser = new Browser();

    await provider.signIn(browser, 'ada@acme.example', { claims: { exp: now() - 100 } });

    expect(await sessionOf(browser)).not.toBeNull();
  });

  it('refuses the userinfo of somebody else', async () => {
    const browser = new Browser();
    const userinfo = { sub: 'somebody-else', email: 'root@acme.example', email_verified: true };

    const page = await provider.signIn(browser, 'ada@acme.example', {
      claims: { email: undefined },
      userinfo,
    });

    expect(page?.status).toBe(403);
  });

  it('belongs to the browser that began it, and is over once it was used', async () => {
    const browser = new Browser();
    await browser.open('/oauth/sign-in');
    const callback = `/api/oauth/callback?code=a-code&state=${browser.callback?.searchParams.get('state')}`;

    const stolen = await new Browser().open(callback);
    await provider.approve(browser, 'ada@acme.example');
    const again = await browser.open(callback);

    expect(stolen?.status).toBe(403);
    expect(stolen?.html).toContain('started in another browser');
    expect(again?.status).toBe(403);
  });

  it('is over after 15 minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const browser = new Browser();
    await browser.open('/oauth/sign-in');
    vi.setSystemTime(Date.now() + 901_000);

    expect((await provider.approve(browser, 'ada@acme.example'))?.status).toBe(403);
  });

  it.each([
    'state=sign-in.AAAAAAAAAAAAAAAAAAAAAA',
    'state=constructor.AAAAAAAAAAAAAAAAAAAAAA',
    'code=x',
    'state=a&state=b',
    '',
  ])('answers a callback with %j by a page', async (query) => {
    const page = await new Browser().open(`/api/oauth/callback?${query}`);

    expect(page?.status).toBeGreaterThanOrEqual(400);
    expect(page?.status).toBeLessThan(404);
    expect(page?.html).toContain('<h1>');
  });

  it.each(['https://evil.example/', '//evil.example/', '/\\evil.example/', '/\t/evil.example', 'health', ''])(
    'returns to no other site: %j',
    async (returnTo) => {
      const browser = new Browser();
      await browser.open(`/oauth/sign-in?${new URLSearchParams({ return_to: returnTo })}`);

      const page = await provider.approve(browser, 'ada@acme.example');

      const refused = new Browser();
      await refused.open(`/oauth/sign-in?${new URLSearchParams({ return_to: returnTo })}`);
      const back = await provider.approve(refused, 'eve@evil.example');

      expect(back?.html).toContain('href="/"');
      expect(new URL(page?.url ?? '').origin).toBe(ISSUER);
    },
  );

  it('lets in only administrators while no domain is allowed', async () => {
    await configure({ oidc: { allowed_domains: [] } });
    const [one, root] = [new Browser(), new Browser()];

    await provider.signIn(one, 'ada@acme.example');
    await provider.signIn(root, 'root@acme.example');
    await configure({ oidc: { allowed_domains: ['acme.example'] } });

    expect(await sessionOf(one)).toBeNull();
    expect(await sessionOf(root)).toMatchObject({ is_administrator: true });
  });

  it.each(['redirect', 'long', 500, 429, 403, 404])(
    'says so when the provider is at fault, and offers to try again: %s',
    async (fault) => {
      const ill = await Provider.start();
      await ill.behave({ fault });

      const browser = new Browser();
      const page = await browser.open('/oauth/sign-in?return_to=/health%3Fa%3Db%26c');
      provider = await Provider.start();
      const [, again = ''] = /href="([^"]*)">Try again</.exec(page?.html ?? '') ?? [];
      await browser.open(again.replaceAll('&amp;', '&'));

      expect(page?.status).toBe(503);
      expect(page?.html).toContain('The sign-in provider isn’t responding');
      expect(new URL(again, ISSUER).searchParams.get('return_to')).toBe('/health?a=b&c');
      expect(browser.callback?.searchParams.get('state')).toMatch(/^sign-in\./);
    },
  );

  const METADATA = '.well-known/openid-configuration';
  it.each([301, 302, 307, 308])(
    'finds metadata that %i says is elsewhere at the provider, three times (PROTOCOL §7)',
    async (status) => {
      const moved = await Provider.start();
      const to = (location: string) => ({ status, location });
      const own = (path: string) => `/${moved.name}/${path}`;
      await moved.behave({
        redirects: { [METADATA]: to(own('one')), one: to('two'), two: to(`${moved.issuer}/moved`) },
      });

      const browser = new Browser();
      await browser.open('/oauth/sign-in?return_to=/health');
      const page = await moved.approve(browser, 'ada@acme.example');
      provider = await Provider.start();

      expect(page?.url).toBe(`${ISSUER}/health`);
    },
  );

  it.each<[string, (moved: Provider) => Record<string, object>]>([
    [
      'a fourth time',
      ({ name }) => ({
        [METADATA]: { status: 302, location: `/${name}/one` },
        one: { status: 302, location: 'two' },
        two: { status: 302, location: 'three' },
        three: { status: 302, location: 'moved' },
      }),
    ],
    [
      'to another origin',
      ({ issuer }) => ({
        [METADATA]: { status: 302, location: `${issuer.replace('127.0.0.1', 'localhost')}/moved` },
      }),
    ],
    ['by 303', ({ issuer }) => ({ [METADATA]: { status: 303, location: `${issuer}/moved` } })],
    [
      'but for a request with our secret',
      ({ issuer }) => ({ token: { status: 307, location: `${issuer}/moved` } }),
    ],
  ])('follows it never: %s', async (_, redirects) => {
    const moved = await Provider.start();
    await moved.behave({ redirects: redirects(moved) });

    const browser = new Browser();
    const page = await browser.open('/oauth/sign-in?return_to=/health');
    const after = browser.callback ? await moved.approve(browser, 'ada@acme.example') : page;
    const asked = await moved.behave();
    provider = await Provider.start();

    expect(after?.status).toBe(503);
    expect(asked.map(({ path }) => path)).not.toContain('moved');
  });

  it.each([
    ['another issuer in its metadata', { issuer: 'https://accounts.example' }],
    ['an authorization endpoint that is no web address', { authorization_endpoint: 'javascript:alert(1)' }],
    ['a private address', { authorization_endpoint: 'https://10.0.0.1/authorize' }],
  ])('sends nobody to a provider with %s', async (_, metadata) => {
    const odd = await Provider.start();
    await odd.behave({ metadata });

    const browser = new Browser();
    const page = await browser.open('/oauth/sign-in');
    provider = await Provider.start();

    expect(browser.callback).toBeNull();
    expect(page?.status).toBeGreaterThanOrEqual(403);
  });

  it('registers the redirect URI of mcp_external_client_url, and sends what comes back there on to the issuer', async () => {
    await configure({ mcp_external_client_url: 'https://old.example' });
    const browser = new Browser();
    await browser.open('/oauth/sign-in?return_to=/health');
    const asked = browser.callback?.searchParams.get('redirect_uri');
    const sentOn = await gate(new Request('https://old.example/api/oauth/callback?code=c&state=s'));
    const machine = await gate(new Request('https://old.example/.well-known/oauth-authorization-server'));
    await configure({ mcp_external_client_url: null });

    expect(asked).toBe('https://old.example/api/oauth/callback');
    expect(sentOn.status).toBe(302);
    expect(sentOn.headers.get('location')).toBe(`${ISSUER}/api/oauth/callback?code=c&state=s`);
    expect(machine.status).toBe(200);
  });
});

describe('a signed-in browser (CONTRACT §8, SECURITY 5, 21)', () => {
  const token = { token: 'test-admin-token-of-32-characters' };
  const signInAs = async (body: unknown = token, headers: Record<string, string> = {}) => {
    const browser = new Browser();
    const response = await as(browser, 'POST', '/session', { body, headers });
    const [cookie = ''] = response.headers.getSetCookie();
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (name) browser.cookies.set(name, value);
    return { browser, response, cookie };
  };

  it('is begun with ADMIN_TOKEN, for 12 hours, out of reach of scripts and other sites', async () => {
    const { browser, response, cookie } = await signInAs();

    expect(response.status).toBe(200);
    expect(cookie).toMatch(
      /^__Host-toolgate-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(await sessionOf(browser)).toMatchObject({
      id: 'administrator',
      is_administrator: true,
      user: null,
    });
    expect((await as(browser, 'GET', '/config')).status).toBe(200);
  });

  it('is begun by a form too', async () => {
    const body = new URLSearchParams(token);
    const response = await gate('/api/session', { method: 'POST', body, headers: { origin: ISSUER } });

    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });

  it.each([
    [{ token: 'wrong' }, 401],
    [{ token: '' }, 400],
    [{}, 400],
    [[], 400],
  ])('is not begun with %j', async (body, status) => {
    const { response, cookie } = await signInAs(body);

    expect([response.status, cookie]).toEqual([status, '']);
    expect(await response.text()).not.toContain('test-admin');
  });

  it.each([
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
    ['sec-fetch-site', 'cross-site'],
  ])('is not begun from another site: %s %s', async (name, value) => {
    expect((await signInAs(token, { [name]: value })).response.status).toBe(403);
  });

  it('nobody is signed in without a cookie of ours', async () => {
    const stranger = new Browser();
    stranger.cookies.set('__Host-toolgate-session', 'A'.repeat(43));

    expect((await as(stranger, 'GET', '/session')).status).toBe(401);
    expect((await as(stranger, 'GET', '/config')).status).toBe(401);
  });

  it('writes only with its csrf value, and only from our own pages', async () => {
    const { browser } = await signInAs();
    const other = await signInAs();
    const csrf = (await sessionOf(browser))?.csrf ?? '';
    const foreign = (await sessionOf(other.browser))?.csrf ?? '';
    const put = async (headers: Record<string, string>) =>
      (await as(browser, 'PUT', '/config', { body: { support_text: 'Ask Ada' }, headers })).status;

    expect(await put({})).toBe(403);
    expect(await put({ 'x-csrf-token': foreign })).toBe(403);
    expect(await put({ 'x-csrf-token': csrf, origin: 'https://evil.example' })).toBe(403);
    expect(await put({ 'x-csrf-token': csrf, 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await put({ 'x-csrf-token': csrf, origin: ISSUER, 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  it('is ended by itself, for a copied cookie too', async () => {
    const { browser } = await signInAs();
    const csrf = (await sessionOf(browser))?.csrf ?? '';

    const forged = await as(browser, 'DELETE', '/session');
    const ended = await as(browser, 'DELETE', '/session', { headers: { 'x-csrf-token': csrf } });

    expect([forged.status, ended.status]).toEqual([403, 204]);
    expect(ended.headers.getSetCookie().every((cookie) => cookie.includes('Max-Age=0'))).toBe(true);
    expect(await sessionOf(browser)).toBeNull();
  });

  it('is over after 12 hours', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { browser } = await signInAs();
    vi.setSystemTime(Date.now() + 43_199_000);
    expect(await sessionOf(browser)).not.toBeNull();
    vi.setSystemTime(Date.now() + 2_000);

    expect(await sessionOf(browser)).toBeNull();
  });

  it('is over once ADMIN_TOKEN is another', async () => {
    const { app } = await import('../../src/app');
    const { browser } = await signInAs();
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');

    const response = await app.request(
      `${ISSUER}/api/config`,
      { headers: { cookie } },
      { ...env, ADMIN_TOKEN: 'another-admin-token-of-32-characters' },
    );

    expect(response.status).toBe(401);
  });

  it("is a person's too: an administrator's opens the API, anybody else's does not", async () => {
    const [root, ada] = [new Browser(), new Browser()];
    await provider.signIn(root, 'root@acme.example');
    await provider.signIn(ada, 'ada@acme.example');

    expect((await as(root, 'GET', '/config')).status).toBe(200);
    expect((await as(ada, 'GET', '/config')).status).toBe(403);
    await configure({ oidc: { admin_emails: [] } });
    expect((await as(root, 'GET', '/config')).status).toBe(403);
    await configure({ oidc: { admin_emails: ['root@acme.example'] } });
  });

  it('is nobody’s whose row says blocked, though nothing ended the session', async () => {
    const root = new Browser();
    await provider.signIn(root, 'root@acme.example');
    const block = (isActive: number) =>
      env.DB.prepare('UPDATE person SET is_active = ?1 WHERE email = ?2')
        .bind(isActive, 'root@acme.example')
        .run();

    await block(0);
    const blocked = await as(root, 'GET', '/config');
    await block(1);
    const again = await as(root, 'GET', '/config');

    expect([blocked.status, again.status]).toEqual([401, 200]);
  });
});

describe('Cloudflare Access as the provider (SECURITY 10)', () => {
  const claims = (changes: Record<string, unknown> = {}) => ({
    iss: `http://${accessTeam()}`,
    aud: ['our-aud'],
    sub: 'access-sub',
    email: 'root@acme.example',
    iat: now(),
    exp: now() + 60,
    ...changes,
  });
  const visit = async (assertion: string, path = '/api/config', init: RequestInit = {}) =>
    gate(path, { ...init, headers: { 'cf-access-jwt-assertion': assertion, ...init.headers } });

  beforeAll(async () => {
    await configure({ access: { team_domain: accessTeam(), aud: 'our-aud' } });
  });

  it('makes the person it vouches for an administrator, whose writes need their csrf value', async () => {
    const assertion = await signed(claims());
    const { body } = await read<{ session: { csrf: string } }>(await visit(assertion, '/api/session'));
    const put = { method: 'PUT', body: '{"support_text":"Ask Ada"}' };
    const headers = { 'x-csrf-token': body.session.csrf };

    expect((await visit(assertion)).status).toBe(200);
    expect((await visit(assertion, '/api/config', put)).status).toBe(403);
    expect((await visit(assertion, '/api/config', { ...put, headers })).status).toBe(200);
  });

  it.each([
    ['another audience', claims({ aud: ['another'] }), 'own'],
    ['another issuer', claims({ iss: 'https://other.cloudflareaccess.com' }), 'own'],
    ['another key', claims(), 'other'],
    ['no signature', claims(), 'none'],
    ['our own secret as its key', claims(), 'HS256'],
    ['a time that is over', claims({ exp: 1_700_000_000 }), 'own'],
    ['no expiry', claims({ exp: undefined }), 'own'],
    ['no person (a service token)', claims({ email: undefined, sub: '' }), 'own'],
  ])('refuses %s', async (_, wrong, signature) => {
    expect((await visit(await signed(wrong, signature))).status).toBe(401);
  });

  it('signs nobody in by HEAD', async () => {
    const assertion = await signed(claims({ sub: 'looker', email: 'looker@acme.example' }));
    const sessions = () => env.DB.prepare('SELECT count(*) AS n FROM browser_session').first('n');
    const before = await sessions();

    const looked = await visit(assertion, '/oauth/sign-in?return_to=/health', { method: 'HEAD' });

    expect([looked.status, looked.headers.get('location')]).toEqual([302, `${ISSUER}/health`]);
    expect(looked.headers.getSetCookie()).toEqual([]);
    expect(await sessions()).toBe(before);
  });

  it('signs a browser in at once, and a blocked person never', async () => {
    const assertion = await signed(claims({ sub: 'another', email: 'eve@acme.example' }));
    const enter = () => visit(assertion, '/oauth/sign-in?return_to=/health');

    const first = await enter();
    const { id } = await personOf('eve@acme.example');
    await admin('PUT', `/users/${id}`, { is_active: false });
    const blocked = await enter();

    expect([first.status, first.headers.get('location')]).toEqual([302, `${ISSUER}/health`]);
    expect(first.headers.getSetCookie()[0]).toMatch(/^__Host-toolgate-session=/);
    expect(blocked.status).toBe(403);
    expect((await visit(assertion)).status).toBe(401);
    const { events } = await admin<{ events: unknown[] }>('GET', `/audit?act=user.refused&actor=user:${id}`);
    expect(events).toMatchObject([{ detail: { user: id, reason: 'blocked' }, outcome: 'refused' }]);
  });
});

describe('settings of sign-in (CONTRACT §1)', () => {
  type Refusal = { error: { field: string } };

  it('keeps the secret sealed, shows a mask of it, and takes the mask for "as it was"', async () => {
    const saved = await admin<{ oidc: { client_secret: string } }>('PUT', '/config', {
      oidc: { client_secret: 'a-secret-of-some-length' },
    });
    const row = await env.DB.prepare("SELECT value FROM setting WHERE name = 'oidc.client_secret'").first<{
      value: string;
    }>();
    await admin('PUT', '/config', { oidc: { client_secret: saved.oidc.client_secret } });
    const after = await env.DB.prepare("SELECT value FROM setting WHERE name = 'oidc.client_secret'").first();

    expect(saved.oidc.client_secret).toBe('••••ngth');
    for (const client_secret of ['••••1111', '••••']) {
      const { status, error } = await admin<Refusal>('PUT', '/config', { oidc: { client_secret } });
      expect([status, error.field]).toEqual([400, 'oidc.client_secret']); // the mask of another is none
    }
    expect(row?.value).not.toContain('secret');
    expect(after).toEqual(row);
    expect(JSON.stringify(await admin('GET', '/config'))).not.toContain('a-secret');
  });

  it.each([
    [{ oidc: { issuer: 'http://accounts.example' } }, 'oidc.issuer'],
    [{ oidc: { issuer: 'https://10.0.0.1' } }, 'oidc.issuer'],
    [{ oidc: { issuer: 'https://accounts.example?x=1' } }, 'oidc.issuer'],
    [{ oidc: { issuer: 'https://accounts.example', client_id: null } }, 'oidc.client_id'],
    [{ oidc: { issuer: 'https://accounts.example', client_secret: null } }, 'oidc.client_secret'],
    [{ access: { team_domain: 'https://acme.cloudflareaccess.com' } }, 'access.team_domain'],
    [{ access: { team_domain: 'acme.cloudflareaccess.com', aud: null } }, 'access.aud'],
    [{ oauth2_server_config: { disable_vk_identity: true } }, 'oauth2_server_config.disable_vk_identity'],
    [{ default_user_access: [{ mcp_client_name: 'nowhere' }] }, 'default_user_access.0.mcp_client_name'],
  ])('refuses %j', async (body, field) => {
    const { status, error } = await admin<Refusal>('PUT', '/config', body);

    expect([status, error.field]).toEqual([400, field]);
  });

  it('says which secret is missing, and the command that sets it', async () => {
    const bindings = { OIDC_ISSUER: 'https://accounts.example', OIDC_CLIENT_ID: 'x' };
    await configure({ oidc: { issuer: null, client_id: null, client_secret: null } });
    const { forgetDeployment } = await import('../../src/config');
    const ask = async (path: string, method = 'GET') => {
      forgetDeployment();
      return deployedWith(bindings, `${ISSUER}${path}`, { method });
    };
    const answers = [await ask('/health'), await ask('/mcp', 'POST'), await ask('/oauth/sign-in')];
    forgetDeployment();

    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(await answer.text()).toContain('npx wrangler secret put OIDC_CLIENT_SECRET');
    }
  });
});
