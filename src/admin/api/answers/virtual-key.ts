import * as z from 'zod/mini';
import { McpConfigs } from '../../../protocol/mcp-config';
import { Limits } from '../virtual-key-terms';
import { Time } from './time';

/** A key as answers show it. */
export const ShownKey = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  value: z.string().check(z.describe('Masked; whole only in the answer that makes or rotates the key')),
  is_active: z.boolean(),
  expires_at: z.nullable(Time),
  delete_after_expire: z.nullable(z.boolean()),
  owner_user_id: z.nullable(z.string()),
  shared: z.boolean().check(z.describe('Several people hold it: it keeps no account of one person')),
  mcp_configs: McpConfigs,
  limits: Limits,
  created_at: Time,
  updated_at: Time,
  last_used_at: z
    .nullable(Time)
    .check(z.describe('When it, or an app it allowed, last called, as of up to an hour ago')),
});
