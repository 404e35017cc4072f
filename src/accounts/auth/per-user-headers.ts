import * as z from 'zod/mini';
import { overlaid } from '../../protocol/headers';
import { HeaderKeys, only, staticHeaders, UserHeaders } from '../../servers/auth-settings';
import type { Connection, ServerCredentials, UpstreamAuth } from './auth';
import { staticCredentials } from './headers';
import { ownCredentials } from './own';

/** Header values everyone enters for themselves, beside those of the administrator, which never take their place. */
export const perUserHeaders: UpstreamAuth = {
  settings: (basis) =>
    only({
      headers: staticHeaders(basis),
      per_user_header_keys: HeaderKeys,
      user_headers: z.optional(UserHeaders),
    }),
  own: {
    kind: 'headers',
    names: null,
    fields: {},
    trial: credentialsWith,
    words: {
      todo: 'submit the required headers',
      connect: { button: 'Save', at: 'Save for' },
      replace: { button: 'Save', unfold: 'Use another key' },
      buttons: {
        none: 'Enter your key',
        active: 'Use another key',
        needs_reauth: 'Enter your key again',
        needs_update: 'Complete your key',
      },
    },
  },
  authorization: { by: 'sample' },
  words: {
    label: 'Each person enters a key',
    says: 'such as an API key',
    api: 'everyone, with header values of their own',
  },
  suits: 'credentials',

  async credentials(connection) {
    const [common, own] = await Promise.all([
      staticCredentials(connection),
      ownCredentials(connection, 'headers'),
    ]);
    return beside(common, own);
  },
};

/** What would be sent with `values` as the caller's own, before they are stored. */
async function credentialsWith(
  connection: Connection,
  values: Readonly<Record<string, string>>,
): Promise<ServerCredentials> {
  const own = { headers: new Headers(values), version: crypto.randomUUID(), refused: null };
  return beside(await staticCredentials(connection), own);
}

function beside(common: ServerCredentials, own: ServerCredentials): ServerCredentials {
  const { refused } = own;
  return {
    headers: overlaid(common.headers, own.headers),
    version: `${common.version} ${own.version}`,
    refused: refused && (async () => beside(common, await refused(null))),
  };
}
