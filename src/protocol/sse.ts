import type { MessageScanner } from './json/insert';

const [CR, LF, COLON, SPACE] = [0x0d, 0x0a, 0x3a, 0x20];

const utf8 = new TextEncoder();
const DATA = utf8.encode('data: ');
const EVENT = utf8.encode('event:');
const END_OF_LINE = utf8.encode('\n');
const END_OF_EVENT = utf8.encode('\n\n');

/** No type of event is longer, in bytes. */
const MOST_TYPE = 64;

/** A line that clients ignore: it keeps a stream open, and shows us when it is no longer read. */
export const COMMENT = utf8.encode(': \n\n');

/** One message as an event. */
export function eventOf(message: string): Uint8Array {
  return utf8.encode(`event: message\ndata: ${message}\n\n`);
}

/** Something that rewrites an answer while its bytes flow. */
export type Relay = {
  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Uint8Array[];
  /** The bytes that close the answer once the last chunk has come. */
  end(): Uint8Array[];
  /** True once the response has gone by: nothing may follow it. */
  readonly answered: boolean;
  /** True where something of this gateway may stand between two events. */
  readonly between: boolean;
};

/** A JSON body as it is. */
export class JsonRelay implements Relay {
  private begun = false;

  constructor(private readonly scanner: MessageScanner) {}

  get answered(): boolean {
    return this.scanner.answered;
  }

  get between(): boolean {
    return !this.begun;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    this.begun = true;
    return this.scanner.push(chunk);
  }

  end(): Uint8Array[] {
    return [];
  }
}

/** A JSON body as the one event of a stream that has begun already. */
export class JsonAsEventRelay implements Relay {
  private begun = false;
  answered = false;

  constructor(private readonly scanner: MessageScanner) {}

  get between(): boolean {
    return !this.begun;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const oneLine = chunk.map((byte) => (byte === LF || byte === CR ? SPACE : byte)); // only ever whitespace in JSON
    const out = this.scanner.push(oneLine);
    if (!this.begun) out.unshift(DATA);
    this.begun = true;
    return out;
  }

  end(): Uint8Array[] {
    this.answered = this.scanner.answered;
    return this.begun ? [END_OF_EVENT] : [];
  }
}

/**
 * An event stream (WHATWG HTML, Server-sent events) of JSON-RPC messages. `data` and `event` pass; `id` and `retry` do not,
 * for nothing can be resumed here, nor do comments (we send our own) and events without data.
 */
export class EventRelay implements Relay {
  private readonly field: number[] = [];
  private state: 'field' | 'value' | 'data' | 'event' | 'skip' = 'field';
  private afterCr = false;
  private scanner: MessageScanner;
  /** The type of an event whose data has not come yet. */
  private type: number[] = [];
  private inEvent = false;
  answered = false;

  constructor(private readonly newScanner: () => MessageScanner) {
    this.scanner = newScanner();
  }

  get between(): boolean {
    return !this.inEvent;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    for (let at = 0; at < chunk.length && !this.answered; ) {
      const end = this.lineEnd(chunk, at);
      if (end > at) this.readPart(chunk.subarray(at, end), out);
      if (end === chunk.length) break;
      if (chunk[end] === LF && this.afterCr && end === at) this.afterCr = false;
      else {
        this.afterCr = chunk[end] === CR;
        this.endLine(out);
      }
      at = end + 1;
    }
    return out;
  }

  end(): Uint8Array[] {
    return [];
  }

  private lineEnd(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && chunk[at] !== LF && chunk[at] !== CR) at++;
    return at;
  }

  /** A part of one line, without its end. */
  private readPart(part: Uint8Array, out: Uint8Array[]): void {
    this.afterCr = false;
    let rest = part;
    if (this.state === 'field') {
      const colon = part.indexOf(COLON);
      this.field.push(...part.subarray(0, Math.min(colon < 0 ? part.length : colon, 16)));
      if (colon < 0) return;
      const name = new TextDecoder().decode(Uint8Array.from(this.field)); // which drops a byte order mark
      this.state = name === 'data' ? 'value' : name === 'event' ? 'event' : 'skip';
      if (this.state === 'event') this.type = [];
      rest = part.subarray(colon + 1);
    }
    if (this.state === 'event') {
      this.type.push(...rest.subarray(0, MOST_TYPE));
      if (this.type.length > MOST_TYPE) this.state = 'skip';
    }
    if (this.state === 'value') {
      if (rest[0] === SPACE) rest = rest.subarray(1);
      if (!rest.length) return;
      if (this.type.length) out.push(EVENT, Uint8Array.from(this.type), END_OF_LINE);
      this.type = [];
      out.push(DATA);
      this.state = 'data';
      this.inEvent = true;
    }
    if (this.state === 'data') out.push(...this.scanner.push(rest));
  }

  private endLine(out: Uint8Array[]): void {
    const blank = this.state === 'field' && !this.field.length;
    if (this.state === 'data') out.push(END_OF_LINE);
    if (blank) {
      if (this.inEvent) out.push(END_OF_LINE);
      this.inEvent = false;
      this.type = [];
      this.answered = this.scanner.answered;
      this.scanner = this.newScanner();
    }
    this.state = 'field';
    this.field.length = 0;
  }
}

/** The data of each event of a body that is read as text, given as it arrives. Each character is looked at once. */
export class EventReader {
  /** What has come of the line under way, part by part. */
  private parts: string[] = [];
  private data: string[] = [];
  private afterCr = false;

  /** The data of the events that `text` completes. */
  push(text: string): string[] {
    const events: string[] = [];
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = this.afterCr && text.startsWith('\n') ? 1 : 0;
    if (text) this.afterCr = text.endsWith('\r');
    let from = ends.lastIndex;
    for (let end = ends.exec(text); end; end = ends.exec(text)) {
      this.parts.push(text.slice(from, end.index));
      this.endLine(events);
      from = ends.lastIndex;
    }
    if (from < text.length) this.parts.push(text.slice(from));
    return events;
  }

  private endLine(events: string[]): void {
    const line = this.parts.join('');
    this.parts = [];
    if (line.startsWith('data:')) this.data.push(line.slice(line[5] === ' ' ? 6 : 5));
    if (line !== '' || !this.data.length) return;
    events.push(this.data.join('\n'));
    this.data = [];
  }
}
