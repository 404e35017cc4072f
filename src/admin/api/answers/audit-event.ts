import * as z from 'zod/mini';
import { Time } from './time';

/** One act as answers show it. */
export const ShownEvent = z.object({
  id: z.string(),
  at: Time,
  act: z.string().check(z.describe('What was done, such as `consent.allowed` or `virtual_key.rotated`')),
  outcome: z.enum(['done', 'refused', 'failed']),
  actor: z
    .string()
    .check(z.describe('`administrator`, `client`, `system`, `unknown`, or `user:…`, `vk:…`, `session:…`')),
  actor_name: z.nullable(z.string()).check(z.describe('What the key or person was called then')),
  client_id: z.nullable(z.string()),
  client_name: z.nullable(z.string()),
  grant_id: z.nullable(z.string()),
  subject: z
    .nullable(z.string())
    .check(z.describe('The key or person it is about, or that the app acts for: `vk:…`, `user:…`')),
  subject_name: z.nullable(z.string()),
  about_name: z.nullable(z.string()).check(z.describe('Of the key, toolset, server or person it is about')),
  detail: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .check(z.describe('What else it is about: ids, never values')),
  address: z.nullable(z.string()),
  code: z.string().check(z.describe('The short code people are shown, such as `F-7K2Q`')),
  request_id: z.nullable(z.string()),
});
