import { waitUntil } from 'cloudflare:workers';
import { isListedForAsker } from '../accounts/auth/index';
import { connect } from '../accounts/connect';
import { log } from '../log';
import {
  isOutOfDate,
  type ListsAnswer,
  type ListsWanted,
  PAUSE,
  serverObject,
  wantLists,
} from '../mcp-client/server-acts';
import { faultFacts } from '../protocol/faults/storage';
import { say } from '../protocol/faults/wording';
import { inPool, within } from '../protocol/patience';
import { FAILURE_WORDS } from '../servers/failure-words';
import type { Server } from '../servers/server';
import { askerOf, type Call } from './call';
import { type CatalogServer, withListsOf } from './catalog';
import { tellStreams } from './listen/news';

/** Whose request makes us ask. `refusals`: what servers say that list for others, but not for them; by server id. */
type ListingCaller = Pick<Call, 'gate' | 'caller' | 'session' | 'headers'> & {
  refusals?: Map<string, string>;
};

/** A server whose lists could not be had, and why, as `_meta["toolgate/unavailable"]` names it. */
export type MissingList = { server: string; message: string };

/** How long a request waits for one server's lists, and for all of them. Milliseconds. */
const WAIT_EACH = 5_000;
const WAIT_ALL = 8_000;
/** Objects asked at once by one request: those that share an isolate share its memory. */
const POOL = 10;
/** How long a server that is silent keeps another one from being asked. Milliseconds. */
const SILENT = 1_000;
/** How long a server's object has to list what changed before it is told of more that did. Milliseconds. */
const TELL = 15_000;

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
  const refusals = new Map<string, string>();
  const listing = listNow({ ...by, refusals }, prompt);
  waitUntil(Promise.all([listing, askAll(by, slow)]));
  await within(WAIT_ALL, listing);
  for (const entry of prompt) entry.isSlow = entry.asking !== null;
  return missing.filter(isMissing).map(({ server }) => ({
    server: server.name,
    message:
      refusals.get(server.id) ??
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

/** Servers whose objects list what changed, by id: since when (epoch milliseconds), and whether more changed meanwhile. */
const tellings = new Map<string, { since: number; isAgain: boolean }>();

/**
 * Has a server listed again that said so on a stream of this caller's (`notifications/…/list_changed`), and the streams of this
 * isolate look when its lists became others. The caller's request does not wait for that.
 */
export function listChanged(by: ListingCaller & Pick<Call, 'entries'>, { id }: Pick<Server, 'id'>): void {
  const underWay = tellings.get(id);
  if (underWay && underWay.since + TELL > Date.now()) {
    underWay.isAgain = true;
    return;
  }
  const telling = { since: 0, isAgain: true };
  tellings.set(id, telling);
  const told = tellChanges(by, id, telling)
    .catch((error: unknown) => log('server.list_failed', { server: id, ...faultFacts(error) }))
    .finally(() => {
      if (tellings.get(id) === telling) tellings.delete(id);
    });
  waitUntil(told);
}

/** Tells a server's object that its lists changed, once more for all that changed while it listed. */
async function tellChanges(
  by: ListingCaller & Pick<Call, 'entries'>,
  serverId: string,
  telling: { since: number; isAgain: boolean },
): Promise<void> {
  const { env, issuer } = by.gate;
  const { owner } = askerOf(by);
  while (telling.isAgain) {
    telling.isAgain = false;
    telling.since = Date.now();
    const answer = await serverObject(env.SERVERS, serverId).changed({ serverId, issuer, owner });
    const entry = by.entries.find(({ server }) => server.id === serverId);
    if (answer?.kind !== 'known' || !entry) continue;
    const isOther = entry.server.listingStamp !== answer.server.listingStamp;
    entry.server = withListsOf(entry.server, answer.server);
    if (isOther) tellStreams();
  }
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

const OF_CALLER: readonly ListsAnswer['kind'][] = ['needed', 'refused'];

async function askNow(by: ListingCaller, entry: CatalogServer, reason: ListsWanted['reason']): Promise<void> {
  const { env, issuer } = by.gate;
  const { id: serverId } = entry.server;
  const begun = Date.now();
  entry.askedAt = begun;
  try {
    const wanted = { serverId, issuer, owner: askerOf(by).owner, reason };
    const answer = (await canList(by, entry.server)) ? await wantLists(env.SERVERS, wanted) : null;
    if (answer?.kind === 'known') entry.server = answer.server;
    if (answer?.kind === 'refused') by.refusals?.set(serverId, say(FAILURE_WORDS, answer.failure));
    if (answer === null || OF_CALLER.includes(answer.kind)) entry.askedAt = 0; // the next caller may have what this one lacks
  } catch (error) {
    log('server.list_failed', { server: serverId, ...faultFacts(error) });
  }
  entry.isSlow &&= begun + WAIT_EACH <= Date.now();
}
