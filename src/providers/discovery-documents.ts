import * as z from 'zod/mini';

/** The last choice of a union: what fits nothing else counts as null. (`z.catch` would bring 2 KiB along.) */
export const AsNull = z.pipe(
  z.unknown(),
  z.transform(() => null),
);

/** A member that may be left out: an odd one counts as left out, and costs the document nothing else. */
const optional = <T extends z.ZodMiniType>(schema: T) => z.union([z.nullish(schema), AsNull]);
const address = z.string().check(z.minLength(1), z.maxLength(2000));
const texts = z.array(z.string());

/** Members of protected resource metadata that are used (RFC 9728 §2). */
export const ResourceMetadata = z.object({
  resource: z.string().check(z.maxLength(2000)),
  authorization_servers: z.nullish(z.array(z.string().check(z.maxLength(2000)))),
  scopes_supported: optional(texts),
});
export type ResourceMetadata = z.infer<typeof ResourceMetadata>;

/** Members of authorization server metadata that are used (RFC 8414 §2; OpenID Connect Discovery §3 names them alike). */
export const ServerMetadata = z.object({
  issuer: address,
  authorization_endpoint: address,
  token_endpoint: address,
  registration_endpoint: optional(address),
  revocation_endpoint: optional(address),
  userinfo_endpoint: optional(address),
  scopes_supported: optional(texts),
  code_challenge_methods_supported: optional(texts),
  token_endpoint_auth_methods_supported: optional(texts),
  authorization_response_iss_parameter_supported: optional(z.boolean()),
  client_id_metadata_document_supported: optional(z.boolean()),
  /** Entra's own: which cloud of Microsoft's it is. */
  cloud_instance_name: optional(z.string()),
});
export type ServerMetadata = z.infer<typeof ServerMetadata>;

/** What a server's refusal says (RFC 9728 §5.1, RFC 6750 §3). */
export type ServerChallenge = { resourceMetadata: string | null; scopes: string[] | null };

export const NO_CHALLENGE: ServerChallenge = { resourceMetadata: null, scopes: null };

export function challengeOf(header: string): ServerChallenge {
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, bare] of header.matchAll(PARAMETER)) {
    const value = quoted?.replace(/\\(.)/g, '$1') || bare;
    if (value && !parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
  const scope = parameters.get('scope');
  const scopes = scope === undefined ? null : wellFormed(scope.split(' '));
  return { resourceMetadata: parameters.get('resource_metadata') ?? null, scopes };
}

/** An authentication parameter, whole: what stands in the quotes of another is none (RFC 9110 §11.2). */
const PARAMETER = /(?<=^|[\s,])([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** Scope tokens (RFC 6749 §3.3) that can be asked for. */
export function wellFormed(scopes: string[]): string[] {
  return scopes.filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(scope)).slice(0, 100);
}

/** A path as it stands behind a well-known one; empty for the root. */
export function pathWithin(pathname: string): string {
  return pathname.replace(/\/$/, '');
}

export const ROOT = (origin: string) => `${origin}/.well-known/oauth-authorization-server`;

/** Where an issuer's metadata may be (RFC 8414 §§3.1, 5; OpenID Connect Discovery §4.1), and at its root. */
export function documentsOf(issuer: string, atRoot: boolean): Set<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathWithin(pathname);
  return new Set([
    ROOT(origin) + path,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
    ...(atRoot ? [ROOT(origin)] : []),
  ]);
}

/** The same issuer, but for one trailing slash, which libraries put behind a bare host. */
export function isSame(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '');
}

/** True when `resource` names the server at `serverUrl` or a place it lies within: many name their origin alone. */
export function covers(resource: string, serverUrl: string): boolean {
  if (!URL.canParse(resource)) return false;
  const described = new URL(resource);
  const server = new URL(serverUrl);
  return (
    described.origin === server.origin &&
    !described.hash &&
    `${pathWithin(server.pathname)}/`.startsWith(`${pathWithin(described.pathname)}/`)
  );
}
