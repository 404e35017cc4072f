import type { ServerAnswer } from '../../mcp-client/exchange';
import type { InPlace } from '../../protocol/json/answer';
import { readResponse } from '../../protocol/mcp';
import { EventRelay, JsonAsEventRelay, JsonRelay, type Relay } from '../../protocol/sse';
import { failures, type UpstreamFailure } from '../../servers/failure';
import type { Passage } from '../passing/passage';

/** What an answer is rewritten by, while its bytes flow to the client of a request. */
export function relayFor(
  { additions: given, isBeside, from }: Passage,
  answer: ServerAnswer & { kind: 'json' | 'events' },
  inPlace: InPlace,
  inEvents: boolean,
): Relay {
  const renamed = given.renamed && { ...given.renamed, sent: answer.id };
  const additions = { ...given, renamed };
  const wanted = { sent: answer.id, additions, isBeside, mayAsk: answer.asks !== undefined };
  if (answer.kind === 'json')
    return inEvents ? new JsonAsEventRelay(wanted, inPlace) : new JsonRelay(wanted, inPlace);
  const relay = new EventRelay(wanted, inPlace);
  relay.lastEventId = from?.lastEventId ?? null;
  return relay;
}

/** What a request comes to whose answer has ended, or must go on no more, without its response. `whole`: it was not cut. */
export function unansweredIn(
  { other, error: inPlace, odd, tooLong }: InPlace,
  { between }: Relay,
  whole: boolean,
  { refused, failed, serverName: name }: Passage,
): { outcome: 'refused' | 'failed'; failure: UpstreamFailure; text: string } {
  const error = inPlace === null ? null : (readResponse(`{"error":${inPlace}}`)?.error ?? null);
  const failure = () => {
    if (other || (inPlace !== null && error === null)) return failures.wrongId(name);
    if (tooLong) return failures.tooLarge(name);
    return whole && odd ? failures.notMcp(name) : failures.unanswered(name);
  };
  const why = failure();
  if (whole && between && error !== null) return { outcome: 'refused', failure: why, text: refused(error) };
  return { outcome: 'failed', failure: why, text: failed(why) };
}
