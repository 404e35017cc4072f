import type { Server } from '../../servers/server';
import type { UpstreamAuth } from './auth';
import { headers } from './headers';
import { none } from './none';
import { oauth } from './oauth';
import { perUserHeaders } from './per-user-headers';
import { perUserOAuth } from './per-user-oauth';
import { tokenExchange } from './token-exchange';

/** Every auth type, by the name the API gives it. A Map, so that `auth_type: "constructor"` finds nothing. */
export const authTypes: ReadonlyMap<string, UpstreamAuth> = new Map([
  ['none', none],
  ['headers', headers],
  ['oauth', oauth],
  ['per_user_oauth', perUserOAuth],
  ['per_user_headers', perUserHeaders],
  ['token_exchange', tokenExchange],
]);

/** True when everyone sends a credential of their own to this server. */
export function isPersonal({ authType }: Pick<Server, 'authType'>): boolean {
  return authTypes.get(authType)?.isPersonal ?? false;
}

/** True when only its callers' own credentials list what this server has. */
export function isListedForAsker({ authType }: Pick<Server, 'authType'>): boolean {
  return authTypes.get(authType)?.isListedForAsker ?? false;
}
