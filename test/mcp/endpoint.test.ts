import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Browser, type Page } from '../support/browser';
import { McpCaller, wholeAnswer } from '../support/caller';
import { admin, configure, gate, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const METADATA = `resource_metadata="${ISSUER}/.well-known/oauth-protected-resource/mcp"`;

const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' };

/** What a caller with these headers meets. */
async function meets(headers: Record<string, string>, path = '/mcp') {
  const answer = await wholeAnswer(await new McpCaller(headers, '2025', path).post(list));
  return { ...answer, challenge: answer.headers.get('www-authenticate') };
}

/** An access token a person allowed, for a fresh key unless one is given. */
async function accessToken(options: Parameters<McpClient['obtainGrant']>[0] = {}): Promise<string> {
  await Upstream.start(); // consent needs something to tick
  const { access_token } = await (await McpClient.register()).obtainGrant(options);
  return access_token;
}

describe('credentials, judged before anything else (CONTRACT §6)', () => {
  afterEach(async () => {
    vi.useRealTimers();
    await configure({ mcp_server_auth_mode: null, enforce_auth_on_inference: null, revocation_lag: null });
  });

  it('sends whoever shows none to where tokens are had (RFC 9728 §5.1), with a code for the audit', async () => {
    const { status, challenge, body } = await meets({});

    expect({ status, challenge }).toEqual({ status: 401, challenge: `Bearer ${METADATA}, scope="mcp"` });
    expect(body).toMatchObject({
      id: null, // of a stranger no body is read
      error: { data: { reference: expect.stringMatching(/^F-[2-9A-Z]{4}$/) } },
    });
  });

  it('names the metadata of the address that was asked', async () => {
    const { challenge } = await meets({}, '/mcp/some-server');
    const ofNull = await meets({}, '/mcp/null');
    const after = await meets({});

    expect(challenge).toBe(`Bearer ${METADATA.slice(0, -1)}/some-server", scope="mcp"`);
    expect(ofNull.challenge).toBe(`Bearer ${METADATA.slice(0, -1)}/null", scope="mcp"`);
    expect(after.challenge).toBe(`Bearer ${METADATA}, scope="mcp"`);
  });

  it('sends a browser on to the page that says how apps connect, and nobody with a credential', async () => {
    const html = { accept: 'text/html,*/*;q=0.8' };
    const opened = ['/mcp', '/mcp/a-set', '/mcp/'].map((path) =>
      gate(path, { headers: html, redirect: 'manual' }),
    );
    const places = (await Promise.all(opened)).map(({ status, headers }) => [
      status,
      headers.get('location'),
    ]);
    const app = await gate('/mcp', { headers: { accept: 'text/event-stream' } });
    const posted = await gate('/mcp', { method: 'POST', headers: html, body: '{}' });
    const withToken = await gate('/mcp', { headers: { ...html, authorization: 'Bearer x' } });

    expect(places).toEqual([
      [303, `${ISSUER}/`],
      [303, `${ISSUER}/?at=a-set`],
      [303, `${ISSUER}/`],
    ]);
    expect([app, posted, withToken].map(({ status }) => status)).toEqual([401, 401, 401]);
  });

  it('says only realm in headers mode', async () => {
    await configure({ mcp_server_auth_mode: 'headers' });

    expect(await meets({})).toMatchObject({ status: 401, challenge: 'Bearer realm="mcp"' });
  });

  it.each(['GET', 'DELETE', 'PUT'])('answers 401 to %s before 405', async (method) => {
    const unknown = await gate('/mcp', { method });
    const known = await gate('/mcp', { method, headers: { 'x-bf-vk': (await newKey()).value } });

    expect(unknown.status).toBe(401);
    expect(known.status).toBe(405);
    expect(known.headers.get('allow')).toContain('POST');
  });

  it('answers 401 before it looks at body or address', async () => {
    expect((await gate('/mcp', { method: 'POST', body: '[' })).status).toBe(401);
    expect((await gate('/mcp/nowhere', { method: 'POST', body: '[' })).status).toBe(401);
  });

  it.each(['x-bf-vk', 'x-bf-virtual-key', 'x-api-key', 'x-goog-api-key'])(
    'takes a key in %s',
    async (header) => {
      const { value } = await newKey();

      expect(await meets({ [header]: value })).toMatchObject({ status: 200 });
      expect(await meets({ [header]: value, authorization: `Bearer ${value}` })).toMatchObject({
        status: 200,
      });
    },
  );

  it('refuses two different keys, naming both headers', async () => {
    const [one, two] = [await newKey(), await newKey()];
    const { status, body } = await meets({ 'x-bf-vk': one.value, 'x-api-key': two.value });

    expect(status).toBe(401);
    expect(body.error).toMatchObject({ data: { type: 'conflicting_credentials' } });
    expect(body.error?.message).toMatch(/x-bf-vk.*x-api-key/);
  });

  it('refuses an unknown key, naming its header and sending nobody to log in', async () => {
    const { status, challenge, body } = await meets({ 'x-api-key': 'sk-bf-unknown' });

    expect(status).toBe(401);
    expect(challenge).toMatch(/^Bearer error="invalid_token"/);
    expect(challenge).not.toContain('resource_metadata');
    expect(body.error).toMatchObject({
      message: expect.stringContaining('x-api-key'),
      data: { type: 'invalid_token' },
    });
  });

  it.each([
    ['inactive', { is_active: false }],
    ['expired', {}],
  ])('answers 403 access_blocked to a key that is %s', async (what, change) => {
    const { id, value } = await newKey();
    const expires_at = new Date(Date.now() + 60_000).toISOString();
    await admin('PUT', `/governance/virtual-keys/${id}`, { expires_at, ...change });
    if (what === 'expired') vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    const { status, body } = await meets({ 'x-bf-vk': value });

    expect(status).toBe(403);
    expect(body.error).toMatchObject({
      message: expect.stringContaining(what),
      data: { type: 'access_blocked' },
    });
  });

  it('takes a token, and in oauth mode nothing else', async () => {
    const { value } = await newKey();
    const token = await accessToken({ key: value });
    await configure({ mcp_server_auth_mode: 'oauth' });

    expect(await meets({ authorization: `Bearer ${token}` })).toMatchObject({ status: 200 });
    expect(await meets({ 'x-bf-vk': value })).toMatchObject({
      status: 401,
      challenge: expect.stringContaining(METADATA),
      body: { error: { message: expect.stringContaining('Only access tokens') } },
    });
  });

  it('refuses a token in headers mode', async () => {
    const token = await accessToken();
    await configure({ mcp_server_auth_mode: 'headers' });

    expect(await meets({ authorization: `Bearer ${token}` })).toMatchObject({ status: 401 });
  });

  it('refuses a token and a key together, naming both headers', async () => {
    const { value } = await newKey();
    const token = await accessToken({ key: value });
    const { status, body } = await meets({ authorization: `Bearer ${token}`, 'x-bf-vk': value });

    expect(status).toBe(401);
    expect(body.error).toMatchObject({ data: { type: 'conflicting_credentials' } });
    expect(body.error?.message).toMatch(/Authorization.*x-bf-vk/);
  });

  it('refuses what is not a token of ours', async () => {
    const token = await accessToken();
    const [head, claims, signature] = token.split('.') as [string, string, string];
    const other = JSON.stringify({ ...JSON.parse(atob(claims)), sub: 'vk:other' });
    const challenge = `Bearer error="invalid_token", ${METADATA}, scope="mcp"`;

    for (const forged of ['eyJ.e30.x', 'opaque', `${head}.${btoa(other).replace(/=/g, '')}.${signature}`]) {
      expect(await meets({ authorization: `Bearer ${forged}` })).toMatchObject({ status: 401, challenge });
    }
  });

  it('takes a token for /mcp everywhere below, and one for a server only there (RFC 8707)', async () => {
    const upstream = await Upstream.start();
    const everywhere = await accessToken();
    const changes = { resource: `${ISSUER}/mcp/${upstream.slug}` };
    const { access_token: here } = await (await McpClient.register()).obtainGrant({ changes });

    expect(await meets({ authorization: `Bearer ${everywhere}` }, `/mcp/${upstream.slug}`)).toMatchObject({
      status: 200,
    });
    expect(await meets({ authorization: `Bearer ${here}` }, `/mcp/${upstream.slug}`)).toMatchObject({
      status: 200,
    });
    expect(await meets({ authorization: `Bearer ${here}` })).toMatchObject({ status: 401 });
    expect(await meets({ authorization: `Bearer ${here}` }, '/mcp/elsewhere')).toMatchObject({ status: 401 });
  });

  it('refuses the token of a key that was deactivated, deleted or has expired', async () => {
    const key = await newKey();
    const token = await accessToken({ key: key.value });
    const before = await meets({ authorization: `Bearer ${token}` });
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { is_active: false });
    const inactive = await meets({ authorization: `Bearer ${token}` });
    await admin('DELETE', `/governance/virtual-keys/${key.id}`);
    const deleted = await meets({ authorization: `Bearer ${token}` });

    expect([before.status, inactive.status, deleted.status]).toEqual([200, 401, 401]);
    expect(inactive.challenge).toContain('error="invalid_token"');
  });

  it('refuses the token of a grant that was revoked, and of a client that was deleted', async () => {
    await Upstream.start();
    const client = await McpClient.register();
    const [revoked, orphaned] = [await client.obtainGrant(), await client.obtainGrant()];
    await client.revoke(revoked.refresh_token);
    const ofRevoked = await meets({ authorization: `Bearer ${revoked.access_token}` });
    const standing = await meets({ authorization: `Bearer ${orphaned.access_token}` });
    await env.DB.prepare('DELETE FROM client WHERE client_id = ?1').bind(client.clientId).run();
    const ofDeleted = await meets({ authorization: `Bearer ${orphaned.access_token}` });

    expect([ofRevoked.status, standing.status, ofDeleted.status]).toEqual([401, 200, 401]);
  });

  it('refuses the token of an anonymous session while enforcement is on, and takes it again when it is off', async () => {
    await configure({ enforce_auth_on_inference: false });
    await Upstream.start();
    const [client, browser] = [await McpClient.register(), new Browser()];
    const identify = (await browser.open(await client.authorizeUrl())) as Page;
    const services = (await browser.submit(identify, { identity: 'session', decision: 'continue' })) as Page;
    await browser.submit(services, { decision: 'allow' });
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    const meetsNow = async () => (await meets({ authorization: `Bearer ${body.access_token}` })).status;

    const before = await meetsNow();
    await configure({ enforce_auth_on_inference: true });
    const enforced = await meetsNow();
    await configure({ enforce_auth_on_inference: false });

    expect([before, enforced, await meetsNow()]).toEqual([200, 401, 200]);
  });

  it('tells the grant that its token was seen: the refresh token before it is then spent (CONTRACT §5)', async () => {
    await Upstream.start();
    const client = await McpClient.register();
    const first = await client.obtainGrant();
    const second = await client.refresh(first.refresh_token);
    await meets({ authorization: `Bearer ${second.body.access_token}` });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 120_000 });

    const replayed = await client.refresh(first.refresh_token);

    expect(replayed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('goes on from what it knows of a caller for revocation_lag, and no longer', async () => {
    await configure({ revocation_lag: 30 });
    const { id, value } = await newKey();
    const before = await meets({ 'x-bf-vk': value });
    await env.DB.prepare('DELETE FROM virtual_key WHERE id = ?1').bind(id).run();
    const within = await meets({ 'x-bf-vk': value });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
    const after = await meets({ 'x-bf-vk': value });

    expect([before.status, within.status, after.status]).toEqual([200, 200, 401]);
  });

  it('knows nobody by X-Bf-User-Id', async () => {
    expect(await meets({ 'x-bf-user-id': 'admin' })).toMatchObject({ status: 401 });
  });

  it('lets anonymous callers in only where nothing is enforced, and sessions only of our making', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { session_id, value } = await admin<{ session_id?: string; value?: string }>(
      'POST',
      '/mcp/session',
    );
    const issued = session_id ?? value ?? '';

    expect(await meets({})).toMatchObject({ status: 200 });
    expect(await meets({ 'x-bf-mcp-session-id': issued })).toMatchObject({ status: 200 });
    expect(await meets({ 'x-bf-mcp-session-id': `${issued}x` })).toMatchObject({ status: 401 });
    await configure({ enforce_auth_on_inference: true });
    expect(await meets({ 'x-bf-mcp-session-id': issued })).toMatchObject({ status: 401 });
  });
});

describe('addresses', () => {
  it('answers 404 for an unknown slug and 403 for one not granted, after the credential', async () => {
    const upstream = await Upstream.start(['echo'], { registration: { allow_on_all_virtual_keys: false } });
    const stranger = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const unknown = await stranger.with({}, '/mcp/nowhere').ask('tools/list');
    const refused = await stranger.ask('tools/list');
    await upstream.change({ allow_on_all_virtual_keys: true, enabled: false });
    const disabled = await stranger.ask('tools/list');

    expect(unknown).toMatchObject({ status: 404, body: { error: { data: { type: 'not_found' } } } });
    expect(refused).toMatchObject({ status: 403, body: { error: { data: { type: 'access_denied' } } } });
    expect(disabled).toMatchObject({ status: 404 });
  });

  it('serves nothing at paths that only look like /mcp', async () => {
    for (const path of ['/mcp/', '//mcp', '/MCP', '/mcp/a/b', '/mcp%2Fa']) {
      expect((await gate(path, { method: 'POST', body: '{}' })).status, path).toBeGreaterThanOrEqual(401);
    }
  });
});

describe('browsers (MCP, Security Warning; CONTRACT §2)', () => {
  const preflight = (origin: string) =>
    gate('/mcp', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-headers': 'authorization, mcp-param-region, x-evil' },
    });

  it.each(['https://evil.example', 'null', 'http://localhost.evil.example'])(
    'refuses the origin %s',
    async (origin) => {
      const { value } = await newKey();

      expect(await meets({ 'x-bf-vk': value, origin })).toMatchObject({ status: 403 });
      expect((await preflight(origin)).status).toBe(403);
    },
  );

  it.each([ISSUER, 'http://localhost:6274', 'http://127.0.0.1:1'])(
    'answers %s, without authentication to OPTIONS',
    async (origin) => {
      const { status, headers } = await preflight(origin);

      expect(status).toBe(204);
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-headers')).toMatch(
        /Authorization.*Mcp-Session-Id.*mcp-param-region$/,
      );
    },
  );

  it('tells a refusal to one origin, and the next one nothing of it', async () => {
    const told = await meets({ origin: ISSUER, authorization: 'Bearer nonsense' });
    const after = await meets({ authorization: 'Bearer nonsense' });

    expect([told, after].map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual([
      ISSUER,
      null,
    ]);
    expect(after.headers.get('vary')).toBeNull();
  });

  it('answers origins an administrator allows', async () => {
    await configure({ allowed_origins: ['https://app.example'] });

    expect((await preflight('https://app.example')).status).toBe(204);
  });

  it('lets a page read why it was refused', async () => {
    const { headers } = await meets({ origin: ISSUER });

    expect(headers.get('access-control-allow-origin')).toBe(ISSUER);
    expect(headers.get('access-control-expose-headers')).toBe(
      'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version',
    );
    expect(headers.get('vary')).toContain('Origin');
  });
});

describe('bodies (SECURITY 18)', () => {
  it.each([
    ['over 4 MiB', 413, { body: `"${'x'.repeat(4_194_304)}"` }],
    ['encoded', 415, { headers: { 'content-encoding': 'gzip' } }],
    ['of another type', 415, { headers: { 'content-type': 'text/plain' } }],
    ['that is a batch', 400, { body: '[{"jsonrpc":"2.0","id":1,"method":"ping"}]' }],
    ['that is not JSON', 400, { body: '{' }],
  ] as [string, number, { body?: string; headers?: Record<string, string> }][])(
    'refuses one %s',
    async (_, status, given) => {
      const caller = (await McpCaller.withKey()).with(given.headers ?? {});
      const response = await caller.post(given.body ?? list);

      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } });
    },
  );

  it('answers 202 to notifications, and 400 to answers nobody asked for (PROTOCOL §4)', async () => {
    const caller = await McpCaller.withKey();

    expect((await caller.notify('notifications/initialized')).status).toBe(202);
    expect((await caller.post({ jsonrpc: '2.0', id: 1, result: {} })).status).toBe(400);
  });
});
