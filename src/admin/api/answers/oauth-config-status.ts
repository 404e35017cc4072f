import * as z from 'zod/mini';
import { Time } from './time';

/** How far an authorization is (CONTRACT §8). */
export const OAuthConfigStatus = z.object({
  id: z.string(),
  status: z.enum(['pending', 'authorized', 'failed', 'expired', 'revoked']),
  error: z.optional(z.string()).check(z.describe('Why it failed')),
  created_at: Time,
  expires_at: z.optional(Time).check(z.describe('Until when a pending one can be finished')),
  token_id: z.optional(z.string()).check(z.describe('Once authorized')),
  token_expires_at: z.optional(Time),
  token_scopes: z.optional(z.array(z.string())),
});
