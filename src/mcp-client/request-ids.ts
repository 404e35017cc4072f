import { plainNumber } from '../protocol/json/exact';

/** Ids go up to here: some servers read 32-bit integers only (decision 0046). */
const MOST = 2 ** 31;

/** The last id this isolate gave; null: none yet, for modules may not ask for random numbers while they load. */
let last: number | null = null;

/**
 * The next id for a request to a server, and its progress token: an integer. Isolates begin anywhere and count up, so that
 * an id is not given twice in this isolate, and hardly ever in two that share a session.
 */
export function nextRequestId(): number {
  last ??= (crypto.getRandomValues(new Uint32Array(1))[0] as number) >>> 1;
  last = (last + 1) % MOST || 1;
  return last;
}

/** An id or token of ours as a server writes it, which may be as text; NaN: none of ours. */
export function ourIdIn(value: unknown): number {
  const plain = plainNumber(value);
  if (typeof plain === 'number') return plain;
  return typeof plain === 'string' && /^\d{1,16}$/.test(plain) ? Number(plain) : Number.NaN;
}
