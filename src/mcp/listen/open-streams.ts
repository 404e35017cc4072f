import type { Sharer } from '../../accounts/connect';
import { addressOf } from '../../protocol/address';
import { RpcError } from '../../protocol/mcp';
import type { Call } from '../call';

/** What ends a stream, from any request. */
type Ended = { end(): void };

/** Streams that stay open in one isolate: of one caller (who is not known: of one address), and in all. */
const MOST_OF_CALLER = 64;
const MOST = 2_000;

/** The open streams by caller, and by client session for those of the 2025 era: one each. */
const ofCallers = new Map<string, Set<Ended>>();
const ofSessions = new Map<string, Ended>();
let count = 0;

/**
 * Counts a stream while it is open. A client session has one in an isolate: another takes its place, for a client that comes
 * back is known to be gone from the first only when that is next written to.
 * @returns what is called when it has ended @throws RpcError 429 when its caller has too many, 503 when all have
 */
export function enter(
  { caller, headers }: Pick<Call, 'caller' | 'headers'>,
  stream: Ended,
  sharer: Sharer | null,
): () => void {
  const who = caller.subject ?? `anonymous ${addressOf({ headers })}`;
  const before = sharer && ofSessions.get(sharer.name);
  before?.end();
  const ofCaller = ofCallers.get(who) ?? new Set();
  if (ofCaller.size - (before ? 1 : 0) >= MOST_OF_CALLER) throw tooMany(429);
  if (count >= MOST) throw tooMany(503);
  count++;
  ofCallers.set(who, ofCaller.add(stream));
  if (sharer) ofSessions.set(sharer.name, stream);
  return () => {
    if (!ofCaller.delete(stream)) return;
    count--;
    if (!ofCaller.size && ofCallers.get(who) === ofCaller) ofCallers.delete(who);
    if (sharer && ofSessions.get(sharer.name) === stream) ofSessions.delete(sharer.name);
  };
}

/** Ends the stream of a client session that is over, where it is in this isolate. */
export function endStream({ name }: Sharer): void {
  ofSessions.get(name)?.end();
}

function tooMany(status: 429 | 503): RpcError {
  return new RpcError(status, status, 'Too many streams are open. Close one, or try again later.', {
    type: 'too_many_streams',
  });
}
