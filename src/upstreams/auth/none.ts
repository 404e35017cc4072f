import * as z from 'zod';
import type { UpstreamAuth } from './index';

/** A server anybody may ask. */
export const none: UpstreamAuth = {
  Settings: z.object({
    headers: z
      .record(z.string(), z.string())
      .refine((values) => !Object.keys(values).length, 'are only sent with auth_type headers')
      .optional(),
  }),
  headers: async () => new Headers(),
};
