import { only } from '../../servers/auth-settings';
import type { UpstreamAuth } from './auth';

/** Nothing to send: the same for all, so that headers are made once. */
const NOTHING = { headers: new Headers(), version: '', refused: null };

/** A server anybody may ask. */
export const none: UpstreamAuth = {
  settings: () => only({}),
  own: null,
  authorization: null,
  words: { label: 'None', says: 'it answers anyone', api: 'no one' },
  suits: 'open',
  isProposed: true,
  credentials: async () => NOTHING,
};
