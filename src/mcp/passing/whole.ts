import type { ServerAnswer } from '../../mcp-client/exchange';
import type { Part } from '../../protocol/json/answer';
import { joined } from '../../protocol/json/held-bytes';
import { UpstreamFailure } from '../../servers/failure';

/** What one read of a body brought. */
export type Read = ReadableStreamReadResult<Uint8Array> | null;

/** A part that is read of a body at once, unless much comes: then after some of them larger ones. Bytes. */
const FULL = 4_096;
const LARGE = 131_072;
const LARGEST = 262_144;
const ENOUGH = 2;

/** What reads a body, part by part. */
export type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel'>;

/** Reads a body that flows. Each part costs as much as its bytes do: of one that is long they are large. */
export class FlowReader implements BodyReader {
  private small: ReadableStreamDefaultReader<Uint8Array>;
  private large: ReadableStreamBYOBReader | null = null;
  private full = 0;
  private size = LARGE;

  constructor(private readonly body: ReadableStream<Uint8Array>) {
    this.small = body.getReader();
  }

  async read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    if (this.large) {
      const { done, value } = await this.large.read(new Uint8Array(this.size));
      if (done || !value) return { done: true, value: undefined };
      if (value.byteLength === LARGE) this.size = LARGEST;
      return { done, value };
    }
    const read = await this.small.read();
    if (!read.done && read.value.byteLength >= FULL && ++this.full === ENOUGH) this.enlarge();
    return read;
  }

  async cancel(): Promise<void> {
    await (this.large ?? this.small).cancel();
  }

  private enlarge(): void {
    this.small.releaseLock();
    try {
      this.large = this.body.getReader({ mode: 'byob' });
    } catch {
      this.small = this.body.getReader(); // a stream of this gateway
    }
  }
}

const utf8 = new TextEncoder();

/** Reads a body that comes whole as one that flows is read. */
export class WholeReader implements BodyReader {
  /** The body, once it was read. */
  text: string | null = null;

  constructor(private readonly whole: () => Promise<string>) {}

  async read(): Promise<ReadableStreamReadResult<Uint8Array>> {
    if (this.text !== null) return { done: true, value: undefined };
    const text = await this.whole();
    this.text = text;
    return {
      done: false,
      get value() {
        return utf8.encode(text); // which few need
      },
    };
  }

  async cancel(): Promise<void> {
    this.text ??= '';
  }
}

/** What is sent on, with bytes that stand side by side as one part: each part costs the runtime a turn. */
export function together(parts: readonly Part[]): Part[] {
  const all: Part[] = [];
  let bytes: Uint8Array[] = [];
  for (const part of [...parts, null]) {
    if (part instanceof Uint8Array) bytes.push(part);
    else {
      if (bytes.length) all.push(joined(bytes));
      if (part) all.push(part);
      bytes = [];
    }
  }
  return all;
}

/** Frees an answer that came too late. @param why the request ended; null: its client left */
export function discard(answer: ServerAnswer, why: Error | null): void {
  if (answer.kind === 'error') return;
  answer.settle(why instanceof UpstreamFailure ? why : undefined);
  answer.release();
  answer.body.cancel().catch(() => undefined);
}
