import { judgeReading, judgeTool } from '../governance/policy';
import { CODE, RpcError } from '../protocol/mcp';
import type { ItemKind } from '../servers/listed-item';
import { answerList } from './answer';
import { type Call, nameAt } from './call';
import type { CatalogServer, Item } from './catalog';
import { listMissing } from './refresh';

/** True when the caller may see and use this item now. */
function isVisible(call: Call, { server }: CatalogServer, kind: ItemKind, item: Item): boolean {
  const verdict = kind === 'tool' ? judgeTool(call.rules, server, item) : judgeReading(call.rules, server);
  return verdict === 'allowed';
}

export const listTools = (call: Call) => list(call, 'tool', 'tools');
export const listPrompts = (call: Call) => list(call, 'prompt', 'prompts');
export const listResources = (call: Call) => list(call, 'resource', 'resources');
export const listTemplates = (call: Call) => list(call, 'template', 'resourceTemplates');

/** Many servers' lists as one, in one page, in an order that stays. */
async function list(call: Call, kind: ItemKind, member: string): Promise<Response> {
  const { cursor = '' } = call.request.params; // pages are ours: there is one, and an empty cursor is none
  if (cursor !== '') throw new RpcError(200, CODE.invalidParams, 'Invalid cursor');
  const unavailable = await listMissing(call, call.entries);
  const names = new Set<string>();
  const definitions: string[] = [];
  for (const entry of call.entries) {
    for (const item of entry.items[kind]) {
      const name = nameAt(call, item);
      if (names.has(name) || !isVisible(call, entry, kind, item)) continue;
      names.add(name);
      const { definition, exposed } = (call.era === '2025' && item.older) || item;
      definitions.push(call.isOneServer ? definition : exposed);
    }
  }
  const rest = unavailable.length ? { _meta: { 'toolgate/unavailable': unavailable } } : {};
  return answerList(call, member, definitions, rest);
}

/** Words for a client whose list will be empty; undefined when something is there, or not known yet. */
export function nothingToList(call: Call): string | undefined {
  const { entries, caller } = call;
  const hasSome = entries.some(
    (entry) =>
      entry.server.listedAt === null || entry.items.tool.some((item) => isVisible(call, entry, 'tool', item)),
  );
  if (hasSome) return undefined;
  if (entries.length) return 'No tools are available: the servers open to you offer none that you may use.';
  const who = caller.key
    ? `the access key "${caller.key.name}"`
    : caller.subject
      ? 'this connection'
      : 'anonymous use';
  return `No tools are available: no server is open to ${who}. An administrator of this gateway can open some.`;
}
