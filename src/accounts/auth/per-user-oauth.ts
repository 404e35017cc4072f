import { oauthConfig, only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';
import { ownCredentials } from './own';

/** Everyone's own account at the server's provider. The gateway's own only lists what the server has. */
export const perUserOAuth: UpstreamAuth = {
  settings: (basis) => only({ oauth_config: oauthConfig(basis) }),
  isPersonal: true,
  credentials: (connection) => ownCredentials(connection, 'oauth'),
};
