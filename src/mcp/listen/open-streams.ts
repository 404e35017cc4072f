import { addressOf } from '../../protocol/address';
import { RpcError } from '../../protocol/mcp';
import type { Call } from '../call';

/** Streams that stay open in one isolate: of one caller (who is not known: of one address), and in all. */
const MOST_OF_CALLER = 64;
const MOST = 1_000;

/** The open streams, by caller. */
const ofCallers = new Map<string, Set<object>>();
let count = 0;

/**
 * Counts a stream while it is open.
 * @returns what is called when it has ended @throws RpcError 429 when its caller has too many, 503 when all have
 */
export function enter({ caller, headers }: Pick<Call, 'caller' | 'headers'>, stream: object): () => void {
  const who = caller.subject ?? `anonymous ${addressOf({ headers })}`;
  const ofCaller = ofCallers.get(who) ?? new Set();
  if (ofCaller.size >= MOST_OF_CALLER) throw tooMany(429);
  if (count >= MOST) throw tooMany(503);
  count++;
  ofCallers.set(who, ofCaller.add(stream));
  return () => {
    if (!ofCaller.delete(stream)) return;
    count--;
    if (!ofCaller.size && ofCallers.get(who) === ofCaller) ofCallers.delete(who);
  };
}

function tooMany(status: 429 | 503): RpcError {
  return new RpcError(status, status, 'Too many streams are open. Close one, or try again later.', {
    type: 'too_many_streams',
  });
}
