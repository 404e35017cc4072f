import { within } from '../../protocol/patience';
import { eventOf } from '../../protocol/sse';

/** Bytes that wait for a reader before the stream waits with them, and how long it does. Milliseconds. */
const MOST_WAITING = 1_048_576;
const PATIENCE = 30_000;

const utf8 = new TextEncoder();

/** A request on its way over a stream that others share: what belongs to it flows on as a stream of its own. */
export class SseFlight {
  readonly begunAt = Date.now();
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when the first of it has come, or nothing will. */
  readonly begun: Promise<void>;
  private begin = () => {};
  private sink!: ReadableByteStreamController;
  private isOver = false;
  private wake = () => {};

  /** @param left called when no one reads on */
  constructor(private readonly left: () => void) {
    this.begun = new Promise((resolve) => {
      this.begin = resolve;
    });
    this.body = new ReadableStream(
      {
        type: 'bytes', // the only kind that passes between isolates
        start: (sink) => {
          this.sink = sink;
        },
        pull: () => this.wake(),
        cancel: () => this.leave(),
      },
      { highWaterMark: MOST_WAITING },
    );
  }

  /** Gives a message on. */
  write(message: string): Promise<void> {
    return this.put(eventOf(message));
  }

  /** Gives on as it comes what is too long to be held. */
  writePart(text: string, isFirst: boolean): Promise<void> {
    return this.put(utf8.encode(isFirst ? `event: message\ndata: ${text}` : text));
  }

  endParts(): Promise<void> {
    return this.put(utf8.encode('\n\n'));
  }

  /** Ends what flows on, with its answer or without. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.begin();
    this.wake();
    this.sink.close();
  }

  /** A reader that takes nothing for a while is left behind: others wait for the same stream. */
  private async put(bytes: Uint8Array): Promise<void> {
    if (this.isOver || !bytes.byteLength) return;
    this.sink.enqueue(bytes);
    this.begin();
    if ((this.sink.desiredSize ?? 0) > 0) return;
    const drained = new Promise<true>((resolve) => {
      this.wake = () => resolve(true);
    });
    if ((await within(PATIENCE, drained)) || this.isOver) return;
    this.end();
    this.left();
  }

  private leave(): void {
    this.isOver = true;
    this.begin();
    this.wake();
    this.left();
  }
}
