/** How far is looked byte by byte before words are. */
const NEAR = 32;

const EACH = 0x01010101;
const TOP = 0x80808080 | 0;

/**
 * Looks for the next of two bytes, four bytes at a time: several times as quick as a loop over bytes, and in one pass. What was seen last
 * to hold neither is not looked at again, so that those who read the same bytes one after the other cost one pass.
 * @returns finds where in `chunk`, from `at` on, one of them stands; its length when none does
 */
export function searchFor(one: number, other: number): (chunk: Uint8Array, at: number) => number {
  const [ones, others] = [one * EACH, other * EACH];
  let words = new Int32Array() as Int32Array<ArrayBufferLike>;
  let from = 0;
  /** Up to where in the buffer of `words`, from `from` on, neither stands. */
  let to = 0;
  const isHit = (byte: number | undefined) => byte === one || byte === other;

  return (chunk, at) => {
    const near = Math.min(at + NEAR, chunk.length);
    for (let next = at; next < near; next++) if (chunk[next] === one || chunk[next] === other) return next;
    if (near === chunk.length) return near;

    const { buffer, byteOffset } = chunk;
    const begin = near + byteOffset;
    const isKnown = words.buffer === buffer && from <= begin && begin <= to;
    if (words.buffer !== buffer) words = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    if (!isKnown) from = to = begin;
    const end = chunk.length + byteOffset;
    while (to < end && to & 3 && !isHit(chunk[to - byteOffset])) to++;
    if (to < end && !(to & 3)) to = wordWith(words, to, end, ones, others);
    while (to < end && !isHit(chunk[to - byteOffset])) to++;
    return Math.min(to, end) - byteOffset;
  };
}

/** Where a word begins, from byte `from` on, with one of the bytes that `ones` and `others` are four times; else the last before `end`. */
function wordWith(words: Int32Array, from: number, end: number, ones: number, others: number): number {
  let at = from >> 2;
  for (const last = end >> 2; at < last; at++) {
    const word = words[at] as number;
    const a = word ^ ones;
    const b = word ^ others;
    if (((a - EACH) & ~a & TOP) | ((b - EACH) & ~b & TOP)) break;
  }
  return at << 2;
}
