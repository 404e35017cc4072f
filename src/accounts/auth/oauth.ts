import { oauthConfig, only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';
import { sharedCredentials } from './own';

/** One account for everybody, which an administrator has connected. */
export const oauth: UpstreamAuth = {
  settings: (basis) => only({ oauth_config: oauthConfig(basis) }),
  own: null,
  authorization: {
    by: 'provider',
    words: {
      api: 'everybody will act with this account',
      page: 'Everybody acts with the account you choose there.',
      connected: '',
    },
  },
  words: {
    label: 'Shared account',
    says: 'You authorize it once, at its provider; everybody acts with that account.',
    api: 'the administrator, once',
  },
  suits: 'oauth',
  credentials: sharedCredentials,
};
