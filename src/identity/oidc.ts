import * as o from 'oauth4webapi';
import { allowsLoopback, type Env } from '../config';
import type { ProviderAccount } from '../governance/users';
import { Destination } from '../protocol/destination';
import { Unavailable } from '../protocol/error';
import { Memory } from '../protocol/memory';
import { refusedTarget } from '../protocol/public-url';
import { OF_DOCUMENTS } from '../protocol/redirects';
import type { Settings } from '../settings';
import { accountOf, isAdminEmail, providerFetch, SignInRefused } from './provider';

/** What an authorization request at the provider is bound to, besides this browser. */
export type SignInBinding = { redirectUri: string; state: string; nonce: string; verifier: string };

/** What the provider issued at a sign-in, besides who it was (RFC 6749 §5.1). */
export type ProviderTokens = {
  accessToken: string;
  /** Null: it issued none. */
  refreshToken: string | null;
  tokenType: string;
  /** Epoch seconds; null when it did not say. */
  expiresAt: number | null;
  scopes: string[] | null;
};

/** Skew forgiven between the provider's clock and ours, seconds (SECURITY 10). */
const SKEW = 120;
/** How long a provider's metadata and keys are used before they are asked for again, milliseconds. */
const METADATA_LIFE = 3_600_000;
/** Asymmetric algorithms only: an ID token signed with our own secret, or not at all, proves nothing (RFC 8725 §3.1). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const providers = new Memory<o.AuthorizationServer>(4);

/**
 * The URL that sends a person to the provider (OpenID Connect Core §3.1.2.1).
 * @param forLater whether its tokens are kept: then a refresh token is asked for, where the provider has a scope for that.
 */
export async function authorizationUrl(
  env: Env,
  settings: Settings,
  binding: SignInBinding,
  forLater: boolean,
): Promise<Destination> {
  const provider = await discover(env, settings);
  const endpoint = provider.authorization_endpoint ?? '';
  const refused = refusedTarget(endpoint, allowsLoopback(env));
  if (refused) throw new Unavailable(`the sign-in provider's authorization_endpoint ${refused}`);
  const url = new URL(endpoint);
  const offline = forLater && provider.scopes_supported?.includes('offline_access') ? ['offline_access'] : [];
  const scopes = new Set(['openid', ...settings.oidc.scopes, ...offline]);
  const parameters = {
    response_type: 'code',
    client_id: settings.oidc.client_id ?? '',
    redirect_uri: binding.redirectUri,
    scope: [...scopes].join(' '),
    state: binding.state,
    nonce: binding.nonce,
    code_challenge: await o.calculatePKCECodeChallenge(binding.verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return Destination.provider(url);
}

/**
 * Whose account the provider vouches for, and the tokens it issued: its answer, the code's exchange and the ID token checked (OpenID Connect Core
 * §3.1.3.7, RFC 9207 §2.4), the e-mail address verified and allowed here.
 * @throws SignInRefused, Unavailable
 */
export async function redeem(
  env: Env,
  settings: Settings,
  answer: URLSearchParams,
  binding: SignInBinding,
): Promise<{ account: ProviderAccount; tokens: ProviderTokens }> {
  const provider = await discover(env, settings);
  try {
    const verified = await verifiedAccount(env, settings, provider, answer, binding);
    const { email } = verified.account;
    if (mayEnter(settings, email)) return verified;
    throw new SignInRefused(
      'not_allowed',
      'neither the address nor its domain may sign in',
      undefined,
      email,
    );
  } catch (error) {
    if (error instanceof Unavailable || error instanceof SignInRefused) throw error;
    if (error instanceof o.AuthorizationResponseError) {
      throw new SignInRefused('declined', 'the provider answered with an error', { cause: error });
    }
    const detail = error instanceof Error ? error.message : 'unknown';
    throw new SignInRefused('unverified', detail, { cause: error });
  }
}

async function verifiedAccount(
  env: Env,
  { oidc }: Settings,
  provider: o.AuthorizationServer,
  answer: URLSearchParams,
  { redirectUri, state, nonce, verifier }: SignInBinding,
): Promise<{ account: ProviderAccount; tokens: ProviderTokens }> {
  const client: o.Client = { client_id: oidc.client_id ?? '', [o.clockTolerance]: SKEW };
  const options = optionsFor(env);
  const parameters = o.validateAuthResponse(provider, client, answer, state);
  const response = await o.authorizationCodeGrantRequest(
    provider,
    client,
    authenticationAt(provider, oidc.client_secret ?? ''),
    parameters,
    redirectUri,
    verifier,
    options,
  );
  const tokens = await o.processAuthorizationCodeResponse(provider, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await o.validateApplicationLevelSignature(provider, response, options);
  const claims = o.getValidatedIdTokenClaims(tokens);
  if (!claims) throw new SignInRefused('unverified', 'there is no ID token');

  const described =
    claims.email === undefined && provider.userinfo_endpoint
      ? await userInfo(provider, client, claims.sub, tokens.access_token, options)
      : claims;
  if (typeof described.email !== 'string' || described.email_verified !== true) {
    throw new SignInRefused('email_unverified', 'the provider does not vouch for an e-mail address');
  }
  const account = accountOf(claims.iss, claims.sub, described.email, described.name ?? claims.name);
  return { account, tokens: tokensOf(tokens) };
}

function tokensOf(answer: o.TokenEndpointResponse): ProviderTokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token ?? null,
    tokenType: answer.token_type,
    expiresAt: answer.expires_in ? Math.floor(Date.now() / 1000 + answer.expires_in) : null,
    scopes: answer.scope?.split(' ').filter(Boolean) ?? null,
  };
}

/** Where codes of sign-ins are redeemed; undefined: the provider says it has none. @throws Unavailable */
export async function tokenEndpointOfSignIn(env: Env, settings: Settings): Promise<string | undefined> {
  return (await discover(env, settings)).token_endpoint;
}

/** What says, of the provider's own, that a refresh token does not serve any more (RFC 6749 §5.2). */
const REFUSED = new Set(['invalid_grant', 'invalid_client', 'unauthorized_client']);

/**
 * The tokens that follow those of a sign-in (OpenID Connect Core §12).
 * @throws SignInRefused when the provider says so in OAuth's words; Unavailable for everything else, which may pass
 */
export async function refreshSignIn(
  env: Env,
  settings: Settings,
  refreshToken: string,
): Promise<ProviderTokens> {
  const provider = await discover(env, settings);
  const client: o.Client = { client_id: settings.oidc.client_id ?? '', [o.clockTolerance]: SKEW };
  const authentication = authenticationAt(provider, settings.oidc.client_secret ?? '');
  try {
    const options = optionsFor(env);
    const response = await o.refreshTokenGrantRequest(
      provider,
      client,
      authentication,
      refreshToken,
      options,
    );
    return tokensOf(await o.processRefreshTokenResponse(provider, client, response));
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    const code = await errorOf(error);
    if (REFUSED.has(code)) throw new SignInRefused('unverified', code, { cause: error });
    throw new Unavailable('the sign-in provider did not refresh', { cause: error });
  }
}

/** The code of an error answer (RFC 6749 §5.2), also of one with a challenge; empty: it is none. */
async function errorOf(error: unknown): Promise<string> {
  if (error instanceof o.ResponseBodyError) return error.error;
  if (!(error instanceof o.WWWAuthenticateChallengeError)) return '';
  const answer = (await error.response.json().catch(() => null)) as { error?: unknown } | null;
  return typeof answer?.error === 'string' ? answer.error : '';
}

/** The claims some providers keep out of the ID token (OpenID Connect Core §5.3). */
async function userInfo(
  provider: o.AuthorizationServer,
  client: o.Client,
  subject: string,
  accessToken: string,
  options: ReturnType<typeof optionsFor>,
): Promise<o.UserInfoResponse> {
  const response = await o.userInfoRequest(provider, client, accessToken, options);
  return o.processUserInfoResponse(provider, client, subject, response);
}

/** The provider's metadata (OpenID Connect Discovery §4), its issuer compared with the one that was set. @throws Unavailable */
async function discover(env: Env, { oidc }: Settings): Promise<o.AuthorizationServer> {
  const issuer = oidc.issuer ?? '';
  const provider = await providers
    .recall(issuer, METADATA_LIFE, () => metadataAt(env, issuer))
    .catch((cause: unknown) => {
      throw cause instanceof Unavailable
        ? cause
        : new Unavailable('the metadata of the sign-in provider cannot be had', { cause });
    });
  return provider as o.AuthorizationServer;
}

async function metadataAt(env: Env, issuer: string): Promise<o.AuthorizationServer> {
  const url = new URL(issuer);
  const response = await o.discoveryRequest(url, { ...optionsFor(env, OF_DOCUMENTS), algorithm: 'oidc' });
  const metadata = await o.processDiscoveryResponse(url, response);
  const algorithms = metadata.id_token_signing_alg_values_supported?.filter((name) =>
    ALGORITHMS.includes(name),
  );
  return {
    ...metadata,
    id_token_signing_alg_values_supported: algorithms?.length ? algorithms : ['RS256'],
  };
}

/** As the provider says it takes our secret; Basic when it does not say (RFC 8414 §2). */
function authenticationAt(provider: o.AuthorizationServer, secret: string): o.ClientAuth {
  const methods = provider.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return methods.includes('client_secret_basic') ? o.ClientSecretBasic(secret) : o.ClientSecretPost(secret);
}

/** @param followed the redirects that are followed; none where a secret goes along */
function optionsFor(env: Env, followed: readonly number[] = []) {
  const allowLoopback = allowsLoopback(env);
  const send = providerFetch(allowLoopback, undefined, followed);
  return {
    [o.allowInsecureRequests]: allowLoopback,
    [o.customFetch]: (url: string, { method, headers, body }: o.CustomFetchOptions<string, unknown>) =>
      send(url, { method, headers, body: (body as BodyInit | null | undefined) ?? null }),
  };
}

/** True when a verified address may sign in. Without `allowed_domains` only administrators may (CONTRACT §1). */
export function mayEnter(settings: Settings, email: string): boolean {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return isAdminEmail(settings, email) || settings.oidc.allowed_domains.includes(domain);
}
