import { isMet, type KindOf, type PrefixCondition, PrefixOutput } from './prefix-output';
import { APP_SCHEME } from './resource-address';
import { unescapedText } from './unescaped';
import type { UriPlaces } from './uri-places';
import { stringEnd } from './value-end';

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The most of a member's name, and of the text that says of what kind an object is, that is read. Bytes. */
const MOST_NAME = 256;

const utf8 = new TextEncoder();

/** An object or array that is read. */
type Frame = KindOf & {
  places: UriPlaces;
  isArray: boolean;
  conditions: readonly PrefixCondition[];
  /** The text that said of what kind it is, a character a byte. */
  said: string;
};

/**
 * Puts a prefix before the URIs in a JSON text while its bytes flow, in chunks cut anywhere: by their places, whatever
 * strings look like (PROTOCOL §6). Every other byte passes as it is, what is no JSON too.
 *
 * An object may say of what kind it is after its URI. Then up to 64 KiB are held; beyond, the URI gets its prefix, for
 * nothing else of MCP has one there. Where an object says it twice, the first holds, and no other comes out.
 */
export class PrefixedUris {
  private readonly output: PrefixOutput;
  private readonly frames: Frame[] = [];
  /** How deep we are in a value without URIs. */
  private skipped = 0;
  /** What places the next value has; null: none. */
  private next: UriPlaces | null;
  private isAtName = false;
  private isAtKind = false;
  /** What string we are in. `left`: one that is left out. */
  private string: 'name' | 'kind' | 'left' | 'uri' | 'other' | null = null;
  private isEscaped = false;
  /** What has been read of a name or a kind, a character a byte. */
  private read = '';
  /** How much of `ui://` has been read of a URI, and what of an escape in it. */
  private matched = 0;
  private escape = '';
  /** The beginning of a URI, its quote first, from chunks before; null: the quote is in this one. */
  private begun: Uint8Array | null = null;
  private chunk: Uint8Array = new Uint8Array();
  /** Where in the chunk begins what has not been passed on, and the quote of the string we are in. */
  private from = 0;
  private quote = 0;

  constructor(prefix: string, places: UriPlaces) {
    this.output = new PrefixOutput(utf8.encode(`${prefix}+`));
    this.next = places;
  }

  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.chunk = chunk;
    this.from = 0;
    for (let at = 0; at < chunk.length; ) {
      if (!this.string) at = this.structure(at);
      else if (this.string === 'uri') at = this.uriPart(at);
      else at = this.stringPart(at);
    }
    if (this.string === 'uri') this.keepBeginning();
    else if (this.string === 'left') this.passTo(this.quote);
    else this.passTo(chunk.length);
    this.quote = 0;
    return this.output.take();
  }

  /** Passes on the bytes of the chunk before `at`. */
  private passTo(at: number): void {
    if (at > this.from) this.output.pass(this.chunk.subarray(this.from, at));
    this.from = Math.max(this.from, at);
  }

  /** Passes what stands between strings, up to the beginning of one. Where to go on. */
  private structure(from: number): number {
    const { chunk } = this;
    let at = from;
    while (at < chunk.length) {
      const byte = chunk[at++];
      if (byte === QUOTE) {
        this.quote = at - 1;
        this.beginString();
        return at;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.open(byte === OPEN_ARRAY);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.close();
      else if (byte === COMMA && !this.skipped) this.separate();
    }
    return at;
  }

  private beginString(): void {
    const { next } = this;
    this.string = 'other';
    if (this.skipped) return;
    this.read = '';
    if (this.isAtName) this.string = 'name';
    else if (this.isAtKind) this.string = this.frames.at(-1)?.kind === undefined ? 'kind' : 'left';
    else if (next?.isUri && isMet(this.conditionsOf(next)) !== false) {
      this.string = 'uri';
      this.matched = 0;
      this.escape = '';
      this.begun = null;
    }
  }

  private open(isArray: boolean): void {
    const { next } = this;
    const inner = isArray ? next?.items : (next?.members ?? next?.others);
    const conditions = !this.skipped && next && inner ? this.conditionsOf(next) : null;
    if (!next || !conditions || isMet(conditions) === false) {
      this.skipped++;
      return;
    }
    this.frames.push({ places: next, isArray, conditions, kind: undefined, said: '', waiting: [] });
    this.separate();
  }

  private close(): void {
    if (this.skipped) this.skipped--;
    else {
      const frame = this.frames.pop();
      if (frame?.kind === undefined && frame) this.output.tell(frame, null);
    }
    if (this.skipped) return;
    this.next = null;
    this.isAtName = false;
    this.isAtKind = false;
  }

  /** A member or an item begins. */
  private separate(): void {
    const frame = this.frames.at(-1);
    this.isAtName = frame?.isArray === false;
    this.isAtKind = false;
    this.next = (frame?.isArray && frame.places.items) || null;
  }

  private conditionsOf({ only }: UriPlaces): readonly PrefixCondition[] {
    const around = this.frames.at(-1)?.conditions ?? [];
    const object =
      only && this.frames.findLast(({ places, isArray }) => !isArray && places.kindIn === only.kindIn);
    return object && only ? [...around, { object, is: only.is }] : around;
  }

  /** Reads on in a string that is no URI. Where to go on. */
  private stringPart(from: number): number {
    const { chunk, string } = this;
    const end = stringEnd(chunk, this.isEscaped ? from + 1 : from);
    const until = Math.min(end, chunk.length);
    this.isEscaped = end > until;
    if (string === 'name' || string === 'kind') {
      const most = Math.min(until, from + MOST_NAME + 1 - this.read.length);
      for (let at = from; at < most; at++) this.read += String.fromCharCode(chunk[at] as number);
    }
    if (until === chunk.length) return until;
    if (string === 'name') this.endName();
    if (string === 'kind') this.endKind();
    if (string === 'left') this.endLeft(end);
    this.string = null;
    return end + 1;
  }

  private endName(): void {
    const { places } = this.frames.at(-1) as Frame;
    const name = unescapedText(this.read);
    this.isAtName = false;
    this.isAtKind = name === places.kindIn;
    this.next = places.members?.get(name) ?? places.others ?? null;
  }

  /** An object has said of what kind it is. A text too long to be kept is of no kind that matters. */
  private endKind(): void {
    const frame = this.frames.at(-1) as Frame;
    frame.said = this.read.length > MOST_NAME ? '' : this.read;
    this.output.tell(frame, unescapedText(frame.said));
  }

  /** What an object says of its kind again is what it said. */
  private endLeft(end: number): void {
    const { said } = this.frames.at(-1) as Frame;
    this.passTo(this.quote);
    this.output.pass(Uint8Array.from(`"${said}"`, (byte) => byte.charCodeAt(0)));
    this.from = end + 1;
  }

  /** Reads on in a URI until it is clear whether it begins with `ui://`. Where to go on. */
  private uriPart(from: number): number {
    const { chunk } = this;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (byte === QUOTE && !this.escape) return this.endBeginning(at);
      const char = this.charOf(byte);
      if (char === null) continue;
      if (char.toLowerCase() !== APP_SCHEME[this.matched]) return this.endBeginning(at + 1);
      if (++this.matched === APP_SCHEME.length) return this.endBeginning(at + 1);
    }
    return chunk.length;
  }

  /** The character that a byte completes; null: it is of an escape that goes on. */
  private charOf(byte: number): string | null {
    const char = String.fromCharCode(byte);
    if (!this.escape && byte !== BACKSLASH) return char;
    this.escape += char;
    const isWhole = this.escape.length === (this.escape[1] === 'u' ? 6 : 2);
    if (!isWhole) return null;
    const whole = this.escape;
    this.escape = '';
    return unescapedText(whole);
  }

  /** It is clear now, before the byte at `at`, where the prefix belongs. */
  private endBeginning(at: number): number {
    const conditions = this.conditionsOf(this.next as UriPlaces);
    const isApp = this.matched === APP_SCHEME.length;
    const { begun } = this;
    if (!begun) this.passTo(isApp ? at : this.quote + 1);
    else {
      this.output.pass(begun.subarray(0, isApp ? begun.length : 1));
      if (isApp) this.passTo(at);
    }
    this.output.put(conditions);
    if (begun && !isApp) this.output.pass(begun.subarray(1));
    this.string = 'other';
    return at;
  }

  /** Holds what has come of a URI, its quote too: only between two tokens may a line of an event end. */
  private keepBeginning(): void {
    const { begun, chunk } = this;
    if (!begun) this.passTo(this.quote);
    const more = chunk.slice(begun ? 0 : this.quote);
    this.begun = begun ? Uint8Array.from([...begun, ...more]) : more;
  }
}
