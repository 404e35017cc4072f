import * as o from 'oauth4webapi';
import { allowsLoopback, type Env } from '../config';
import { open } from '../crypto/secrets';
import { providerFetch } from '../identity/provider';
import { Destination } from '../protocol/destination';
import { Unavailable } from '../protocol/error';
import type { AuthMethod } from '../servers/oauth-config';
import { noteAuthMethod, noteResourceRefused } from '../servers/oauth-config-store';
import { readSecret } from '../servers/secret-value';
import type { Provider } from './provider';
import { PASSING, readTokenAnswer } from './token-answer';
import { refusesResource, speaksOfResource, TokenRefused } from './token-refusal';
import type { Tokens } from './tokens';

/** What an authorization is bound to besides a browser: kept from the request to the answer. */
export type AuthorizationBinding = {
  state: string;
  verifier: string;
  redirectUri: string;
  /** The provider's as the person was sent there (MCP 2026-07-28, Authorization Response Validation). */
  issuer: string | null;
};

const WHO = "the server's authorization server";

/** Where a person is sent (RFC 6749 §4.1.1, RFC 7636, RFC 8707); the endpoint's own query stays, but for our parameters. */
export async function authorizationUrl(
  provider: Provider,
  {
    state,
    verifier,
    redirectUri,
    scopes,
  }: Omit<AuthorizationBinding, 'issuer'> & { scopes: readonly string[] },
): Promise<Destination> {
  const url = new URL(provider.authorizationEndpoint);
  const parameters = {
    response_type: 'code',
    client_id: provider.client.clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: await o.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(scopes.length && { scope: scopes.join(' ') }),
    ...(provider.resource !== null && { resource: provider.resource }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  // OpenID Connect Core §11: without it no offline access is granted.
  if (scopes.includes('offline_access') && !url.searchParams.has('prompt'))
    url.searchParams.set('prompt', 'consent');
  return Destination.provider(url);
}

/**
 * The tokens for what the provider answered a person's browser with (RFC 6749 §4.1.3, RFC 9207).
 * @throws TokenRefused, Unavailable
 */
export async function redeemCode(
  env: Env,
  provider: Provider,
  answer: URLSearchParams,
  binding: AuthorizationBinding,
): Promise<Tokens> {
  if (binding.issuer !== provider.issuer) {
    throw new TokenRefused('invalid_response', 'the provider is another than the person was sent to');
  }
  const parameters = await translating(async () => {
    const { server, client } = serverAndClient(provider);
    const given = new URLSearchParams(answer);
    if (provider.issuer === null) given.delete('iss'); // nothing to compare it with
    return o.validateAuthResponse(server, client, given, binding.state);
  });
  return adapting(env, provider, async (asked) => {
    const { server, client, authentication, options } = await speaking(env, asked);
    const response = await o.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      binding.redirectUri,
      binding.verifier,
      { ...options, additionalParameters: resourceOf(asked) },
    );
    return o.processAuthorizationCodeResponse(server, client, response, options);
  });
}

/**
 * The tokens that follow (RFC 6749 §6). The refresh token that was sent stays when no other comes.
 * @throws TokenRefused, Unavailable
 */
export async function refreshTokens(env: Env, provider: Provider, refreshToken: string): Promise<Tokens> {
  const tokens = await adapting(env, provider, async (asked) => {
    const { server, client, authentication, options } = await speaking(env, asked);
    const response = await o.refreshTokenGrantRequest(server, client, authentication, refreshToken, {
      ...options,
      additionalParameters: resourceOf(asked),
    });
    return o.processRefreshTokenResponse(server, client, response, options);
  });
  return { ...tokens, refreshToken: tokens.refreshToken ?? refreshToken };
}

type Ask = (provider: Provider) => Promise<o.TokenEndpointResponse>;

/**
 * Makes a token request; when what is refused is `resource`, or a way to send our secret that no one named, once more in
 * the other way. What served is remembered.
 */
async function adapting(env: Env, provider: Provider, ask: Ask): Promise<Tokens> {
  try {
    return await refusing(() => ask(provider));
  } catch (error) {
    const { oauthConfigId: id, client } = provider;
    if (refusesResource(error) && provider.resource !== null) {
      return adapting(env, { ...provider, resource: null }, ask).then(
        async (tokens) => {
          await noteResourceRefused(env.DB, id);
          return tokens;
        },
        async (again: unknown) => {
          if (again instanceof TokenRefused && !refusesResource(again)) await noteResourceRefused(env.DB, id);
          throw again;
        },
      );
    }
    const { otherMethod: authMethod } = client;
    if (!(error instanceof TokenRefused) || error.code !== 'invalid_client' || !authMethod) throw error;
    const tokens = await adapting(
      env,
      { ...provider, client: { ...client, authMethod, otherMethod: null } },
      ask,
    );
    await noteAuthMethod(env.DB, id, client.clientId, authMethod);
    return tokens;
  }
}

/** Tells the provider that a token is not needed any more (RFC 7009). False when it cannot be told, or would not hear it. */
export async function revokeToken(env: Env, provider: Provider, token: string): Promise<boolean> {
  if (!provider.revocationEndpoint) return false;
  try {
    const { server, client, authentication, options } = await speaking(env, provider, (response) => response);
    const response = await o.revocationRequest(server, client, authentication, token, options);
    return response.ok;
  } catch (error) {
    if (error instanceof Unavailable || error instanceof TokenRefused) return false;
    throw error;
  }
}

const resourceOf = ({ resource }: Provider): Record<string, string> =>
  resource === null ? {} : { resource };

/** A provider and our client there, in the words of oauth4webapi. */
function serverAndClient(provider: Provider) {
  return {
    server: {
      issuer: provider.issuer ?? new URL(provider.tokenEndpoint).origin,
      token_endpoint: provider.tokenEndpoint,
      ...(provider.revocationEndpoint && { revocation_endpoint: provider.revocationEndpoint }),
      authorization_response_iss_parameter_supported: provider.promisesIss,
    } satisfies o.AuthorizationServer,
    client: { client_id: provider.client.clientId } satisfies o.Client,
  };
}

/** The same, with how requests are sent. */
async function speaking(env: Env, provider: Provider, read?: Read) {
  const authentication = await authenticationAt(env, provider);
  return { ...serverAndClient(provider), authentication, options: sendingTo(env, WHO, read) };
}

type Read = (response: Response) => Response | Promise<Response>;

/** How requests are sent to a token endpoint, and its answers read. @param who names it in faults */
export function sendingTo(env: Env, who: string, read: Read = (response) => readTokenAnswer(response, who)) {
  const send = providerFetch(allowsLoopback(env), who);
  const bearer = () => undefined;
  return {
    [o.allowInsecureRequests]: allowsLoopback(env),
    [o.customFetch]: async (
      url: string,
      { method, headers, body }: o.CustomFetchOptions<string, unknown>,
    ): Promise<Response> =>
      read(await send(url, { method, headers, body: (body as BodyInit | null | undefined) ?? null })),
    recognizedTokenTypes: { user: bearer, bot: bearer },
  };
}

async function authenticationAt(env: Env, { client }: Provider): Promise<o.ClientAuth> {
  if (client.authMethod === 'none' || !client.secret) return o.None();
  const kept = await open(env.ENCRYPTION_KEY, client.secret.place, client.secret.sealed);
  if (!kept) throw new TokenRefused('invalid_client', 'our client secret does not open');
  const secret = readSecret(kept, env as unknown as Record<string, unknown>);
  if (!secret) throw new Unavailable('the variable our client secret is in is not set');
  return authenticating(client.authMethod, secret);
}

/**
 * Proves with a secret who we are (RFC 6749 §2.3.1). In Basic nothing is escaped that need not be: some servers do not
 * unescape, and most identifiers and secrets hold hyphens.
 */
export function authenticating(method: Exclude<AuthMethod, 'none'>, secret: string): o.ClientAuth {
  if (method === 'client_secret_post') return o.ClientSecretPost(secret);
  const escaped = (value: string) => new URLSearchParams({ value }).toString().slice('value='.length);
  return (_, { client_id }, __, headers) =>
    headers.set('authorization', `Basic ${btoa(`${escaped(client_id)}:${escaped(secret)}`)}`);
}

/** Makes a token request. @throws TokenRefused for every refusal of the provider, Unavailable for faults that pass. */
export async function refusing(request: () => Promise<o.TokenEndpointResponse>): Promise<Tokens> {
  const answer = await translating(request);
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? null,
    tokenType: answer.token_type,
    ...(typeof answer.account === 'string' && { account: answer.account }),
    expiresAt: answer.expires_in ? Math.floor(Date.now() / 1000 + answer.expires_in) : null,
    scopes: answer.scope === undefined ? null : answer.scope.split(' ').filter(Boolean),
  };
}

/** Turns the errors of oauth4webapi into ours. @throws TokenRefused, Unavailable */
async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof o.AuthorizationResponseError) {
      if (PASSING.has(error.error))
        throw new Unavailable('the authorization endpoint has a fault of its own');
      const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : 'invalid_request';
      const namesResource = speaksOfResource(error.error_description ?? '');
      throw new TokenRefused(code, 'the authorization endpoint answered with an error', { namesResource });
    }
    if (error instanceof o.OperationProcessingError || error instanceof o.UnsupportedOperationError) {
      throw new TokenRefused('invalid_response', error.message);
    }
    throw error;
  }
}
