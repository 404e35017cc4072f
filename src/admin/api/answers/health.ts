import * as z from 'zod/mini';
import { KINDS } from '../sealed-values';

const Works = z.enum(['ok', 'failing']);

/** What `/health` answers. All but `status`, `version` and `deployment` is for administrators, or says what is missing. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded', 'unconfigured']),
  version: z.string(),
  deployment: z
    .optional(z.string())
    .check(z.describe('Random id of this deployment, made once; absent while a secret is missing')),
  missing: z.optional(z.array(z.object({ secret: z.string(), command: z.string() }))),
  kv: z.optional(Works),
  d1: z.optional(Works),
  schema: z.optional(z.int()).check(z.describe('Number of the last schema step the database has')),
  signing_keys: z.optional(z.object({ count: z.int(), active_kid: z.nullable(z.string()) })),
  unreadable: z
    .optional(z.array(z.object({ kind: z.enum(KINDS), count: z.int(), remedy: z.string() })))
    .check(z.describe('Stored values that no entry of `ENCRYPTION_KEY` opens; absent: all of them open')),
  refused_settings: z
    .optional(z.array(z.string()))
    .check(
      z.describe('Settings whose value cannot be read, in part or in whole: the strictest one holds instead'),
    ),
  servers: z.optional(z.array(z.object({ id: z.string(), name: z.string(), state: z.string() }))),
});
