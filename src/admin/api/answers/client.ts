import * as z from 'zod/mini';
import { RegisteredClient } from '../../../clients/registered-client';
import { Time } from './time';

/** An app as answers show it. */
export const ShownClient = z.object({
  ...z.omit(RegisteredClient, {
    client_name: true,
    client_id_issued_at: true,
    client_secret: true,
    client_secret_expires_at: true,
  }).shape,
  id: z.string().check(z.describe('The `client_id`')),
  client_name: z.nullable(z.string()),
  registration: z.enum(['dynamic', 'metadata_document']).check(z.describe('How the gateway got to know it')),
  session_count: z.int().check(z.describe('How often it is allowed something now')),
  created_at: Time,
});
