import * as z from 'zod/mini';
import { McpConfigs } from '../../../protocol/mcp-config';
import { Time } from './time';

/** A person as answers show them. */
export const ShownUser = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  issuer: z.string().check(z.describe('The provider they sign in with')),
  is_administrator: z.boolean(),
  is_active: z.boolean().check(z.describe('False: blocked, however often they sign in')),
  is_suspended: z
    .boolean()
    .check(z.describe('True: their address or provider may not sign in here now. All they have is kept')),
  mcp_configs: McpConfigs,
  last_signed_in_at: Time,
  created_at: Time,
  updated_at: Time,
});
