import * as z from 'zod/mini';
import { authTypes } from '../../accounts/auth/index';
import { oauthConfigMembers } from '../../servers/oauth-config';
import { ShownAccount } from '../api/answers/connected-account';

/** How requests to a server are authenticated (CONTRACT §7): what the registry knows. */
export const MCPAuthType = z.lazy(() => {
  const each = [...authTypes].map(([name, { words }]) => `\`${name}\`: ${words.api}`);
  return z.enum([...authTypes.keys()]).check(z.describe(`Who authenticates to a server. ${each.join('; ')}`));
});

/** `oauth_config` of a server. */
export const OAuthConfigRequest = oauthConfigMembers(false);

/** What is told of a token set, as `/api/mcp/sessions` lists it among other things. */
export const OAuthToken = z
  .pick(ShownAccount, {
    id: true,
    token_type: true,
    expires_at: true,
    scopes: true,
    last_refreshed_at: true,
  })
  .check(z.describe('The tokens themselves never leave the gateway'));
