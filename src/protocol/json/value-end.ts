import { searchFor } from './search';

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/** 1: a byte that begins or ends something in JSON outside of strings. */
const STRUCTURAL = new Uint8Array(256);
for (const byte of [QUOTE, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY]) STRUCTURAL[byte] = 1;

const nextQuote = searchFor(QUOTE, QUOTE);

/**
 * Where the quote stands that ends the string we are in; the chunk's length when it goes on, or one more when its next byte is
 * escaped. No byte before `from` is looked at.
 */
export function stringEnd(chunk: Uint8Array, from: number): number {
  for (let at = from; ; ) {
    const end = nextQuote(chunk, at);
    let slashes = 0;
    while (end - slashes > at && chunk[end - slashes - 1] === BACKSLASH) slashes++;
    const isEscaped = slashes % 2 === 1;
    if (end === chunk.length) return isEscaped ? end + 1 : end;
    if (!isEscaped) return end;
    at = end + 1;
  }
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
      if (this.inString) {
        at = stringEnd(chunk, this.escaped ? at + 1 : at);
        this.escaped = at > chunk.length;
      } else at = nextStructural(chunk, at);
      if (at >= chunk.length) break;
      const byte = chunk[at];
      if (byte === QUOTE) this.inString = !this.inString;
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
