import * as z from 'zod/mini';
import { Tools } from '../servers/tools';
import { Time } from './time';

/** A Virtual MCP as answers show it. */
export const ShownVirtualMcp = z.object({
  id: z.string(),
  name: z.string(),
  endpoint_slug: z.string().check(z.describe('Apps reach it at `/mcp/{endpoint_slug}`')),
  description: z.string(),
  enabled: z.boolean(),
  tools: Tools,
  virtual_key_ids: z.array(z.string()),
  created_at: Time,
  updated_at: Time,
});
