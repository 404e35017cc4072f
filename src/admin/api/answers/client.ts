import * as z from 'zod';
import { RegisteredClient } from '../../../clients/registered-client';
import { Time } from './time';

/** An app as answers show it. */
export const ShownClient = z.object({
  ...RegisteredClient.omit({
    client_name: true,
    client_id_issued_at: true,
    client_secret: true,
    client_secret_expires_at: true,
  }).shape,
  id: z.string().describe('The `client_id`'),
  client_name: z.string().nullable(),
  registration: z.enum(['dynamic', 'metadata_document']).describe('How the gateway got to know it'),
  session_count: z.int().describe('How often it is allowed something now'),
  created_at: Time,
});
