import type { Connection } from '../accounts/auth/auth';
import { credentialsWith } from '../accounts/auth/per-user-headers';
import { OURSELVES, type Peer } from '../accounts/connect';
import { askConnection, termsAt } from '../accounts/connections';
import { missingNames } from '../accounts/kept-credential';
import { allowsLoopback, type Env } from '../config';
import { refusedTarget } from '../protocol/public-url';
import { failures, Unauthorized, UpstreamFailure } from '../servers/failure';
import type { Server } from '../servers/server';
import { saveListing } from '../servers/standing';
import { markVerified } from '../servers/store';
import type { Settings } from '../settings';
import { readListing } from './listing';

/** What header values got from a server: how many tools it lists to them, or why none, in words for whoever entered them. */
export type Trial = { ok: true; tools: number } | { ok: false; reason: string };

/**
 * Asks a server with `per_user_headers` for its lists with header values an administrator entered. Once it has answered, they
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
  if (missing.length) return { ok: false, reason: `A value for ${missing.join(' and ')} is missing.` };
  try {
    const { owner, sharer } = OURSELVES;
    const peer = await peerWith({ env, settings, issuer, server, owner }, values, sharer);
    const { listing, leftOut } = await readListing(peer, signal);

    const terms = termsAt(server, 'gateway', issuer);
    await askConnection(env, terms, (object) => object.saveHeaders(terms, values));
    await saveListing(env.DB, server.id, listing, leftOut, Math.floor(Date.now() / 1000));
    await markVerified(env.DB, server.id);
    return { ok: true, tools: listing.tool.length };
  } catch (error) {
    if (error instanceof UpstreamFailure) return { ok: false, reason: reasonOf(server, error) };
    throw error;
  }
}

/** The server as whoever entered these values would speak to it. Values it does not want are dropped. @throws UpstreamFailure */
export async function peerWith(
  connection: Connection,
  values: Readonly<Record<string, string>>,
  sharer: string | null,
): Promise<Peer> {
  const { env, server } = connection;
  const refusal = refusedTarget(server.connectionString, allowsLoopback(env));
  if (refusal) throw failures.refused(server.name, `its address ${refusal}`);
  return { server, credentials: await credentialsWith(connection, wantedOf(server, values)), sharer };
}

function wantedOf(
  { perUserHeaderKeys }: Server,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const names = new Set(perUserHeaderKeys.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name.toLowerCase())));
}

/** Why nothing came of it, in words for whoever entered the values: the server's own when it said something. */
export function reasonOf({ name }: Server, failure: UpstreamFailure): string {
  const { words } = failure;
  if (words === null && !(failure instanceof Unauthorized)) return failure.message;
  return `The server ${name} does not take these header values${words === null ? '' : `: “${words}”`}.`;
}
