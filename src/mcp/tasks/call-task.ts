import type { Peer } from '../../accounts/connect';
import type { Outgoing } from '../../mcp-client/client';
import type { ServerAnswer } from '../../mcp-client/exchange';
import { CODE, isObject, type JsonObject, RpcError } from '../../protocol/mcp';
import type { Call } from '../call';
import type { CatalogServer } from '../catalog';
import type { Besides } from '../passing/passage';
import type { Item } from '../server-lists';
import { takesTasks } from './able';
import { TaskIds } from './task-ids';
import { sendWaiting, sendWaitingWhereDemanded } from './waiting';

/** Sends a request to a server. */
type Sending = (
  peer: Peer,
  outgoing: Outgoing,
  signal: AbortSignal,
  besides: Besides,
) => Promise<ServerAnswer>;

/** What is known of a request that is about a task, or may bring one. */
export type OfTask = {
  ids: TaskIds;
  /** How it is sent; missing: as any other. */
  sendBy?: Sending;
  /** True for a request that is answered when a task has ended: until then its server may say nothing. */
  isWaiting?: boolean;
};

/** Of a request that has nothing to do with tasks; its server may speak of one all the same. */
export function noTask(call: Call, { server }: CatalogServer): OfTask {
  return { ids: new TaskIds(call, server.id, null, null) };
}

/**
 * How a tool is called: as a task where the client wants that and the tool can, as a task that the gateway waits for where the
 * tool has to be one and the client knows none (PROTOCOL §5).
 * @returns what is added to the params
 * @throws RpcError −32601 for a task of a tool that is none (MCP 2025-11-25, Tool-Level Negotiation)
 */
export function callAsTask(
  call: Call,
  { server }: CatalogServer,
  { name, taskSupport }: Item,
): { params: JsonObject; ofTask: OfTask } {
  const { era, request } = call;
  const isAble = takesTasks(call);
  const wanted = era === '2025' && isAble && isObject(request.params.task) ? request.params.task : null;
  if (wanted && taskSupport === null)
    throw new RpcError(200, CODE.methodNotFound, 'This tool does not run as a task.');
  const isWaitedFor = taskSupport === 'required' && (era === '2026' || !isAble);
  const mayBring = wanted !== null || isWaitedFor || (era === '2026' && isAble);
  const ids = new TaskIds(call, server.id, mayBring ? name : null, null);
  if (wanted) return { params: { task: wanted }, ofTask: { ids } };
  if (isWaitedFor) return { params: { task: {} }, ofTask: { ids, sendBy: sendWaiting, isWaiting: true } };
  return { params: {}, ofTask: { ids, ...(era === '2025' && { sendBy: sendWaitingWhereDemanded }) } };
}
