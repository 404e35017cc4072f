import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import worker from '../../src/index';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { authorize, CALLBACK, Site } from '../support/document-site';
import { admin, ISSUER } from '../support/gate';
import { McpClient, post } from '../support/mcp-client';
import { control } from '../support/upstream';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('a client that its metadata document describes (draft-ietf-oauth-client-id-metadata-document)', () => {
  it('needs no registration: consent, tokens, /mcp, refresh and revocation', async () => {
    const { client, url } = await Site.serving();

    const tokens = await client.obtainGrant();
    const called = await new McpCaller({ authorization: `Bearer ${tokens.access_token}` }).ask('tools/list');
    const refreshed = await client.refresh(tokens.refresh_token);
    const revoked = await client.revoke(refreshed.body.refresh_token);
    const { sessions } = await admin<{ sessions: { ended_reason: string }[] }>(
      'GET',
      `/oauth2/sessions?client_id=${encodeURIComponent(url)}`,
    );

    expect([called.status, refreshed.status, revoked.status]).toEqual([200, 200, 200]);
    expect(sessions.map(({ ended_reason }) => ended_reason)).toEqual(['revoked_by_client']);
  });

  it('is shown with the site that describes it, not as registered by itself', async () => {
    const { client, url } = await Site.serving({ client_name: 'Cl\u202eaude' });

    const { status, html } = await authorize(client);

    expect(status).toBe(200);
    expect(html).toContain('Claude wants to use your tools');
    expect(html).toContain('Published by');
    expect(html).toContain(new URL(url).host);
    expect(html).not.toContain('Registered');
  });

  it.each([
    ['http://127.0.0.1:7777/callback', true],
    ['cursor://anysphere.cursor-mcp/oauth/callback', true],
    ['https://app.example/callback', false],
  ])(
    'is shown with a caution where any app on the device can take its answer: %s %s',
    async (uri, isCautious) => {
      const { client } = await Site.serving({ client_name: 'Claude', redirect_uris: [uri] });

      const { html } = await authorize(client, { redirect_uri: uri });

      expect(html).toContain('Verified domain');
      expect(html.includes('Any app on this device can act as')).toBe(isCautious);
      expect(html).not.toContain('Not verified');
    },
  );

  it('is never fetched by the token or revocation endpoint', async () => {
    const site = await Site.serving();

    const token = await site.client.refresh(`${'0'.repeat(64)}.1.${'x'.repeat(43)}`);
    const revoked = await site.client.revoke('x');

    expect(token).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(revoked.status).toBe(401);
    expect(await site.fetches()).toBe(0);
  });

  it('offers what its document shares with us: what is meant for other servers is passed over', async () => {
    const { client } = await Site.serving({
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code', 'none'],
      logo_uri: 'https://app.example/logo.png',
      jwks_uri: 'https://app.example/jwks',
      scope: 'openid mcp:read',
    });

    const tokens = await client.obtainGrant();

    expect(tokens.scope).toBe('mcp:read');
  });

  it('is sent back only where its document says', async () => {
    const { client } = await Site.serving();

    const page = await authorize(client, { redirect_uri: 'https://evil.example/callback' });

    expect(page.status).toBe(400);
    expect(page.html).toContain('didn’t register');
  });
});

describe('a document that cannot be used is refused with a page, and nothing is sent anywhere', () => {
  it.each<[string, Parameters<Site['answer']>[0], string]>([
    ['404', { status: 404, body: '{}' }, 'status 404'],
    ['410', { status: 410, body: '' }, 'status 410'],
    ['a list', { body: '[]' }, 'is not a JSON object'],
    ['null', { body: 'null' }, 'is not a JSON object'],
    ['more than 5 KiB', { body: JSON.stringify({ x: 'x'.repeat(5 * 1024) }) }, 'is larger than 5 KiB'],
  ])('%s', async (_, answer, reason) => {
    const site = new Site();
    await site.answer(answer);

    const page = await authorize(site.client);

    expect(page.status).toBe(400);
    expect(page.html).toContain(reason);
    expect(page.html).not.toContain('Try again');
    expect(await site.fetches()).toBe(1);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ client_id: 'https://app.example/client.json' }, 'another client_id'],
    [{ client_id: undefined }, 'another client_id'],
    [{ client_secret: 'x' }, 'client_secret'],
    [{ client_secret: null }, 'client_secret'],
    [{ client_secret_expires_at: 0 }, 'client_secret_expires_at'],
    [{ token_endpoint_auth_method: 'client_secret_basic' }, 'token_endpoint_auth_method'],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, 'token_endpoint_auth_method'],
    [{ redirect_uris: undefined }, 'redirect_uris'],
    [{ redirect_uris: [] }, 'redirect_uris'],
    [{ redirect_uris: ['http://app.example/callback'] }, 'redirect_uris'],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'redirect_uris'],
    [{ grant_types: ['client_credentials'] }, 'grant_types'],
    [{ response_types: ['token'] }, 'response_types'],
    [{ client_name: 7 }, 'client_name'],
  ])('%j', async (change, reason) => {
    const { client } = await Site.serving(change);

    const page = await authorize(client);

    expect(page.status).toBe(400);
    expect(page.html).toContain(reason);
  });

  it.each([null, '', []])('a method that is %j is none', async (token_endpoint_auth_method) => {
    const { client } = await Site.serving({ token_endpoint_auth_method });

    expect((await authorize(client)).status).toBe(200);
  });

  it('5 KiB are counted while reading: a body that never ends is left', async () => {
    const site = new Site();
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1024).fill(0x20)),
    });
    const { fetch: real } = globalThis;
    vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) =>
      String(input) === site.url
        ? Promise.resolve(new Response(endless, { headers: { 'content-type': 'application/json' } }))
        : real(input, init),
    );

    const page = await authorize(site.client);

    expect(page.html).toContain('is larger than 5 KiB');
  });

  it('is given five seconds, headers and body together', async () => {
    const site = new Site();
    await site.answer({ body: null });
    const clock = new AbortController();
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(clock.signal);

    const answered = authorize(site.client);
    await control(site.name, 'until', { method: 'document', count: 1 });
    clock.abort();
    const page = await answered;

    expect(timeout).toHaveBeenCalledWith(5_000);
    expect(page.status).toBe(400);
    expect(page.html).toContain('took more than 5 seconds');
  });

  it.each([
    'https://127.0.0.1/client.json',
    'https://127.1/client.json',
    'https://2130706433/client.json',
    'https://0x7f000001/client.json',
    'https://0x7f.0.0.1/client.json',
    'https://0177.0.0.1/client.json',
    'https://%31%32%37.0.0.1/client.json',
    'https://①②⑦.⓪.⓪.①/client.json',
    'https://127.0.0.1./client.json',
    'https://0.0.0.0/client.json',
    'https://0/client.json',
    'https://10.0.0.1/client.json',
    'https://100.64.0.1/client.json',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/latest/meta-data/',
    'https://172.16.0.1/client.json',
    'https://172.31.255.255/client.json',
    'https://192.168.0.1/client.json',
    'https://192.0.2.1/client.json',
    'https://198.18.0.1/client.json',
    'https://198.51.100.1/client.json',
    'https://203.0.113.1/client.json',
    'https://224.0.0.1/client.json',
    'https://255.255.255.255/client.json',
    'https://[::]/client.json',
    'https://[::1]/client.json',
    'https://[0:0:0:0:0:0:0:1]/client.json',
    'https://[::127.0.0.1]/client.json',
    'https://[::ffff:127.0.0.1]/client.json',
    'https://[::ffff:7f00:1]/client.json',
    'https://[::ffff:a9fe:a9fe]/client.json',
    'https://[64:ff9b::a9fe:a9fe]/client.json',
    'https://[2002:7f00:1::]/client.json',
    'https://[2001::1]/client.json',
    'https://[2001:db8::1]/client.json',
    'https://[fc00::1]/client.json',
    'https://[fd12::1]/client.json',
    'https://[fe80::1]/client.json',
    'https://[ff02::1]/client.json',
    'https://localhost/client.json',
    'https://app.localhost/client.json',
    'https://intranet/client.json',
    'https://metadata.google.internal/client.json',
    'https://METADATA.google.INTERNAL/client.json',
    'https://printer.local/client.json',
    'https://printer.local./client.json',
    'https://printer.local../client.json',
    'https://router.lan/client.json',
    'https://user:password@app.example/client.json',
    'https://app.example@127.0.0.1/client.json',
    'https://app.example/client.json#fragment',
    'https://app.example/',
    'https://app.example',
    'https://app.example/a/../client.json',
    'https://app.example/a/%2e%2e/client.json',
    'https:app.example/client.json',
    'https:\\\\app.example\\client.json',
    'HTTPS://app.example/client.json',
    'https://APP.example/client.json',
    'https://app.example:443/client.json',
    'http://app.example/client.json',
    'https://gate.example/client.json',
    `https://app.example/${'x'.repeat(2000)}`,
    'https://',
  ])('%s is refused without a connection', async (clientId) => {
    const network = vi.spyOn(globalThis, 'fetch');

    const request = new Request(`${ISSUER}/oauth2/authorize?${new URLSearchParams({ client_id: clientId })}`);
    const deployed = { ...env, ALLOW_LOOPBACK_UPSTREAMS: false };
    const response = await worker.fetch(request, deployed, createExecutionContext());

    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(await response.text()).toMatch(/has an address/);
    expect(network).not.toHaveBeenCalled();
  });
});

describe('how long a document serves', () => {
  it.each<[string, Record<string, string>, number]>([
    ['its max-age', { 'cache-control': 'public, max-age=3600' }, 3600],
    ['its s-maxage before max-age', { 'cache-control': 'max-age=600, s-maxage=1200' }, 1200],
    ['less its age', { 'cache-control': 'max-age=3600', age: '600' }, 3000],
    ['five minutes without headers', {}, 300],
    ['five minutes at least', { 'cache-control': 'max-age=1' }, 300],
    ['five minutes though it says no-store', { 'cache-control': 'no-store, max-age=3600' }, 300],
    ['a day at most', { 'cache-control': 'max-age=31536000' }, 86_400],
    [
      'until it expires',
      { date: 'Sun, 01 Nov 2026 00:00:00 GMT', expires: 'Sun, 01 Nov 2026 01:00:00 GMT' },
      3600,
    ],
    ['five minutes when it has expired', { expires: '0' }, 300],
  ])('%s', async (_, headers, seconds) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const site = await Site.serving({}, headers);

    await authorize(site.client);
    vi.setSystemTime(Date.now() + (seconds - 1) * 1000);
    await authorize(site.client);
    const before = await site.fetches();
    vi.setSystemTime(Date.now() + 1000);
    await authorize(site.client);

    expect([before, await site.fetches()]).toEqual([1, 2]);
  });

  it('one that was refused is asked for again, and one that goes bad is refused though it was good', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const site = new Site();
    await site.answer({ status: 404, body: '' });

    const missing = await authorize(site.client);
    await site.serve();
    const good = await authorize(site.client);
    await site.answer({ status: 404, body: '' });
    vi.setSystemTime(Date.now() + 301_000);
    const gone = await authorize(site.client);

    expect([missing.status, good.status, gone.status]).toEqual([400, 200, 400]);
  });

  it('requests at the same moment share one fetch', async () => {
    const site = await Site.serving();

    const pages = await Promise.all(Array.from({ length: 5 }, () => authorize(site.client)));

    expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await site.fetches()).toBe(1);
  });
});

describe('what consent showed is what the token request uses', () => {
  it('a flow and its grant stay as they were when the document changes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const site = await Site.serving();
    const browser = new Browser();
    const services = await site.client.toServices(browser);

    await site.serve({
      client_name: 'Another',
      redirect_uris: ['https://evil.example/cb'],
      scope: 'mcp:read',
    });
    vi.setSystemTime(Date.now() + 301_000);
    const elsewhere = await authorize(McpClient.described(site.url, ['https://evil.example/cb']));
    const noLonger = await authorize(site.client);
    await browser.submit(services, { decision: 'allow' });
    const code = browser.callback?.searchParams.get('code') ?? '';
    const stolen = await site.client.redeem(code, { redirect_uri: 'https://evil.example/cb' });
    const { status, body } = await site.client.redeem(code);
    const { sessions } = await admin<{ sessions: { client_name: string }[] }>(
      'GET',
      `/oauth2/sessions?client_id=${encodeURIComponent(site.url)}`,
    );

    expect([elsewhere.status, noLonger.status]).toEqual([200, 400]);
    expect(`${browser.callback}`).toContain(`${CALLBACK}?code=`);
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect({ status, scope: body.scope }).toEqual({ status: 200, scope: 'mcp' });
    expect(sessions.map(({ client_name }) => client_name)).toEqual(['Described app']);
  });

  it('a grant goes on while its document cannot be had', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const site = await Site.serving();
    const tokens = await site.client.obtainGrant();

    await site.answer({ status: 500, body: '' });
    vi.setSystemTime(Date.now() + 86_400_000);
    const { status } = await site.client.refresh(tokens.refresh_token);

    expect(status).toBe(200);
    expect(await site.fetches()).toBe(1);
  });

  it('only the client it was issued to redeems a code', async () => {
    const site = await Site.serving();
    const code = await site.client.obtainCode();

    const response = await post('/oauth2/token', {
      grant_type: 'authorization_code',
      code,
      client_id: `${site.url}?x`,
      code_verifier: site.client.verifier,
    });

    expect(response.status).toBe(401);
  });
});
