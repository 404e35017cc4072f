import type { Connection } from '../accounts/auth/auth';
import { labelOf, ownHeadersOf } from '../accounts/auth/index';
import { OURSELVES, type Peer } from '../accounts/connect';
import { askConnection, termsAt } from '../accounts/connections';
import { missingNames } from '../accounts/kept-credential';
import { allowsLoopback, type Env } from '../config';
import { wantedHeaders } from '../protocol/headers';
import { targetFault } from '../protocol/public-url';
import { failures, Unauthorized, UpstreamFailure } from '../servers/failure';
import type { FailureStated } from '../servers/failure-words';
import type { Server } from '../servers/server';
import { saveListing } from '../servers/standing';
import { markVerified } from '../servers/store';
import type { Settings } from '../settings';
import { readListing } from './listing';
import { DECLARED_TO_LIST } from './questions/while-listing';
import { inOwnSession } from './sessions/sessions';
import { overEither } from './sse/either-transport';

/** What header values got from a server: how many tools it lists to them, or why none. */
export type Trial = { ok: true; tools: number } | { ok: false; failure: FailureStated };

/**
 * Asks a server where everyone fills in a form for its lists with header values an administrator entered. Once it has answered, they
 * are kept as the gateway's own, to list it with, and callers see it. Nothing is kept of values it refuses.
 * @param issuer ours
 */
export async function listWithHeaders(
  env: Env,
  settings: Settings,
  issuer: string,
  server: Server,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Trial> {
  const missing = missingNames(server.perUserHeaderKeys, Object.keys(values));
  if (missing.length) {
    const names = missing.map((name) => labelOf(server, name)).join(' and ');
    return { ok: false, failure: { reason: 'values_missing', params: { server: server.name, names } } };
  }
  try {
    const { owner } = OURSELVES;
    const peer = await peerWith({ env, settings, issuer, server, owner }, values);
    const { value: read } = await overEither(env.DB, server, peer, (peer) =>
      inOwnSession(peer, DECLARED_TO_LIST, () => readListing(peer, signal)),
    );
    if (read.failure) throw read.failure;

    const terms = termsAt(server, 'gateway', issuer);
    await askConnection(env, terms, (object) => object.saveHeaders(terms, values));
    await saveListing(env.DB, server, read, Math.floor(Date.now() / 1000));
    await markVerified(env.DB, server.id);
    return { ok: true, tools: read.listing.tool?.length ?? 0 };
  } catch (error) {
    if (error instanceof UpstreamFailure) return { ok: false, failure: refusedValues(server, error) };
    throw error;
  }
}

/** The server as the person who entered these values would speak to it. Values it does not want are dropped. @throws UpstreamFailure */
export async function peerWith(
  connection: Connection,
  values: Readonly<Record<string, string>>,
): Promise<Peer> {
  const { env, server } = connection;
  const refused = targetFault(server.connectionString, allowsLoopback(env));
  if (refused) throw failures.badAddress(server.name, refused);
  const wanted = wantedHeaders(server.perUserHeaderKeys, values);
  const own = ownHeadersOf(server);
  if (!own) throw new Error(`${server.id} takes no header values of one's own`);
  return { server, credentials: await own.trial(connection, wanted), owner: connection.owner, sharer: null };
}

/** Why nothing came of it, for the person who entered the values: with the server's own words when it said something. */
export function refusedValues({ name }: Server, failure: UpstreamFailure): FailureStated {
  const { words } = failure;
  if (words === null && !(failure instanceof Unauthorized)) return failure.stated;
  return { reason: 'values_refused', params: { server: name, said: words ?? '' } };
}
