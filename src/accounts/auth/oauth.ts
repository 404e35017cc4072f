import { oauthConfig, only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';
import { sharedCredentials } from './own';

/** One account for everybody, which an administrator has connected. */
export const oauth: UpstreamAuth = {
  settings: (basis) => only({ oauth_config: oauthConfig(basis) }),
  isPersonal: false,
  credentials: sharedCredentials,
};
