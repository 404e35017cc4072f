import type { AuthMethod } from './oauth-config';
import type { Sealed } from './oauth-config-store';

/** A server's provider with our client there: all that authorizing, redeeming and refreshing take. */
export type Provider = {
  oauthConfigId: string;
  /** Null: an administrator named the endpoints, and nobody an issuer. */
  issuer: string | null;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  /** RFC 7009; null: it has none. */
  revocationEndpoint: string | null;
  /** The token endpoint's host when it is not the issuer's: shown before the first use. */
  tokenHost: string | null;
  /** Every answer of its authorization endpoint names it (RFC 9207). */
  promisesIss: boolean;
  /** What `resource` says in requests (RFC 8707); null: it is not sent. */
  resource: string | null;
  /** What is asked for; empty: nothing is named. */
  scopes: string[];
  client: ProviderClient;
};

/** Who the gateway is to a provider. */
type ProviderClient = {
  clientId: string;
  /** `administrator`: registered by hand. `document`: described by our metadata document. */
  from: 'administrator' | 'document' | 'registration';
  authMethod: AuthMethod;
  /** Null for public clients. */
  secret: Sealed | null;
};

/** Why nobody can be sent to a server's provider, in words for the administrator. */
export class ProviderProblem extends Error {
  override readonly name = 'ProviderProblem';

  constructor(
    /** `unavailable` passes by itself; the others wait for an administrator. */
    readonly type: 'registration_unavailable' | 'discovery_failed' | 'issuer_mismatch' | 'unavailable',
    message: string,
    /** What was tried, in order, a sentence each. */
    readonly tried: readonly string[],
    /** To be pasted where an app is registered by hand. */
    readonly redirectUri: string,
    /** What `oauth_config.issuer` must be set to if the issuer found is to be accepted; null: that is not the problem. */
    readonly offeredIssuer: string | null = null,
  ) {
    super(message);
  }
}
