import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { seal } from '../../src/crypto/secrets';
import { Unavailable } from '../../src/protocol/error';
import { authorizationUrl, redeemCode, refreshTokens, revokeToken } from '../../src/providers/client';
import type { Provider } from '../../src/providers/provider';
import { TokenRefused } from '../../src/providers/token-refusal';
import type { Tokens } from '../../src/providers/tokens';
import { whoseAccount } from '../../src/providers/whose';
import { AuthorizationServer } from '../support/authorization-server';
import { ISSUER } from '../support/gate';

const REDIRECT_URI = `${ISSUER}/api/oauth/callback`;
const SECRET = 'a secret: with % signs+';
const asked = { state: 'connect.a-state', verifier: 'a-verifier-of-enough-unreserved-characters-0123456789' };
const now = () => Math.floor(Date.now() / 1000);

/** A provider where an administrator registered us by hand, with a secret. */
async function providerAt(as: AuthorizationServer, changes: Partial<Provider> = {}): Promise<Provider> {
  await as.behave({
    clients: [{ client_id: 'by-hand', client_secret: SECRET }, { client_id: 'public' }],
  });
  const place = 'oauth_config/test/client_secret';
  return {
    oauthConfigId: 'test',
    issuer: as.issuer,
    authorizationEndpoint: `${as.issuer}/authorize`,
    tokenEndpoint: `${as.issuer}/token`,
    revocationEndpoint: `${as.issuer}/revoke`,
    userinfoEndpoint: null,
    tokenHost: null,
    promisesIss: true,
    isMoved: false,
    resource: 'https://server.example/mcp',
    scopes: ['read', 'write'],
    client: {
      clientId: 'by-hand',
      from: 'administrator',
      authMethod: 'client_secret_basic',
      otherMethod: null,
      secret: { place, sealed: await seal(env.ENCRYPTION_KEY, place, SECRET) },
    },
    ...changes,
  };
}

/** The tokens of `user`, who is sent to the provider and comes back. @param altered of the answer they bring */
async function authorized(
  as: AuthorizationServer,
  provider: Provider,
  altered: Record<string, string | null> = {},
): Promise<Tokens> {
  const binding = { ...asked, redirectUri: REDIRECT_URI, issuer: provider.issuer };
  const { url } = await authorizationUrl(provider, { ...binding, scopes: provider.scopes });
  const { searchParams } = await as.answer(url, 'ada');
  for (const [name, value] of Object.entries(altered)) {
    if (value === null) searchParams.delete(name);
    else searchParams.set(name, value);
  }
  return redeemCode(env, provider, searchParams, binding);
}

/** What a request that must fail fails with. */
const fault = (request: Promise<unknown>) =>
  request.then(
    () => 'nothing',
    (error: unknown) => error,
  );

/** How a provider refuses. */
const refusal = (code: string) => expect.objectContaining({ name: 'TokenRefused', code });

describe('authorizing a server (RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207)', () => {
  it('asks with PKCE and resource, keeps the query of the endpoint, and redeems what comes back', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as, {
      authorizationEndpoint: `${as.issuer}/authorize?access_type=offline&state=theirs`,
    });

    const { url } = await authorizationUrl(provider, {
      ...asked,
      redirectUri: REDIRECT_URI,
      scopes: ['read'],
    });
    const tokens = await authorized(as, provider);
    const [token] = await as.tokenRequests('authorization_code');

    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      access_type: 'offline',
      response_type: 'code',
      client_id: 'by-hand',
      redirect_uri: REDIRECT_URI,
      state: asked.state,
      scope: 'read',
      resource: 'https://server.example/mcp',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(tokens).toEqual({
      accessToken: expect.stringMatching(/^access-/),
      refreshToken: expect.stringMatching(/^refresh-/),
      tokenType: 'bearer',
      expiresAt: expect.closeTo(now() + 3600, -1),
      scopes: ['read', 'write'],
    });
    expect(token?.form).toMatchObject({
      code_verifier: asked.verifier,
      resource: 'https://server.example/mcp',
    });
  });

  it('asks for offline access in the way that OpenID providers grant it', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const { url } = await authorizationUrl(provider, {
      ...asked,
      redirectUri: REDIRECT_URI,
      scopes: ['read', 'offline_access'],
    });

    expect(new URL(url).searchParams.get('prompt')).toBe('consent');
  });

  it.each([
    ['client_secret_basic', 'by-hand'],
    ['client_secret_post', 'by-hand'],
    ['none', 'public'],
  ] as const)('authenticates with %s', async (authMethod, clientId) => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const client = { ...provider.client, authMethod, clientId };

    const tokens = await authorized(as, { ...provider, client });

    expect(tokens.accessToken).toMatch(/^access-/);
  });

  it.each([
    ['another state', { state: 'connect.another' }, 'invalid_response'],
    ['no state', { state: null }, 'invalid_response'],
    ['another issuer', { iss: 'https://evil.example' }, 'invalid_response'],
    ['no issuer, where it is promised', { iss: null }, 'invalid_response'],
    ['no code', { code: null }, 'invalid_response'],
    ['a code of nobody', { code: 'guessed' }, 'invalid_grant'],
    ['an error', { error: 'access_denied' }, 'access_denied'],
    [
      'an error of another issuer',
      { error: 'access_denied', iss: 'https://evil.example' },
      'invalid_response',
    ],
  ])('refuses an answer with %s', async (_, altered, code) => {
    const as = await AuthorizationServer.start();

    await expect(authorized(as, await providerAt(as), altered)).rejects.toEqual(refusal(code));
    expect(await as.tokenRequests('authorization_code')).toHaveLength(code === 'invalid_grant' ? 1 : 0);
  });

  it.each(['temporarily_unavailable', 'server_error'])(
    'takes the answer %s for a fault that passes',
    async (error) => {
      const as = await AuthorizationServer.start();

      const answer = authorized(as, await providerAt(as), { code: null, error });

      await expect(answer).rejects.toBeInstanceOf(Unavailable);
    },
  );

  it('refuses an answer when the provider has become another since', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const binding = { ...asked, redirectUri: REDIRECT_URI, issuer: 'https://before.example' };
    const answer = new URLSearchParams({ code: 'a-code', state: asked.state, iss: as.issuer });

    await expect(redeemCode(env, provider, answer, binding)).rejects.toEqual(refusal('invalid_response'));
    expect(await as.asked('token')).toEqual([]);
  });

  it('compares no issuer where an administrator named the endpoints and nobody one', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as, { issuer: null, promisesIss: false });

    expect((await authorized(as, provider)).accessToken).toMatch(/^access-/);
  });
});

describe("providers' own ways (docs of GitHub and Slack, presets.ts)", () => {
  it('reads what GitHub answers: scopes with commas, no lifetime, refusals under 200', async () => {
    const as = await AuthorizationServer.start({ quirks: 'github', namesIssuer: false });
    const provider = await providerAt(as, { issuer: null, promisesIss: false, resource: null });

    const tokens = await authorized(as, provider);
    const refused = await fault(authorized(as, provider, { code: 'guessed' }));

    expect(tokens).toMatchObject({ expiresAt: null, scopes: ['read', 'write'] });
    expect(refused).toEqual(refusal('invalid_grant'));
  });

  it('reads what Slack answers: token types of its own, refusals under 200', async () => {
    const as = await AuthorizationServer.start({ quirks: 'slack' });
    const provider = await providerAt(as);

    const tokens = await authorized(as, provider);
    await as.behave({ refuses: 'invalid_refresh_token' });
    const refused = await fault(refreshTokens(env, provider, 'spent'));
    await as.behave({ refuses: 'ratelimited' });
    const busy = await fault(refreshTokens(env, provider, 'good'));

    expect(tokens).toMatchObject({ tokenType: 'user', refreshToken: expect.any(String) });
    expect(refused).toEqual(refusal('invalid_grant'));
    expect(busy).toBeInstanceOf(Unavailable);
  });
});

describe('refreshing and revoking (RFC 6749 §6, RFC 7009)', () => {
  it('gives the tokens that follow, and keeps a refresh token that stays', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const first = await authorized(as, provider);
    const second = await refreshTokens(env, provider, first.refreshToken ?? '');
    await as.behave({ rotates: false });
    const third = await refreshTokens(env, provider, second.refreshToken ?? '');

    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(third.refreshToken).toBe(second.refreshToken);
    expect(third.accessToken).not.toBe(second.accessToken);
  });

  it.each([
    ['a refusal', { refuses: 'invalid_grant' }, 'invalid_grant'],
    ['a client it does not know', { refuses: 'invalid_client' }, 'invalid_client'],
  ])('tells %s', async (_, behaviour, code) => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    await as.behave(behaviour);

    await expect(refreshTokens(env, provider, 'any')).rejects.toEqual(refusal(code));
  });

  it.each([
    ['a fault of its own', { fault: 500 }],
    ['too many requests', { fault: 429 }],
    ['a redirect', { fault: 'redirect' }],
    ['something in front of it', { fault: 403 }],
    ['a bare 401', { fault: 401 }],
    ['a bare 400', { fault: 400 }],
    ['a page', { fault: 'html' }],
    ['more than can be read', { fault: 'long' }],
    ['nothing', { fault: 'die' }],
    ['its own word for a fault', { refuses: 'temporarily_unavailable' }],
  ])('takes %s for a fault that passes', async (_, behaviour) => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    await as.behave(behaviour);

    await expect(refreshTokens(env, provider, 'any')).rejects.toBeInstanceOf(Unavailable);
  });

  const answering = (status: number, body: string) => ({ says: { to: 'refresh_token', status, body } });

  it.each([
    ['"3600"', 3600],
    ['9223372036854775807', 315_360_000],
    ['1e400', 315_360_000],
    ['{"toString":1}', null],
    ['-1', null],
  ])('takes expires_in %s for a life of %s seconds, and an odd type for Bearer', async (said, seconds) => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const issuedAt = now();
    await as.behave(answering(200, `{"access_token":"a","token_type":{"toString":1},"expires_in":${said}}`));
    const { expiresAt, tokenType } = await refreshTokens(env, provider, 'any');

    expect(tokenType).toMatch(/^bearer$/i);
    if (seconds === null) expect(expiresAt).toBeNull();
    else expect((expiresAt ?? 0) - issuedAt - seconds).toBeOneOf([0, 1, 2]);
  });

  it.each([200, 400])('tells a refusal under %i beside an access_token that is empty', async (status) => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    await as.behave(answering(status, '{"access_token":"","error":"invalid_grant"}'));

    await expect(refreshTokens(env, provider, 'any')).rejects.toEqual(refusal('invalid_grant'));
  });

  it('asks no one whose an account is at an endpoint that is no address', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as, { userinfoEndpoint: '/userinfo' });
    const { account: _, ...tokens } = await authorized(as, provider);

    expect(await whoseAccount(env, provider, tokens)).toBeNull();
  });

  it('sends no secret that was sealed for another place', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const secret = {
      place: 'oauth_config/other/client_secret',
      sealed: provider.client.secret?.sealed ?? '',
    };
    const client = { ...provider.client, secret };

    await expect(refreshTokens(env, { ...provider, client }, 'any')).rejects.toBeInstanceOf(TokenRefused);
    expect(await as.asked('token')).toEqual([]);
  });

  it('tells the provider that a token is not needed any more, where it can be told', async () => {
    const as = await AuthorizationServer.start();
    const provider = await providerAt(as);
    const { refreshToken } = await authorized(as, provider);

    const told = await revokeToken(env, provider, refreshToken ?? '');
    const untold = await revokeToken(env, { ...provider, revocationEndpoint: null }, 'any');
    const refreshed = await fault(refreshTokens(env, provider, refreshToken ?? ''));
    await as.behave({ fault: 500 });
    const failed = await revokeToken(env, provider, 'any');

    expect([told, untold, failed]).toEqual([true, false, false]);
    expect(refreshed).toEqual(refusal('invalid_grant'));
  });
});
