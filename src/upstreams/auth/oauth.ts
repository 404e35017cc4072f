import type { UpstreamAuth } from './index';
import { sharedCredentials } from './own';
import { settingsOf } from './settings';

/** One account for everybody, which an administrator has connected. */
export const oauth: UpstreamAuth = {
  settings: settingsOf.oauth,
  isPersonal: false,
  credentials: sharedCredentials,
};
