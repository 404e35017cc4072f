import { waitUntil } from 'cloudflare:workers';
import { isListedForAsker } from '../accounts/auth/index';
import { connect } from '../accounts/connect';
import { log } from '../log';
import { isOutOfDate, type ListsWanted, PAUSE, serverObject, wantLists } from '../mcp-client/server-acts';
import { faultFacts } from '../protocol/faults/storage';
import { inPool, within } from '../protocol/patience';
import type { Server } from '../servers/server';
import { askerOf, type Call } from './call';
import type { CatalogServer } from './catalog';

/** Whose request makes us ask. */
type ListingCaller = Pick<Call, 'gate' | 'caller' | 'session' | 'headers'>;

/** A server whose lists could not be had, and why, as `_meta["toolgate/unavailable"]` names it. */
export type MissingList = { server: string; message: string };

/** How long a request waits for one server's lists, and for all of them. Milliseconds. */
const WAIT_EACH = 5_000;
const WAIT_ALL = 8_000;
/** Objects asked at once by one request: those that share an isolate share its memory. */
const POOL = 10;
/** How long a server that is silent keeps another one from being asked. Milliseconds. */
const SILENT = 1_000;
/** How often an isolate tells that a server's lists changed. Milliseconds. */
const TELL = 1_000;

/**
 * Has the servers that were never listed asked, within the request, or waits with the request that does so already. A server
 * that is missing still, for want of that caller's account, is asked with this one's. What does not come in time comes behind
 * the answer, and no request waits for it again.
 * @returns those that are missing.
 */
export async function listMissing(
  by: ListingCaller,
  entries: readonly CatalogServer[],
): Promise<MissingList[]> {
  const missing = entries.filter(isMissing);
  if (!missing.length) return [];
  const prompt = missing.filter((entry) => !isSlow(entry));
  const slow = missing.filter((entry) => isSlow(entry) && isDue(entry));
  const listing = listNow(by, prompt);
  waitUntil(Promise.all([listing, askAll(by, slow)]));
  await within(WAIT_ALL, listing);
  for (const entry of prompt) entry.isSlow = entry.asking !== null;
  return missing.filter(isMissing).map(({ server }) => ({
    server: server.name,
    message:
      server.lastFailure?.message ??
      (isListedForAsker(server)
        ? `The server ${server.name} acts for people who signed in: one of them has to ask for its tools first.`
        : `The server ${server.name} has not answered yet. Ask again in a moment.`),
  }));
}

/** Asks those that are due, and waits for them, and for those that are asked already. */
async function listNow(by: ListingCaller, missing: readonly CatalogServer[]): Promise<void> {
  const due = missing.filter(isDue);
  const joined = missing.flatMap(({ asking }) => (asking ? [within(WAIT_EACH, asking)] : []));
  await Promise.all([...joined, askAll(by, due)]);
  await askAll(
    by,
    missing.filter((entry) => isMissing(entry) && isDue(entry) && !due.includes(entry)),
  );
}

/** Asks servers, a few at a time, and waits for each as long as a request does. */
async function askAll(by: ListingCaller, entries: readonly CatalogServer[]): Promise<void> {
  const waits: Promise<unknown>[] = [];
  await inPool(POOL, entries, async (entry) => {
    const asking = ask(by, entry, 'missing');
    waits.push(within(WAIT_EACH, asking));
    await within(SILENT, asking);
  });
  await Promise.all(waits);
}

/**
 * Has lists that are older than they may be asked again behind the answer: those of servers that no alarm lists, for no one
 * used them for long, and those this isolate has not heard of since.
 */
export function refreshStale(by: ListingCaller, entries: readonly CatalogServer[]): void {
  const now = Date.now();
  const stale = entries.filter((entry) => {
    const { server } = entry;
    return server.listedAt !== null && isOutOfDate(by.gate.settings, server, now) && isDue(entry);
  });
  if (!stale.length) return;
  for (const entry of stale) entry.askedAt = now;
  waitUntil(inPool(POOL, stale, (entry) => ask(by, entry, 'due')));
}

/** When this isolate last told that a server's lists changed, by its id. Epoch milliseconds. */
const told = new Map<string, number>();
const MOST_TOLD = 2000;

/**
 * Has a server listed again that said so on a stream of this caller's (`notifications/…/list_changed`). Nothing waits for that,
 * and a server that says so all the time is listed every ten seconds.
 */
export function listChanged(by: ListingCaller, { id }: Pick<Server, 'id'>): void {
  const now = Date.now();
  if ((told.get(id) ?? 0) + TELL > now) return; // its object waits as long for what follows
  told.delete(id);
  told.set(id, now);
  if (told.size > MOST_TOLD) told.delete(told.keys().next().value as string);
  const { env, issuer } = by.gate;
  const telling = serverObject(env.SERVERS, id).changed({ serverId: id, issuer, owner: askerOf(by).owner });
  waitUntil(
    telling.catch((error: unknown) => log('server.list_failed', { server: id, ...faultFacts(error) })),
  );
}

/** Whether the caller could list a server: with an account of theirs, where only these do. */
async function canList(by: ListingCaller, server: Server): Promise<boolean> {
  if (!isListedForAsker(server)) return true;
  const { env, settings, issuer } = by.gate;
  return connect(env, settings, issuer, server, askerOf(by)).then(
    () => true,
    () => false,
  );
}

function isMissing({ server }: CatalogServer): boolean {
  return server.listedAt === null;
}

/** True for a server that no request waits for: one did, or its last listing ended, without a word of it. */
function isSlow({ isSlow, server }: CatalogServer): boolean {
  return isSlow || server.lastFailure?.stated?.reason === 'late';
}

function isDue(entry: CatalogServer): boolean {
  return entry.askedAt + PAUSE <= Date.now();
}

function ask(by: ListingCaller, entry: CatalogServer, reason: ListsWanted['reason']): Promise<void> {
  const asking = askNow(by, entry, reason).finally(() => {
    if (entry.asking === asking) entry.asking = null;
  });
  entry.asking = asking;
  waitUntil(asking); // others wait for it, whatever becomes of this request
  return asking;
}

async function askNow(by: ListingCaller, entry: CatalogServer, reason: ListsWanted['reason']): Promise<void> {
  const { env, issuer } = by.gate;
  const { id: serverId } = entry.server;
  const begun = Date.now();
  entry.askedAt = begun;
  try {
    const wanted = { serverId, issuer, owner: askerOf(by).owner, reason };
    const answer = (await canList(by, entry.server)) ? await wantLists(env.SERVERS, wanted) : null;
    if (answer?.kind === 'known') entry.server = answer.server;
    if (answer === null || answer.kind === 'needed') entry.askedAt = 0; // the next caller may have what this one lacks
  } catch (error) {
    log('server.list_failed', { server: serverId, ...faultFacts(error) });
  }
  entry.isSlow &&= begun + WAIT_EACH <= Date.now();
}
