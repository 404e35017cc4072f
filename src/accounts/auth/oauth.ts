import { oauthConfig, only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';
import { sharedCredentials } from './own';

/** One account for everyone, which an administrator has connected. */
export const oauth: UpstreamAuth = {
  settings: (basis) => only({ oauth_config: oauthConfig(basis) }),
  own: null,
  authorization: {
    by: 'provider',
    words: {
      api: 'everyone will act with this account',
      page: 'Everyone acts with the account you choose there.',
      connected: 'every call',
    },
  },
  words: {
    label: 'One shared account',
    says: 'you sign in once',
    api: 'the administrator, once',
  },
  suits: 'oauth',
  credentials: sharedCredentials,
};
