/** The most that is kept of what a call said since its last question, bytes. */
const MOST_KEPT = 1_048_576;
/** How far ahead of its reader a stream is filled, bytes. */
const AHEAD = 65_536;

type Sink = ReadableStreamDefaultController<Uint8Array>;

/**
 * What a held call says between two questions, as bytes of an event stream. It is kept, so that a repeated retry reads
 * the same; beyond {@link MOST_KEPT} only those hear the rest who are there.
 */
export class Turn {
  private chunks: Uint8Array[] = [];
  private size = 0;
  private isCut = false;
  private isOver = false;
  private readonly sinks = new Set<Sink>();
  private moved = Promise.withResolvers<void>();
  private readonly end_ = Promise.withResolvers<'over'>();
  /** Settles when nothing follows. */
  readonly over = this.end_.promise;

  /** @param left told when no one reads what goes on any more */
  constructor(private readonly left: () => void) {}

  get readers(): number {
    return this.sinks.size;
  }

  /** A stream of all of it; null when its beginning is not there any more. */
  read(): ReadableStream<Uint8Array> | null {
    if (this.isCut) return null;
    let own: Sink;
    return new ReadableStream<Uint8Array>(
      {
        start: (sink) => {
          own = sink;
          for (const chunk of this.chunks) sink.enqueue(chunk);
          if (this.isOver) sink.close();
          else this.sinks.add(sink);
          this.move();
        },
        pull: () => this.move(),
        cancel: () => {
          this.sinks.delete(own);
          this.move();
          if (!this.sinks.size && !this.isOver) this.left();
        },
      },
      { highWaterMark: AHEAD, size: ({ byteLength }) => byteLength },
    );
  }

  write(bytes: Uint8Array): void {
    this.size += bytes.byteLength;
    if (this.size > MOST_KEPT) this.forget();
    else this.chunks.push(bytes);
    for (const sink of this.sinks) sink.enqueue(bytes);
  }

  /** Keeps nothing of it: it cannot be read again. */
  forget(): void {
    this.isCut = true;
    this.chunks = [];
  }

  /** Waits until its readers have read on; where there is none, until one has come, once much is kept. */
  async room(): Promise<void> {
    const isFull = () =>
      this.sinks.size
        ? [...this.sinks].some(({ desiredSize }) => (desiredSize ?? 1) <= 0)
        : this.size > MOST_KEPT / 2;
    while (!this.isOver && isFull()) {
      this.moved = Promise.withResolvers();
      await this.moved.promise;
    }
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const sink of this.sinks) sink.close();
    this.sinks.clear();
    this.move();
    this.end_.resolve('over');
  }

  private move(): void {
    this.moved.resolve();
  }
}
