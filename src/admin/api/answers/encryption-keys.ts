import * as z from 'zod/mini';

/** What each entry of `ENCRYPTION_KEY` is needed for. */
export const EncryptionKeys = z.object({
  keys: z
    .array(
      z.object({
        id: z.string().check(z.describe('Begins everything the entry sealed, and tells nothing about it')),
        values: z.int().check(z.describe('Values in the database that it sealed')),
        accounts: z.int().check(z.describe('Connected accounts that it sealed')),
        grants: z.int().check(z.describe('Grants whose seed it sealed, which have not ended')),
      }),
    )
    .check(z.describe('In the order of `ENCRYPTION_KEY`: the first one seals')),
  unknown: z
    .object({ accounts: z.int(), grants: z.int() })
    .check(z.describe('Of which it is not recorded yet what sealed them: it is at their next use')),
});
