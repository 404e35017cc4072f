import { CODE, isObject, META, metaOf, RpcError } from '../../protocol/mcp';
import type { Call } from '../call';

/** Tasks of 2026-07-28 are an extension. */
export const TASKS = 'io.modelcontextprotocol/tasks';

/** In `_meta`: the task that a message is about (MCP 2025-11-25, Tasks). */
export const RELATED = 'io.modelcontextprotocol/related-task';

/** The revision of the 2025 era that has tasks. */
const WITH_TASKS = '2025-11-25';

/** True when the client of a request can be given a task: with a client session of 2025-11-25, or by the extension. */
export function takesTasks({ era, request, session }: Pick<Call, 'era' | 'request' | 'session'>): boolean {
  if (era === '2025') return session?.version === WITH_TASKS;
  const declared = metaOf(request.params)[META.clientCapabilities];
  return isObject(declared) && isObject(declared.extensions) && isObject(declared.extensions[TASKS]);
}

/** @throws RpcError −32021 for a client of 2026-07-28 that did not declare the extension */
export function demandTasks(call: Call): void {
  if (takesTasks(call)) return;
  if (call.era === '2025')
    throw new RpcError(200, CODE.methodNotFound, 'Tasks need a session of 2025-11-25.');
  const data = { requiredCapabilities: { extensions: { [TASKS]: {} } } };
  throw new RpcError(400, CODE.missingClientCapability, 'Missing required client capability', data);
}

/** What is declared of tasks at `initialize`. @param isPersonal true where a server has an account a person */
export function tasksCapability(version: string, isPersonal: boolean): object {
  if (version !== WITH_TASKS) return {};
  return { tasks: { ...(isPersonal && { list: {} }), cancel: {}, requests: { tools: { call: {} } } } };
}
