import { headers } from './headers';
import { none } from './none';
import type { AuthSettings, Basis } from './settings';

/** What an auth type knows of the server it makes headers for. */
export type Connection = {
  serverId: string;
  /** Where the credentials may go: an origin, nothing else. */
  origin: string;
  /** Sealed, as the `server` table keeps them; null when there are none. */
  sealedHeaders: string | null;
  /** The value of `ENCRYPTION_KEY`. */
  keys: string;
  /** The Worker's variables and secrets, for values written `env.NAME`. */
  variables: Readonly<Record<string, unknown>>;
};

/** Why a server cannot be asked, in words for its administrator and callers. */
type Refused = { refused: string };

/** How requests to a server are authenticated (`auth_type`, CONTRACT §7). */
export type UpstreamAuth = {
  /** The members of a server, as the API takes it, that depend on its auth type. */
  settings(basis: Basis): AuthSettings;
  /** The headers that authenticate a request to the server. */
  headers(connection: Connection): Promise<Headers | Refused>;
};

/** Every auth type, by the name the API gives it. A Map, so that `auth_type: "constructor"` finds nothing. */
export const authTypes: ReadonlyMap<string, UpstreamAuth> = new Map([
  ['none', none],
  ['headers', headers],
]);
