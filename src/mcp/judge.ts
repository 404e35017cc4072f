import { judgeReading, type PolicyVerdict, toolJudge } from '../governance/policy';
import { isAppUri } from '../protocol/json/resource-address';
import type { ItemKind } from '../servers/listed-item';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import type { Item, ServerLists } from './server-lists';

/** By whose rules something is judged. */
type Judged = Pick<Call, 'rules'>;

/**
 * May this call's caller see and use an item now? Every method that lists an item or acts on one asks here, so that none is
 * wider than another (CONTRACT §6).
 */
export function judgeItem(
  call: Judged,
  entry: CatalogServer,
  lists: ServerLists,
  kind: ItemKind,
  item: Item,
): PolicyVerdict {
  return judgeOf(call, entry, lists, kind)(item);
}

/** The items of a kind that the caller may see and use, in their order. */
export function allowedItems(
  call: Judged,
  entry: CatalogServer,
  lists: ServerLists,
  kind: ItemKind,
): readonly Item[] {
  const judge = judgeOf(call, entry, lists, kind);
  return lists.items[kind].filter((item) => judge(item) === 'allowed');
}

/** The same of a resource by its server's own URI, listed or not. */
export function judgeResource(
  call: Judged,
  entry: CatalogServer,
  lists: ServerLists,
  uri: string,
): PolicyVerdict {
  return judgeOf(call, entry, lists, 'resource')({ name: uri, exposedName: uri, readOnly: true });
}

/** What judges each item of a kind: what is about its server is looked at once. What a tool shows itself with is part of the tool. */
function judgeOf(
  { rules }: Judged,
  entry: CatalogServer,
  lists: ServerLists,
  kind: ItemKind,
): (item: Pick<Item, 'name' | 'exposedName' | 'readOnly'>) => PolicyVerdict {
  const judge = toolJudge(rules, entry.server);
  if (kind === 'tool') return judge;
  const member = kind === 'prompt' ? 'allow_prompts' : 'allow_resources';
  const verdict = judgeReading(rules, entry.server, member, listsTools(entry, lists));
  if (kind === 'prompt' || verdict === 'allowed') return () => verdict;
  const isShown = (uri: string) =>
    lists.items.tool.some((tool) => tool.app.pages.includes(uri) && judge(tool) === 'allowed');
  return ({ name }) => (isAppUri(name) && isShown(name) ? 'allowed' : verdict);
}

/** Whether a server lists tools, offered or not, or a list of them did not come: of one that was never listed no one knows. */
function listsTools({ server }: CatalogServer, { items }: ServerLists): boolean {
  if (server.listedAt === null || items.tool.length > 0) return true;
  return server.leftOut.some(({ kind, offered }) => kind === 'tool' && !offered);
}
