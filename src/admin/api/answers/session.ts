import * as z from 'zod/mini';
import { Time } from './time';

/** Who is signed in, and the value their writes send along. */
export const ShownSession = z.object({
  id: z
    .string()
    .check(z.describe('Their id, `administrator`, or `token` for a caller that sends ADMIN_TOKEN itself')),
  is_administrator: z.boolean(),
  user: z.nullable(z.object({ id: z.string(), email: z.string(), name: z.string() })),
  expires_at: z.nullable(Time),
  csrf: z.nullable(z.string()).check(z.describe('What writes of this session send as `x-csrf-token`')),
});
