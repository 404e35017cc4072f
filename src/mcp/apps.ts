import { judgeTool } from '../governance/policy';
import { parseExact } from '../protocol/json/exact';
import { PrefixedUris } from '../protocol/json/prefixed-uris';
import { prefixOf } from '../protocol/json/resource-address';
import { TOOL_PLACES } from '../protocol/json/uri-places';
import { CODE, isObject, type JsonObject, RpcError } from '../protocol/mcp';
import type { Call } from './call';
import { declaresApps } from './capabilities';
import type { CatalogServer } from './catalog';
import { type Item, listsOf, type ServerLists } from './server-lists';

/**
 * False for a tool that only apps call, where it is not listed: at addresses of several servers, and to clients that show no
 * apps (PROTOCOL §§5, 6).
 */
export function isListedTool(call: Call, { app }: Item): boolean {
  if (!app.visibility || app.visibility.includes('model')) return true;
  return call.isOneServer && declaresApps(call);
}

/**
 * A tool's definition as it stands among those of other servers (PROTOCOL §6): its page has its server's prefix, and apps
 * of other servers do not call it when its own has none. Where that is not said it is so for every app. Null: it stands as it is
 * kept.
 */
export function amongOthers(
  call: Call,
  { server }: CatalogServer,
  lists: ServerLists,
  item: Item,
): string | null {
  const { pages, visibility } = item.app;
  const isPlain = !pages.length && (lists.hasApp || visibility || !declaresApps(call));
  if (isPlain) return null;
  const definition = lists.definitionOf('tool', item, item.exposedName, call.era === '2025');
  return pages.length ? withPages(definition, prefixOf(server.endpointSlug)) : forModels(definition);
}

function withPages(definition: string, prefix: string): string {
  const parts = new PrefixedUris(prefix, TOOL_PLACES).push(new TextEncoder().encode(definition));
  const decoder = new TextDecoder();
  return parts.map((part) => decoder.decode(part, { stream: true })).join('');
}

/** The definition of a tool that is for models alone. */
function forModels(definition: string): string {
  const tool = parseExact(definition) as JsonObject;
  const _meta = isObject(tool._meta) ? tool._meta : {};
  const ui = isObject(_meta.ui) ? _meta.ui : {};
  return JSON.stringify({ ...tool, _meta: { ..._meta, ui: { ...ui, visibility: ['model'] } } });
}

/**
 * The tool that an app means by the name its server gives it: apps know no other (PROTOCOL §6). Null: none of a server with
 * an app that the caller may use. @throws RpcError when two servers have one
 */
export async function toolOfApp(
  call: Call,
  name: string,
): Promise<{ entry: CatalogServer; item: Item; verdict: 'allowed' } | null> {
  const found: { entry: CatalogServer; item: Item; verdict: 'allowed' }[] = [];
  for await (const [entry, lists] of listsOf(call.gate.env.DB, call.entries)) {
    const item = lists.hasApp ? lists.items.tool.find((one) => one.name === name) : undefined;
    if (item && judgeTool(call.rules, entry.server, item) === 'allowed')
      found.push({ entry, item, verdict: 'allowed' });
  }
  const [first, second] = found;
  if (!first || !second) return first ?? null;
  const names = `${first.item.exposedName} and ${second.item.exposedName}`;
  throw new RpcError(200, CODE.invalidParams, `Several servers have this tool. Its full names are ${names}.`);
}
