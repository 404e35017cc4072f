import { describe, expect, it } from 'vitest';
import { Browser } from '../support/browser';
import { gate, ISSUER } from '../support/gate';
import { McpClient } from '../support/mcp-client';

/** Sends an authorization request; where it leads, and the parameters there. */
async function authorize(client: McpClient, changes: Record<string, string | null>) {
  const response = await gate(await client.authorizeUrl(changes));
  const location = response.headers.get('location');
  return {
    status: response.status,
    location,
    query: Object.fromEntries(location ? new URL(location).searchParams : []),
    response,
  };
}

describe('the authorization endpoint (RFC 6749 §3.1)', () => {
  it('keeps the request, binds it to this browser and leads to consent', async () => {
    const client = await McpClient.register();

    const { status, location, response } = await authorize(client, {});

    expect(status).toBe(302);
    expect(location).toMatch(new RegExp(`^${ISSUER}/oauth/consent\\?flow_id=[\\w-]{22}$`));
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^__Host-toolgate-flow-[\w-]{22}=/);
    expect(cookie).toMatch(/Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Lax/);
    expect(cookie).not.toMatch(/domain/i);
  });

  it('takes a POST and the older paths as well', async () => {
    const client = await McpClient.register();
    const url = new URL(await client.authorizeUrl());

    const posted = await gate('/oauth2/authorize', { method: 'POST', body: url.searchParams });
    const older = await Promise.all(
      ['/authorize', '/api/oauth/per-user/authorize'].map((path) => gate(path + url.search)),
    );

    for (const response of [posted, ...older]) {
      expect(response.headers.get('location')).toContain(`${ISSUER}/oauth/consent?flow_id=`);
    }
  });

  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['no client', { client_id: null }],
    ['an unregistered redirect URI', { redirect_uri: 'https://evil.example/cb' }],
    ['a redirect URI with something appended', { redirect_uri: 'http://127.0.0.1:7777/callback/../evil' }],
    ['a redirect URI with a query appended', { redirect_uri: 'http://127.0.0.1:7777/callback?x=1' }],
    ['a loopback URI with user info', { redirect_uri: 'http://127.0.0.1@evil.example/callback' }],
    ['user info before a loopback host', { redirect_uri: 'http://user@127.0.0.1:7777/callback' }],
    ['what is no URI', { redirect_uri: 'http://[' }],
  ])('shows %s as a page, and redirects nowhere', async (_, changes) => {
    const client = await McpClient.register();

    const { status, location, response } = await authorize(client, changes);

    expect(status).toBe(400);
    expect(location).toBeNull();
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).not.toContain('evil.example');
  });

  it.each(['client_id', 'redirect_uri'])('shows a repeated %s as a page', async (name) => {
    const client = await McpClient.register();
    const url = new URL(await client.authorizeUrl());
    url.searchParams.append(name, url.searchParams.get(name) ?? '');

    expect((await gate(url.href)).status).toBe(400);
  });

  it('forgives a loopback redirect its port and which of the three names it uses (RFC 8252 §7.3)', async () => {
    const client = await McpClient.register({ redirect_uris: ['http://localhost/callback'] });

    for (const redirect_uri of [
      'http://localhost:54321/callback',
      'http://127.0.0.1:1/callback',
      'http://[::1]:65535/callback',
    ]) {
      expect((await authorize(client, { redirect_uri })).location).toContain('/oauth/consent');
    }
    for (const redirect_uri of [
      'http://localhost:1/other',
      'https://localhost/callback',
      'http://localhost.evil.example/callback',
    ]) {
      expect((await authorize(client, { redirect_uri })).status).toBe(400);
    }
  });

  it('takes a loopback redirect with no path for one with the root path, as VS Code registers it', async () => {
    const client = await McpClient.register({ redirect_uris: ['http://127.0.0.1'] });

    expect((await authorize(client, { redirect_uri: 'http://127.0.0.1:33418/' })).status).toBe(302);
  });

  it('needs no redirect_uri from a client that registered one, and one of several from others', async () => {
    const one = await McpClient.register({ redirect_uris: ['http://127.0.0.1:7777/callback'] });
    const two = await McpClient.register({ redirect_uris: ['https://a.example/cb', 'https://b.example/cb'] });

    expect((await authorize(one, { redirect_uri: null })).location).toContain('/oauth/consent');
    expect((await authorize(two, { redirect_uri: null })).status).toBe(400);
  });

  it('keeps the query of a registered redirect URI', async () => {
    const client = await McpClient.register({ redirect_uris: ['https://app.example/cb?tenant=1'] });

    const { location } = await authorize(client, { response_type: 'token' });

    expect(location).toMatch(/^https:\/\/app\.example\/cb\?tenant=1&error=/);
  });

  it('compares every other redirect URI as a string', async () => {
    const client = await McpClient.register({
      redirect_uris: ['https://app.example/cb', 'cursor://anysphere.cursor-mcp/oauth/callback'],
    });

    for (const redirect_uri of [
      'https://app.example:443/cb',
      'https://APP.example/cb',
      'https://app.example/cb/',
      'cursor://anysphere.cursor-mcp/oauth/callback/',
    ]) {
      expect((await authorize(client, { redirect_uri })).status).toBe(400);
    }
    expect(
      (await authorize(client, { redirect_uri: 'cursor://anysphere.cursor-mcp/oauth/callback' })).status,
    ).toBe(302);
  });

  it.each([
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: null }, 'invalid_request'],
    [{ code_challenge: null }, 'invalid_request'],
    [{ code_challenge_method: null }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: 's256' }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ resource: 'https://other.example/mcp' }, 'invalid_target'],
    [{ resource: `${ISSUER}/elsewhere` }, 'invalid_target'],
    [{ resource: `${ISSUER}/x/../mcp` }, 'invalid_target'],
    [{ resource: `${ISSUER}/mcp?x=1` }, 'invalid_target'],
    [{ resource: 'not a uri' }, 'invalid_target'],
    [{ resource: 'https://user@gate.example/mcp' }, 'invalid_target'],
    [{ resource: `${ISSUER}/mcp/Not_A_Slug` }, 'invalid_target'],
    [{ prompt: 'none' }, 'interaction_required'],
    [{ prompt: 'login none' }, 'interaction_required'],
    [{ request: 'eyJhbGciOiJub25lIn0.e30.' }, 'invalid_request'],
    [{ request_uri: 'https://app.example/request' }, 'invalid_request'],
    [{ state: 'x'.repeat(2001) }, 'invalid_request'],
  ])('sends %j back to the client as %s, with state and iss (RFC 9207)', async (changes, error) => {
    const client = await McpClient.register();

    const { status, location, query } = await authorize(client, changes);

    expect(status).toBe(302);
    expect(location).toMatch(/^http:\/\/127\.0\.0\.1:7777\/callback\?/);
    expect(query).toMatchObject({
      error,
      iss: ISSUER,
      state: 'state' in changes ? changes.state : 'the-state',
    });
    expect(query.error_description).toBeTruthy();
  });

  it.each(['scope', 'state', 'code_challenge', 'prompt'])(
    'sends a repeated %s back to the client',
    async (name) => {
      const client = await McpClient.register();
      const url = new URL(await client.authorizeUrl({ scope: 'mcp', prompt: 'consent' }));
      url.searchParams.append(name, 'again');

      const location = (await gate(url.href)).headers.get('location') ?? '';

      expect(new URL(location).searchParams.get('error')).toBe('invalid_request');
    },
  );

  it('returns no state to a client that sent none, or two', async () => {
    const client = await McpClient.register();
    const none = await authorize(client, { state: null, response_type: 'token' });
    const two = await gate(`${await client.authorizeUrl()}&state=another`);

    expect(none.query).not.toHaveProperty('state');
    expect(new URL(two.headers.get('location') ?? '').searchParams.has('state')).toBe(false);
  });

  it('ignores parameters it does not know, and names a repeated one in the characters RFC 6749 allows', async () => {
    const client = await McpClient.register();
    const url = `${await client.authorizeUrl()}&constructor=1&__proto__=1`;
    const repeated = new URL(`${url}&n%22%C3%A9%5C=1&n%22%C3%A9%5C=2`);

    const location = new URL((await gate(repeated.href)).headers.get('location') ?? '');

    expect((await gate(url)).headers.get('location')).toContain('/oauth/consent');
    expect(location.searchParams.get('error')).toBe('invalid_request');
    expect(location.searchParams.get('error_description')).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  });

  it('lets nobody keep its redirects', async () => {
    const client = await McpClient.register();

    for (const changes of [{ response_type: 'code' }, { response_type: 'token' }]) {
      const { response } = await authorize(client, changes);

      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('referrer-policy')).toBe('same-origin');
    }
  });

  it('takes the same resource twice, and refuses two different ones', async () => {
    const client = await McpClient.register();
    const twice = `${await client.authorizeUrl({ resource: `${ISSUER}/mcp` })}&resource=${ISSUER}/mcp`;
    const different = `${await client.authorizeUrl({ resource: `${ISSUER}/mcp` })}&resource=${ISSUER}/mcp/x`;

    expect((await gate(twice)).headers.get('location')).toContain('/oauth/consent');
    expect((await gate(different)).headers.get('location')).toContain('error=invalid_target');
  });

  it.each([
    null,
    '',
    `${ISSUER}`,
    `${ISSUER}/`,
    `${ISSUER}/mcp`,
    `${ISSUER}/mcp/`,
    'HTTPS://GATE.example/mcp',
  ])('takes the resource %j as /mcp', async (resource) => {
    const client = await McpClient.register();

    const { access_token } = await client.obtainGrant({ changes: { resource } });

    expect(JSON.parse(atob(access_token.split('.')[1] ?? '')).aud).toBe(`${ISSUER}/mcp`);
  });

  it('keeps the resource of one server', async () => {
    const client = await McpClient.register();

    const { access_token } = await client.obtainGrant({
      changes: { resource: `${ISSUER}/mcp/some-server/` },
    });

    expect(JSON.parse(atob(access_token.split('.')[1] ?? '')).aud).toBe(`${ISSUER}/mcp/some-server`);
  });

  it('grants what was asked, else what was registered, and never more', async () => {
    const reader = await McpClient.register({ scope: 'mcp:read' });
    const any = await McpClient.register();

    const asked = async (client: McpClient, scope: string | null) =>
      (await client.obtainGrant({ changes: { scope } })).scope;

    expect(await asked(any, null)).toBe('mcp');
    expect(await asked(any, '')).toBe('mcp');
    expect(await asked(any, 'mcp:write')).toBe('mcp:write');
    expect(await asked(any, 'openid mcp:read offline_access')).toBe('mcp:read');
    expect(await asked(any, 'openid profile')).toBe('mcp');
    expect(await asked(any, 'mcp:read mcp:read')).toBe('mcp:read');
    expect(await asked(reader, null)).toBe('mcp:read');
    expect((await authorize(reader, { scope: 'mcp' })).query.error).toBe('invalid_scope');
    expect((await authorize(reader, { scope: 'mcp:write' })).query.error).toBe('invalid_scope');
  });

  it('sends a POST of any length back with an error that can be sent', async () => {
    const client = await McpClient.register();
    const post = async (more: string) => {
      const body = new URLSearchParams(`${new URL(await client.authorizeUrl()).search}${more}`);
      return gate('/oauth2/authorize', { method: 'POST', body });
    };
    const name = 'n'.repeat(20_000);
    const repeated = new URL((await post(`&${name}=1&${name}=2`)).headers.get('location') ?? '');
    const url = new URL(await client.authorizeUrl());
    url.searchParams.set('state', 's'.repeat(20_000));
    const long = await gate(url.pathname, { method: 'POST', body: url.searchParams });
    const sentTo = new URL(long.headers.get('location') ?? '');
    const longer = await post(`&x=${'x'.repeat(65_536)}`);

    expect(repeated.searchParams.get('error')).toBe('invalid_request');
    expect(repeated.href.length).toBeLessThan(1_000);
    expect(sentTo.searchParams.get('error_description')).toContain('state');
    expect(sentTo.href.length).toBeLessThan(1_000);
    expect(longer.status).toBe(400);
    expect(await longer.text()).toContain('it is longer than 64 KiB');
  });

  it('takes one resource that is said twice, once with a slash', async () => {
    const client = await McpClient.register();
    const url = `${await client.authorizeUrl({ resource: `${ISSUER}/mcp` })}&resource=${ISSUER}/mcp/`;

    const { status, headers } = await gate(url);

    expect(status).toBe(302);
    expect(headers.get('location')).toContain('/oauth/consent?');
  });

  it('returns a state of 2,000 characters untouched', async () => {
    const client = await McpClient.register();
    const state = `${"~!*()'%20 +&=#é€".repeat(100)}`.slice(0, 2000);
    const browser = new Browser();

    await browser.submit(await client.toServices(browser, { changes: { state } }), { decision: 'allow' });

    expect(browser.callback?.searchParams.get('state')).toBe(state);
    expect(browser.callback?.searchParams.get('iss')).toBe(ISSUER);
  });

  it('lets a browser have five flows under way, and ends the oldest for a sixth', async () => {
    const client = await McpClient.register();
    const browser = new Browser();

    for (let flow = 0; flow < 7; flow++) await browser.open(await client.authorizeUrl());

    expect(
      [...browser.cookies.keys()].filter((name) => name.startsWith('__Host-toolgate-flow-')),
    ).toHaveLength(5);
  });

  it('ends flow cookies it did not make', async () => {
    const client = await McpClient.register();
    const name = `__Host-toolgate-flow-${'A'.repeat(22)}`;

    const { headers } = await gate(await client.authorizeUrl(), { headers: { cookie: `${name}=planted` } });

    expect(headers.getSetCookie()).toContainEqual(expect.stringMatching(new RegExp(`^${name}=; Max-Age=0`)));
  });
});
