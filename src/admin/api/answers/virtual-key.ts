import * as z from 'zod';
import { McpConfigs } from '../../../protocol/mcp-config';
import { Limits } from '../virtual-key-terms';
import { Time } from './time';

/** A key as answers show it. */
export const ShownKey = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  value: z.string().describe('Masked; whole only in the answer that makes or rotates the key'),
  is_active: z.boolean(),
  expires_at: Time.nullable(),
  delete_after_expire: z.boolean().nullable(),
  owner_user_id: z.string().nullable(),
  shared: z.boolean().describe('Several people hold it: it keeps no account of one person'),
  mcp_configs: McpConfigs,
  limits: Limits,
  created_at: Time,
  updated_at: Time,
});
