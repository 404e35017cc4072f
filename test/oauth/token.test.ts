import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type GrantTerms, judgedTerms } from '../../src/grants/grant';
import { wait } from '../support/clock';
import { configure, gate, ISSUER, read } from '../support/gate';
import { McpClient, post } from '../support/mcp-client';

const claimsOf = (token: string) =>
  JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')));
const headerOf = (token: string) => JSON.parse(atob(token.split('.')[0] ?? ''));
const grantOf = (code: string) => env.GRANTS.get(env.GRANTS.idFromString(code.slice(0, 64)));

afterEach(() => {
  vi.useRealTimers();
});

describe('redeeming a code (RFC 6749 §4.1.3)', () => {
  it('answers with a JWT access token and a refresh token, no-store', async () => {
    const client = await McpClient.register();

    const { status, body, headers } = await client.redeem(await client.obtainCode());

    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      refresh_token: expect.stringMatching(/^[0-9a-f]{64}\.1\.[\w-]{43}$/),
      scope: 'mcp',
    });
  });

  it('writes the claims of RFC 9068, and nothing personal', async () => {
    const client = await McpClient.register();

    const { access_token } = await client.obtainGrant();
    const { keys } = (await (await gate('/.well-known/jwks.json')).json()) as { keys: { kid: string }[] };

    expect(headerOf(access_token)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: keys[0]?.kid });
    const now = expect.closeTo(Date.now() / 1000, -1);
    expect(claimsOf(access_token)).toEqual({
      iss: ISSUER,
      sub: expect.stringMatching(/^vk:[0-9a-f-]{36}$/),
      aud: `${ISSUER}/mcp`,
      client_id: client.clientId,
      scope: 'mcp',
      iat: now,
      nbf: now,
      exp: claimsOf(access_token).iat + 600,
      jti: expect.stringMatching(/^1\.[\w-]{22}$/),
      grant_id: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each([
    ['another client', async () => ({ client_id: (await McpClient.register()).clientId }), 'invalid_grant'],
    [
      'a wrong verifier',
      async () => ({ code_verifier: 'another-verifier-of-enough-characters-0123456789' }),
      'invalid_grant',
    ],
    [
      'another redirect URI',
      async () => ({ redirect_uri: 'http://127.0.0.1:8888/callback' }),
      'invalid_grant',
    ],
    ['another resource', async () => ({ resource: `${ISSUER}/mcp/other` }), 'invalid_target'],
    [
      'a resource of somebody else',
      async () => ({ resource: 'https://other.example/mcp' }),
      'invalid_target',
    ],
    ['no verifier', async () => ({ code_verifier: null }), 'invalid_request'],
    ['a verifier too short', async () => ({ code_verifier: 'short' }), 'invalid_request'],
    ['no client', async () => ({ client_id: null }), 'invalid_request'],
    ['an unknown client', async () => ({ client_id: crypto.randomUUID() }), 'invalid_client'],
    ['an unknown grant type', async () => ({ grant_type: 'constructor' }), 'unsupported_grant_type'],
  ])('refuses %s, and the code is still good afterwards', async (_, changes, error) => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    const refused = await client.redeem(code, await changes());
    const redeemed = await client.redeem(code);

    expect(refused.status).toBe(error === 'invalid_client' ? 401 : 400);
    expect(refused.body.error).toBe(error);
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('pragma')).toBe('no-cache');
    expect(refused.headers.get('www-authenticate')).toBe(
      error === 'invalid_client' ? 'Basic realm="oauth2"' : null,
    );
    expect(redeemed.status).toBe(200);
  });

  it('redeems a code while KV cannot be read: the grant knows it, too', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    const reading = vi
      .spyOn(env.KV, 'get')
      .mockRejectedValue(new Error('KV get() limit exceeded for the day.'));
    const { status } = await client.redeem(code);
    const asked = reading.mock.calls.length;
    vi.restoreAllMocks();

    expect([status, asked]).toEqual([200, 1]);
  });

  it('decides the same where KV does not have the code yet', async () => {
    const client = await McpClient.register();
    const other = await McpClient.register();
    const code = await client.obtainCode();
    for (const { name } of (await env.KV.list({ prefix: 'code:' })).keys) await env.KV.delete(name);

    const refusals = [
      await other.redeem(code),
      await client.redeem(code, { code_verifier: 'another-verifier-of-enough-characters-0123456789' }),
      await client.redeem(code, { redirect_uri: 'http://127.0.0.1:8888/callback' }),
      await client.redeem(code, { resource: `${ISSUER}/mcp/other` }),
      await client.redeem(`${code.slice(0, 65)}${'A'.repeat(43)}`),
    ];
    const redeemed = await client.redeem(code);

    expect(refusals.map(({ body }) => body.error)).toEqual([
      'invalid_grant',
      'invalid_grant',
      'invalid_grant',
      'invalid_target',
      'invalid_grant',
    ]);
    expect(redeemed.status).toBe(200);
  });

  it('needs neither redirect_uri nor resource', async () => {
    const client = await McpClient.register();

    expect((await client.redeem(await client.obtainCode(), { redirect_uri: null })).status).toBe(200);
  });

  it.each(['nonsense', `${'0'.repeat(64)}.${'A'.repeat(43)}`, `${'A'.repeat(64)}.x`])(
    'refuses the forged code %j',
    async (code) => {
      const client = await McpClient.register();

      expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    },
  );

  it('refuses a code after its time', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    wait(301);

    expect(await client.redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('gives one of 50 parallel redemptions tokens, and the grant lives', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.redeem(code)));
    const won = answers.filter(({ status }) => status === 200);
    const lost = answers.filter(({ status }) => status !== 200);

    expect(won).toHaveLength(1);
    expect(new Set(lost.map(({ body }) => body.error))).toEqual(new Set(['invalid_grant']));
    expect((await client.refresh(won[0]?.body.refresh_token ?? '')).status).toBe(200);
  });

  /** Redeems a code from an address. */
  const redeemFrom = (client: McpClient, code: string, address: string) =>
    post(
      '/oauth2/token',
      { grant_type: 'authorization_code', code, code_verifier: client.verifier, client_id: client.clientId },
      { 'cf-connecting-ip': address },
    ).then(({ status }) => status);

  it('changes nothing when a code comes back within 10 seconds from where it was redeemed (CONTRACT §5)', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    const first = await redeemFrom(client, code, '2001:db8:1:2::3');
    wait(9);
    const again = await redeemFrom(client, code, '2001:db8:1:2:ffff::4'); // the same /64
    vi.useRealTimers();

    expect([first, again]).toEqual([200, 400]);
    expect(await grantOf(code).isRedeemed()).toBe(true);
    await vi.waitFor(async () => {
      const { results } = await env.DB.prepare(
        "SELECT act FROM audit WHERE grant_id = ? AND act LIKE 'code.%' ORDER BY act",
      )
        .bind(code.slice(0, 64))
        .all();
      expect(results).toEqual([{ act: 'code.redeemed' }, { act: 'code.repeated' }]);
    });
  });

  it('ends the grant when a code comes back from another address, however soon', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    await redeemFrom(client, code, '2001:db8:1:2::3');
    const again = await redeemFrom(client, code, '2001:db8:1:3::3');

    expect(again).toBe(400);
    expect(await grantOf(code).isRedeemed()).toBe(false);
  });

  it('ends the grant when a code comes back 11 seconds later (RFC 9700 §4.5)', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    const { body } = await client.redeem(code);

    wait(11);
    const replayed = await client.redeem(code);
    const refreshed = await client.refresh(body.refresh_token);

    expect(replayed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(
      await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(code.slice(0, 64))
        .first(),
    ).toEqual({ ended_reason: 'code_replayed' });
  });

  it('ends nothing when a spent code comes back with a wrong verifier, or from another client', async () => {
    const client = await McpClient.register();
    const other = await McpClient.register();
    const code = await client.obtainCode();
    const { body } = await client.redeem(code);

    wait(11);
    await client.redeem(code, { code_verifier: 'another-verifier-of-enough-characters-0123456789' });
    await other.redeem(code);

    expect((await client.refresh(body.refresh_token)).status).toBe(200);
  });

  it('ends a grant whose code nobody redeemed, and leaves only the index row', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();

    wait(301);
    await runDurableObjectAlarm(grantOf(code));
    wait(3600);
    await runDurableObjectAlarm(grantOf(code));

    expect(
      await env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
        .bind(code.slice(0, 64))
        .first(),
    ).toEqual({ ended_reason: 'code_never_redeemed' });
    expect(await runDurableObjectAlarm(grantOf(code))).toBe(false);
  });
});

describe('the token endpoint (RFC 6749 §3.2)', () => {
  it.each([
    ['JSON', 'application/json', '{"grant_type":"authorization_code"}'],
    ['no content type', '', 'grant_type=authorization_code'],
    ['no grant type', 'application/x-www-form-urlencoded', 'client_id=x'],
    [
      'a repeated parameter',
      'application/x-www-form-urlencoded',
      'grant_type=authorization_code&grant_type=refresh_token',
    ],
    [
      'a body over 16 KiB',
      'application/x-www-form-urlencoded',
      `grant_type=refresh_token&client_id=x&refresh_token=${'x'.repeat(17_000)}`,
    ],
  ])('refuses %s as invalid_request', async (_, type, body) => {
    const answer = await read(
      await gate('/oauth2/token', { method: 'POST', body, headers: { 'content-type': type } }),
    );

    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('never says the value it was sent', async () => {
    const { body } = await read<{ error_description: string }>(
      await post('/oauth2/token', {
        grant_type: 'authorization_code',
        code: 'my-secret-code',
        client_id: 'my-client',
        code_verifier: 'v'.repeat(43),
      }),
    );

    expect(JSON.stringify(body)).not.toMatch(/my-secret-code|my-client|vvvv/);
  });

  it('is there under its older names, and has no GET', async () => {
    for (const path of ['/token', '/api/oauth/per-user/token']) {
      expect(await read(await post(path, { grant_type: 'x' }))).toMatchObject({
        status: 400,
        body: { error: 'unsupported_grant_type' },
      });
    }
    expect((await gate('/oauth2/token')).status).toBe(404);
  });

  it('authenticates a confidential client by Basic, un-encoded too, or by the form, and not by its id alone', async () => {
    const client = await McpClient.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const { client_id, client_secret = '' } = client.registration;
    const redeem = async (fields: Record<string, string | null>, headers: Record<string, string> = {}) => {
      const common = {
        grant_type: 'authorization_code',
        code: await client.obtainCode(),
        code_verifier: client.verifier,
      };
      return read(await post('/oauth2/token', { ...common, ...fields }, headers));
    };
    const basic = (secret: string) => ({ authorization: `Basic ${btoa(`${client_id}:${secret}`)}` });

    expect((await redeem({}, basic(client_secret))).status).toBe(200);
    expect((await redeem({ client_id, client_secret })).status).toBe(200);
    expect(await redeem({ client_id })).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await redeem({ client_id, client_secret: 'wrong' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await redeem({}, basic('wrong'))).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await redeem({ client_secret }, basic(client_secret))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    expect(await redeem({ client_id: 'other' }, basic(client_secret))).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    });
    expect(await redeem({ client_id }, { authorization: 'Bearer x' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
  });

  it('reads the halves of HTTP Basic as RFC 6749 §2.3.1 encodes them, and refuses what is none', async () => {
    const client = await McpClient.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const { client_id, client_secret = '' } = client.registration;
    const redeem = (authorization: string) =>
      post(
        '/oauth2/token',
        { grant_type: 'refresh_token', refresh_token: 'unknown' },
        { authorization: `Basic ${authorization}` },
      ).then(read<{ error: string }>);
    const encoded = `${client_id.replaceAll('-', '%2D')}:${client_secret}`;

    for (const written of [btoa(encoded), ` ${btoa(encoded)}`])
      expect((await redeem(written)).body.error).toBe('invalid_grant');
    for (const wrong of ['!', 'A', btoa(`:${client_secret}`), btoa(client_id), btoa(`${client_id}:%zz`)]) {
      expect(await redeem(wrong)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    }
  });

  it.each(['/oauth2/token', '/token', '/api/oauth/per-user/token', '/oauth2/revoke', '/oauth2/register'])(
    'lets a browser client read what %s answers, refusals too',
    async (path) => {
      const refused = await post(path, { client_id: 'nobody', token: 'x', grant_type: 'refresh_token' });

      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.headers.get('access-control-allow-origin')).toBe('*');
      expect(refused.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it('answers a fault of storage that does not pass with 500 and its code, and spends nothing (CONTRACT §8)', async () => {
    const client = await McpClient.register();
    const code = await client.obtainCode();
    await env.DB.prepare('ALTER TABLE client RENAME TO client_away').run();

    const down = await client.redeem(code);
    await env.DB.prepare('ALTER TABLE client_away RENAME TO client').run();
    const up = await client.redeem(code);

    const error_description = expect.stringContaining('D1_ERROR: no such table (SQLITE_ERROR)');
    expect(down).toMatchObject({ status: 500, body: { error: 'server_error', error_description } });
    expect(down.headers.get('retry-after')).toBeNull();
    expect(up.status).toBe(200);
  });
});

describe('refreshing (RFC 6749 §6, RFC 9700 §4.14.2)', () => {
  const ended = { status: 400, body: { error: 'invalid_grant' } };
  const reasonOf = (token: string) =>
    env.DB.prepare('SELECT ended_reason FROM oauth_grant WHERE grant_id = ?')
      .bind(token.slice(0, 64))
      .first<string>('ended_reason');
  /** Shows an access token at /mcp, so that its grant knows it is in use. */
  const use = async (token: string) => {
    const answer = await gate('/mcp', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect(answer.status).toBe(200);
    await vi.waitFor(async () => expect(await answer.text()).toBeTruthy());
  };

  it('replaces the refresh token at each use', async () => {
    const client = await McpClient.register();
    const first = await client.obtainGrant();

    const second = await client.refresh(first.refresh_token);
    const third = await client.refresh(second.body.refresh_token);

    expect([second.status, third.status]).toEqual([200, 200]);
    expect(new Set([first.refresh_token, second.body.refresh_token, third.body.refresh_token]).size).toBe(3);
    expect(claimsOf(third.body.access_token)).toMatchObject({
      jti: expect.stringMatching(/^3\./),
      sub: claimsOf(first.access_token).sub,
    });
  });

  it('answers 50 parallel refreshes with one token by the same successor, in one rotation', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();

    const answers = await Promise.all(Array.from({ length: 50 }, () => client.refresh(refresh_token)));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
    expect(answers[0]?.body.refresh_token).toMatch(/^[0-9a-f]{64}\.2\./);
    expect((await client.refresh(answers[0]?.body.refresh_token ?? '')).status).toBe(200);
  });

  it('finds a lost answer again 20 hours later while the successor is unused, and not after 24', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    const lost = await client.refresh(refresh_token);

    wait(20 * 3600);
    const found = await client.refresh(refresh_token);
    wait(5 * 3600);
    const late = await client.refresh(refresh_token);

    expect(found.body.refresh_token).toBe(lost.body.refresh_token);
    expect(late).toMatchObject(ended);
    expect(await reasonOf(refresh_token)).toBe('refresh_token_reused');
  });

  it('answers a replaced token for refresh_reuse_interval once its successor is seen on /mcp, then ends the grant', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    const second = await client.refresh(refresh_token);
    await use(second.body.access_token);
    await vi.waitFor(async () => {
      const used = await grantOf(refresh_token);
      expect(await (used as unknown as { seen(n: number): Promise<boolean> }).seen(0)).toBe(true);
    });

    wait(55);
    const within = await client.refresh(refresh_token);
    wait(10);
    const after = await client.refresh(refresh_token);
    const successor = await client.refresh(second.body.refresh_token);

    expect(within.body.refresh_token).toBe(second.body.refresh_token);
    expect(after).toMatchObject(ended);
    expect(successor).toMatchObject(ended);
    expect(await reasonOf(refresh_token)).toBe('refresh_token_reused');
  });

  it('finds a lost answer again although the replaced token itself was in use', async () => {
    const client = await McpClient.register();
    const first = await client.obtainGrant();
    await use(first.access_token);
    const lost = await client.refresh(first.refresh_token);

    wait(3600);
    const found = await client.refresh(first.refresh_token);

    expect(found.body.refresh_token).toBe(lost.body.refresh_token);
  });

  it('does not take an access token issued with the predecessor for use of the successor', async () => {
    const client = await McpClient.register();
    const first = await client.obtainGrant();
    const second = await client.refresh(first.refresh_token);
    await use(first.access_token);

    wait(3600);

    expect((await client.refresh(first.refresh_token)).body.refresh_token).toBe(second.body.refresh_token);
  });

  it('ends the grant at once when a token comes back whose successor has been refreshed', async () => {
    const client = await McpClient.register();
    const stolen = await client.obtainGrant();
    const second = await client.refresh(stolen.refresh_token);
    const third = await client.refresh(second.body.refresh_token);

    const replayed = await client.refresh(stolen.refresh_token);

    expect(replayed).toMatchObject(ended);
    expect(await client.refresh(third.body.refresh_token)).toMatchObject(ended);
  });

  it('leaves the grant alone when another client, resource or scope is asked for', async () => {
    const client = await McpClient.register();
    const other = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ changes: { scope: 'mcp:read' } });

    expect(await other.refresh(refresh_token)).toMatchObject(ended);
    expect(await other.refresh(refresh_token, { resource: `${ISSUER}/mcp/other` })).toMatchObject(ended);
    expect(await client.refresh(refresh_token, { resource: `${ISSUER}/mcp/other` })).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    });
    expect(await client.refresh(refresh_token, { scope: 'mcp' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await client.refresh(refresh_token)).toMatchObject({
      status: 200,
      body: { refresh_token: expect.stringMatching(/^[0-9a-f]{64}\.2\./) },
    });
  });

  it('narrows the scope of one access token, not of the grant', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();

    const narrow = await client.refresh(refresh_token, { scope: 'mcp:read openid' });
    const wide = await client.refresh(narrow.body.refresh_token);

    expect([narrow.body.scope, wide.body.scope]).toEqual(['mcp:read', 'mcp']);
  });

  it.each([
    ['a forged tag', (token: string) => `${token.slice(0, -4)}AAAA`],
    ['a later number', (token: string) => token.replace('.1.', '.9.')],
    ['another grant', (token: string) => `${'0'.repeat(64)}${token.slice(64)}`],
    ['upper case', (token: string) => token.toUpperCase()],
    ['nonsense', () => 'nonsense'],
  ])('refuses %s and ends nothing', async (_, forge) => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();

    expect(await client.refresh(forge(refresh_token))).toMatchObject(ended);
    expect((await client.refresh(refresh_token)).status).toBe(200);
  });

  it('is rotated by its object for the right token of its client alone, whoever asks', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    const tag = refresh_token.split('.')[2] ?? '';
    const grant = grantOf(refresh_token);
    const judged = judgedTerms((await grant.terms(1, tag)) as GrantTerms);
    const rotation = { clientId: client.clientId, judged, n: 1, tag, reuseInterval: 10, idleTtl: 0 };

    const refused = [
      await grant.rotate({ ...rotation, tag: 'A'.repeat(43) }),
      await grant.rotate({ ...rotation, n: 2 }),
      await grant.rotate({ ...rotation, clientId: crypto.randomUUID() }),
      await grant.rotate({ ...rotation, judged: { ...judged, subject: 'vk:another' } }),
      await grant.rotate({ ...rotation, judged: { ...judged, generation: 2 } }),
      await grant.rotate({ ...rotation, judged: { ...judged, scope: 'mcp:read' } }),
    ];

    const reasons = ['unknown', 'unknown', 'wrong_client', 'other_terms', 'other_terms', 'other_terms'];
    expect(refused).toMatchObject(reasons.map((reason) => ({ reason })));
    expect(await grant.rotate(rotation)).toMatchObject({ ok: true, n: 2 });
  });

  it('ends a grant that was idle for refresh_token_ttl, on reading and by its alarm', async () => {
    await configure({ oauth2_server_config: { refresh_token_ttl: 3600 } });
    const client = await McpClient.register();
    const read = await client.obtainGrant();
    const alarmed = await client.obtainGrant();
    const kept = await client.obtainGrant();

    wait(3000);
    const keptOn = await client.refresh(kept.refresh_token);
    wait(1000);
    await runDurableObjectAlarm(grantOf(alarmed.refresh_token));
    await runDurableObjectAlarm(grantOf(kept.refresh_token));

    expect(await client.refresh(read.refresh_token)).toMatchObject(ended);
    expect(await reasonOf(alarmed.refresh_token)).toBe('idle');
    expect((await client.refresh(keptOn.body.refresh_token)).status).toBe(200);
    vi.useRealTimers();
    await configure({ oauth2_server_config: { refresh_token_ttl: null } });
  });

  it('has an alarm for its idle time from the next refresh on, where there was none when it began', async () => {
    await configure({ oauth2_server_config: { refresh_token_ttl: 0 } });
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ answers: { expires_in: '0' } });
    await runDurableObjectAlarm(grantOf(refresh_token)); // its code's
    const isAlarmed = await runDurableObjectAlarm(grantOf(refresh_token));
    await configure({ oauth2_server_config: { refresh_token_ttl: 3600 } });

    await client.refresh(refresh_token);
    wait(3601);
    await runDurableObjectAlarm(grantOf(refresh_token));
    vi.useRealTimers();
    await configure({ oauth2_server_config: { refresh_token_ttl: null } });

    expect(isAlarmed).toBe(false);
    expect(await reasonOf(refresh_token)).toBe('idle');
  });

  it('ends at the idle time that is set now, not the one set when it began', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant();
    await configure({ oauth2_server_config: { refresh_token_ttl: 3600 } });

    wait(4000);
    const refused = await client.refresh(refresh_token);
    vi.useRealTimers();
    await configure({ oauth2_server_config: { refresh_token_ttl: null } });

    expect(refused).toMatchObject(ended);
    expect(await reasonOf(refresh_token)).toBe('idle');
  });

  it('ends with the time the person allowed, access tokens too', async () => {
    const client = await McpClient.register();
    const { refresh_token } = await client.obtainGrant({ answers: { expires_in: '28800' } });

    wait(28_500);
    const last = await client.refresh(refresh_token);
    wait(400);
    const late = await client.refresh(last.body.refresh_token);

    expect(last.body.expires_in).toBeLessThanOrEqual(300);
    expect(late).toMatchObject(ended);
    expect(await reasonOf(refresh_token)).toBe('expired');
  });
});
