import { log } from '../../log';
import { faultFacts } from '../../protocol/faults/storage';
import type { JsonObject } from '../../protocol/mcp';
import { within } from '../../protocol/patience';
import { ClientStream } from './client-stream';
import { judged, judgedFor, type Listener, type ListWatch } from './judged';
import { ListEars } from './list-ears';
import type { ListKind } from './list-marks';
import { lookAtNews } from './news';
import { enter } from './open-streams';

/** How long a stream waits to begin until servers are heard: what they say from then on is told. Milliseconds. */
const HEARD = 500;

/** What a stream hears of its servers besides. */
export type Ears = {
  /** Done once, before the stream begins. */
  begin(listener: Listener): Promise<void>;
  /** Done at every look, with what its client may use now. */
  settle(listener: Listener): void;
};

/** What a stream tells, and how its client reads it. */
type Terms = {
  watch: ListWatch;
  /** The lists whose changes it tells. */
  kinds: readonly ListKind[];
  /** The text of a notification for this client. */
  textOf(method: string, params?: JsonObject): string;
  /** The first events, once the lists are known. */
  first(): Uint8Array;
  /** The text of the last message, when the gateway ends the stream; null: none. */
  last: string | null;
  /** Whether events have ids, by which the client comes back. */
  hasIds: boolean;
  ears(stream: Pick<ClientStream, 'say' | 'end' | 'signal'>): Ears;
};

/** Holds a stream open to a client that hears which of its lists have changed, as long as it may be here. @throws RpcError */
export async function holdStream(asked: Listener, terms: Terms): Promise<Response> {
  const { watch, kinds, textOf } = terms;
  let listener = asked;
  const changes = async (): Promise<readonly ListKind[]> => {
    try {
      const changed = await watch.changes(listener);
      return kinds.filter((kind) => changed.includes(kind));
    } catch (error) {
      log('stream.lists_not_read', { request_id: asked.requestId, ...faultFacts(error) });
      return []; // the next look finds what this one did not
    }
  };
  const tell = (changed: readonly ListKind[]) => {
    for (const kind of changed) {
      const isLast = kind === changed.at(-1);
      stream.say(textOf(`notifications/${kind}/list_changed`), terms.hasIds && isLast ? watch.id : undefined);
    }
  };
  const look = async () => {
    listener = await judged(listener);
    tell(await changes());
    ears.settle(listener);
    lists.settle(listener);
    return judgedFor(listener);
  };
  const stream = new ClientStream(asked.signal(), look, terms.last);
  const leave = enter(asked, stream);
  stream.signal.addEventListener('abort', leave);
  const ears = terms.ears(stream);
  const lists = new ListEars(stream.signal);
  try {
    await ears.begin(listener);
    await within(HEARD, lists.settle(listener));
    lookAtNews(stream.signal, stream.lookNow);
    const missed = await changes();
    const response = stream.begin(terms.first(), judgedFor(asked));
    tell(missed);
    return response;
  } catch (error) {
    stream.end();
    throw error;
  }
}
