import * as z from 'zod/mini';
import { grantTypesServed } from './grant-types';

/** A registration as it is answered, RFC 7591 §3.2.1. The secret is there for confidential clients only. */
export const RegisteredClient = z.object({
  client_id: z.string(),
  client_id_issued_at: z.int().check(z.describe('Epoch seconds')),
  client_name: z.optional(z.string()),
  client_secret: z
    .optional(z.string())
    .check(z.describe('For `client_secret_basic` and `client_secret_post` only')),
  client_secret_expires_at: z
    .optional(z.int())
    .check(z.describe('Beside `client_secret`: 0, it never expires')),
  redirect_uris: z.array(z.string()),
  grant_types: z.array(z.string()).register(z.globalRegistry, {
    get documented() {
      return { type: 'array', items: { type: 'string', enum: grantTypesServed() } };
    },
  }),
  response_types: z.array(z.literal('code')),
  token_endpoint_auth_method: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
  scope: z.string(),
});
export type RegisteredClient = z.infer<typeof RegisteredClient>;
