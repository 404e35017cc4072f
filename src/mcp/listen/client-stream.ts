import { COMMENT, eventOf } from '../../protocol/sse';
import { EVENT_HEADERS } from '../answer';

/** How often a stream says that it is there, and looks whether it may stay (PROTOCOL §3). Milliseconds. */
export const LOOK_EVERY = 8_000;
/** Messages that wait for a client that does not read: then its stream ends. */
const MOST_WAITING = 256;

/**
 * An event stream that stays open to one client, until either goes. While it is quiet it costs a timer.
 * Nothing of it is touched from another request: {@link end} only settles a promise.
 */
export class ClientStream {
  private readonly over = new AbortController();
  private readonly ending = Promise.withResolvers<void>();
  private sink: ReadableStreamDefaultController<Uint8Array> | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** @param look done at every comment; the stream ends when it rejects @param last the text of the last message, where one is due */
  constructor(
    private readonly clientSignal: AbortSignal,
    private readonly look: () => Promise<void>,
    private readonly last: string | null = null,
  ) {
    clientSignal.addEventListener('abort', this.close);
    this.ending.promise.then(this.close);
  }

  /** Aborts when the stream has ended. */
  get signal(): AbortSignal {
    return this.over.signal;
  }

  /** The response, whose first events are `first`. */
  begin(first: Uint8Array): Response {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (sink) => {
          this.sink = sink;
          sink.enqueue(first);
        },
        cancel: this.free,
      },
      { highWaterMark: 0 },
    );
    this.timer = setTimeout(this.tick, LOOK_EVERY);
    return new Response(body, { headers: EVENT_HEADERS });
  }

  /** Says a message. @param id names this place of the stream for a client that comes back */
  say(message: string, id?: string): void {
    this.send(eventOf(message, id));
  }

  /** Ends the stream, also from another request. */
  readonly end = (): void => this.ending.resolve();

  private send(bytes: Uint8Array): void {
    const { sink } = this;
    if (!sink || this.over.signal.aborted) return;
    if ((sink.desiredSize ?? 0) <= -MOST_WAITING) this.close();
    else sink.enqueue(bytes);
  }

  private readonly tick = async (): Promise<void> => {
    this.send(COMMENT);
    try {
      await this.look();
    } catch {
      this.close();
    }
    if (!this.over.signal.aborted) this.timer = setTimeout(this.tick, LOOK_EVERY);
  };

  private readonly close = (): void => {
    if (this.over.signal.aborted) return;
    if (this.last !== null) this.sink?.enqueue(eventOf(this.last));
    this.free();
    this.sink?.close();
  };

  /** Frees everything, once. */
  private readonly free = (): void => {
    clearTimeout(this.timer);
    this.clientSignal.removeEventListener('abort', this.close);
    this.over.abort();
  };
}
