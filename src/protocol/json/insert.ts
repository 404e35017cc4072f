import { ObjectStructuredContent } from './structured';

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** An id of this gateway is shorter, in bytes, however it is escaped. */
const MOST_ID = 8192;

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** What a JSON-RPC response is given on its way: an upstream answers in its own era, the client reads in its own. */
export type Additions = {
  /** Members for a result that has no `resultType`, as JSON values by name; those it has already stay. */
  members: Readonly<Record<string, string>>;
  /** Error codes that the client's revision must not see, each with the one it gets instead. */
  codes: Readonly<Record<string, string>>;
  /** The digits of an id that its server got, and gives back, as text; null: the id passes as it is. */
  id: string | null;
  /** True where `structuredContent` has to be an object. */
  objectsOnly: boolean;
};

/** For an answer that passes as it is. */
export const NOTHING: Additions = { members: {}, codes: {}, id: null, objectsOnly: false };

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
  private inner: string[] = [];
  private member = '';
  /** The digits of an error code, held back until its last one. */
  private held: number[] | null = null;
  /** The bytes of the message's id, held back while it is a text. */
  private heldId: number[] | null = null;
  private ended = false;
  private readonly structured: ObjectStructuredContent | null;

  constructor(private readonly additions: Additions) {
    this.structured = additions.objectsOnly ? new ObjectStructuredContent() : null;
  }

  /** True once a whole response has passed: a message with a result or an error. */
  get answered(): boolean {
    return this.ended && this.isResponse;
  }

  /** True once a result or an error has begun. */
  isResponse = false;

  /** The bytes to send on for `chunk`. */
  push(chunk: Uint8Array): Uint8Array[] {
    const { structured } = this;
    const out = this.scan(chunk);
    return structured ? out.flatMap((part) => structured.push(part)) : out;
  }

  private scan(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let sent = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.inString) {
        this.readString(byte);
        if (!this.heldId) continue;
        this.heldId.push(byte);
        sent = at + 1;
        if (!this.inString || this.heldId.length > MOST_ID) out.push(this.endId(this.heldId));
        continue;
      }
      if (this.held) {
        if (isNumberByte(byte)) {
          this.held.push(byte);
          sent = at + 1;
          continue;
        }
        const code = String.fromCharCode(...this.held);
        out.push(utf8.encode(this.additions.codes[code] ?? code));
        this.held = null;
      }
      if (this.depth === 2 && this.outer === 'error' && this.member === 'code' && isNumberByte(byte)) {
        if (at > sent) out.push(chunk.subarray(sent, at));
        sent = at + 1;
        this.held = [byte];
        continue;
      }
      if (byte === CLOSE_OBJECT && this.depth === 2 && this.outer === 'result') {
        const missing = this.missing();
        if (missing) {
          if (at > sent) out.push(chunk.subarray(sent, at));
          sent = at;
          out.push(missing);
        }
      }
      if (byte === QUOTE && this.isAtId()) {
        if (at > sent) out.push(chunk.subarray(sent, at));
        sent = at + 1;
        this.heldId = [byte];
      }
      this.readStructure(byte);
    }
    if (sent < chunk.length) out.push(chunk.subarray(sent));
    return out;
  }

  /** True where the value of the message's id begins. */
  private isAtId(): boolean {
    return this.additions.id !== null && this.depth === 1 && this.member === 'id' && !this.atName;
  }

  /** The id in place of its text; another text passes. */
  private endId(bytes: number[]): Uint8Array {
    this.heldId = null;
    const raw = Uint8Array.from(bytes);
    const { id } = this.additions;
    return id !== null && unescaped(text.decode(raw.subarray(1, -1))) === id ? utf8.encode(id) : raw;
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
    const raw = text.decode(Uint8Array.from(bytes));
    this.member = raw.includes('\\') ? unescaped(raw) : raw;
    if (this.depth === 1) {
      this.outer = this.member;
      if (this.outer === 'result' || this.outer === 'error') this.isResponse = true;
    } else if (this.outer === 'result') this.inner.push(this.member);
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
          this.inner = [];
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
    if (this.inner.includes('resultType')) return null; // of the new era itself: it has said what it had to
    const members = Object.entries(this.additions.members).filter(([name]) => !this.inner.includes(name));
    if (!members.length) return null;
    const joined = members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',');
    return utf8.encode(this.inner.length ? `,${joined}` : joined);
  }
}

function isNumberByte(byte: number): boolean {
  return byte === 0x2d || (byte >= 0x30 && byte <= 0x39);
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return raw;
  }
}
