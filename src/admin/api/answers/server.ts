import * as z from 'zod';
import { oauthConfigMembers } from '../../../servers/oauth-config';
import { CONNECTION_TYPES } from '../../../servers/server';
import { AS_TOOLS } from '../servers/request';
import { Time } from './time';

/** A server as answers show it. */
export const ShownServer = z.object({
  id: z.string(),
  client_id: z.string().describe('The same as `id`'),
  name: z.string(),
  endpoint_slug: z.string().describe('Apps reach it alone at `/mcp/{endpoint_slug}`'),
  connection_type: z
    .enum(CONNECTION_TYPES)
    .describe('`http` is Streamable HTTP, `sse` the HTTP+SSE of 2024-11-05'),
  connection_string: z.string(),
  auth_type: z.string(),
  oauth_config_id: z.string().nullable().describe('Of a server that is authorized at its provider'),
  headers: z.record(z.string(), z.string()).describe('Masked; a mask sent back keeps the value'),
  per_user_header_keys: z.array(z.string()).describe('Names of the headers everyone enters for themselves'),
  oauth_config: oauthConfigMembers(false).nullable().describe('What was configured; the secret masked'),
  provider_refuses_resource: z
    .boolean()
    .describe('The provider refused the parameter `resource` (RFC 8707), so it is not sent there any more'),
  token_exchange: z
    .object({
      audience: z.string(),
      use_idp_credentials: z.boolean(),
      client_id: z.string().nullable(),
      client_secret: z.string().nullable().describe('Masked'),
      authorization_server_url: z.string().nullable(),
      scopes: z.array(z.string()),
    })
    .nullable(),
  tools_to_execute: z.array(z.string()).describe('`*` is all of them'),
  allow_resources: z.boolean().nullable().describe(AS_TOOLS),
  allow_prompts: z.boolean().nullable().describe(AS_TOOLS),
  allow_on_all_virtual_keys: z.boolean(),
  enabled: z.boolean(),
  disabled: z.boolean(),
  pass_baggage: z.boolean(),
  pass_instructions: z.boolean(),
  tool_execution_timeout: z.int().nullable().describe('Seconds; null: the setting'),
  tool_sync_interval: z.int().nullable().describe('Minutes; null: the setting'),
  state: z
    .enum(['healthy', 'unstable', 'needs_reauth', 'pending_verification', 'disabled'])
    .describe('`pending_verification`: it is not authorized yet, so it is in no list of callers'),
  last_failure: z
    .object({ stage: z.enum(['connect', 'list', 'call']), message: z.string(), at: Time, since: Time })
    .nullable(),
  tools: z.array(
    z.object({
      name: z.string(),
      title: z.string().optional(),
      description: z.string().optional(),
      annotations: z.looseObject({}).optional().describe('As the server described it (MCP, ToolAnnotations)'),
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
    .describe(
      'What the server listed and is not offered. The name `*`: a whole list, or the rest of one, that did not come',
    ),
  created_at: Time,
  updated_at: Time,
});
