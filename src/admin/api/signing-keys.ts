import { Hono } from 'hono';
import type * as z from 'zod/mini';
import { audit } from '../../audit';
import { type App, signingSetup } from '../../config';
import { rotateSigningKey } from '../../crypto/signing-keys';
import { rfc3339 } from './answer';
import type { SigningKeyRotation } from './answers/signing-key';

/** The keys that sign access tokens (CONTRACT §5). The cron replaces them every 90 days; an administrator may at any time. */
export const signingKeys = new Hono<App>().post('/rotate', async (c) => {
  const now = Math.floor(Date.now() / 1000);
  const { kid, activeAt, createdAt } = await rotateSigningKey(signingSetup(c.env, c.var.settings), now);
  if (createdAt >= now) audit(c, { act: 'signing_key.rotated', kid });
  const rotation: z.infer<typeof SigningKeyRotation> = {
    message:
      'The next key is published now and signs from active_at on. Tokens that earlier keys signed stay valid until they expire.',
    signing_key: { kid, active_at: rfc3339(activeAt), created_at: rfc3339(createdAt) },
  };
  return c.json(rotation);
});
