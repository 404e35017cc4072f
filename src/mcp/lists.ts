import type { ItemKind } from '../servers/listed-item';
import { answerList } from './answer';
import { amongOthers, isListedTool } from './apps';
import { type Call, nameAt } from './call';
import { judgeItem } from './judge';
import { countBefore, cursorAfter, invalidCursor } from './methods/cursor';
import { listMissing } from './refresh';
import { listsOf } from './server-lists';

export const listTools = (call: Call) => list(call, 'tool', 'tools');
export const listPrompts = (call: Call) => list(call, 'prompt', 'prompts');
export const listResources = (call: Call) => list(call, 'resource', 'resources');
export const listTemplates = (call: Call) => list(call, 'template', 'resourceTemplates');

/** The most that stands on a page: items, and characters of their definitions (PROTOCOL §5). */
const MOST_ITEMS = 2000;
const MOST_TEXT = 4_194_304;

/** Many servers' lists as one, in an order that stays. What one page does not hold follows a cursor of ours. */
async function list(call: Call, kind: ItemKind, member: string): Promise<Response> {
  const unavailable = await listMissing(call, call.entries);
  const before = await countBefore(call, kind);
  const names = new Set<string>();
  const definitions: string[] = [];
  let size = 0;
  let isMore = false;
  for await (const [entry, lists] of listsOf(call.gate.env.DB, call.entries)) {
    for (const item of lists.items[kind]) {
      const name = nameAt(call, item);
      if (names.has(name) || judgeItem(call, entry, lists, kind, item) !== 'allowed') continue;
      if (!isListedTool(call, item)) continue;
      names.add(name);
      if (names.size <= before) continue;
      const own = lists.definitionOf(kind, item, name, call.era === '2025');
      const isAmongOthers = kind === 'tool' && !call.isOneServer;
      const definition = isAmongOthers ? amongOthers(call, entry, lists, item, own) : own;
      size += definition.length;
      isMore = definitions.length === MOST_ITEMS || (size > MOST_TEXT && definitions.length > 0);
      if (isMore) break;
      definitions.push(definition);
    }
    if (isMore) break;
  }
  if (before && !definitions.length) throw invalidCursor();
  const rest = unavailable.length ? { _meta: { 'toolgate/unavailable': unavailable } } : {};
  const next = isMore ? { nextCursor: await cursorAfter(call, kind, before + definitions.length) } : {};
  return answerList(call, member, definitions, { ...rest, ...next });
}

/** Words for a client whose list will be empty; undefined when something is there, or not known yet. */
export async function nothingToList(call: Call): Promise<string | undefined> {
  const { entries, caller } = call;
  if (entries.some(({ server }) => server.listedAt === null)) return undefined;
  for await (const [entry, lists] of listsOf(call.gate.env.DB, entries)) {
    if (lists.items.tool.some((item) => judgeItem(call, entry, lists, 'tool', item) === 'allowed'))
      return undefined;
  }
  if (entries.length) return 'No tools are available: the servers open to you offer none that you may use.';
  const who = caller.key
    ? `the access key "${caller.key.name}"`
    : caller.subject
      ? 'this connection'
      : 'anonymous use';
  return `No tools are available: no server is open to ${who}. An administrator of this gateway can open some.`;
}
