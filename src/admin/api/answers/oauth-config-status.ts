import * as z from 'zod';
import { Time } from './time';

/** How far an authorization is (CONTRACT §8). */
export const OAuthConfigStatus = z.object({
  id: z.string(),
  status: z.enum(['pending', 'authorized', 'failed', 'expired', 'revoked']),
  error: z.string().optional().describe('Why it failed'),
  created_at: Time,
  expires_at: Time.optional().describe('Until when a pending one can be finished'),
  token_id: z.string().optional().describe('Once authorized'),
  token_expires_at: Time.optional(),
  token_scopes: z.array(z.string()).optional(),
});
