import { WHOLE_NAME } from '../protocol/exposed-name';
import type { ItemKind } from '../servers/listed-item';
import { answerList } from './answer';
import { amongOthers, isListedTool } from './apps';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import { allowedItems } from './judge';
import { ListPage } from './list-page';
import { countBefore, cursorAfter, invalidCursor } from './methods/cursor';
import { listMissing } from './refresh';
import { beginOf, type Item, listsOf, type ServerLists } from './server-lists';

export const listTools = (call: Call) => list(call, 'tool', 'tools');
export const listPrompts = (call: Call) => list(call, 'prompt', 'prompts');
export const listResources = (call: Call) => list(call, 'resource', 'resources');
export const listTemplates = (call: Call) => list(call, 'template', 'resourceTemplates');

/** Many servers' lists as one, in an order that stays. What one page does not hold follows a cursor of ours. */
async function list(call: Call, kind: ItemKind, member: string): Promise<Response> {
  const unavailable = await listMissing(call, call.entries);
  const before = await countBefore(call, kind);
  const page = new ListPage();
  const cutNames = new Set<string>();
  let count = 0;
  let isMore = false;
  for await (const [entry, lists] of listsOf(call.gate.env.DB, call.entries)) {
    const mayBeCut = !call.isOneServer && entry.server.name.length > WHOLE_NAME;
    for (const item of allowedItems(call, entry, lists, kind)) {
      if (!isListedTool(call, item)) continue;
      if (mayBeCut && cutNames.size === cutNames.add(item.exposedName).size) continue;
      if (++count <= before) continue;
      isMore = !putOn(page, call, entry, lists, kind, item);
      if (isMore) break;
    }
    if (isMore) break;
  }
  if (before && !page.count) throw invalidCursor();
  const rest = unavailable.length ? { _meta: { 'toolgate/unavailable': unavailable } } : {};
  const next = isMore ? { nextCursor: await cursorAfter(call, kind, before + page.count) } : {};
  return answerList(call, member, page, { ...rest, ...next });
}

/** Puts the definition of an item on a page, as it stands at this address. False: the page is full. */
function putOn(
  page: ListPage,
  call: Call,
  entry: CatalogServer,
  lists: ServerLists,
  kind: ItemKind,
  item: Item,
): boolean {
  const [from, to] = call.era === '2025' ? item.older : item.text;
  const { bytes } = lists;
  if (call.isOneServer) return page.add(beginOf(kind, item.name), bytes, from + item.named, to);
  const other = kind === 'tool' ? amongOthers(call, entry, lists, item) : null;
  return other === null ? page.add('', bytes, from, to) : page.add(other, bytes, to, to);
}

/** Words for a client whose list will be empty; undefined when something is there, or not known yet. */
export async function nothingToList(call: Call): Promise<string | undefined> {
  const { entries, caller } = call;
  if (entries.some(({ server }) => server.listedAt === null)) return undefined;
  for await (const [entry, lists] of listsOf(call.gate.env.DB, entries)) {
    if (allowedItems(call, entry, lists, 'tool').length) return undefined;
  }
  if (entries.length) return 'No tools are available: the servers open to you offer none that you may use.';
  const who = caller.key
    ? `the access key "${caller.key.name}"`
    : caller.subject
      ? 'this connection'
      : 'anonymous use';
  return `No tools are available: no server is open to ${who}. An administrator of this gateway can open some.`;
}
