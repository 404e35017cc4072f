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
      api: 'this account only lists the tools, and everybody else connects their own',
      page: 'Your account only lists its tools; everybody else connects their own.',
      connected: 'It only lists the tools; everybody else has their own.',
    },
  },
  words: {
    label: 'Everyone’s own account',
    says: 'Everybody connects their own at its provider. You authorize it too, to see its tools.',
    api: 'everyone, with an account of their own at its provider',
  },
  suits: 'oauth',
  isProposed: true,
  credentials: (connection) => ownCredentials(connection, 'oauth'),
};
