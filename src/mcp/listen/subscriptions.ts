import * as z from 'zod/mini';
import { CODE, type JsonObject, META, RpcError, resultText } from '../../protocol/mcp';
import { eventOf } from '../../protocol/sse';
import { stamped } from '../answer';
import type { Call } from '../call';
import { ACKNOWLEDGED, UPDATED } from '../passing/server-messages';
import { holdStream } from './held-stream';
import { ListWatch } from './judged';
import { LIST_KINDS, type ListKind } from './list-marks';
import { SubscribedResources } from './subscribed-resources';

/** The kinds of notifications that a client asks for (MCP 2026-07-28, Notification Filter). Others do not exist here. */
const Filter = z.object({
  toolsListChanged: z.optional(z.boolean()),
  promptsListChanged: z.optional(z.boolean()),
  resourcesListChanged: z.optional(z.boolean()),
  resourceSubscriptions: z.optional(z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(1000))),
});

const MEMBER: Readonly<Record<ListKind, 'toolsListChanged' | 'promptsListChanged' | 'resourcesListChanged'>> =
  {
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
  const lists = Object.fromEntries(kinds.map((kind) => [MEMBER[kind], true]));
  let resources: readonly string[] = [];
  return holdStream(
    { ...asked, form },
    {
      watch: new ListWatch(null),
      kinds,
      textOf,
      first() {
        const notifications = { ...lists, ...(resources.length && { resourceSubscriptions: resources }) };
        return eventOf(textOf(ACKNOWLEDGED, { notifications }));
      },
      last: resultText(request.id, stamped(call, { _meta })),
      hasIds: false,
      ears(stream) {
        const tell = (params: JsonObject) => stream.say(textOf(UPDATED, params));
        const subscribed = new SubscribedResources(stream, tell);
        return {
          async begin(listener) {
            resources = await subscribed.begin(call, listener, filter.data.resourceSubscriptions ?? []);
          },
          settle: (listener) => subscribed.settle(listener),
        };
      },
    },
  );
}
