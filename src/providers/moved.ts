import { allowsLoopback, type Env, forgetDeployment } from '../config';
import { boundedFetch } from '../identity/provider';
import { log } from '../log';
import { Unavailable } from '../protocol/error';
import { Memory } from '../protocol/memory';
import type { Configured } from '../servers/oauth-config';
import { findOAuthConfigOf } from '../servers/oauth-config-store';
import type { Server } from '../servers/server';
import type { Settings } from '../settings';
import { isSame, ResourceMetadata } from './discovery-documents';
import { replaceProvider } from './provider';
import { ProviderProblem } from './provider-problem';
import { introductionOf } from './registration';

/** How long the metadata that a refusal named is not read again, milliseconds: each access token ends with one. */
const LIFE = 60_000;

/** The authorization servers that a server's metadata names, by its address. */
const named = new Memory<string[]>(256);

/** Members by which an administrator has said whose client we are, and where. */
const SETTLED = ['client_id', 'issuer', 'authorize_url', 'token_url', 'registration_url'] as const;

/**
 * Goes with a server that has moved to another authorization server, as the metadata says that its 401 names: registers
 * there, and ends what the one before issued (MCP 2026-07-28, Authorization Server Binding). Not where an administrator
 * has settled which it is.
 * @returns true when it has moved
 */
export async function followProvider(
  env: Env,
  settings: Settings,
  issuer: string,
  server: Server,
  resourceMetadata: string,
): Promise<boolean> {
  const config = await findOAuthConfigOf(env.DB, server.id);
  const known = config?.discovered?.issuer;
  if (!config || !known || isSettled(config.configured)) return false;
  const read = () => issuersAt(env, resourceMetadata);
  try {
    const issuers = (await named.recall(`${server.id} ${resourceMetadata}`, LIFE, read)) ?? [];
    if (!issuers.length || issuers.some((one) => isSame(one, known))) return false;
    const hasMoved = await replaceProvider(env, introductionOf(settings, issuer), server, config);
    if (hasMoved) forgetDeployment(); // so that this isolate sends what is connected from now on
    return hasMoved;
  } catch (error) {
    const type = error instanceof ProviderProblem ? error.type : null;
    if (type === null && !(error instanceof Unavailable)) throw error;
    log('provider.not_followed', { server: server.id, problem: type ?? 'unavailable' });
    return false;
  }
}

function isSettled(configured: Configured): boolean {
  return SETTLED.some((member) => configured[member] !== undefined);
}

/** The authorization servers in the metadata at `url`; none when it cannot be read. */
async function issuersAt(env: Env, url: string): Promise<string[]> {
  const send = boundedFetch(allowsLoopback(env), 'the server');
  const headers = { accept: 'application/json' };
  const response = await send(url, { headers }).catch((error: unknown) => {
    if (error instanceof Unavailable) return null;
    throw error;
  });
  const metadata = ResourceMetadata.safeParse(await response?.json().catch(() => null));
  return metadata.data?.authorization_servers ?? [];
}
