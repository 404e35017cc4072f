import { allowsLoopback, type Env } from '../config';
import { log } from '../log';
import { Unavailable } from '../protocol/error';
import type { Settings } from '../settings';
import type { AuthMethod, Discovered, OAuthConfig, OwnClient } from './oauth-config';
import {
  configuredSecret,
  findOAuthConfigOf,
  registeredSecret,
  type Sealed,
  saveProvider,
} from './oauth-config-store';
import { discover } from './oauth-discovery';
import { type Introduction, introductionOf, register } from './oauth-registration';
import { ProviderProblem } from './provider-problem';
import type { Server } from './server';

/** A server's provider with our client there: all that authorizing, redeeming and refreshing take. */
export type Provider = {
  oauthConfigId: string;
  /** Null: an administrator named the endpoints, and nobody an issuer. */
  issuer: string | null;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** RFC 7009; null: it has none. */
  revocationEndpoint: string | null;
  /** The token endpoint's host when it is not the issuer's: shown before the first use. */
  tokenHost: string | null;
  /** Every answer of its authorization endpoint names it (RFC 9207). */
  promisesIss: boolean;
  /** What `resource` says in requests (RFC 8707); null: it is not sent. */
  resource: string | null;
  /** What is asked for; empty: nothing is named. */
  scopes: string[];
  client: ProviderClient;
};

/** Who the gateway is to a provider. */
type ProviderClient = {
  clientId: string;
  /** `administrator`: registered by hand. `document`: described by our metadata document. */
  from: 'administrator' | OwnClient['from'];
  authMethod: AuthMethod;
  /** Null for public clients. */
  secret: Sealed | null;
};

/** Seconds before its end at which a client's secret is not used for another authorization. */
const SECRET_MARGIN = 86_400;

/**
 * A server's provider, ready for a person to be sent there: as it is known, else discovered, and introduced to, now.
 * @param issuer ours. @throws ProviderProblem
 */
export async function prepareProvider(
  env: Env,
  settings: Settings,
  issuer: string,
  server: Server,
): Promise<Provider> {
  const introduction = introductionOf(settings, issuer);
  return settled(env, introduction, server, (config) => serves(config, introduction));
}

/** A server's provider as it was last prepared; null when it never was. For refreshing, which begins nothing new. */
export async function knownProvider(env: Env, server: Server): Promise<Provider | null> {
  const config = await findOAuthConfigOf(env.DB, server.id);
  return config && providerOf(config, server);
}

/**
 * The provider found anew, and a client registered anew, in place of the one it will not have any more. Of many who ask for
 * that at once, one registers; the others get what it got.
 * @param clientId the one that was refused. @throws ProviderProblem
 */
export async function registerAnew(
  env: Env,
  introduction: Introduction,
  server: Server,
  clientId: string,
): Promise<Provider> {
  return settled(
    env,
    introduction,
    server,
    (config) => config.client !== null && config.client.clientId !== clientId,
  );
}

/** The server's provider once its configuration `isSettled`, made so first when it is not. */
async function settled(
  env: Env,
  introduction: Introduction,
  server: Server,
  isSettled: (config: OAuthConfig) => boolean,
): Promise<Provider> {
  for (let turn = 0; turn < 3; turn++) {
    const config = await findOAuthConfigOf(env.DB, server.id);
    if (!config) throw new Error(`the server ${server.id} has no oauth_config`);
    const provider = isSettled(config) ? providerOf(config, server) : null;
    if (provider) return provider;

    const found = await findProvider(env, introduction, server, config);
    const isSaved = await saveProvider(env.DB, env.ENCRYPTION_KEY, config, found);
    log('provider.found', {
      server: server.id,
      client: found.client?.from ?? 'administrator',
      saved: isSaved,
    });
    const saved = isSaved && (await findOAuthConfigOf(env.DB, server.id));
    const made = saved && providerOf(saved, server);
    if (made) return made;
  }
  throw new ProviderProblem(
    'unavailable',
    `The provider of ${server.name} is being set up by somebody else. Try again.`,
    [],
    introduction.redirectUri,
  );
}

/** True when the client that is known can send people there today. */
function serves(
  { configured, discovered, client }: OAuthConfig,
  { redirectUri, documentUrl }: Introduction,
): boolean {
  if (!discovered) return false;
  if (configured.client_id) return true;
  if (client?.redirectUri !== redirectUri) return false;
  if (client.from === 'document') return client.clientId === documentUrl;
  return client.secretExpiresAt === null || Date.now() / 1000 < client.secretExpiresAt - SECRET_MARGIN;
}

type Found = { discovered: Discovered; client: OwnClient | null; secret: string | null };

async function findProvider(
  env: Env,
  introduction: Introduction,
  server: Server,
  { configured }: OAuthConfig,
): Promise<Found> {
  const { discovered, tried } = await discover({
    serverName: server.name,
    serverUrl: configured.server_url ?? server.connectionString,
    configured,
    allowLoopback: allowsLoopback(env),
    redirectUri: introduction.redirectUri,
  });
  if (configured.client_id) return { discovered, client: null, secret: null };
  const introduced = await introduce(
    env,
    introduction,
    discovered,
    configured.scopes ?? scopesOf(discovered),
    tried,
  );
  if (introduced) return { discovered, ...introduced };
  throw new ProviderProblem(
    'registration_unavailable',
    `The provider of ${server.name} takes no apps that introduce themselves. Register one there by hand, with the redirect URI ${introduction.redirectUri}, and set oauth_config.client_id (and client_secret, if it has one).`,
    tried,
    introduction.redirectUri,
  );
}

/** Our client at a provider that nobody registered us with by hand: described by our document, else registered. */
async function introduce(
  env: Env,
  introduction: Introduction,
  discovered: Discovered,
  scopes: readonly string[],
  tried: string[],
): Promise<Omit<Found, 'discovered'> | null> {
  const { redirectUri, documentUrl } = introduction;
  const { registrationEndpoint, takesDocuments } = discovered;
  if (takesDocuments && documentUrl) {
    const client: OwnClient = {
      clientId: documentUrl,
      from: 'document',
      authMethod: 'none',
      redirectUri,
      secretExpiresAt: null,
    };
    return { client, secret: null };
  }
  tried.push(
    takesDocuments
      ? 'The provider would fetch our metadata document, which it cannot reach: the issuer is not https, or browser sign-in is off'
      : 'The provider does not take Client ID Metadata Documents',
  );
  if (!registrationEndpoint) {
    tried.push('The provider has no registration endpoint');
    return null;
  }
  const there = { ...discovered, registrationEndpoint };
  const answer = await register(allowsLoopback(env), introduction, there, scopes).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
    const message = 'The registration endpoint of the provider does not answer. Try again later.';
    throw new ProviderProblem('unavailable', message, tried, redirectUri);
  });
  if (!('refused' in answer)) return answer;
  tried.push(`The registration endpoint ${registrationEndpoint} ${answer.refused}`);
  return null;
}

/** What the server asks for, and a refresh token with it where that has a scope of its own (SEP-2207). */
function scopesOf({ scopes, offersOfflineAccess }: Discovered): string[] {
  if (!scopes) return [];
  return offersOfflineAccess ? [...new Set([...scopes, 'offline_access'])] : scopes;
}

/** The provider as a configuration knows it; null when it was not found yet, or has no client for us. */
function providerOf(config: OAuthConfig, server: Server): Provider | null {
  const { configured, discovered } = config;
  const client = discovered && clientOf(config, discovered, server);
  if (!client) return null;
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, tokenHost, promisesIss } =
    discovered;
  return {
    oauthConfigId: config.id,
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    revocationEndpoint,
    tokenHost,
    promisesIss,
    resource: configured.resource === undefined ? discovered.resource : configured.resource || null,
    scopes: configured.scopes ?? scopesOf(discovered),
    client,
  };
}

/** The administrator's client where there is one: they registered it for a reason. */
function clientOf(config: OAuthConfig, { authMethods }: Discovered, server: Server): ProviderClient | null {
  const { configured, client } = config;
  if (!configured.client_id) return client && { ...client, secret: registeredSecret(config) };
  const secret = configuredSecret(config, new URL(server.connectionString).origin);
  return {
    clientId: configured.client_id,
    from: 'administrator',
    authMethod: secret ? withSecret(authMethods) : 'none',
    secret,
  };
}

/** How a secret is sent: Basic, unless the provider only takes it in the form (RFC 8414 §2). */
function withSecret(offered: readonly string[] | null): AuthMethod {
  if (!offered || offered.includes('client_secret_basic')) return 'client_secret_basic';
  return offered.includes('client_secret_post') ? 'client_secret_post' : 'client_secret_basic';
}
