import * as z from 'zod/mini';
import { IdentityKind } from './identity-kind';
import { Time } from './time';

/** Where someone connects an account again. */
export const Reauthorization = z.object({
  authorize_url: z
    .url()
    .check(z.describe('Opened in a browser; works for whose account it is, for 15 minutes')),
  session_id: z.string(),
  kind: z.enum(['oauth', 'headers']),
});

const Named = z.object({ id: z.string(), name: z.string() });

/** A connected account as answers show it. */
export const ShownAccount = z.object({
  id: z.string(),
  kind: z.enum(['token', 'header', 'flow']).check(z.describe('`flow`: begun, not finished')),
  auth_kind: z.enum(['oauth', 'headers']),
  auth_mode: IdentityKind.check(z.describe('Whose it is: what begins the subject of its owner')),
  user: z.nullable(Named),
  virtual_key: z.nullable(Named),
  mcp_client: z.object({ client_id: z.string(), name: z.string() }),
  status: z
    .enum(['active', 'orphaned', 'suspended', 'pending', 'needs_reauth', 'needs_update'])
    .check(
      z.describe(
        '`orphaned`: whose it is may not use the server now. `suspended`: a setting refuses whose it is; not used until that is undone. `needs_update`: the server wants other headers than the ones held',
      ),
    ),
  expires_at: z.nullable(Time).check(z.describe('Of the access token, or of what was begun')),
  created_at: Time,
  last_refreshed_at: z.nullable(Time),
  updated_at: Time,
  oauth_config_id: z.nullable(z.string()),
  can_reauth: z.boolean().check(z.describe('Whether the caller may have it connected again')),
  token_type: z.nullable(z.string()),
  scopes: z.nullable(z.array(z.string())).check(z.describe('Null: the provider did not say')),
  wanted_scopes: z
    .array(z.string())
    .check(
      z.describe('What the server named when it refused a request (HTTP 403): connecting again asks for it'),
    ),
});
