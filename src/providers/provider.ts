import { allowsLoopback, type Env } from '../config';
import { type Ids, map, type Question } from '../database';
import { log } from '../log';
import { Unavailable } from '../protocol/error';
import {
  type AuthMethod,
  type Discovered,
  isSameProvider,
  type OAuthConfig,
  type OwnClient,
} from '../servers/oauth-config';
import {
  configuredSecret,
  type FoundProvider,
  findOAuthConfigOf,
  oauthConfigsQuestion,
  registeredSecret,
  type Sealed,
  saveProvider,
} from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { discover } from './discovery';
import { ProviderProblem, problem } from './provider-problem';
import { type Introduction, introductionOf, register } from './registration';

/** A server's provider with our client there: all that authorizing, redeeming and refreshing take. */
export type Provider = {
  oauthConfigId: string;
  /** Null: an administrator named the endpoints, and no issuer. */
  issuer: string | null;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** RFC 7009; null: it has none. */
  revocationEndpoint: string | null;
  /** OpenID Connect Core §5.3; null: it has none. */
  userinfoEndpoint: string | null;
  /** The token endpoint's host when it is not the issuer's: shown before the first use. */
  tokenHost: string | null;
  /** Every answer of its authorization endpoint names it (RFC 9207). */
  promisesIss: boolean;
  /** It took the place of another: everyone who is sent there is told. */
  isMoved: boolean;
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
  /** How its secret may have to be sent instead, as no one said how; null: it was said, or there is none. */
  otherMethod: AuthMethod | null;
  /** Null for public clients. */
  secret: Sealed | null;
};

/** Seconds before its end at which a client's secret is not used for another authorization: of one that lives shorter, half its life. */
const SECRET_MARGIN = 86_400;
/** Seconds that a client serves at least: everyone who connects meanwhile is sent with the same one. */
const LEAST_SERVED = 3_600;
/** Seconds after which a person is not sent to a provider before it was looked for again: servers move to others. */
const FRESH = 86_400;
/** Seconds after which that is tried again when it failed. */
const SOON = 300;

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

/** The providers of these servers as they were last prepared, each for its server as that is now. */
export type KnownProviders = (server: Server) => Provider | null;

/** {@link knownProvider} of several, to be asked along with others. */
export function knownProvidersQuestion(db: D1Database, servers: Ids): Question<KnownProviders> {
  return map(oauthConfigsQuestion(db, servers), (configs) => (server: Server) => {
    const config = configs.get(server.id);
    return config ? providerOf(config, server) : null;
  });
}

/**
 * The provider discovered again, and a client registered again, in place of the one it will not have any more. Of many who ask for
 * that at once, one registers; the others get what it got.
 * @param clientId the one that was refused. @throws ProviderProblem
 */
export async function registerAnew(
  env: Env,
  introduction: Introduction,
  server: Server,
  clientId: string,
): Promise<Provider> {
  const isOther = ({ client }: OAuthConfig) => client !== null && client.clientId !== clientId;
  return settled(env, introduction, server, isOther);
}

/** The server's provider once its configuration `isSettled`; made so first when it is not. */
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

    const { discovered, tried } = await discoveredNow(env, introduction, server, config);
    const isThere = config.discovered !== null && isSameProvider(config.discovered, discovered);
    const found: FoundProvider =
      isThere && isSettled({ ...config, discovered })
        ? { discovered, client: config.client, secret: 'kept' }
        : await introduced(env, introduction, server, config, discovered, tried);
    const isSaved = await saveProvider(env.DB, env.ENCRYPTION_KEY, config, found);
    log('provider.found', {
      server: server.id,
      client: found.client?.from ?? 'administrator',
      saved: isSaved,
    });
    const saved = isSaved ? await findOAuthConfigOf(env.DB, server.id) : null;
    const made = saved && providerOf(saved, server);
    if (made) return made;
  }
  throw new ProviderProblem(
    'unavailable',
    problem('set_up_elsewhere', { server: server.name }),
    [],
    introduction.redirectUri,
  );
}

/**
 * The provider that the server has in place of the one it had, found and introduced to now, and saved. False when it has
 * the same. @throws ProviderProblem
 */
export async function replaceProvider(
  env: Env,
  introduction: Introduction,
  server: Server,
  config: OAuthConfig,
): Promise<boolean> {
  const { discovered, tried } = await discoveredNow(env, introduction, server, config);
  if (!config.discovered || isSameProvider(config.discovered, discovered)) return false;
  const found = await introduced(env, introduction, server, config, discovered, tried);
  log('provider.moved', { server: server.id });
  await saveProvider(env.DB, env.ENCRYPTION_KEY, config, found);
  return true;
}

/** True when the client that is known can send people there today. */
function serves({ configured, discovered, client }: OAuthConfig, introduction: Introduction): boolean {
  const now = Date.now() / 1000;
  if (!discovered || now > discovered.at + FRESH) return false;
  if (configured.client_id) return true;
  if (client?.redirectUri !== introduction.redirectUri) return false;
  if (client.from === 'document') return client.clientId === introduction.documentUrl;
  const { secretExpiresAt, registeredAt } = client;
  if (secretExpiresAt === null) return true;
  const life = secretExpiresAt - registeredAt;
  return now < secretExpiresAt - (life < SECRET_MARGIN + LEAST_SERVED ? life / 2 : SECRET_MARGIN);
}
/** The provider as it can be found today: while it cannot, what is known goes on serving, and is looked at again soon. */
async function discoveredNow(
  env: Env,
  { redirectUri }: Introduction,
  { name, connectionString }: Server,
  { configured, discovered: known }: OAuthConfig,
): Promise<{ discovered: Discovered; tried: string[] }> {
  const serverUrl = configured.server_url ?? connectionString;
  const allowLoopback = allowsLoopback(env);
  const search = discover({ serverName: name, serverUrl, configured, allowLoopback, redirectUri });
  const found = await search.catch((error: unknown) => {
    if (!known || !(error instanceof ProviderProblem) || error.type !== 'unavailable') throw error;
    const at = Math.floor(Date.now() / 1000) - FRESH + SOON;
    return { discovered: { ...known, at }, tried: [...error.tried] };
  });
  const isSame = known !== null && isSameProvider(known, found.discovered);
  if (isSame && known.refusesResource) found.discovered.refusesResource = true;
  if (known && (!isSame || known.isMoved)) found.discovered.isMoved = true;
  if (configured.client_id && known && !isSame) {
    const { issuer } = found.discovered;
    const remedy =
      issuer === known.issuer
        ? ({ member: 'token_url', value: found.discovered.tokenEndpoint } as const)
        : ({ member: 'issuer', value: String(issuer) } as const);
    const was = described(known);
    const is = described(found.discovered);
    throw new ProviderProblem(
      'issuer_mismatch',
      problem('changed', { server: name, was, is, ...remedy }),
      found.tried,
      redirectUri,
      issuer,
    );
  }
  return found;
}

function described({ issuer, tokenEndpoint }: Discovered): string {
  return `${issuer ?? 'one without a name'}, with tokens from ${new URL(tokenEndpoint).origin}`;
}

/** Our client at a provider: the administrator's, else described by our metadata document, else registered there now. */
async function introduced(
  env: Env,
  introduction: Introduction,
  { name }: Server,
  { configured }: OAuthConfig,
  discovered: Discovered,
  tried: string[],
): Promise<FoundProvider> {
  const { redirectUri, documentUrl } = introduction;
  const { registrationEndpoint, takesDocuments } = discovered;
  if (configured.client_id) return { discovered, client: null, secret: null };
  if (takesDocuments && documentUrl) {
    const registeredAt = Math.floor(Date.now() / 1000);
    const client = { clientId: documentUrl, redirectUri, secretExpiresAt: null, registeredAt };
    return { discovered, client: { ...client, from: 'document', authMethod: 'none' }, secret: null };
  }
  tried.push(
    takesDocuments
      ? 'It would fetch our metadata document, which it cannot reach: the issuer is not https, or browser sign-in is off'
      : 'It does not take Client ID Metadata Documents',
  );
  if (registrationEndpoint) {
    const there = { ...discovered, registrationEndpoint };
    const scopes = configured.scopes ?? scopesOf(discovered);
    const search = register(allowsLoopback(env), introduction, there, scopes);
    const answer = await search.catch((error: unknown) => {
      if (!(error instanceof Unavailable)) throw error;
      const stated = problem('registration_silent', { server: name });
      throw new ProviderProblem('unavailable', stated, tried, redirectUri);
    });
    if (!('refused' in answer)) return { discovered, ...answer };
    tried.push(`POST ${registrationEndpoint} ${answer.refused}`);
    if (discovered.isUndescribed) {
      throw new ProviderProblem(
        'discovery_failed',
        problem('no_provider', { server: name }),
        tried,
        redirectUri,
      );
    }
  } else {
    tried.push('It has no registration endpoint');
  }
  throw new ProviderProblem(
    'registration_unavailable',
    problem('no_registration', { server: name, redirect_uri: redirectUri }),
    tried,
    redirectUri,
  );
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
    userinfoEndpoint: discovered.userinfoEndpoint ?? null,
    tokenHost,
    promisesIss,
    isMoved: discovered.isMoved ?? false,
    resource: resourceOf(config, discovered),
    scopes: configured.scopes ?? scopesOf(discovered),
    client,
  };
}

/** The administrator's, else the server's own; none for a provider that refuses it. */
function resourceOf({ configured }: OAuthConfig, { resource, refusesResource }: Discovered): string | null {
  if (refusesResource) return null;
  return configured.resource === undefined ? resource : configured.resource || null;
}

/** The administrator's client where there is one: they registered it for a reason. */
function clientOf(config: OAuthConfig, { authMethods }: Discovered, server: Server): ProviderClient | null {
  const { configured, client } = config;
  if (!configured.client_id) return client && ownClient(config, client);
  const secret = configuredSecret(config, new URL(server.connectionString).origin);
  return {
    clientId: configured.client_id,
    from: 'administrator',
    authMethod: secret ? withSecret(authMethods) : 'none',
    otherMethod: null,
    secret,
  };
}

function ownClient(
  config: OAuthConfig,
  { clientId, from, authMethod, isMethodUnsaid }: OwnClient,
): ProviderClient {
  const other = authMethod === 'client_secret_basic' ? 'client_secret_post' : 'client_secret_basic';
  const otherMethod = isMethodUnsaid ? other : null;
  return { clientId, from, authMethod, otherMethod, secret: registeredSecret(config) };
}

/** How a secret is sent: Basic, unless the provider only takes it in the form (RFC 8414 §2). */
function withSecret(offered: readonly string[] | null): AuthMethod {
  if (!offered || offered.includes('client_secret_basic')) return 'client_secret_basic';
  return offered.includes('client_secret_post') ? 'client_secret_post' : 'client_secret_basic';
}
