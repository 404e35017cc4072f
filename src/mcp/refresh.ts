import { waitUntil } from 'cloudflare:workers';
import { isListedForAsker } from '../accounts/auth/index';
import { connect } from '../accounts/connect';
import { CredentialNeeded } from '../accounts/credential-needed';
import { log } from '../log';
import { listUpstream } from '../mcp-client/listing';
import { faultFacts } from '../protocol/faults/storage';
import { inPool, pause, within } from '../protocol/patience';
import { findServer } from '../servers/find';
import type { Server } from '../servers/server';
import { claimListing } from '../servers/standing';
import type { Settings } from '../settings';
import { askerOf, type Call } from './call';
import type { CatalogServer } from './catalog';

/** Whose request makes us ask. */
type ListingCaller = Pick<Call, 'gate' | 'caller' | 'session' | 'headers'>;

/** A server whose lists could not be had, and why, as `_meta["toolgate/unavailable"]` names it. */
export type MissingList = { server: string; message: string };

/** How long a request waits for one server's lists, and for all of them; how long one is asked behind an answer. Milliseconds. */
const WAIT_EACH = 5_000;
const WAIT_ALL = 8_000;
const BEHIND = 25_000;
/** How soon a server that failed is asked again. Milliseconds. */
const PAUSE = 30_000;
/** Outgoing requests of one invocation that await headers: Workers allow six at once. */
const POOL = 5;

/** How often a request looks whether another isolate has stored the lists it waits for. Milliseconds. */
const LOOK = 500;

/**
 * Asks the servers that were never listed, within the request, or waits with the one that does so already: a request of this
 * isolate, or another isolate. A server that is missing still, for want of that caller's account, is asked with this one's.
 * Those that do not answer in time are asked again, for longer, behind the answer.
 * @returns those that are missing.
 */
export async function listMissing(
  by: ListingCaller,
  entries: readonly CatalogServer[],
): Promise<MissingList[]> {
  const missing = entries.filter(isMissing);
  const asked = missing.flatMap(({ asking }) => (asking ? [asking] : []));
  const joined = asked.length ? within(WAIT_EACH, Promise.all(asked)) : null;
  const all = AbortSignal.timeout(WAIT_ALL);
  const askAll = async (due: readonly CatalogServer[]) => {
    await inPool(POOL, due, (entry) =>
      ask(by, entry, AbortSignal.any([all, AbortSignal.timeout(WAIT_EACH)]), true),
    );
    const late = due.filter(isMissing);
    if (late.length) waitUntil(inPool(POOL, late, (entry) => ask(by, entry, AbortSignal.timeout(BEHIND))));
  };
  const due = missing.filter(isDue);
  await Promise.all([joined, askAll(due)]);
  await askAll(missing.filter((entry) => isMissing(entry) && isDue(entry) && !due.includes(entry)));
  return missing.filter(isMissing).map(({ server }) => ({
    server: server.name,
    message:
      server.lastFailure?.message ??
      (isListedForAsker(server)
        ? `The server ${server.name} acts for people who signed in: one of them has to ask for its tools first.`
        : `The server ${server.name} has not answered yet. Ask again in a moment.`),
  }));
}

/** Has lists that are older than they may be asked again behind the answer, by one isolate in the world. */
export function refreshStale(by: ListingCaller, entries: readonly CatalogServer[]): void {
  const { env, settings } = by.gate;
  const now = Date.now();
  const stale = entries.filter((entry) => {
    const { listedAt } = entry.server;
    return listedAt !== null && listedAt * 1000 + intervalOf(settings, entry) <= now && isDue(entry);
  });
  if (!stale.length) return;
  for (const entry of stale) entry.askedAt = now;
  const refresh = async (entry: CatalogServer) => {
    if (isListedForAsker(entry.server) && !(await hasCredentials(by, entry.server))) {
      entry.askedAt = 0; // it is for the next caller, who may have some
      return;
    }
    const seconds = Math.floor(now / 1000);
    const claimed = await claimListing(env.DB, entry.server.id, intervalOf(settings, entry) / 1000, seconds);
    if (claimed) await ask(by, entry, AbortSignal.timeout(BEHIND));
  };
  waitUntil(inPool(POOL, stale, refresh));
}

/** Whether the caller could list a server with an account of theirs. */
async function hasCredentials(by: ListingCaller, server: Server): Promise<boolean> {
  const { env, settings, issuer } = by.gate;
  return connect(env, settings, issuer, server, askerOf(by)).then(
    () => true,
    () => false,
  );
}

/** Milliseconds between two listings: a server that is not well is looked after more often. */
function intervalOf(settings: Settings, { server }: CatalogServer): number {
  if (server.state !== 'healthy') return PAUSE;
  return (server.toolSyncInterval ?? settings.mcp_tool_sync_interval) * 60_000;
}

function isMissing({ server }: CatalogServer): boolean {
  return server.listedAt === null;
}

function isDue(entry: CatalogServer): boolean {
  return entry.askedAt + PAUSE <= Date.now();
}

/** @param inTurn true: another isolate that asks already is waited for */
function ask(by: ListingCaller, entry: CatalogServer, signal: AbortSignal, inTurn = false): Promise<void> {
  const asking = askNow(by, entry, signal, inTurn).finally(() => {
    if (entry.asking === asking) entry.asking = null;
  });
  entry.asking = asking;
  waitUntil(asking); // others wait for it, whatever becomes of this request
  return asking;
}

async function askNow(
  by: ListingCaller,
  entry: CatalogServer,
  signal: AbortSignal,
  inTurn: boolean,
): Promise<void> {
  const { env, settings, issuer } = by.gate;
  const { askedAt } = entry;
  entry.askedAt = Date.now();
  try {
    const asker = askerOf(by);
    if (inTurn && !(await isOurTurn(by, entry))) return await awaitOther(env.DB, entry, signal);
    const { server } = await listUpstream(env, settings, issuer, entry.server, signal, asker);
    entry.server = server;
  } catch (error) {
    if (error instanceof CredentialNeeded) {
      entry.askedAt = askedAt; // the next caller may have what this one lacks
      return;
    }
    log('server.list_failed', { server: entry.server.id, ...faultFacts(error) });
  }
}

/**
 * Whether this isolate is the one in the world that asks a server never listed; one that could not be asked with the caller's
 * account takes no turn. @throws CredentialNeeded
 */
async function isOurTurn(by: ListingCaller, { server }: CatalogServer): Promise<boolean> {
  const { env, settings, issuer } = by.gate;
  if (isListedForAsker(server)) await connect(env, settings, issuer, server, askerOf(by));
  return claimListing(env.DB, server.id, WAIT_EACH / 1000, Math.floor(Date.now() / 1000));
}

/** Waits until another isolate has stored what a server lists, or that it failed. */
async function awaitOther(db: D1Database, entry: CatalogServer, signal: AbortSignal): Promise<void> {
  const failedAt = entry.server.lastFailure?.at;
  while (!signal.aborted) {
    const server = await findServer(db, entry.server.id);
    if (!server) return;
    if (server.listedAt !== null || server.lastFailure?.at !== failedAt) {
      entry.server = server;
      return;
    }
    await pause(LOOK);
  }
}
