import * as z from 'zod/mini';
import { CONNECTION_TYPES } from '../../../servers/server';

const Suggested = z.object({
  name: z.string(),
  connection_type: z.enum(CONNECTION_TYPES),
  connection_string: z.string().check(z.describe('Where the server was found')),
  auth_type: z.string(),
  headers: z
    .record(z.string(), z.string())
    .check(z.describe('Masked; empty where a value has to be entered')),
});

const FOUND = [
  ...['open', 'oauth', 'credentials', 'failed', 'website', 'elsewhere'],
  ...['command', 'several', 'unreadable'],
] as const;

/** What an administrator's input was found to be. */
export const CheckedInput = z.object({
  message: z.string().check(z.describe('What it is, and what works')),
  found: z.enum(FOUND),
  client: z.nullable(Suggested).check(z.describe('A server to add; null: nothing can be added as it is')),
  tools: z.nullable(z.int()).check(z.describe('How many it lists to everyone')),
});
