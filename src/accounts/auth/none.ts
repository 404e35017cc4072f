import { only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';

/** A server anybody may ask. */
export const none: UpstreamAuth = {
  settings: () => only({}),
  isPersonal: false,
  credentials: async () => ({ headers: new Headers(), version: '', refused: null }),
};
