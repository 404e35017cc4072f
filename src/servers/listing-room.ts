import type { ItemKind } from './listed-item';
import type { LeftOut } from './server';

/** What a server's lists may weigh together, bytes of UTF-8, and how many items they may hold (CONTRACT §6). */
const MOST_BYTES = 2_097_152;
const MOST_ITEMS = 2000;
/** What the lists of all servers may weigh together, as stored (PROTOCOL §5). Bytes. */
export const MOST_STORED = 67_108_864;

/** The kinds of items in the order in which they get room, and the list each is called by. */
export const KINDS: readonly ItemKind[] = ['tool', 'prompt', 'resource', 'template'];
const LIST: Readonly<Record<ItemKind, string>> = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  template: 'resource templates',
};

const utf8 = new TextEncoder();

/** Bytes of UTF-8. */
export function sizeOf(text: string): number {
  return utf8.encode(text).length;
}

/** The room that one server's lists have together. The first item that does not fit fills it: nothing after that fits. */
export class ListingRoom {
  private items = 0;
  private bytes = 0;
  private limit: string | null = null;

  /** @param most bytes; less than a server may have where all servers together leave no more */
  constructor(private readonly most = MOST_BYTES) {}

  /** True when an item did not fit. */
  get isFull(): boolean {
    return this.limit !== null;
  }

  /** True when the definition fits, and is counted. */
  take(definition: string): boolean {
    if (this.isFull) return false;
    this.items++;
    this.bytes += sizeOf(definition);
    if (this.items > MOST_ITEMS) this.limit = `its lists hold more than ${MOST_ITEMS} items together`;
    else if (this.bytes > MOST_BYTES)
      this.limit = `its lists weigh more than ${mebibytes(MOST_BYTES)} together`;
    else if (this.bytes > this.most)
      this.limit = `the lists of all servers may weigh ${mebibytes(MOST_STORED)} together and have no room for more`;
    return !this.isFull;
  }

  /** What `left_out` says of a kind of which only the first `count` items fit. */
  leftOut(kind: ItemKind, count: number): LeftOut {
    const rest = count
      ? `what follows its first ${count} ${LIST[kind]} is missing`
      : `its ${LIST[kind]} are missing`;
    return { kind, name: '*', reason: `${this.limit}, so ${rest}` };
  }
}

function mebibytes(bytes: number): string {
  return `${bytes / 1_048_576} MiB`;
}
