import * as o from 'oauth4webapi';
import { allowsLoopback, type Env } from '../config';
import { tokenEndpointOfSignIn } from '../identity/oidc';
import { Unavailable } from '../protocol/error';
import { Memory } from '../protocol/memory';
import { openExchangeSecret } from '../servers/exchange-secret';
import { readSecret } from '../servers/secret-value';
import type { TokenExchange } from '../servers/server';
import type { Settings } from '../settings';
import { authenticating, refusing, sendingTo } from './client';
import { discoverIssuer } from './discovery';
import type { ServerMetadata } from './discovery-documents';
import { ProviderProblem } from './provider-problem';
import { TokenRefused } from './token-refusal';
import type { Tokens } from './tokens';

/** How long an authorization server's metadata is used before it is asked for again, milliseconds. */
const METADATA_LIFE = 3_600_000;

const servers = new Memory<ServerMetadata>(16);

/**
 * The token that a server takes for the access token of a person's sign-in: RFC 8693 §2.1, or on behalf of them with Entra
 * (Microsoft identity platform, OAuth 2.0 On-Behalf-Of flow).
 * @throws TokenRefused, Unavailable
 */
export async function exchangeToken(
  env: Env,
  settings: Settings,
  server: { id: string; name: string; tokenExchange: TokenExchange },
  subjectToken: string,
): Promise<Tokens> {
  const { tokenExchange: exchange } = server;
  const { audience, scopes } = exchange;
  const metadata = await metadataOf(env, settings, server);
  if (exchange.useIdpCredentials) await requireOwnProvider(env, settings, metadata);
  const client = await clientOf(env, settings, server.id, exchange);
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const method = methods.includes('client_secret_basic') ? 'client_secret_basic' : 'client_secret_post';
  const authentication = client.secret ? authenticating(method, client.secret) : o.None();
  const [grantType, parameters] = metadata.cloud_instance_name
    ? onBehalfOf(subjectToken, scopes.length ? scopes : [`${audience}/.default`])
    : tokenExchange(subjectToken, audience, scopes);

  const as = { issuer: metadata.issuer, token_endpoint: metadata.token_endpoint };
  return refusing(async () => {
    const options = sendingTo(env, `the authorization server that exchanges tokens for ${server.name}`);
    const { id: client_id } = client;
    const response = await o.genericTokenEndpointRequest(
      as,
      { client_id },
      authentication,
      grantType,
      parameters,
      options,
    );
    return o.processGenericTokenEndpointResponse(as, { client_id }, response, options);
  });
}

function tokenExchange(
  subjectToken: string,
  audience: string,
  scopes: readonly string[],
): [string, Record<string, string>] {
  return [
    'urn:ietf:params:oauth:grant-type:token-exchange',
    {
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience,
      ...(scopes.length && { scope: scopes.join(' ') }),
    },
  ];
}

function onBehalfOf(assertion: string, scopes: readonly string[]): [string, Record<string, string>] {
  return [
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    { assertion, requested_token_use: 'on_behalf_of', scope: scopes.join(' ') },
  ];
}

/** The authorization server that exchanges: one of its own, else the provider people sign in with. */
async function metadataOf(
  env: Env,
  { oidc }: Settings,
  { name, tokenExchange }: { name: string; tokenExchange: TokenExchange },
): Promise<ServerMetadata> {
  const issuer = tokenExchange.authorizationServerUrl ?? oidc.issuer;
  if (!issuer) throw new TokenRefused('invalid_client', 'there is no provider to sign in with here');
  try {
    const read = () => discoverIssuer(allowsLoopback(env), name, issuer);
    return (await servers.recall(issuer, METADATA_LIFE, read)) as ServerMetadata;
  } catch (error) {
    if (error instanceof ProviderProblem && error.type !== 'unavailable') {
      throw new TokenRefused('invalid_response', error.message, { cause: error });
    }
    throw error instanceof Unavailable ? error : new Unavailable('no metadata', { cause: error });
  }
}

/**
 * The client people sign in with is known at their provider alone: its secret goes to the origin of the issuer, or of the
 * token endpoint that sign-ins are redeemed at, and nowhere else.
 */
async function requireOwnProvider(
  env: Env,
  settings: Settings,
  { token_endpoint }: ServerMetadata,
): Promise<void> {
  if (isOfSignIn(settings, token_endpoint)) return;
  const own = await tokenEndpointOfSignIn(env, settings);
  if (own && new URL(own).origin === new URL(token_endpoint).origin) return;
  throw new TokenRefused('invalid_client', 'its token endpoint is not of the provider people sign in with');
}

/** True when `url` is at the origin of the provider people sign in with. */
export function isOfSignIn({ oidc }: Settings, url: string): boolean {
  return Boolean(oidc.issuer) && new URL(url).origin === new URL(oidc.issuer ?? '').origin;
}

async function clientOf(
  env: Env,
  { oidc }: Settings,
  serverId: string,
  exchange: TokenExchange,
): Promise<{ id: string; secret: string | null }> {
  if (exchange.useIdpCredentials) return { id: oidc.client_id ?? '', secret: oidc.client_secret ?? null };
  const id = exchange.clientId ?? '';
  if (!exchange.sealedSecret) return { id, secret: null };
  const kept = await openExchangeSecret(env.ENCRYPTION_KEY, serverId, exchange);
  const secret = kept && readSecret(kept, env as unknown as Record<string, unknown>);
  if (!secret)
    throw new TokenRefused('invalid_client', 'the client secret does not open, or its variable is not set');
  return { id, secret };
}
