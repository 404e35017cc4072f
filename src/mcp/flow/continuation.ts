import type { Resume, ServerAnswer } from '../../mcp-client/exchange';
import { EventRelay, primingEvent, type Relay } from '../../protocol/sse';
import type { Passage } from '../passing/passage';
import type { TimeLimits } from '../passing/time-limits';

/** How long we wait before a stream is continued whose server does not say, and the least it may say. Milliseconds. */
const PAUSE = 1_000;
const LEAST_PAUSE = 100;
/** How many cut connections of one request are made good. */
const MOST_CUTS = 5;

/** What else ends the request meanwhile. */
type Ends = { signal: AbortSignal; limit: Promise<Error>; isOver: () => boolean };

/** How an event stream that ends before the answer goes on (MCP 2025-11-25, Resumability and Redelivery). */
export class Continuation {
  private resume: Resume | null = null;
  private cuts = 0;
  private mayLeave = false;
  /** The event of the server that the client was told of, as far as it can be; null: none. */
  private noted: string | null = null;
  private marked: string | null = null;

  constructor(private readonly passage: Passage) {}

  attach(answer: ServerAnswer & { kind: 'json' | 'events' }): void {
    this.resume = answer.resume ?? null;
    this.mayLeave = answer.outlives ?? false;
  }

  /** The event by which the client finds this place again, when that is news. */
  async mark(relay: Relay, { startedAt, waited }: TimeLimits): Promise<Uint8Array | null> {
    const { passage } = this;
    if (!(relay instanceof EventRelay) || !relay.between || !this.mayLeave || !passage.mark) return null;
    const { lastEventId, retry } = relay;
    if (lastEventId === null || lastEventId === this.noted) return null;
    this.noted = lastEventId;
    const id = await passage.mark({ lastEventId, startedAt, waited });
    if (id === null) return null;
    this.marked = lastEventId;
    return primingEvent(id, Math.max(retry ?? PAUSE, LEAST_PAUSE));
  }

  /** True when the client can come back for all that follows. */
  isMarked(relay: Relay): boolean {
    const isThere = relay instanceof EventRelay && relay.lastEventId === this.marked;
    return isThere && relay.between && this.marked !== null;
  }

  /**
   * The rest of a stream, where an event's id says from where: servers close what takes long, and are asked again. Null when
   * it cannot be continued, or time is up.
   */
  async next(relay: Relay, isCut: boolean, ends: Ends): Promise<ReadableStream<Uint8Array> | null> {
    const { resume } = this;
    if (!(relay instanceof EventRelay) || !relay.between || !resume) return null;
    const { signal, limit, isOver } = ends;
    for (let wasCut = isCut; relay.lastEventId !== null; wasCut = true) {
      if (wasCut && ++this.cuts > MOST_CUTS) return null;
      const pause = Math.max(relay.retry ?? PAUSE, LEAST_PAUSE);
      await Promise.race([scheduler.wait(pause, { signal }).catch(() => null), limit]);
      if (isOver()) return null;
      const asked = resume(relay.lastEventId, signal);
      asked.then((body) => (isOver() ? body?.cancel() : undefined)).catch(() => undefined);
      const body = await Promise.race([asked.catch(() => undefined), limit]);
      if (isOver() || body === null || !(body === undefined || body instanceof ReadableStream)) return null;
      if (!body) continue;
      relay.restart();
      return body;
    }
    return null;
  }
}
