import * as z from 'zod/mini';
import { readingTerms } from '../../../protocol/mcp-config';
import { Access } from '../servers/access';
import { IdentityKind } from './identity-kind';
import { Time } from './time';

/** A grant as answers show it. */
export const ShownGrant = z.object({
  id: z.string(),
  client_id: z.string(),
  client_name: z.nullable(z.string()),
  given_name: z.nullable(z.string()).check(z.describe('What the one it acts for calls it')),
  bf_mode: IdentityKind.check(z.describe('What begins the `sub` of its tokens: what it acts for')),
  bf_sub: z.string().check(z.describe("That one's id")),
  identity_name: z.nullable(z.string()),
  scope: z.string(),
  resource: z.string(),
  services: z
    .optional(z.array(z.string()))
    .check(z.describe('The servers it was narrowed to, by name; absent: not narrowed')),
  mcp_configs: z
    .optional(
      z.array(
        z.object({ mcp_client_name: z.string(), tools_to_execute: z.array(z.string()), ...readingTerms }),
      ),
    )
    .check(z.describe('The same with the tools that were ticked; `*` is all of them, and those to come')),
  access: Access,
  read_only: z
    .boolean()
    .check(z.describe('True when the person, not the app, narrowed it to tools that read')),
  created_at: Time,
  expires_at: z.nullable(Time),
  last_used_at: z
    .nullable(Time)
    .check(z.describe('When it last called or was refreshed, as of up to an hour ago')),
  redirect_host: z
    .string()
    .check(z.describe('Where the person was sent back to: a host, or a private-use scheme')),
  user_agent: z
    .nullable(z.string())
    .check(z.describe('The browser that answered consent, as it calls itself')),
  country: z.nullable(z.string()).check(z.describe('Where that browser was, as two letters')),
  status: z.enum(['active', 'ended']),
  ended_at: z.nullable(Time).check(z.describe('Null for `issuer_changed` while that can be taken back')),
  ended_reason: z
    .nullable(z.string())
    .check(z.describe('Why it ended, as revoked_by_client or refresh_token_reused')),
});
