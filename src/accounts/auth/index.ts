import { NOTHING_KEPT } from '../../servers/auth-settings';
import type { Server } from '../../servers/server';
import type { AtProvider, BySample, OwnHeaders, OwnTokens, UpstreamAuth } from './auth';
import { headers } from './headers';
import { none } from './none';
import { oauth } from './oauth';
import { perUserHeaders } from './per-user-headers';
import { perUserOAuth } from './per-user-oauth';
import { tokenExchange } from './token-exchange';

/** Every auth type, by the name the API gives it. A Map, so that `auth_type: "constructor"` finds nothing. */
export const authTypes: ReadonlyMap<string, UpstreamAuth> = new Map<string, UpstreamAuth>([
  ['none', none],
  ['headers', headers],
  ['oauth', oauth],
  ['per_user_oauth', perUserOAuth],
  ['per_user_headers', perUserHeaders],
  ['token_exchange', tokenExchange],
]);

/** The type of a server that says none, and of an address that is asked as a stranger. */
export const DEFAULT_AUTH_TYPE = 'none';

/** A server, as far as its auth type goes. */
type Typed = Pick<Server, 'authType'>;

/** The names of the types that have what is asked for. */
export function authTypesThat(have: (type: UpstreamAuth) => boolean): string[] {
  return [...authTypes].filter(([, type]) => have(type)).map(([name]) => name);
}

/** The members of a server, as the API takes it, that its auth type has. */
export function membersOf({ authType }: Typed): string[] {
  return Object.keys(authTypes.get(authType)?.settings(NOTHING_KEPT).shape ?? {});
}

/** True when everyone sends a credential of their own to this server: what one caller meets says nothing of the others. */
export function isPersonal({ authType }: Typed): boolean {
  return (authTypes.get(authType)?.own ?? null) !== null;
}

/** True when only its callers' own credentials list what this server has. */
export function isListedForAsker({ authType }: Typed): boolean {
  return authTypes.get(authType)?.isListedForAsker ?? false;
}

/** How people connect an account of their own at this server; null: there is nothing to connect. */
export function ownAccountOf({ authType }: Typed): OwnTokens | OwnHeaders | null {
  const own = authTypes.get(authType)?.own ?? null;
  return own?.kind === 'sign_in' ? null : own;
}

/** The form people fill in for this server; null: they fill in none. */
export function ownHeadersOf(server: Typed): OwnHeaders | null {
  const own = ownAccountOf(server);
  return own?.kind === 'headers' ? own : null;
}

/** What a form calls a header that people enter a value for. */
export function labelOf(server: Typed, header: string): string {
  return ownHeadersOf(server)?.fields[header]?.label ?? header;
}

/** What an administrator has to do before callers see this server; null: nothing. */
export function authorizationOf({ authType }: Typed): AtProvider | BySample | null {
  return authTypes.get(authType)?.authorization ?? null;
}
