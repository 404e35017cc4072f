import * as z from 'zod';
import { Time } from './time';

/** Who is signed in, and the value their writes send along. */
export const ShownSession = z.object({
  id: z.string().describe('Their id, `administrator`, or `token` for a caller that sends ADMIN_TOKEN itself'),
  is_administrator: z.boolean(),
  user: z.object({ id: z.string(), email: z.string(), name: z.string() }).nullable(),
  expires_at: Time.nullable(),
  csrf: z.string().nullable().describe('What writes of this session send as `x-csrf-token`'),
});
