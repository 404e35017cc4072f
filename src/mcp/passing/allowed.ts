import { type Call, nameAt } from '../call';
import type { CatalogServer } from '../catalog';
import { judgeItem } from '../judge';
import { resourceAt } from '../resources';
import { listsOf } from '../server-lists';

/**
 * Whether a caller may use now what their request asks a server for. What is no item of a list is judged by its server.
 * @param task the tool of the task it is about; null: it is about none, or its tool is not known
 */
export async function isAllowed(call: Call, entry: CatalogServer, task: string | null): Promise<boolean> {
  const { method, params } = call.request;
  if (method.startsWith('tasks/')) return isTaskAllowed(call, task, entry);
  if (method === 'resources/read') {
    const found = await resourceAt(call, String(params.uri));
    return found?.verdict === 'allowed' && found.entry.server.id === entry.server.id;
  }
  if (method !== 'tools/call' && method !== 'prompts/get') return true;
  const kind = method === 'tools/call' ? 'tool' : 'prompt';
  for await (const [, lists] of listsOf(call.gate.env.DB, [entry])) {
    const items = lists.items[kind];
    const isOfApp = kind === 'tool' && lists.hasApp; // apps know its own name alone
    const item =
      items.find((one) => nameAt(call, one) === params.name) ??
      (isOfApp ? items.find(({ name }) => name === params.name) : undefined);
    return item !== undefined && judgeItem(call, entry, lists, kind, item) === 'allowed';
  }
  return false;
}

/** As at each request about a task: where its tool is not known, every tool of the server. */
async function isTaskAllowed(call: Call, tool: string | null, entry: CatalogServer): Promise<boolean> {
  for await (const [, lists] of listsOf(call.gate.env.DB, [entry])) {
    const tools = lists.items.tool.filter(({ name }) => tool === null || name === tool);
    return tools.length > 0 && tools.every((one) => judgeItem(call, entry, lists, 'tool', one) === 'allowed');
  }
  return false;
}
