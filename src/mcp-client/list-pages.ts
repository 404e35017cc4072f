import type { Peer } from '../accounts/connect';
import { CODE } from '../protocol/mcp';
import { failures, Refusal, UpstreamFailure } from '../servers/failure';
import type { ItemKind } from '../servers/listed-item';
import { ask } from './client';

/** How a kind of item is listed: the capability that offers it, the method, the result's member. */
export type List = { kind: ItemKind; capability: string; method: string; member: string };

export const LISTS: readonly List[] = [
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

const MOST_PAGES = 200;
/** The most items that are looked at in one list, good or not. */
const MOST_SEEN = 10_000;

/** What came of a list. `pages`: how many came. `ended`: why no more were read although there are some; null: there are none. */
type Pages = { pages: number; failure: UpstreamFailure | null; ended: string | null };

/**
 * Reads a list page by page. A `nextCursor` that is empty or null is the end, as none is.
 * @param take keeps an item; false: there is no room for more
 */
export async function readPages(
  peer: Peer,
  { method, member }: List,
  signal: AbortSignal,
  take: (item: unknown) => boolean,
): Promise<Pages> {
  const cursors = new Set<string>();
  let cursor: string | null = null;
  let pages = 0;
  let seen = 0;
  try {
    for (;;) {
      const result = await ask(peer, method, cursor === null ? {} : { cursor }, signal);
      const items = result[member] ?? [];
      if (!Array.isArray(items)) throw failures.notMcp(peer.server.name);
      pages++;
      seen += items.length;
      if (!items.every(take)) return { pages, failure: null, ended: null };
      const next = result.nextCursor;
      if (typeof next !== 'string' || next === '') return { pages, failure: null, ended: null };
      if (cursors.has(next)) return { pages, failure: null, ended: 'gives the same cursor again' };
      if (pages === MOST_PAGES || seen >= MOST_SEEN)
        return { pages, failure: null, ended: `goes on after ${pages} pages` };
      cursors.add(next);
      cursor = next;
    }
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    if (isUnknown(error) && !pages) return { pages: 1, failure: null, ended: null };
    return { pages, failure: error, ended: null };
  }
}

/** True when the server does not know the method: its list is empty. */
function isUnknown(failure: UpstreamFailure): boolean {
  return failure instanceof Refusal && failure.code === CODE.methodNotFound;
}

/** Why a list, or the rest of one, is missing. @param count how many of its items came */
export function reasonOf({ method }: List, { pages, failure, ended }: Pages, count: number): string {
  const why = failure?.message.replace(/\.$/, '');
  if (!pages) return `${method} failed: ${why}`;
  const missing = `so what follows its first ${count} is missing`;
  return failure
    ? `${method} failed at page ${pages + 1}, ${missing}: ${why}`
    : `${method} ${ended}, ${missing}`;
}
