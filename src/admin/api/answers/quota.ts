import * as z from 'zod/mini';
import { Time } from './time';

export const Quota = z.object({
  virtual_key_name: z.string(),
  is_active: z.boolean(),
  expires_at: z.nullable(Time),
  limits: z.array(
    z.object({
      calls: z.int(),
      window_seconds: z.int(),
      used: z.int(),
      remaining: z.int(),
      resets_at: z.nullable(Time).check(z.describe('Null: nothing was counted yet')),
    }),
  ),
});
