import * as z from 'zod';
import { authTypes } from '../../upstreams/auth/index';
import { Time } from '../answer';

/** How requests to a server are authenticated (CONTRACT §7). */
export const MCPAuthType = z
  .enum(['none', 'headers', 'oauth', 'per_user_oauth', 'per_user_headers', 'token_exchange'])
  .describe(
    `Who authenticates to a server. \`none\`: nobody; \`headers\`: the administrator, with header values; \`oauth\`: the administrator, once; \`per_user_oauth\`, \`per_user_headers\`: everyone for themselves; \`token_exchange\`: everyone, with their own sign-in. This version takes ${[...authTypes.keys()].map((type) => `\`${type}\``).join(' and ')}`,
  );

/** `oauth_config` of a server (CONTRACT §7): all optional, what is missing is discovered. */
export const OAuthConfigRequest = z.object({
  client_id: z.string().describe('Without one the gateway registers itself (RFC 7591)').optional(),
  client_secret: z.string().describe('Accepts `env.NAME`; shown masked').optional(),
  authorize_url: z.url().describe('Its query is kept').optional(),
  token_url: z.url().optional(),
  registration_url: z.url().optional(),
  server_url: z.url().describe('Where discovery begins; `connection_string` when left out').optional(),
  resource: z.string().describe('RFC 8707').optional(),
  scopes: z.array(z.string()).optional(),
  issuer: z.url().describe('The issuer to accept when it is not the one discovery began at').optional(),
});

/** An authorization a person has to finish (CONTRACT §8). */
export const OAuthFlowInitiation = z.object({
  status: z.enum(['pending_oauth']),
  message: z.string(),
  oauth_config_id: z.string(),
  authorize_url: z.url().describe('Where to send the person'),
  expires_at: Time.describe('15 minutes on'),
  mcp_client_id: z.string(),
  complete_url: z.string().describe('To POST once it is authorized'),
  status_url: z.string().describe('To ask meanwhile'),
  next_steps: z.array(z.string()),
});

/** How far an authorization is (CONTRACT §8). */
export const OAuthConfigStatus = z.object({
  id: z.string(),
  status: z.enum(['pending', 'authorized', 'failed', 'expired', 'revoked']),
  error: z.string().optional(),
  created_at: Time,
  expires_at: Time.optional(),
  token_id: z.string().describe('Once authorized').optional(),
  token_expires_at: Time.optional(),
  token_scopes: z.array(z.string()).optional(),
});

/** A token set kept for a server: what may be told of it (CONTRACT §8, `/api/mcp/sessions`). */
export const OAuthToken = z
  .object({
    id: z.string(),
    token_type: z.string(),
    expires_at: Time.optional(),
    scopes: z.array(z.string()).optional(),
    last_refreshed_at: Time.optional(),
  })
  .describe('The tokens themselves never leave the gateway');
