import * as z from 'zod/mini';
import type { Page } from './request';

/** The last moment that RFC 3339 writes. Epoch seconds. */
const LAST = 253_402_300_799;

/** A moment given in epoch seconds, as RFC 3339 writes it; null stays null. */
export function rfc3339(seconds: number): string;
export function rfc3339(seconds: number | null): string | null;
export function rfc3339(seconds: number | null): string | null {
  return seconds === null
    ? null
    : new Date(Math.min(seconds, LAST) * 1000).toISOString().replace('.000Z', 'Z');
}

/** What `listed` answers. */
export function listOf(plural: string, item: z.ZodMiniType) {
  const count = z.int().check(z.minimum(0));
  return z.object({
    [plural]: z.array(item),
    count: count.check(z.describe('How many are here')),
    total_count: count.check(z.describe('How many there are')),
    limit: count,
    offset: count,
  });
}

/** A page of a list under its plural noun, and where in the whole it stands. */
export function listed(
  plural: string,
  items: unknown[],
  total: number,
  { limit, offset }: Pick<Page, 'limit' | 'offset'>,
) {
  return { [plural]: items, count: items.length, total_count: total, limit, offset };
}
