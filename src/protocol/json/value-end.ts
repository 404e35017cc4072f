const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** 1: a byte that begins or ends something in JSON outside of strings. */
const STRUCTURAL = new Uint8Array(256);
for (const byte of [QUOTE, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY]) STRUCTURAL[byte] = 1;

/** How far is looked byte by byte: the runtime's own search is quicker for more. */
const NEAR = 64;

/** Where the chunk that was looked through last has its next quote and backslash: each byte of it is looked at once for each. */
const found = { chunk: new Uint8Array(), from: 0, quote: 0, backslash: 0 };

/** Where in `chunk`, from `at` on, the next quote or backslash stands; its length when there is none. */
export function nextInString(chunk: Uint8Array, at: number): number {
  const near = Math.min(at + NEAR, chunk.length);
  for (let next = at; next < near; next++) {
    const byte = chunk[next];
    if (byte === QUOTE || byte === BACKSLASH) return next;
  }
  if (near === chunk.length) return near;
  if (found.chunk !== chunk || near < found.from) Object.assign(found, { chunk, quote: -1, backslash: -1 });
  found.from = near;
  if (found.quote < near) found.quote = positionOf(chunk, QUOTE, near);
  if (found.backslash < near) found.backslash = positionOf(chunk, BACKSLASH, near);
  return Math.min(found.quote, found.backslash);
}

function positionOf(chunk: Uint8Array, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
}

/** Where in `chunk`, from `at` on, the next quote or bracket stands; its length when there is none. */
export function nextStructural(chunk: Uint8Array, at: number): number {
  let next = at;
  while (next < chunk.length && !STRUCTURAL[chunk[next] as number]) next++;
  return next;
}

/** White space of JSON. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Finds where a JSON value ends whose bytes come in chunks. Its brackets are counted, not matched. */
export class ValueEnd {
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** True for a number or a word, which ends where something else begins. */
  private isPlain: boolean | null = null;

  /** Where the value ends in `chunk`, the first byte behind it, read from `from` on; null: it goes on. */
  find(chunk: Uint8Array, from: number): number | null {
    this.isPlain ??= !STRUCTURAL[chunk[from] as number];
    return this.isPlain ? plainEnd(chunk, from) : this.nestedEnd(chunk, from);
  }

  private nestedEnd(chunk: Uint8Array, from: number): number | null {
    for (let at = from; at < chunk.length; at++) {
      if (this.escaped) {
        this.escaped = false;
        continue;
      }
      at = this.inString ? nextInString(chunk, at) : nextStructural(chunk, at);
      if (at === chunk.length) break;
      const byte = chunk[at];
      if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = !this.inString;
      else this.depth += byte === OPEN_OBJECT || byte === OPEN_ARRAY ? 1 : -1;
      if (!this.inString && this.depth === 0) return at + 1;
    }
    return null;
  }
}

function plainEnd(chunk: Uint8Array, from: number): number | null {
  for (let at = from; at < chunk.length; at++) {
    const byte = chunk[at] as number;
    if (byte === COMMA || STRUCTURAL[byte] || isSpace(byte)) return at;
  }
  return null;
}
