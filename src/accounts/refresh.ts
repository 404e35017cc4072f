import { currentSettings, type Env } from '../config';
import { refreshSignIn } from '../identity/oidc';
import { SignInRefused } from '../identity/provider';
import { log } from '../log';
import { Unavailable } from '../protocol/error';
import { retrying } from '../protocol/patience';
import { refreshTokens, revokeToken } from '../providers/client';
import { knownProvider, type Provider, registerAnew } from '../providers/provider';
import { ProviderProblem } from '../providers/provider-problem';
import { introductionOf } from '../providers/registration';
import { MuteRefusal, TokenRefused } from '../providers/token-refusal';
import type { Tokens } from '../providers/tokens';
import { findRemovedServer, findServer } from '../servers/find';
import { findOAuthConfigOf } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import { SIGN_IN } from './connections';
import type { StoredCredential } from './kept-credential';
import { keepsSignIns } from './kept-sign-ins';

/** True for credentials that lists show: not for the tokens of sign-ins. */
export function isIndexed(serverId: string): boolean {
  return serverId !== SIGN_IN;
}

/** How long after the first try of a refresh another one is begun. Milliseconds. */
const BUDGET = 4_000;

/**
 * What the provider that issued a credential issues for its refresh token; `gone` when nothing wants it any more.
 * @throws TokenRefused, MuteRefusal at once; after a few tries whatever else it was, which passes.
 */
export async function refreshAt(
  env: Env,
  kept: StoredCredential,
  refreshToken: string,
): Promise<Tokens | 'gone'> {
  const beganAt = Date.now();
  return retrying(() => tryRefresh(env, kept, refreshToken), {
    mayAskAgain: (error) =>
      !(error instanceof TokenRefused || error instanceof MuteRefusal) && Date.now() - beganAt <= BUDGET,
    pauseAfter: (attempt) => 100 * 4 ** (attempt - 1) * (0.75 + Math.random() / 2),
  });
}

async function tryRefresh(env: Env, kept: StoredCredential, refreshToken: string): Promise<Tokens | 'gone'> {
  if (kept.serverId === SIGN_IN) return refreshedSignIn(env, kept, refreshToken);
  const server = await findServer(env.DB, kept.serverId);
  if (!server) return 'gone';
  const provider = await issuerOf(env, server, kept);
  if (!provider)
    throw new TokenRefused('outdated', 'its provider is not the one it was obtained from any more');
  try {
    return await refreshTokens(env, provider, refreshToken);
  } catch (error) {
    const isForgotten = error instanceof TokenRefused && error.code === 'invalid_client';
    if (!isForgotten || provider.client.from !== 'registration') throw error;
    const renewed = await registeredAnew(env, server, provider, kept);
    if (!renewed) throw error;
    return refreshTokens(env, renewed, refreshToken);
  }
}

/** Tells the provider that tokens are not needed any more (RFC 7009), as far as it can be told. */
export async function revokeAndLog(env: Env, kept: Issued, tokens: Tokens): Promise<void> {
  const { serverId: server, id: credential } = kept;
  await revokeAt(env, kept, tokens).then(
    (told) => log('credential.revoked', { server, credential, told }),
    (error: unknown) => log('credential.not_revoked', { server, credential, error: (error as Error).name }),
  );
}

/** Tokens as far as it matters who is told of their end. `id`: for the log. */
type Issued = Pick<StoredCredential, 'serverId' | 'id' | 'issuedBy'>;

/** False when there is none to be told. */
async function revokeAt(env: Env, kept: Issued, tokens: Tokens): Promise<boolean> {
  const { serverId } = kept;
  const server = (await findServer(env.DB, serverId)) ?? (await findRemovedServer(env.DB, serverId));
  const provider = server && (await knownProvider(env, server));
  if (!provider || !issued(provider, kept)) return false;
  return revokeToken(env, provider, tokens.refreshToken ?? tokens.accessToken);
}

/** The provider a credential was obtained from, as long as it is the server's: no other is ever sent its refresh token. */
async function issuerOf(env: Env, server: Server, kept: StoredCredential): Promise<Provider | null> {
  if (server.credentialGeneration !== kept.generation) return null;
  const provider = await knownProvider(env, server);
  return provider && issued(provider, kept) ? provider : null;
}

/** True when a provider's token endpoint is at the origin a credential came from: within it, endpoints move. */
function issued({ tokenEndpoint }: Provider, { issuedBy }: Pick<StoredCredential, 'issuedBy'>): boolean {
  return issuedBy !== null && new URL(tokenEndpoint).origin === new URL(issuedBy).origin;
}

/** Seconds from one registration to the next that a refusal asks for. */
const BETWEEN = 3_600;

/**
 * The same provider with another client of this gateway, when it has forgotten the one that registered; null: it takes none,
 * or refuses the one it has just registered: everyone connected with that would have to connect again for the next.
 */
async function registeredAnew(
  env: Env,
  server: Server,
  { client }: Provider,
  kept: StoredCredential,
): Promise<Provider | null> {
  if (kept.issuer === null) return null;
  const known = (await findOAuthConfigOf(env.DB, server.id))?.client;
  if (known?.clientId === client.clientId && Date.now() / 1000 < known.registeredAt + BETWEEN) return null;
  try {
    const introduction = introductionOf(await currentSettings(env), kept.issuer);
    const provider = await registerAnew(env, introduction, server, client.clientId);
    return issued(provider, kept) ? provider : null;
  } catch (error) {
    if (error instanceof ProviderProblem && error.type !== 'unavailable') return null;
    throw error;
  }
}

/** A provider that was replaced refuses nothing: what it issued serves again once it is back (CONTRACT §5). */
async function refreshedSignIn(
  env: Env,
  kept: StoredCredential,
  refreshToken: string,
): Promise<Tokens | 'gone'> {
  if (!(await keepsSignIns(env.DB))) return 'gone';
  try {
    const settings = await currentSettings(env);
    if (settings.oidc.issuer !== kept.origin) throw new Unavailable('people sign in elsewhere now');
    return await refreshSignIn(env, settings, refreshToken);
  } catch (error) {
    if (error instanceof SignInRefused)
      throw new TokenRefused('invalid_grant', error.message, { cause: error });
    throw error;
  }
}
