import type { Env } from '../config';
import { log } from '../log';
import { deeperThan, isObject, type JsonObject } from '../protocol/mcp';
import type { Settings } from '../settings';
import { isListedForAsker } from './auth/index';
import { type Asker, connect, OURSELVES, type Peer } from './connect';
import { UpstreamFailure } from './failure';
import { ask, capabilitiesOf } from './mcp-client';
import type { ItemKind, LeftOut, Listing, Server } from './server';
import { recordFailure, saveListing } from './standing';

/** How each kind of item is listed: the capability that offers it, the method, the result's member, what names an item. */
const KINDS: readonly {
  kind: ItemKind;
  capability: string;
  method: string;
  member: string;
  named: 'name' | 'uri' | 'uriTemplate';
}[] = [
  { kind: 'tool', capability: 'tools', method: 'tools/list', member: 'tools', named: 'name' },
  { kind: 'prompt', capability: 'prompts', method: 'prompts/list', member: 'prompts', named: 'name' },
  { kind: 'resource', capability: 'resources', method: 'resources/list', member: 'resources', named: 'uri' },
  {
    kind: 'template',
    capability: 'resources',
    method: 'resources/templates/list',
    member: 'resourceTemplates',
    named: 'uriTemplate',
  },
];

const MOST_PAGES = 50;
const MOST_ITEMS = 2000;
const MOST_DEFINITION = 262_144;
const MOST_DESCRIPTION = 65_536;
/** Left out and listed names that are kept for the administrator. */
const MOST_LEFT_OUT = 50;

/**
 * Asks a server for everything it lists, with the gateway's own account where everyone has theirs, and stores that, with what
 * became of it. When nothing came the lists stay as they were.
 * @param issuer ours; null while nobody has set it
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
): Promise<{ server: Server; listing: Listing | null }> {
  const now = Math.floor(Date.now() / 1000);
  try {
    const isAskers = isListedForAsker(server);
    const peer = await connect(env, settings, issuer, server, isAskers ? asker : OURSELVES);
    const { listing, leftOut } = await readListing(peer, signal, isAskers ? ['tool'] : undefined);
    await saveListing(env.DB, server.id, listing, leftOut, now);
    log('server.listed', { server: server.id, tools: listing.tool.length, left_out: leftOut.length });
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

/** Everything a server lists, or its items of some `kinds`, checked. @throws UpstreamFailure, CredentialNeeded */
export async function readListing(
  peer: Peer,
  signal: AbortSignal,
  kinds?: readonly ItemKind[],
): Promise<{ listing: Listing; leftOut: LeftOut[] }> {
  const listing: Listing = { tool: [], prompt: [], resource: [], template: [] };
  const leftOut: LeftOut[] = [];
  const capabilities = await capabilitiesOf(peer, signal);
  for (const { kind, capability, method, member, named } of KINDS) {
    if (!isObject(capabilities[capability]) || kinds?.includes(kind) === false) continue;
    const items = await readPages(peer, method, member, signal).catch((error: unknown) => {
      if (kind === 'template') return []; // many servers with resources do not know this method
      throw error;
    });
    const seen = new Set<string>();
    for (const item of items) {
      const checked = checkItem(kind, item, named);
      const name = nameOf(item, named);
      if (typeof checked === 'string' && !seen.has(name)) listing[kind].push(checked);
      else if (leftOut.length < MOST_LEFT_OUT) {
        const reason = typeof checked === 'string' ? 'it is listed twice' : checked.leftOut;
        leftOut.push({ kind, name: clean(name).slice(0, 256), reason });
      }
      seen.add(name);
    }
  }
  return { listing, leftOut };
}

async function readPages(
  peer: Peer,
  method: string,
  member: string,
  signal: AbortSignal,
): Promise<unknown[]> {
  const items: unknown[] = [];
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES && items.length < MOST_ITEMS; page++) {
    const result = await ask(peer, method, cursor === undefined ? {} : { cursor }, signal);
    if (Array.isArray(result[member])) items.push(...result[member]);
    cursor = typeof result.nextCursor === 'string' ? result.nextCursor : undefined;
    if (cursor === undefined || cursors.has(cursor)) break;
    cursors.add(cursor);
  }
  return items.slice(0, MOST_ITEMS);
}

function nameOf(item: unknown, named: string): string {
  const name = isObject(item) ? item[named] : undefined;
  return typeof name === 'string' ? name : '';
}

/** An item as it is stored, or why it is not: what a server says is data, to be checked and capped. */
function checkItem(kind: ItemKind, item: unknown, named: string): string | { leftOut: string } {
  const name = nameOf(item, named);
  if (!isObject(item) || !name) return { leftOut: `it has no ${named}` };
  if (name.length > (named === 'name' ? 256 : 4096)) return { leftOut: `its ${named} is too long` };
  if (clean(name) !== name) return { leftOut: `its ${named} holds hidden characters` };
  if (kind === 'tool' && !isObject(item.inputSchema)) return { leftOut: 'it has no inputSchema' };

  const definition = JSON.stringify(withCleanWords(item));
  if (definition.length > MOST_DEFINITION)
    return { leftOut: `its definition is over ${MOST_DEFINITION / 1024} KiB` };
  return deeperThan(definition, 60) ? { leftOut: 'its definition is nested too deep' } : definition;
}

/** Titles and descriptions, at any depth, without what people cannot see and models can. */
function withCleanWords(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withCleanWords);
  if (!isObject(value)) return value;
  const cleaned: JsonObject = {};
  for (const [member, inner] of Object.entries(value)) {
    const words = typeof inner === 'string' && (member === 'description' || member === 'title');
    cleaned[member] = words ? clean(inner).slice(0, MOST_DESCRIPTION) : withCleanWords(inner);
  }
  return cleaned;
}

/** Without control, bidirectional, zero-width and tag characters and variation selectors beyond the first sixteen. */
function clean(words: string): string {
  return words.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]|[\u{E0100}-\u{E01EF}]/gu, '');
}
