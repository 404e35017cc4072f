import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { audit } from '../../audit';
import type { App } from '../../config';
import { reseal } from '../../crypto/reseal';
import { ask } from '../../database';
import type { EncryptionKeys } from './answers/encryption-keys';
import type { Reseal } from './answers/reseal';
import { sealedBy, sealedValuesQuestion } from './sealed-values';

/**
 * Changing `ENCRYPTION_KEY` (docs/storage.md): with the new key in front of the old one, everything kept in D1 is sealed
 * again, a batch a call. What no entry opens is left alone and counted.
 */
export const encryption = new Hono<App>()
  .get('/', async (c) => {
    const keys: z.infer<typeof EncryptionKeys> = await sealedBy(c.env.DB, c.env.ENCRYPTION_KEY);
    return c.json(keys);
  })
  .post('/reseal', async (c) => {
    const { DB, ENCRYPTION_KEY } = c.env;
    const [values] = await ask(DB, sealedValuesQuestion(DB));
    const { resealed, remaining, unreadable } = await reseal(ENCRYPTION_KEY, [...values.values()].flat());
    if (resealed) audit(c, { act: 'encryption.resealed', values: resealed });
    const done: z.infer<typeof Reseal> = {
      message: messageOf(remaining, unreadable),
      resealed,
      remaining,
      unreadable,
    };
    return c.json(done);
  });

function messageOf(remaining: number, unreadable: number): string {
  if (remaining) return 'More is sealed with an older key: call again.';
  const lost = unreadable
    ? ` ${unreadable} sealed values open with no key of ENCRYPTION_KEY and were left alone: they have to be entered again.`
    : '';
  return `Everything in the database is sealed with the first key of ENCRYPTION_KEY.${lost} Keep the older keys for as long as grants and connected accounts may be idle: each is sealed again when it is next used.`;
}
