import type { UpstreamAuth } from './index';
import { settingsOf } from './settings';

/** A server anybody may ask. */
export const none: UpstreamAuth = {
  settings: settingsOf.none,
  isPersonal: false,
  credentials: async () => ({ headers: new Headers(), version: '', refused: null }),
};
