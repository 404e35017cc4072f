import * as z from 'zod/mini';
import type { UpstreamAuth } from '../../../src/accounts/auth/auth';
import { ownCredentials } from '../../../src/accounts/auth/own';
import { only, UserHeaders } from '../../../src/servers/auth-settings';

/** A PIN that everyone enters for themselves and that goes out in a header. */
export const pin: UpstreamAuth = {
  settings: () => only({ user_headers: z.optional(UserHeaders) }),
  own: {
    kind: 'headers',
    names: ['x-pin'],
    fields: { 'x-pin': { label: 'PIN', hint: 'The four digits from your letter.' } },
    trial: async (_, values) => ({
      headers: new Headers(values),
      version: crypto.randomUUID(),
      refused: null,
    }),
    words: {
      todo: 'enter your PIN',
      connect: { button: 'Save the PIN', at: 'Save the PIN for' },
      replace: { button: 'Save the new PIN', unfold: 'Change the PIN' },
      buttons: {
        none: 'Enter the PIN',
        active: 'Change the PIN',
        needs_reauth: 'Enter the PIN again',
        needs_update: 'Enter the PIN again',
      },
    },
  },
  authorization: { by: 'sample' },
  words: {
    label: 'Everyone’s PIN',
    says: 'the one they were sent',
    api: 'everyone, with a PIN',
  },
  suits: 'credentials',
  credentials: (connection) => ownCredentials(connection, 'headers'),
};
