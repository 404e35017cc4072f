import * as z from 'zod';
import { KINDS } from '../sealed-values';

const Works = z.enum(['ok', 'failing']);

/** What `/health` answers. All but `status`, `version` and `deployment` is for administrators, or says what is missing. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'unconfigured']),
  version: z.string(),
  deployment: z
    .string()
    .optional()
    .describe('Random id of this deployment, made once; absent while a secret is missing'),
  missing: z.array(z.object({ secret: z.string(), command: z.string() })).optional(),
  kv: Works.optional(),
  d1: Works.optional(),
  schema: z.int().optional().describe('Number of the last schema step the database has'),
  signing_keys: z.object({ count: z.int(), active_kid: z.string().nullable() }).optional(),
  unreadable: z
    .array(z.object({ kind: z.enum(KINDS), count: z.int(), remedy: z.string() }))
    .optional()
    .describe('Stored values that no entry of `ENCRYPTION_KEY` opens; absent: all of them open'),
  servers: z.array(z.object({ id: z.string(), name: z.string(), state: z.string() })).optional(),
});
