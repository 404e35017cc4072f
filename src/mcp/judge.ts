import { judgeReading, judgeTool, type PolicyVerdict } from '../governance/policy';
import { isAppUri } from '../protocol/json/resource-address';
import type { ItemKind } from '../servers/listed-item';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import type { Item, ServerLists } from './server-lists';

/**
 * May this call's caller see and use an item now? Every method that lists an item or acts on one asks here, so that none is
 * wider than another (CONTRACT §6).
 */
export function judgeItem(
  call: Pick<Call, 'rules'>,
  entry: CatalogServer,
  lists: ServerLists,
  kind: ItemKind,
  item: Item,
): PolicyVerdict {
  if (kind === 'tool') return judgeTool(call.rules, entry.server, item);
  if (kind !== 'prompt') return judgeResource(call, entry, lists, item.name);
  return judgeReading(call.rules, entry.server, 'allow_prompts', listsTools(entry, lists));
}

/** The same of a resource by its server's own URI, listed or not. What a tool shows itself with is part of the tool. */
export function judgeResource(
  { rules }: Pick<Call, 'rules'>,
  entry: CatalogServer,
  lists: ServerLists,
  uri: string,
): PolicyVerdict {
  const { server } = entry;
  const verdict = judgeReading(rules, server, 'allow_resources', listsTools(entry, lists));
  if (verdict === 'allowed' || !isAppUri(uri)) return verdict;
  const shown = lists.items.tool.filter(({ app }) => app.pages.includes(uri));
  return shown.some((tool) => judgeTool(rules, server, tool) === 'allowed') ? 'allowed' : verdict;
}

/** Whether a server lists tools, offered or not, or a list of them did not come: of one that was never listed no one knows. */
function listsTools({ server }: CatalogServer, { items }: ServerLists): boolean {
  if (server.listedAt === null || items.tool.length > 0) return true;
  return server.leftOut.some(({ kind, offered }) => kind === 'tool' && !offered);
}
