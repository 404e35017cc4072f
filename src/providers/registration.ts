import * as z from 'zod/mini';
import { boundedFetch } from '../identity/provider';
import type { ClientIdMetadataDocument } from '../protocol/oauth-answers';
import { isLoopback } from '../protocol/public-url';
import type { AuthMethod, Discovered, OwnClient } from '../servers/oauth-config';
import type { Settings } from '../settings';
import { AsNull } from './discovery-documents';

/** Who the gateway says it is to providers it never met. */
export type Introduction = {
  displayName: string;
  redirectUri: string;
  /** Of our Client ID Metadata Document; null: providers could not fetch it. */
  documentUrl: string | null;
};

/** Where every provider sends its people back. */
export function redirectUriOf(settings: Settings, issuer: string): string {
  return `${settings.mcp_external_client_url ?? issuer}/api/oauth/callback`;
}

/** Where our Client ID Metadata Document is: on the same host, which is what providers may ask. */
export function documentUrlOf(settings: Settings, issuer: string): string {
  return `${settings.mcp_external_client_url ?? issuer}/oauth/client.json`;
}

/** @param issuer ours */
export function introductionOf(settings: Settings, issuer: string): Introduction {
  const documentUrl = documentUrlOf(settings, issuer);
  const isThere = documentUrl.startsWith('https:') && settings.mcp_server_auth_mode !== 'headers';
  return {
    displayName: settings.display_name,
    redirectUri: redirectUriOf(settings, issuer),
    documentUrl: isThere ? documentUrl : null,
  };
}

/** Our metadata as a client (RFC 7591 §2), public or with the method a provider asks for. */
export function ourMetadata(
  introduction: Introduction,
  authMethod: AuthMethod = 'none',
): Omit<ClientIdMetadataDocument, 'client_id'> {
  const { displayName, redirectUri } = introduction;
  const { origin, hostname } = new URL(redirectUri);
  return {
    client_name: displayName,
    client_uri: origin,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: authMethod,
    // MCP 2026-07-28, Application Type and Redirect URI Constraints
    application_type: isLoopback(hostname) ? 'native' : 'web',
  };
}

/** What a registration answers, in as far as it is used (RFC 7591 §3.2.1). */
const Registered = z.object({
  client_id: z.string().check(z.regex(/^[\x20-\x7e]{1,2000}$/)),
  client_secret: z.nullish(z.string().check(z.regex(/^[\x20-\x7e]{0,2000}$/))),
  client_secret_expires_at: z.union([z.nullish(z.number()), AsNull]),
  token_endpoint_auth_method: z.nullish(z.string()),
});

/**
 * Registers the gateway with a provider (RFC 7591 §3).
 * @returns the client and its secret, or a word on why there is none. @throws Unavailable for faults that pass.
 */
export async function register(
  allowLoopback: boolean,
  introduction: Introduction,
  { registrationEndpoint, authMethods }: Discovered & { registrationEndpoint: string },
  scopes: readonly string[],
): Promise<{ client: OwnClient; secret: string | null } | { refused: string }> {
  const wanted = preferred(authMethods);
  if (!wanted) return { refused: 'takes no clients without keys or certificates of their own' };
  const metadata = {
    ...ourMetadata(introduction, wanted),
    ...(scopes.length && { scope: scopes.join(' ') }),
  };
  const response = await boundedFetch(allowLoopback, 'the registration endpoint')(registrationEndpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(metadata),
  });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) return { refused: `answered ${response.status}${codeIn(answer)}` };

  const registered = Registered.safeParse(answer);
  if (!registered.success) return { refused: 'answered with something that is not a registration' };
  const {
    client_id,
    client_secret_expires_at: expiresAt,
    token_endpoint_auth_method: said,
  } = registered.data;
  const secret = registered.data.client_secret || null; // some write an empty one for none
  const authMethod = secret === null && !said ? 'none' : methodOf(said, wanted);
  if (!authMethod) return { refused: 'asks for keys or certificates of our own' };
  const registeredAt = Math.floor(Date.now() / 1000);
  const client: OwnClient = {
    clientId: client_id,
    from: 'registration',
    authMethod,
    ...(secret !== null && !said && { isMethodUnsaid: true }),
    redirectUri: introduction.redirectUri,
    secretExpiresAt: secret && expiresAt && expiresAt > registeredAt ? expiresAt : null, // an end that is over is none
    registeredAt,
  };
  return { client, secret };
}

const METHODS: readonly AuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post'];

/** How we would authenticate: as what every MCP client is, a public client with PKCE, else with a secret (RFC 8414 §2). */
function preferred(offered: readonly string[] | null): AuthMethod | null {
  return METHODS.find((method) => (offered ?? ['client_secret_basic']).includes(method)) ?? null;
}

/**
 * What the provider made of the method we wanted; null: nothing we do. A secret that comes unasked and without a word is sent
 * in the default way (RFC 7591 §2).
 */
function methodOf(said: string | null | undefined, wanted: AuthMethod): AuthMethod | null {
  if (!said) return wanted === 'none' ? 'client_secret_basic' : wanted;
  return METHODS.find((method) => method === said) ?? null;
}

function codeIn(answer: unknown): string {
  const { error } = (answer ?? {}) as { error?: unknown };
  return typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? ` (${error})` : '';
}
