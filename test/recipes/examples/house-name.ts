import type { UpstreamAuth } from '../../../src/accounts/auth/auth';
import { only } from '../../../src/servers/auth-settings';

/** The gateway says its name, the same for everyone. */
export const houseName: UpstreamAuth = {
  settings: () => only({}),
  own: null,
  authorization: null,
  words: {
    label: 'The name of the house',
    says: 'the gateway says it',
    api: 'the gateway, by its name',
  },
  suits: 'credentials',
  credentials: async () => ({
    headers: new Headers({ 'x-house': 'toolgate' }),
    version: 'toolgate',
    refused: null,
  }),
};
