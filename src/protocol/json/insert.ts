import { PrefixedUris } from './prefixed-uris';
import { ObjectStructuredContent } from './structured';
import { shortText, unescaped } from './unescaped';
import type { UriPlaces } from './uri-places';
import { nextStructural, stringEnd } from './value-end';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** A progress token of this gateway is shorter, in bytes, however it is escaped. */
const MOST_TOKEN = 8192;

const utf8 = new TextEncoder();

/** What a JSON-RPC response is given on its way: an upstream answers in its own era, the client reads in its own. */
export type Additions = {
  /** Members that a result has to have, as JSON values by name; those it has already stay, but for `cacheScope`. */
  members: Readonly<Record<string, string>>;
  /** Error codes that the client's revision must not see, each with the one it gets instead. */
  codes: Readonly<Record<string, string>>;
  /** True where `structuredContent` has to be an object. */
  objectsOnly: boolean;
  /** What the server got in place of the client's own id and progress token. Null: both are as they were sent. */
  renamed: Renamed | null;
  /** What stands before the URIs of its resources, and where it has some. Null: they pass as they are. */
  uris: { prefix: string; places: UriPlaces } | null;
};

/** `sent`: the number that went to the server as id and progress token. `id`, `token`: the client's own, as JSON. */
type Renamed = { sent: number; id: string; token: string | null };

/** For an answer that passes as it is. */
export const NOTHING: Additions = { members: {}, codes: {}, renamed: null, objectsOnly: false, uris: null };

/** A value that may be replaced: an error's code, a notification's progress token, who may keep a result. */
type Replaced = 'code' | 'token' | 'cacheScope';

/**
 * Reads one JSON-RPC message while its bytes flow, in chunks cut anywhere, looking at the outermost two levels only,
 * and writes {@link Additions} into it. Everything else passes byte for byte; what is not JSON passes too.
 */
export class MessageScanner {
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** The bytes of a member name being read at the two levels, without its quotes. */
  private name: number[] | null = null;
  /** True where a string would be a member name. */
  private atName = false;
  private inObject: boolean[] = [];
  private outer = '';
  /** What the result has of the members that may be added, and whether it has any at all. */
  private inner = new Set<string>();
  private isEmpty = true;
  private member = '';
  /** The bytes of a value that may be replaced, held back until its last one. */
  private held: { kind: Replaced; bytes: number[]; isText: boolean } | null = null;
  private ended = false;
  private readonly structured: ObjectStructuredContent | null;
  private readonly uris: PrefixedUris | null;

  /** @param isLooking false when nothing {@link isWritten} at the outermost levels, and no one asks what has passed */
  constructor(
    private readonly additions: Additions,
    private readonly isLooking = true,
  ) {
    const { uris } = additions;
    this.structured = additions.objectsOnly ? new ObjectStructuredContent() : null;
    this.uris = uris && new PrefixedUris(uris.prefix, uris.places);
  }

  /** True once a whole response has passed: a message with a result or an error. */
  get answered(): boolean {
    return this.ended && this.isResponse;
  }

  /** True once a result or an error has begun, of what is no request or notification. */
  isResponse = false;
  private hasMethod = false;

  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    const { structured, uris } = this;
    const scanned = this.isLooking ? this.scan(chunk) : [chunk];
    const out = structured ? scanned.flatMap((part) => structured.push(part)) : scanned;
    return uris ? out.flatMap((part) => uris.push(part)) : out;
  }

  private scan(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let sent = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.isPlain && this.inString) {
        at = stringEnd(chunk, this.escaped ? at + 1 : at);
        this.escaped = at > chunk.length;
      } else if (this.isPlain) at = nextStructural(chunk, at);
      if (at >= chunk.length) break;
      const byte = chunk[at] as number;
      if (this.inString) {
        this.readString(byte);
        if (!this.held) continue;
        this.held.bytes.push(byte);
        sent = at + 1;
        if (!this.inString || this.held.bytes.length > MOST_TOKEN) out.push(this.endHeld());
        continue;
      }
      if (this.held) {
        if (isNumberByte(byte) && this.held.bytes.length < MOST_TOKEN) {
          this.held.bytes.push(byte);
          sent = at + 1;
          continue;
        }
        out.push(this.endHeld());
      }
      const kind = byte === QUOTE || isNumberByte(byte) ? this.replacedHere() : null;
      if (kind) {
        if (at > sent) out.push(chunk.subarray(sent, at));
        sent = at + 1;
        this.held = { kind, bytes: [byte], isText: byte === QUOTE };
        if (byte !== QUOTE) continue;
      }
      if (byte === CLOSE_OBJECT && this.depth === 2 && this.outer === 'result') {
        const missing = this.missing();
        if (missing) {
          if (at > sent) out.push(chunk.subarray(sent, at));
          sent = at;
          out.push(missing);
        }
      }
      this.readStructure(byte);
    }
    if (sent < chunk.length) out.push(chunk.subarray(sent));
    return out;
  }

  /** True where nothing happens until the next quote or bracket: in a string that is no name, and below the two levels. */
  private get isPlain(): boolean {
    if (this.inString) return !this.name && !this.held;
    return this.depth > 2 && !this.held;
  }

  /** Which value that may be replaced begins here; null: none. */
  private replacedHere(): Replaced | null {
    if (this.atName) return null;
    const { depth, outer, member } = this;
    if (depth === 2 && outer === 'error' && member === 'code') return 'code';
    if (depth === 2 && outer === 'result' && member === 'cacheScope' && this.additions.members.cacheScope)
      return 'cacheScope';
    if (!this.additions.renamed) return null;
    return depth === 2 && outer === 'params' && member === 'progressToken' ? 'token' : null;
  }

  /** What goes on in place of the value held back: itself, unless it is one to be replaced. */
  private endHeld(): Uint8Array {
    const { kind, bytes, isText } = this.held as NonNullable<typeof this.held>;
    this.held = null;
    const raw = Uint8Array.from(bytes);
    if (kind === 'cacheScope')
      return this.inString ? raw : utf8.encode(this.additions.members.cacheScope ?? '');
    const value = isText ? unescaped(raw.subarray(1, -1)) : shortText(raw);
    if (kind === 'code') return isText ? raw : utf8.encode(this.additions.codes[value] ?? value);
    const { renamed } = this.additions;
    if (!renamed || value.trim() === '' || Number(value) !== renamed.sent) return raw;
    return renamed.token === null ? raw : utf8.encode(renamed.token);
  }

  private readString(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === BACKSLASH) this.escaped = true;
    else if (byte === QUOTE) {
      this.inString = false;
      if (this.name) this.endName(this.name);
      this.name = null;
      return;
    }
    if (this.name && this.name.length < 256) this.name.push(byte);
  }

  private endName(bytes: number[]): void {
    this.member = unescaped(bytes);
    if (this.depth === 1) {
      this.outer = this.member;
      if (this.outer === 'method') this.hasMethod = true;
      if (!this.hasMethod && (this.outer === 'result' || this.outer === 'error')) this.isResponse = true;
    } else if (this.outer === 'result') {
      this.isEmpty = false;
      if (this.member === 'resultType' || Object.hasOwn(this.additions.members, this.member))
        this.inner.add(this.member);
    }
  }

  private readStructure(byte: number): void {
    const shallow = this.depth <= 2;
    switch (byte) {
      case QUOTE:
        this.inString = true;
        if (shallow && this.atName) this.name = [];
        break;
      case COLON:
        this.atName = false;
        break;
      case COMMA:
        if (shallow) this.atName = this.inObject[this.depth] === true;
        this.member = '';
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.depth++;
        if (this.depth <= 2) {
          this.inObject[this.depth] = byte === OPEN_OBJECT;
          this.atName = byte === OPEN_OBJECT;
        }
        if (this.depth === 2) {
          this.inner.clear();
          this.isEmpty = true;
          if (byte === OPEN_ARRAY) this.outer = '';
        }
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.depth--;
        this.member = '';
        if (this.depth === 1) this.outer = '';
        if (this.depth === 0) this.ended = true;
        break;
    }
  }

  /** The bytes that complete a result whose closing brace has come; null when it lacks nothing. */
  private missing(): Uint8Array | null {
    const members = Object.entries(this.additions.members).filter(([name]) => !this.inner.has(name));
    if (!members.length) return null;
    const joined = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',');
    return utf8.encode(this.isEmpty ? joined : `,${joined}`);
  }
}

/** Whether a message may change at its outermost two levels. */
export function isWritten({ members, codes, renamed }: Additions): boolean {
  return renamed !== null || Object.keys({ ...members, ...codes }).length > 0;
}

/** Of a JSON number: digits, signs, point and exponent. */
function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || [0x2d, 0x2b, 0x2e, 0x45, 0x65].includes(byte);
}
