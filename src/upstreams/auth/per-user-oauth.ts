import type { UpstreamAuth } from './index';
import { ownCredentials } from './own';
import { settingsOf } from './settings';

/** Everyone's own account at the server's provider. The gateway's own only lists what the server has. */
export const perUserOAuth: UpstreamAuth = {
  settings: settingsOf.per_user_oauth,
  isPersonal: true,
  credentials: (connection) => ownCredentials(connection, 'oauth'),
};
