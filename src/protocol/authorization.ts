import { Destination } from './destination';
import { OAuthError } from './error';
import type { Params } from './params';

/** Scopes the gateway knows, widest first: `mcp` is the other two together (CONTRACT §2). */
export const SCOPES = ['mcp', 'mcp:read', 'mcp:write'] as const;

/** What a resource of this gateway may be called under `/mcp/`. */
export const SLUG = /^[a-z0-9](?:[a-z0-9\-]{0,62}[a-z0-9])?$/v;

/** The address under `/mcp/` made from a name; empty when nothing of it can stand there. */
export function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replace(/^-|-$/g, '');
}

/** The scopes of `scope` that the gateway knows, in order, each once; empty when there is none. */
export function scopesKnown(scope: string): string {
  const known = scope.split(/\s+/).filter((item) => (SCOPES as readonly string[]).includes(item));
  return [...new Set(known)].join(' ');
}

/** True when `scope` covers `needed`. */
export function covers(scope: string, needed: 'mcp:read' | 'mcp:write'): boolean {
  return scope.split(' ').some((item) => item === needed || item === 'mcp');
}

/**
 * The scope to grant when `asked` may not be wider than `allowed`; unknown scopes are dropped, none left is `allowed`.
 * @throws OAuthError `invalid_scope` when it is wider.
 */
export function narrowScope(asked: string | undefined, allowed: string): string {
  const scope = scopesKnown(asked ?? '') || allowed;
  for (const half of ['mcp:read', 'mcp:write'] as const) {
    if (covers(scope, half) && !covers(allowed, half)) {
      throw new OAuthError('invalid_scope', `the scope is wider than ${allowed}`);
    }
  }
  return scope;
}

/** What of `scope` is within `limit`: all of it as it is, one half of it, or nothing, which is empty. */
export function scopeWithin(scope: string, limit: string): string {
  const halves = (['mcp:read', 'mcp:write'] as const).filter((half) => covers(scope, half));
  const left = halves.filter((half) => covers(limit, half));
  return left.length === halves.length ? scope : left.join(' ');
}

/**
 * The canonical form of a resource indicator (RFC 8707): `<issuer>/mcp` or `<issuer>/mcp/<slug>`. The issuer itself and
 * none mean `/mcp`; case of scheme and host and one trailing slash are forgiven. Null for anything else.
 */
export function canonicalResource(asked: string | undefined, issuer: string): string | null {
  if (asked === undefined) return `${issuer}/mcp`;
  const [, origin = '', path = ''] = /^([a-z]+:\/\/[^/?#\\]+)([^?#\\]*)$/i.exec(asked) ?? [];
  if (!URL.canParse(origin) || new URL(origin).origin !== issuer || /@/.test(origin)) return null;
  const trimmed = path.replace(/\/$/, '');
  if (trimmed === '' || trimmed === '/mcp') return `${issuer}/mcp`;
  const [, slug = ''] = /^\/mcp\/([^/]+)$/.exec(trimmed) ?? [];
  return SLUG.test(slug) ? `${issuer}/mcp/${slug}` : null;
}

/** True when a canonical resource is one of this issuer's. */
export function isUnder(resource: string, issuer: string): boolean {
  return resource === `${issuer}/mcp` || resource.startsWith(`${issuer}/mcp/`);
}

/** A valid authorization request (RFC 6749 §4.1.1, RFC 7636, RFC 8707), its redirect URI already known good. */
export type AuthorizationRequest = {
  clientId: string;
  redirectUri: string;
  state?: string;
  scope: string;
  resource: string;
  codeChallenge: string;
};

/**
 * Reads what is left of an authorization request once client and redirect URI are known good.
 * @param registeredScope the widest scope this client may ask for.
 * @throws OAuthError to be sent to the redirect URI.
 */
export function parseAuthorizationRequest(
  params: Params,
  { clientId, redirectUri }: { clientId: string; redirectUri: string },
  registeredScope: string,
  issuer: string,
): AuthorizationRequest {
  if ((params.state?.length ?? 0) > 2000)
    throw new OAuthError('invalid_request', 'state is longer than 2000 characters');
  if (!params.response_type) throw new OAuthError('invalid_request', 'response_type is required');
  if (params.response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'response_type must be code');
  if (params.request || params.request_uri)
    throw new OAuthError('invalid_request', 'request objects are not supported');
  if (!params.code_challenge) throw new OAuthError('invalid_request', 'code_challenge is required');
  if (params.code_challenge_method !== 'S256')
    throw new OAuthError('invalid_request', 'code_challenge_method must be S256');
  if (!/^[A-Za-z0-9_-]{43}$/.test(params.code_challenge)) {
    throw new OAuthError('invalid_request', 'code_challenge is not a base64url SHA-256');
  }
  const scope = narrowScope(params.scope, registeredScope);
  const resource = canonicalResource(params.resource, issuer);
  if (!resource) throw new OAuthError('invalid_target', `resource must be ${issuer}/mcp or below it`);
  if (params.prompt?.split(' ').includes('none')) {
    throw new OAuthError('interaction_required', 'a person must decide on this request every time');
  }
  return {
    clientId,
    redirectUri,
    state: params.state,
    scope,
    resource,
    codeChallenge: params.code_challenge,
  };
}

/** The redirect that carries an authorization response, with `state` and `iss` (RFC 6749 §4.1.2, RFC 9207). */
export function authorizationResponse(
  redirectUri: string,
  state: string | undefined,
  issuer: string,
  parameters: Record<string, string>,
): Destination {
  const query = new URLSearchParams({
    ...parameters,
    ...(state === undefined ? {} : { state }),
    iss: issuer,
  });
  return Destination.client(redirectUri, query);
}
