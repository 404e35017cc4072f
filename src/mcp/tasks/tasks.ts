import { judgeTool } from '../../governance/policy';
import type { Call } from '../call';
import { forward, refusal } from '../forward';
import { type Item, listsOf } from '../server-lists';
import { demandTasks } from './able';
import { openTask } from './task-id';
import { TaskIds } from './task-ids';

/**
 * Asks a server about a task of this client session: `tasks/get`, `tasks/result`, `tasks/cancel`, `tasks/update`. The caller
 * has to be allowed its tool now, as for a call. It counts against no limit: the call has counted.
 */
export async function askTask(call: Call): Promise<Response> {
  demandTasks(call);
  const { taskId } = call.request.params;
  const task = await openTask(call, taskId);
  const entry = task && call.entries.find(({ server }) => server.id === task.serverId);
  const found = entry ? await toolsFor(call, entry, task.tool) : [];
  const verdicts = found.map((item) => entry && judgeTool(call.rules, entry.server, item));
  const refused = verdicts.find((verdict) => verdict !== undefined && verdict !== 'allowed');
  const [item] = found;
  if (!task || !entry || !item || verdicts.some((verdict) => verdict !== 'allowed'))
    throw refusal(call, refused ? { verdict: refused } : null, 'Unknown task');
  const ids = new TaskIds(call, entry.server.id, task.tool, { task, sealed: String(taskId) });
  return forward(call, entry, { taskId: task.id }, task.tool === null ? NO_TOOL : item, {
    ids,
    isWaiting: call.request.method === 'tasks/result',
  });
}

/** What is noted of a task whose tool is not known. */
const NO_TOOL = { exposedName: '*', mirrored: [], hasOutputSchema: false };

/** The tool of a task as it is listed now; where it is not known, all of its server: it may be any. */
async function toolsFor(
  call: Call,
  entry: Call['entries'][number],
  name: string | null,
): Promise<readonly Item[]> {
  for await (const [, { items }] of listsOf(call.gate.env.DB, [entry]))
    return items.tool.filter((item) => name === null || item.name === name);
  return [];
}
