import * as z from 'zod/mini';
import { Time } from './time';

/** An authorization an administrator has to finish in a browser (CONTRACT §8). */
export const OAuthFlowInitiation = z.object({
  status: z.enum(['pending_oauth']),
  message: z.string(),
  oauth_config_id: z.string(),
  authorize_url: z.url().check(z.describe('Where to send the person')),
  expires_at: Time.check(z.describe('15 minutes on')),
  mcp_client_id: z.string(),
  complete_url: z.string().check(z.describe('To POST once it is authorized')),
  status_url: z.string().check(z.describe('To ask meanwhile')),
  next_steps: z.array(z.string()),
});

/** The same, after the gateway has registered with the provider again. */
export const Reregistration = z.extend(OAuthFlowInitiation, {
  registered_client_id: z.string().check(z.describe('The new one')),
  previous_client_id: z.string(),
});
