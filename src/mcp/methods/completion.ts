import { CODE, isObject, RpcError } from '../../protocol/mcp';
import type { Call } from '../call';
import { askedResource, type Found, find, forward, refusal } from '../forward';
import { refuseWhenSpent } from '../limits';
import { resourceAt } from '../resources';
import type { Item } from '../server-lists';

/**
 * Values for an argument of a prompt or of a resource template (MCP, Completion), from the server that has it. What it says
 * passes, an error as well: a server without completions answers so itself.
 */
export async function complete(call: Call): Promise<Response> {
  const { ref, argument, context } = call.request.params;
  if (!isObject(ref) || !isObject(argument))
    throw new RpcError(200, CODE.invalidParams, 'completion/complete needs a ref and an argument.');
  const member = ref.type === 'ref/prompt' ? 'name' : ref.type === 'ref/resource' ? 'uri' : null;
  const named = member && ref[member];
  if (member === null || typeof named !== 'string')
    throw new RpcError(200, CODE.invalidParams, 'params.ref is no ref/prompt and no ref/resource.');

  const found: Named | null = await (member === 'name'
    ? find(call, 'prompt', named)
    : resourceNamed(call, named));
  if (found?.verdict !== 'allowed') throw refusal(call, found, `Unknown reference: ${named.slice(0, 500)}`);
  await refuseWhenSpent(call);
  const own = {
    ref: { ...ref, [member]: found.item.name },
    argument,
    ...(context !== undefined && { context }),
  };
  return forward(call, found.entry, own, found.item);
}

/** What a reference names: as much of an item as its completion needs. */
type Named = Pick<Found, 'entry' | 'verdict'> & {
  item: Pick<Item, 'name' | 'exposedName' | 'mirrored' | 'hasOutputSchema'>;
};

/** The template, or the resource, that a client names as it is listed here; else any of the server it leads to (CONTRACT §6). */
async function resourceNamed(call: Call, uri: string): Promise<Named | null> {
  const listed = (await find(call, 'template', uri)) ?? (await find(call, 'resource', uri));
  const at = listed ? null : await resourceAt(call, uri);
  return listed ?? (at && { ...at, item: { name: at.uri, ...askedResource(at.uri) } });
}
