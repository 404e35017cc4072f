import * as z from 'zod/mini';

/** What one batch did. */
export const Reseal = z.object({
  message: z.string(),
  resealed: z.int().check(z.describe('Sealed again by this call')),
  remaining: z.int().check(z.describe('Wait for the next call')),
  unreadable: z.int().check(z.describe('Open with no key of `ENCRYPTION_KEY`, and were left alone')),
});
