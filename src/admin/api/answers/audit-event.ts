import * as z from 'zod';
import { Time } from './time';

/** One act as answers show it. */
export const ShownEvent = z.object({
  id: z.string(),
  at: Time,
  act: z.string().describe('What was done, such as `consent.allowed` or `virtual_key.rotated`'),
  outcome: z.enum(['done', 'refused', 'failed']),
  actor: z
    .string()
    .describe('`administrator`, `client`, `system`, `unknown`, or `user:…`, `vk:…`, `session:…`'),
  actor_name: z.string().nullable().describe('As the key or the person is called now'),
  client_id: z.string().nullable(),
  client_name: z.string().nullable(),
  grant_id: z.string().nullable(),
  about_name: z
    .string()
    .nullable()
    .describe('Of the key, toolset, server or person it is about, as it is called now'),
  detail: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .describe('What else it is about: ids, never values'),
  address: z.string().nullable(),
  code: z.string().describe('The short code people are shown, such as `F-7K2Q`'),
  request_id: z.string().nullable(),
});
