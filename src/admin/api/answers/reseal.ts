import * as z from 'zod';

/** What one batch did. */
export const Reseal = z.object({
  message: z.string(),
  resealed: z.int().describe('Sealed again by this call'),
  remaining: z.int().describe('Wait for the next call'),
  unreadable: z.int().describe('Open with no key of `ENCRYPTION_KEY`, and were left alone'),
});
