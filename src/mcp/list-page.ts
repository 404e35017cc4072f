/** The most that stands on a page: items, and bytes of their definitions (PROTOCOL §5). */
const MOST_ITEMS = 2000;
const MOST_SIZE = 4_194_304;

/** Definitions on a page of a list, as bytes: nothing is copied before the page is whole. */
export class ListPage {
  count = 0;
  private size = 0;
  private readonly parts: (string | { bytes: Uint8Array; from: number; to: number })[] = [];

  /** Puts a definition at the end, which begins with `begin` and goes on in the bytes of a server's lists. False: the page is full. */
  add(begin: string, bytes: Uint8Array, from: number, to: number): boolean {
    const { parts } = this;
    this.size += begin.length + to - from;
    if (this.count && (this.count === MOST_ITEMS || this.size > MOST_SIZE)) return false;
    const last = parts.at(-1);
    const isNext = !begin && typeof last === 'object' && last.bytes === bytes && last.to + 1 === from;
    if (isNext)
      last.to = to; // with the comma that lies between them
    else parts.push(`${last ? ',' : ''}${begin}`, { bytes, from, to });
    this.count++;
    return true;
  }

  /** The definitions, with commas, between two texts. */
  between(before: string, after: string): Blob {
    const parts = this.parts.map((part) =>
      typeof part === 'string' ? part : part.bytes.subarray(part.from, part.to),
    );
    return new Blob([before, ...parts, after]);
  }
}
