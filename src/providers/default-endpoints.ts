import type { Configured, Discovered } from '../servers/oauth-config';

/** How clients authenticate, by the documentation of providers without metadata. */
export const UNDOCUMENTED = ['none', 'client_secret_post'];

/**
 * A server that is its own authorization server and describes nothing (MCP 2025-03-26, Fallbacks for Servers without Metadata
 * Discovery): what an administrator set of its endpoints, else the default ones at its origin.
 */
export function defaultEndpoints(
  serverUrl: string,
  { authorize_url, token_url, registration_url }: Configured,
  scopes: string[] | null,
): Discovered {
  const { origin } = new URL(serverUrl);
  return {
    issuer: origin,
    authorizationEndpoint: authorize_url ?? `${origin}/authorize`,
    tokenEndpoint: token_url ?? `${origin}/token`,
    tokenHost: null,
    registrationEndpoint: registration_url ?? `${origin}/register`,
    revocationEndpoint: null,
    authMethods: UNDOCUMENTED,
    promisesIss: false,
    takesDocuments: false,
    offersOfflineAccess: false,
    resource: null,
    scopes,
    isUndescribed: true,
    at: Math.floor(Date.now() / 1000),
  };
}
