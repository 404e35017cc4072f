import { unescaped } from './unescaped';
import { isSpace, nextStructural, stringEnd } from './value-end';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The most of a value that is held to be shown as text, bytes. */
const MOST_HELD = 262_144;
/** The most of a member's name, and of white space around it, that is held. */
const MOST_NAME = 1024;

const TOO_LONG = 'The tool answered with structured content alone, which is too long to show as text.';

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Where in a JSON text a byte is: its depth, and the names of the members it belongs to at the two outermost levels. */
class Place {
  depth = 0;
  inString = false;
  /** True where a string is a member's name, or would be one. */
  atName = false;
  names: [never, string, string] = [undefined as never, '', ''];
  private escaped = false;
  private name: number[] | null = null;
  private inObject: boolean[] = [];

  /** True between the members of the message's result, when it is an object. */
  get isInResult(): boolean {
    return this.depth === 2 && this.inObject[2] === true && this.names[1] === 'result' && !this.inString;
  }

  pass(byte: number): void {
    if (this.inString) this.passInString(byte);
    else if (byte === QUOTE) {
      this.inString = true;
      this.name = this.atName && this.depth <= 2 ? [] : null;
    } else if (byte === COLON) this.atName = false;
    else if (byte === COMMA) this.begin();
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      this.depth++;
      if (this.depth <= 2) this.inObject[this.depth] = byte === OPEN_OBJECT;
      this.begin();
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.depth--;
  }

  /** Where in `chunk`, from `at` on, something may change: in a string that is no name nothing does, nor deep inside between brackets. */
  next(chunk: Uint8Array, at: number): number {
    if (!this.inString) return this.depth > 2 ? nextStructural(chunk, at) : at;
    if (this.name) return at;
    const end = stringEnd(chunk, this.escaped ? at + 1 : at);
    this.escaped = end > chunk.length;
    return end;
  }

  /** A member or an item begins. */
  private begin(): void {
    this.atName = this.depth <= 2 && this.inObject[this.depth] === true;
    if (this.depth === 1 || this.depth === 2) this.names[this.depth] = '';
  }

  private passInString(byte: number): void {
    if (!this.escaped && byte === QUOTE) {
      this.inString = false;
      if (this.name) this.names[this.depth as 1 | 2] = unescaped(this.name);
      this.name = null;
      return;
    }
    this.escaped = !this.escaped && byte === BACKSLASH;
    if (this.name && this.name.length < 256) this.name.push(byte);
  }
}

/**
 * A tool's result for a client of the 2025 era, whose `structuredContent` is an object (MCP 2025-11-25, Structured Content),
 * while its bytes flow. Any other value is left out, and becomes text when there is no `content`.
 */
export class ObjectStructuredContent {
  private readonly place = new Place();
  /** The bytes of a member, its comma first, until it is clear whether it passes; null: there is none. */
  private held: number[] | null = null;
  /** True while a value is left out. */
  private isLeaving = false;
  /** The `structuredContent` left out; empty: it is not to be shown, or too long. */
  private structured: number[] | null = null;
  /** What is known of `content`; null: it has not come. */
  private content: 'empty' | 'filled' | null = null;
  /** True once a member of the result has passed. */
  private hasMembers = false;

  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (!this.held && !this.isLeaving) at = this.place.next(chunk, at);
      if (at >= chunk.length) break;
      const instead = this.read(chunk[at] as number);
      if (instead === null) continue;
      if (at > from) out.push(chunk.subarray(from, at));
      if (instead.length) out.push(instead);
      from = at + 1;
    }
    if (from < chunk.length) out.push(chunk.subarray(from));
    return out;
  }

  /** What is sent in place of a byte; null: itself. */
  private read(byte: number): Uint8Array | null {
    const { place } = this;
    const isBetween = place.isInResult && !this.held;
    const isMember = isBetween && (byte === COMMA || (byte === QUOTE && place.atName));
    const isEnd = isBetween && byte === CLOSE_OBJECT;
    if (this.isLeaving && !isMember && !isEnd) {
      this.keep(byte);
      place.pass(byte);
      return NONE;
    }
    if (isMember) this.held = [];
    if (isMember || isEnd) this.isLeaving = false;
    const isNaming = place.inString || (place.atName && byte !== CLOSE_OBJECT);
    const isBefore = isNaming || isSpace(byte) || isMember;
    this.held?.push(byte);
    place.pass(byte);
    if (isEnd) return Uint8Array.from([...utf8.encode(this.lastMember()), byte]);
    if (!this.held) return null;
    if (isBefore && this.held.length < MOST_NAME) return NONE;
    return this.decide(this.held, byte);
  }

  /** Decides by the first byte of a member's value, or by the first inside it, what becomes of the member. */
  private decide(held: number[], byte: number): Uint8Array {
    const { depth, names } = this.place;
    const name = names[2];
    if (name === 'content' && byte === OPEN_ARRAY && depth === 3 && !this.content) {
      this.content = 'filled';
      return NONE;
    }
    const isEmptyContent = name === 'content' && byte === CLOSE_ARRAY && depth === 2;
    if (isEmptyContent) this.content = 'empty';
    const isOdd = name === 'structuredContent' && byte !== OPEN_OBJECT;
    if (isOdd) this.structured = this.content === 'filled' ? [] : [byte];
    this.held = null;
    this.isLeaving = isEmptyContent || isOdd;
    if (this.isLeaving) return NONE;
    const bytes = held[0] === COMMA && !this.hasMembers ? held.slice(1) : held;
    this.hasMembers = true;
    return Uint8Array.from(bytes);
  }

  /** Keeps a byte of what is left out, as far as it may be shown. */
  private keep(byte: number): void {
    if (!this.structured?.length || this.place.names[2] !== 'structuredContent') return;
    this.structured.push(byte);
    if (this.structured.length > MOST_HELD) this.structured = [];
  }

  /** The `content` that the result lacks, with its comma; empty when it lacks none. */
  private lastMember(): string {
    if (this.content === 'filled' || (!this.structured && !this.content)) return '';
    const { structured } = this;
    const shown = structured?.length ? text.decode(Uint8Array.from(structured)).trim() : TOO_LONG;
    const content = structured ? [{ type: 'text', text: shown }] : [];
    return `${this.hasMembers ? ',' : ''}"content":${JSON.stringify(content)}`;
  }
}

const NONE = new Uint8Array();
