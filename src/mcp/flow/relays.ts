import type { ServerAnswer } from '../../mcp-client/exchange';
import type { InPlace } from '../../protocol/json/answer';
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

/** Why a body that has ended, or must go on no more, holds no answer. `whole`: it was not cut. */
export function failureIn(
  { other, error, odd, tooLong }: InPlace,
  isUnreadable: boolean,
  whole: boolean,
  name: string,
): UpstreamFailure {
  if (other || (error !== null && isUnreadable)) return failures.wrongId(name);
  if (tooLong) return failures.tooLarge(name);
  return whole && odd ? failures.notMcp(name) : failures.unanswered(name);
}
