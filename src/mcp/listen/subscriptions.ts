import * as z from 'zod';
import { CODE, type JsonObject, META, RpcError, resultText } from '../../protocol/mcp';
import { eventOf } from '../../protocol/sse';
import { stamped } from '../answer';
import type { Call } from '../call';
import { holdStream } from './held-stream';
import { ListWatch } from './judged';
import { LIST_KINDS, type ListKind } from './list-marks';

/** The kinds of notifications that a client asks for (MCP 2026-07-28, Notification Filter). Others do not exist here. */
const Filter = z.object({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
});

const MEMBER: Readonly<Record<ListKind, keyof z.infer<typeof Filter>>> = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
};

/**
 * `subscriptions/listen` (MCP 2026-07-28, Subscriptions): what the client gets of it first, then what it asked for, each
 * notification with the id of this request. @throws RpcError
 */
export async function listen(call: Call): Promise<Response> {
  const { request, form, ...asked } = call;
  if (form === 'json')
    throw new RpcError(406, CODE.invalidRequest, 'This answer is an event stream: accept text/event-stream.');
  const filter = Filter.safeParse(request.params.notifications);
  if (!filter.success)
    throw new RpcError(200, CODE.invalidParams, 'params.notifications is missing or malformed.');
  const kinds = LIST_KINDS.filter((kind) => filter.data[MEMBER[kind]]);
  const _meta = { [META.subscriptionId]: request.id };
  const textOf = (method: string, params: JsonObject = {}) =>
    JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta } });
  const notifications = Object.fromEntries(kinds.map((kind) => [MEMBER[kind], true]));
  return holdStream(
    { ...asked, form },
    {
      watch: new ListWatch(null),
      kinds,
      textOf,
      sharer: null,
      first: () => eventOf(textOf('notifications/subscriptions/acknowledged', { notifications })),
      last: resultText(request.id, stamped(call, { _meta })),
      hasIds: false,
    },
  );
}
