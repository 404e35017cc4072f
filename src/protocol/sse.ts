import { AnswerScanner, type InPlace, type Part, type Wanted } from './json/answer';
import { searchFor } from './json/search';
import { shortAnswer } from './json/short-answer';
import { shortText } from './json/unescaped';

const [CR, LF, COLON, SPACE] = [0x0d, 0x0a, 0x3a, 0x20];

const nextLineEnd = searchFor(LF, CR);

const utf8 = new TextEncoder();
export const DATA = utf8.encode('data: ');
export const END_OF_EVENT = utf8.encode('\n\n');
const NEXT_EVENT = utf8.encode('\n\ndata: ');
const BETWEEN_LINES = Uint8Array.of(SPACE);

/** The most that is read of a field other than `data`, in bytes: an event's id is as long as a server likes. */
const MOST_VALUE = 2048;
/** The most of an event that is read at a look, characters, and how one is written. */
const MOST_WHOLE = 65_536;
const ONE_EVENT = /^(?:event: message\n)?(?:id: [^\r\n]*\n)?data: ([^\r\n]*)\n\n$/;
/** How many ids of events are remembered, the newest. */
const MOST_IDS = 1000;

/** A line that clients ignore: it keeps a stream open, and shows us when it is no longer read. */
export const COMMENT = utf8.encode(': \n\n');

/** One message as an event. @param id by which its client comes back */
export function eventOf(message: string, id?: string): Uint8Array {
  return utf8.encode(`${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${message}\n\n`);
}

/** An event without data, from which a stream may be continued after `retry` milliseconds (MCP 2025-11-25, Streamable HTTP). */
export function primingEvent(id: string, retry: number): Uint8Array {
  return utf8.encode(`id: ${id}\nretry: ${retry}\ndata: \n\n`);
}

/** Something that rewrites an answer while its bytes flow. */
export type Relay = {
  /** What to send on for `chunk`. */
  push(chunk: Uint8Array): Part[];
  /** True once the response has gone by: nothing may follow it. */
  readonly answered: boolean;
  /** True when what has gone by must not be completed. */
  readonly broken: boolean;
  /** True where something of this gateway may stand: before a JSON body, or between two events. */
  readonly between: boolean;
  /** Whether the last chunk brought anything of a message. */
  readonly progressed: boolean;
  /** The whole of what goes on for a body that is all there; null: {@link Relay.push} has to read it. */
  whole?(body: string): string | null;
};

/** A JSON body: of what it holds, only the response passes. */
export class JsonRelay implements Relay {
  private readonly scanner: AnswerScanner;
  between = true;
  progressed = false;

  constructor(
    private readonly wanted: Wanted,
    inPlace: InPlace,
  ) {
    this.scanner = new AnswerScanner(wanted, inPlace, null);
  }

  whole(body: string): string | null {
    return shortAnswer(body, this.wanted);
  }

  get answered(): boolean {
    return this.scanner.answered;
  }

  get broken(): boolean {
    return this.scanner.broken;
  }

  push(chunk: Uint8Array): Part[] {
    const out = this.scanner.push(chunk);
    this.progressed = !isBlank(chunk);
    if (out.some(isBytes)) this.between = false;
    return out;
  }
}

/** A JSON body in a stream that has begun already: each message is an event. */
export class JsonAsEventRelay implements Relay {
  private readonly scanner: AnswerScanner;
  between = true;
  progressed = false;

  constructor(wanted: Wanted, inPlace: InPlace) {
    this.scanner = new AnswerScanner(wanted, inPlace, NEXT_EVENT);
  }

  get answered(): boolean {
    return this.scanner.answered;
  }

  get broken(): boolean {
    return this.scanner.broken;
  }

  push(chunk: Uint8Array): Part[] {
    const { scanner } = this;
    const out: Part[] = [];
    this.progressed = !isBlank(chunk);
    this.between = !frame(scanner.push(onOneLine(chunk)), !this.between, out);
    if (scanner.isDone && !scanner.broken && !this.between) {
      out.push(END_OF_EVENT);
      this.between = true;
    }
    return out;
  }
}

/** Writes messages as events: what the gateway brings on stands between two. @returns whether an event is under way */
function frame(written: readonly Part[], isOpen: boolean, out: Part[]): boolean {
  let inEvent = isOpen;
  for (const one of written) {
    if (!isBytes(one)) {
      if (inEvent) out.push(END_OF_EVENT);
      inEvent = false;
      out.push(one);
    } else if (inEvent) out.push(one);
    else if (one !== NEXT_EVENT) {
      out.push(DATA, one);
      inEvent = true;
    }
  }
  return inEvent;
}

function isBytes(part: Part): part is Uint8Array {
  return part instanceof Uint8Array;
}

/** JSON without line ends, which it holds as white space only. */
export function onOneLine(chunk: Uint8Array): Uint8Array {
  if (!chunk.includes(LF) && !chunk.includes(CR)) return chunk;
  return chunk.map((byte) => (byte === LF || byte === CR ? SPACE : byte));
}

function isBlank(chunk: Uint8Array): boolean {
  return chunk.every((byte) => byte === SPACE || byte === LF || byte === CR);
}

/**
 * An event stream (WHATWG HTML, Server-sent events) of JSON-RPC messages, written again: each message is one line of data.
 * Comments do not pass (we send our own), nor do events without data and those of another type than `message`, which are no
 * MCP. `id` and `retry` are kept, for the client that continues the stream.
 */
export class EventRelay implements Relay {
  answered = false;
  broken = false;
  progressed = false;
  /** The id of the last event that is complete; null: none, and nothing can be continued. */
  lastEventId: string | null = null;
  /** How long the server wants us to wait before that, in milliseconds; null: it has not said. */
  retry: number | null = null;

  private line: 'field' | 'value' | 'data' | 'event' | 'id' | 'retry' | 'skip' = 'field';
  private field: number[] = [];
  private value: number[] = [];
  private afterCr = false;
  /** Of the event under way; null: none of its data has come. */
  private scanner: AnswerScanner | null = null;
  private type = '';
  private id: string | null = null;
  private inEvent = false;
  /** The ids of events that had data, and those of them that came before the stream was continued. */
  private readonly ids = new Set<string>();
  private earlier: ReadonlySet<string> = new Set();

  constructor(
    private readonly wanted: Wanted,
    private readonly inPlace: InPlace,
  ) {}

  get between(): boolean {
    return !this.inEvent;
  }

  /** What is read is one event that holds the answer. */
  whole(body: string): string | null {
    const [, data] = (body.length <= MOST_WHOLE && ONE_EVENT.exec(body)) || [];
    const answer = data === undefined ? null : shortAnswer(data, this.wanted);
    return answer === null ? null : `data: ${answer}\n\n`;
  }

  /** What follows is the same stream, continued behind its last event: what was begun comes again. */
  restart(): void {
    this.earlier = new Set(this.ids);
    this.line = 'field';
    this.field = [];
    this.afterCr = false;
    this.beginEvent();
  }

  push(chunk: Uint8Array): Part[] {
    const out: Part[] = [];
    this.progressed = false;
    for (let at = 0; at < chunk.length && !this.answered && !this.broken; ) {
      const end = nextLineEnd(chunk, at);
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

  /** A part of one line, without its end. */
  private readPart(part: Uint8Array, out: Part[]): void {
    this.afterCr = false;
    let rest = part;
    if (this.line === 'field') {
      const colon = part.indexOf(COLON);
      const name = part.subarray(0, colon < 0 ? part.length : colon);
      if (this.field.length < 16) this.field.push(...name.subarray(0, 16));
      if (colon < 0) return;
      this.beginValue();
      rest = part.subarray(colon + 1);
    }
    if (this.line === 'value') {
      if (rest[0] === SPACE) rest = rest.subarray(1);
      if (!rest.length) return;
      this.line = 'data';
      if (this.scanner) this.read(BETWEEN_LINES, out);
    }
    if (this.line === 'data') this.read(rest, out);
    else if (this.line !== 'skip') this.readShort(rest);
  }

  private beginValue(): void {
    const name = shortText(this.field); // which drops a byte order mark
    this.value = [];
    if (name === 'data') this.line = 'value';
    else if (name === 'event' || name === 'id' || name === 'retry') this.line = name;
    else this.line = 'skip';
  }

  private readShort(part: Uint8Array): void {
    this.value.push(...part.subarray(0, MOST_VALUE));
    if (this.value.length > MOST_VALUE) this.line = 'skip';
  }

  /** A part of an event's data. */
  private read(part: Uint8Array, out: Part[]): void {
    if (this.type !== '' && this.type !== 'message') return;
    const isReplay = this.id !== null && this.earlier.has(this.id);
    this.scanner ??= new AnswerScanner(this.wanted, this.inPlace, isReplay ? null : NEXT_EVENT);
    this.progressed = true;
    const written = this.scanner.push(part);
    this.inEvent = frame(written, this.inEvent, out);
    this.broken = this.scanner.broken;
    if (!this.scanner.answered) return;
    this.endEvent(out);
    this.answered = true;
  }

  private endLine(out: Part[]): void {
    const isBlank = this.line === 'field' && !this.field.length;
    if (isBlank) this.endEvent(out);
    else if (this.line === 'event' || this.line === 'id' || this.line === 'retry') this.note(this.line);
    this.line = 'field';
    this.field = [];
  }

  private note(field: 'event' | 'id' | 'retry'): void {
    const value = shortText(this.value).replace(/^ /, '');
    if (field === 'event') this.type = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) this.retry = Number(value);
  }

  private endEvent(out: Part[]): void {
    if (this.scanner?.isOpen && this.inEvent)
      this.broken = true; // its message ends too early
    else if (this.inEvent) out.push(END_OF_EVENT);
    if (this.broken) return;
    if (this.id !== null) this.lastEventId = this.id || null;
    if (this.id && this.scanner) this.remember(this.id);
    this.beginEvent();
  }

  private beginEvent(): void {
    this.inEvent = false;
    this.scanner = null;
    this.type = '';
    this.id = null;
  }

  private remember(id: string): void {
    this.ids.add(id);
    if (this.ids.size > MOST_IDS) this.ids.delete(this.ids.keys().next().value as string);
  }
}

/** The data of each event of a message in a body that is read as text, given as it arrives. Each character is looked at once. */
export class EventReader {
  /** What has come of the line under way, part by part. */
  private parts: string[] = [];
  private data: string[] = [];
  private type = '';
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
    if (line.startsWith('event:')) this.type = line.slice(6).trim();
    if (line !== '') return;
    const isMessage = this.type === '' || this.type === 'message';
    if (isMessage && this.data.length) events.push(this.data.join('\n'));
    this.data = [];
    this.type = '';
  }
}
