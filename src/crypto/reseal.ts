import { isSealedByNewest, open, seal } from './secrets';

/** A sealed value where it is kept. */
export type SealedValue = {
  /** What it was sealed for (table, row and column). */
  place: string;
  sealed: string;
  /** Puts `by` in its stead, unless it has changed meanwhile. */
  replace(by: string): Promise<unknown>;
};

/** How many values one call seals again. */
const BATCH = 100;

/**
 * Seals values that older entries of `ENCRYPTION_KEY` sealed by its first, 100 at a time. Repeatable.
 * @returns how many were sealed again, how many wait for the next call, and how many no entry opens: those stay as they are.
 */
export async function reseal(
  keys: string,
  values: readonly SealedValue[],
): Promise<{ resealed: number; remaining: number; unreadable: number }> {
  const counts = { resealed: 0, remaining: 0, unreadable: 0 };
  for (const { place, sealed, replace } of values) {
    if (await isSealedByNewest(keys, sealed)) continue;
    const text = await open(keys, place, sealed);
    if (text === null) {
      counts.unreadable++;
    } else if (counts.resealed === BATCH) {
      counts.remaining++;
    } else {
      await replace(await seal(keys, place, text));
      counts.resealed++;
    }
  }
  return counts;
}
