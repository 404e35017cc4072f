import { COMMENT, eventOf } from '../../protocol/sse';
import { EVENT_HEADERS } from '../answer';

/** How often a stream says that it is there, and looks at least whether it may stay (PROTOCOL §3). Milliseconds. */
const LOOK_EVERY = 8_000;
/** How long a look may take, while storage does not answer. Milliseconds. */
const MOST_LOOK = 60_000;
/** What may wait for a client that does not read, bytes: then its stream ends. */
const MOST_WAITING = 1_048_576;

/**
 * An event stream that stays open to one client, until either goes. While it is quiet it costs a timer.
 * Only the request that began it may touch it.
 */
export class ClientStream {
  private readonly over = new AbortController();
  private sink: ReadableStreamDefaultController<Uint8Array> | null = null;
  /** When the look under way began, epoch milliseconds; null: none. */
  private lookingSince: number | null = null;
  private isToLookAgain = false;
  /** What is said before the stream has begun. */
  private early: Uint8Array[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of a look that is due before the next comment. */
  private due: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param look done at every comment, and before when it says so: it resolves with the milliseconds until it is due again, and
   * the stream ends when it rejects
   * @param last the text of the last message, where one is due
   */
  constructor(
    clientSignal: AbortSignal,
    private readonly look: () => Promise<number>,
    private readonly last: string | null = null,
  ) {
    clientSignal.addEventListener('abort', this.end);
  }

  /** Aborts when the stream has ended. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** The response, whose first events are `first`. @param dueIn milliseconds until the first look is due */
  begin(first: Uint8Array, dueIn: number): Response {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (sink) => {
          this.sink = sink;
          for (const bytes of [first, ...this.early.splice(0)]) sink.enqueue(bytes);
          if (this.over.signal.aborted) sink.close();
          else if (this.isToLookAgain) this.lookNow();
        },
        cancel: this.free,
      },
      { highWaterMark: 0, size: ({ byteLength }) => byteLength },
    );
    if (!this.over.signal.aborted) this.timer = setTimeout(this.tick, LOOK_EVERY);
    this.lookIn(dueIn);
    return new Response(body, { headers: EVENT_HEADERS });
  }

  /** Says a message, behind what the stream begins with. @param id names this place of the stream for a client that comes back */
  readonly say = (message: string, id?: string): void => this.send(eventOf(message, id));

  private send(bytes: Uint8Array): void {
    const { sink } = this;
    if (this.over.signal.aborted) return;
    if (!sink) this.early.push(bytes);
    else if ((sink.desiredSize ?? 0) <= -MOST_WAITING) this.end();
    else sink.enqueue(bytes);
  }

  /** Says that it is there, and looks whether it may stay. A look that takes longer than {@link MOST_LOOK} ends the stream. */
  private readonly tick = (): void => {
    this.send(COMMENT);
    if (this.over.signal.aborted) return;
    this.timer = setTimeout(this.tick, LOOK_EVERY);
    if (this.lookingSince !== null && this.lookingSince + MOST_LOOK <= Date.now()) this.end();
    if (this.lookingSince === null) this.lookNow();
  };

  /** Looks at once, or behind the look under way; before the stream has begun, as soon as it has. */
  readonly lookNow = (): void => {
    this.isToLookAgain = this.lookingSince !== null || this.sink === null;
    if (this.isToLookAgain || this.over.signal.aborted) return;
    this.lookingSince = Date.now();
    this.look().then((dueIn) => {
      this.lookingSince = null;
      if (this.isToLookAgain) this.lookNow();
      else this.lookIn(dueIn);
    }, this.end);
  };

  private lookIn(dueIn: number): void {
    clearTimeout(this.due);
    if (dueIn < LOOK_EVERY && !this.over.signal.aborted) this.due = setTimeout(this.lookNow, dueIn);
  }

  readonly end = (): void => {
    if (this.over.signal.aborted) return;
    if (this.last !== null) this.sink?.enqueue(eventOf(this.last));
    this.free();
    this.sink?.close();
  };

  /** Frees everything, once. */
  private readonly free = (): void => {
    this.over.abort();
    clearTimeout(this.timer);
    clearTimeout(this.due);
  };
}
