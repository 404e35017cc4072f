import { eventOf } from '../../protocol/sse';

/** The most that waits for a client that does not read, bytes. */
const MOST = 1_048_576;
/** Events that may wait in the stream itself. */
const MOST_IN_STREAM = 16;

/** Messages that came by another way than the answer, and wait until they may stand between two others. */
export class Said {
  private readonly waiting: Uint8Array[] = [];
  private size = 0;

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** False when there is no room for it. */
  add(message: string): boolean {
    const event = eventOf(message);
    if (this.size + event.byteLength > MOST) return false;
    this.size += event.byteLength;
    this.waiting.push(event);
    return true;
  }

  /** Sends on as many as the client reads. */
  sendOn(sink: ReadableStreamDefaultController<Uint8Array>): void {
    while (this.waiting.length && (sink.desiredSize ?? 0) > -MOST_IN_STREAM) {
      const event = this.waiting.shift() as Uint8Array;
      this.size -= event.byteLength;
      sink.enqueue(event);
    }
  }
}
