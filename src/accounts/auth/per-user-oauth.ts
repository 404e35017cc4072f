import { oauthConfig, only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';
import { ownCredentials } from './own';

/** Everyone's own account at the server's provider. The gateway's own only lists what the server has. */
export const perUserOAuth: UpstreamAuth = {
  settings: (basis) => only({ oauth_config: oauthConfig(basis) }),
  own: {
    kind: 'oauth',
    words: {
      todo: 'connect your account',
      connect: { button: 'Connect', at: 'Connect your account at' },
      replace: { button: 'Continue', unfold: 'Use another account' },
      buttons: {
        none: 'Connect',
        active: 'Use another account',
        needs_reauth: 'Sign in again',
        needs_update: 'Sign in again',
      },
    },
  },
  authorization: {
    by: 'provider',
    words: {
      api: 'this account only lists the tools, and everyone else connects their own',
      page: 'Your account only lists its tools. Everyone else connects their own.',
      connected: 'listing tools only. Everyone else connects their own.',
    },
  },
  words: {
    label: 'Each person signs in',
    says: 'with their own account',
    api: 'everyone, with an account of their own at its provider',
  },
  suits: 'oauth',
  isProposed: true,
  credentials: (connection) => ownCredentials(connection, 'oauth'),
};
