import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { Unavailable } from '../../src/protocol/error';
import { exchangeToken } from '../../src/providers/exchange';
import { sealExchangeSecret } from '../../src/servers/exchange-secret';
import type { TokenExchange } from '../../src/servers/server';
import { Settings } from '../../src/settings';
import { AuthorizationServer } from '../support/authorization-server';

const AUDIENCE = 'https://server.example/mcp';

/** Settings of a gateway whose people sign in at `as`. */
const signedInAt = (as: AuthorizationServer | null) =>
  Settings.parse({
    oauth2_server_config: {},
    oidc: as ? { issuer: as.issuer, client_id: 'gateway', client_secret: 'the-secret-of-sign-ins' } : {},
    access: {},
  });

const CLIENTS = [
  { client_id: 'gateway', client_secret: 'the-secret-of-sign-ins' },
  { client_id: 'exchanger', client_secret: 'the-secret-of-exchanges' },
];

/** A server whose tokens are had by exchange. */
async function serverWith(changes: Partial<TokenExchange> = {}) {
  const id = crypto.randomUUID();
  const audience = { id, authorizationServerUrl: changes.authorizationServerUrl ?? null };
  const tokenExchange: TokenExchange = {
    audience: AUDIENCE,
    useIdpCredentials: false,
    clientId: 'exchanger',
    sealedSecret: await sealExchangeSecret(env.ENCRYPTION_KEY, audience, 'the-secret-of-exchanges'),
    authorizationServerUrl: null,
    scopes: ['read'],
    ...changes,
  };
  return { id, name: 'reports', tokenExchange };
}

const refusal = (code: string) => expect.objectContaining({ name: 'TokenRefused', code });

describe('exchanging the token of a sign-in (RFC 8693, CONTRACT §7)', () => {
  it('asks the provider of the sign-in for a token for the server', async () => {
    const as = await AuthorizationServer.start({ clients: CLIENTS, lifetime: 300 });

    const tokens = await exchangeToken(env, signedInAt(as), await serverWith(), 'ada');
    const [asked] = await as.asked('token');

    expect(tokens).toMatchObject({ accessToken: expect.stringMatching(/^access-/), scopes: ['read'] });
    expect(asked?.form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'ada',
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: AUDIENCE,
      scope: 'read',
    });
    expect(atob(asked?.authorization?.slice(6) ?? '')).toBe('exchanger:the-secret-of-exchanges');
  });

  it('asks another authorization server, where the server has one', async () => {
    const [as, other] = [
      await AuthorizationServer.start(),
      await AuthorizationServer.start({ clients: CLIENTS }),
    ];
    const server = await serverWith({ authorizationServerUrl: other.issuer });

    await exchangeToken(env, signedInAt(as), server, 'ada');

    expect(await other.asked('token')).toHaveLength(1);
    expect(await as.asked('token')).toEqual([]);
  });

  it('acts on behalf of the person with Entra, as the client of the sign-in', async () => {
    const metadata = { cloud_instance_name: 'microsoftonline.com' };
    const as = await AuthorizationServer.start({ clients: CLIENTS, metadata, foundAt: ['openid'] });
    const server = await serverWith({ audience: 'api://reports', useIdpCredentials: true, scopes: [] });

    await exchangeToken(env, signedInAt(as), server, 'ada');
    const [asked] = await as.asked('token');

    expect(asked?.form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: 'ada',
      requested_token_use: 'on_behalf_of',
      scope: 'api://reports/.default',
    });
    expect(atob(asked?.authorization?.slice(6) ?? '')).toBe('gateway:the-secret-of-sign-ins');
  });

  it('sends the client of the sign-in to the provider of the sign-in alone', async () => {
    const [as, spread, other] = await Promise.all([1, 2, 3].map(() => AuthorizationServer.start()));
    if (!as || !spread || !other) throw new Error('they did not start');
    const elsewhere = ({ issuer }: AuthorizationServer) => ({
      clients: CLIENTS,
      foundAt: ['openid'],
      metadata: { token_endpoint: `${issuer.replace('127.0.0.1', 'localhost')}/token` },
    });
    await as.behave({ foundAt: ['openid'] });
    await spread.behave(elsewhere(spread));
    await other.behave(elsewhere(other));
    const toOther = await serverWith({ useIdpCredentials: true, authorizationServerUrl: other.issuer });

    const refused = exchangeToken(env, signedInAt(as), toOther, 'ada');
    await expect(refused).rejects.toEqual(refusal('invalid_client'));
    await exchangeToken(env, signedInAt(spread), await serverWith({ useIdpCredentials: true }), 'ada');

    expect(await other.asked('token')).toEqual([]);
    expect(await spread.asked('token')).toHaveLength(1);
  });

  it('tells a refusal from a fault that passes', async () => {
    const as = await AuthorizationServer.start({ clients: CLIENTS });
    const server = await serverWith();
    const exchange = (token: string) =>
      exchangeToken(env, signedInAt(as), server, token).catch((error: unknown) => error);

    const refused = await exchange('worthless');
    await as.behave({ fault: 503 });
    const down = await exchange('ada');

    expect(refused).toEqual(refusal('invalid_grant'));
    expect(down).toBeInstanceOf(Unavailable);
  });

  it('sends nothing without a provider of its own name, or with a secret sealed for another', async () => {
    const as = await AuthorizationServer.start({ metadata: { issuer: 'https://other.example' } });
    const moved = await serverWith();
    const unsealed = {
      ...moved,
      tokenExchange: { ...moved.tokenExchange, authorizationServerUrl: as.issuer },
    };
    const asked = await Promise.allSettled([
      exchangeToken(env, signedInAt(as), moved, 'ada'),
      exchangeToken(env, signedInAt(null), moved, 'ada'),
      exchangeToken(env, signedInAt(null), unsealed, 'ada'),
    ]);

    for (const one of asked) expect(one).toMatchObject({ reason: { name: 'TokenRefused' } });
    expect(await as.asked('token')).toEqual([]);
  });
});
