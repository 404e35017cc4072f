import * as z from 'zod/mini';
import { Time } from './time';

/** The answer to a rotation. */
export const SigningKeyRotation = z.object({
  message: z.string(),
  signing_key: z.object({ kid: z.string(), active_at: Time, created_at: Time }),
});
