import { isListedForAsker } from '../accounts/auth/index';
import { type Asker, connect, OURSELVES, type Peer } from '../accounts/connect';
import type { Env } from '../config';
import { log } from '../log';
import { CODE, isObject } from '../protocol/mcp';
import { Refusal, UpstreamFailure } from '../servers/failure';
import { checkItem, clean, type ItemKind, nameOf } from '../servers/listed-item';
import type { LeftOut, Listed, Server } from '../servers/server';
import { recordFailure, saveListing } from '../servers/standing';
import type { Settings } from '../settings';
import { ask, capabilitiesOf } from './client';
import { inOwnSession } from './sessions';

/** How each kind of item is listed: the capability that offers it, the method, the result's member. */
const KINDS: readonly { kind: ItemKind; capability: string; method: string; member: string }[] = [
  { kind: 'tool', capability: 'tools', method: 'tools/list', member: 'tools' },
  { kind: 'prompt', capability: 'prompts', method: 'prompts/list', member: 'prompts' },
  { kind: 'resource', capability: 'resources', method: 'resources/list', member: 'resources' },
  {
    kind: 'template',
    capability: 'resources',
    method: 'resources/templates/list',
    member: 'resourceTemplates',
  },
];

const MOST_PAGES = 50;
const MOST_ITEMS = 2000;
/** Left out and listed names that are kept for the administrator. */
const MOST_LEFT_OUT = 50;

/**
 * Asks a server for everything it lists, with the gateway's own account where everyone has theirs, and stores that, with what
 * became of it. When nothing came the lists stay as they were.
 * @param issuer ours; null while it is not set
 * @param asker who makes us ask: serves where the gateway can have no account. Of what they alone may see only tools are kept.
 * @returns the server as it is now known. @throws CredentialNeeded when such an asker has none either.
 */
export async function listUpstream(
  env: Env,
  settings: Settings,
  issuer: string | null,
  server: Server,
  signal: AbortSignal,
  asker: Asker = OURSELVES,
): Promise<{ server: Server; listing: Listed | null }> {
  const now = Math.floor(Date.now() / 1000);
  try {
    const isAskers = isListedForAsker(server);
    const peer = await connect(env, settings, issuer, server, isAskers ? asker : OURSELVES);
    const kinds: ItemKind[] | undefined = isAskers ? ['tool'] : undefined;
    const { listing, leftOut } = await inOwnSession(peer, () => readListing(peer, signal, kinds));
    await saveListing(env.DB, server.id, listing, leftOut, now);
    const missing = leftOut.filter(({ offered }) => !offered).length;
    log('server.listed', { server: server.id, tools: listing.tool.length, left_out: missing });
    const known: Server = {
      ...server,
      state: 'healthy',
      lastFailure: null,
      leftOut,
      listedAt: now,
      askedAt: now,
    };
    return { server: known, listing };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const failed = { ...server, askedAt: now };
    return { server: await recordFailure(env.DB, failed, 'list', error, now), listing: null };
  }
}

/**
 * Everything a server lists, or its items of some `kinds`, checked one by one. A kind whose list cannot be had is not in the
 * listing, and named in `leftOut`.
 * @throws UpstreamFailure when its tools cannot be had, or nothing can; CredentialNeeded
 */
export async function readListing(
  peer: Peer,
  signal: AbortSignal,
  kinds?: readonly ItemKind[],
): Promise<{ listing: Listed; leftOut: LeftOut[] }> {
  const listing: Listed = { tool: [], prompt: [], resource: [], template: [] };
  const failed: LeftOut[] = [];
  const unfit: LeftOut[] = [];
  const capabilities = await capabilitiesOf(peer, signal);
  const asked = KINDS.filter(
    ({ kind, capability }) => isObject(capabilities[capability]) && kinds?.includes(kind) !== false,
  );
  const failures: UpstreamFailure[] = [];
  for (const { kind, method, member } of asked) {
    const { items, failure, pages } = await readPages(peer, method, member, signal);
    if (failure) {
      failures.push(failure);
      if (!pages && (kind === 'tool' || failures.length === asked.length)) throw failures[0];
      if (!pages) delete listing[kind as Exclude<ItemKind, 'tool'>];
      failed.push({ kind, name: '*', reason: reasonOf(method, failure, pages, items.length) });
    }
    if (pages) listing[kind] = itemsOf(kind, items, unfit);
  }
  const missing = [...failed, ...unfit.filter(({ offered }) => !offered)];
  const repaired = unfit.filter(({ offered }) => offered);
  const most = (notes: LeftOut[]) => notes.slice(0, MOST_LEFT_OUT);
  return { listing, leftOut: [...most(missing), ...most(repaired)] };
}

/** The definitions that can be offered; the others go into `leftOut`, and what was repaired. */
function itemsOf(kind: ItemKind, items: readonly unknown[], leftOut: LeftOut[]): string[] {
  const definitions: string[] = [];
  const seen = new Set<string>();
  for (const item of items) {
    const checked = checkItem(kind, item);
    const name = nameOf(kind, item);
    if ('definition' in checked && !seen.has(name)) {
      definitions.push(checked.definition);
      const reason = clean(checked.repaired.join(', ')).slice(0, 256);
      if (reason) leftOut.push({ kind, name: clean(name).slice(0, 256), reason, offered: true });
    } else {
      const reason = 'definition' in checked ? 'it is listed twice' : checked.leftOut;
      leftOut.push({ kind, name: clean(name).slice(0, 256), reason });
    }
    seen.add(name);
  }
  return definitions;
}

/** What came of a list: its items, and why there are no more pages than these. */
type Pages = { items: unknown[]; pages: number; failure: UpstreamFailure | null };

async function readPages(peer: Peer, method: string, member: string, signal: AbortSignal): Promise<Pages> {
  const items: unknown[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  let pages = 0;
  try {
    while (pages < MOST_PAGES && items.length < MOST_ITEMS) {
      const result = await ask(peer, method, cursor === undefined ? {} : { cursor }, signal);
      pages++;
      if (Array.isArray(result[member])) items.push(...result[member]);
      cursor = typeof result.nextCursor === 'string' ? result.nextCursor : undefined;
      if (cursor === undefined || cursors.has(cursor)) break;
      cursors.add(cursor);
    }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const isUnknown = error instanceof Refusal && error.code === CODE.methodNotFound && !pages;
    return isUnknown ? { items, pages: 1, failure: null } : { items, pages, failure: error };
  }
  return { items: items.slice(0, MOST_ITEMS), pages, failure: null };
}

function reasonOf(method: string, { message }: UpstreamFailure, pages: number, items: number): string {
  const why = message.replace(/\.$/, '');
  if (!pages) return `${method} failed: ${why}`;
  return `${method} failed at page ${pages + 1}, so what follows its first ${items} is missing: ${why}`;
}
