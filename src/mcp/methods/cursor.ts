import { hashSecret } from '../../crypto/secrets';
import { CODE, RpcError } from '../../protocol/mcp';
import type { ItemKind } from '../../servers/listed-item';
import type { Call } from '../call';

/** Characters of the digest in a cursor: a change is noticed, not an attack. */
const DIGEST = 16;

/**
 * How many items came on the pages before the one asked for; none without a cursor, or with an empty one.
 * @throws RpcError −32602 for what is no cursor of ours, and for one of a list that has changed: what follows would repeat
 * items or miss some
 */
export async function countBefore(call: Call, kind: ItemKind): Promise<number> {
  const { cursor } = call.request.params;
  if (cursor === undefined || cursor === null || cursor === '') return 0;
  if (typeof cursor !== 'string') throw invalidCursor();
  const [, digest, count] = /^([\w-]{16})\.([1-9]\d{0,8})$/.exec(cursor) ?? [];
  if (count === undefined || digest !== (await digestOf(call, kind))) throw invalidCursor();
  return Number(count);
}

/** The cursor of a page that `count` items go before. It says which list it is of, and nothing is stored. */
export async function cursorAfter(call: Call, kind: ItemKind, count: number): Promise<string> {
  return `${await digestOf(call, kind)}.${count}`;
}

export function invalidCursor(): RpcError {
  return new RpcError(
    200,
    CODE.invalidParams,
    'Invalid cursor: the list has changed. Begin with its first page.',
  );
}

/** Changes with everything that decides what the list holds, and in which order: what servers list, and what this caller may use. */
async function digestOf({ entries, rules, isOneServer }: Call, kind: ItemKind): Promise<string> {
  const servers = entries.map(({ server }) => [
    server.id,
    server.name,
    server.listingStamp,
    server.toolsToExecute,
  ]);
  return (await hashSecret(JSON.stringify([kind, isOneServer, rules, servers]))).slice(0, DIGEST);
}
