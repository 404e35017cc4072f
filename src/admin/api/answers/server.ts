import * as z from 'zod/mini';
import { oauthConfigMembers } from '../../../servers/oauth-config';
import { CONNECTION_TYPES } from '../../../servers/server';
import { AS_TOOLS } from '../servers/request';
import { Time } from './time';

/** A server as answers show it. */
export const ShownServer = z.object({
  id: z.string(),
  client_id: z.string().check(z.describe('The same as `id`')),
  name: z.string(),
  endpoint_slug: z.string().check(z.describe('Apps reach it alone at `/mcp/{endpoint_slug}`')),
  connection_type: z
    .enum(CONNECTION_TYPES)
    .check(z.describe('`http` is Streamable HTTP, `sse` the HTTP+SSE of 2024-11-05')),
  connection_string: z.string(),
  auth_type: z.string(),
  oauth_config_id: z.nullable(z.string()).check(z.describe('Of a server that is authorized at its provider')),
  headers: z.record(z.string(), z.string()).check(z.describe('Masked; a mask sent back keeps the value')),
  per_user_header_keys: z
    .array(z.string())
    .check(z.describe('Names of the headers everyone enters for themselves')),
  oauth_config: z
    .nullable(oauthConfigMembers(false))
    .check(z.describe('What was configured; the secret masked')),
  provider_refuses_resource: z
    .boolean()
    .check(
      z.describe(
        'The provider refused the parameter `resource` (RFC 8707), so it is not sent there any more',
      ),
    ),
  token_exchange: z.nullable(
    z.object({
      audience: z.string(),
      use_idp_credentials: z.boolean(),
      client_id: z.nullable(z.string()),
      client_secret: z.nullable(z.string()).check(z.describe('Masked')),
      authorization_server_url: z.nullable(z.string()),
      scopes: z.array(z.string()),
    }),
  ),
  tools_to_execute: z.array(z.string()).check(z.describe('`*` is all of them')),
  allow_resources: z.nullable(z.boolean()).check(z.describe(AS_TOOLS)),
  allow_prompts: z.nullable(z.boolean()).check(z.describe(AS_TOOLS)),
  allow_on_all_virtual_keys: z.boolean(),
  enabled: z.boolean(),
  disabled: z.boolean(),
  pass_baggage: z.boolean(),
  pass_instructions: z.boolean(),
  tool_execution_timeout: z.nullable(z.int()).check(z.describe('Seconds; null: the setting')),
  tool_sync_interval: z.nullable(z.int()).check(z.describe('Minutes; null: the setting')),
  state: z
    .enum(['healthy', 'unstable', 'needs_reauth', 'pending_verification', 'disabled'])
    .check(z.describe('`pending_verification`: it is not authorized yet, so it is in no list of callers')),
  last_failure: z.nullable(
    z.object({ stage: z.enum(['connect', 'list', 'call']), message: z.string(), at: Time, since: Time }),
  ),
  tools: z.array(
    z.object({
      name: z.string(),
      title: z.optional(z.string()),
      description: z.optional(z.string()),
      annotations: z
        .optional(z.looseObject({}))
        .check(z.describe('As the server described it (MCP, ToolAnnotations)')),
    }),
  ),
  left_out: z
    .array(
      z.object({
        kind: z.enum(['tool', 'prompt', 'resource', 'template']),
        name: z.string(),
        reason: z.string(),
      }),
    )
    .check(
      z.describe(
        'What the server listed and is not offered. The name `*`: a whole list, or the rest of one, that did not come',
      ),
    ),
  created_at: Time,
  updated_at: Time,
});
