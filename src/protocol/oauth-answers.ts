import * as z from 'zod/mini';

/** Protected resource metadata, RFC 9728 §2. */
export const ProtectedResourceMetadata = z.object({
  resource: z.url().check(z.describe('The resource access tokens are issued for: `/mcp`, or `/mcp/{slug}`')),
  authorization_servers: z.array(z.url()).check(z.describe('Our issuer')),
  scopes_supported: z.array(z.string()),
  bearer_methods_supported: z.array(z.literal('header')),
  resource_name: z.string().check(z.describe('`display_name` of the settings')),
});
export type ProtectedResourceMetadata = z.infer<typeof ProtectedResourceMetadata>;

/** Authorization server metadata, RFC 8414 §2. */
export const AuthorizationServerMetadata = z.object({
  issuer: z.url(),
  authorization_endpoint: z.url(),
  token_endpoint: z.url(),
  registration_endpoint: z.url(),
  revocation_endpoint: z.url(),
  jwks_uri: z.url(),
  response_types_supported: z.array(z.string()),
  grant_types_supported: z.array(z.string()),
  code_challenge_methods_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  revocation_endpoint_auth_methods_supported: z.array(z.string()),
  scopes_supported: z.array(z.string()),
  authorization_response_iss_parameter_supported: z.boolean().check(z.describe('RFC 9207')),
  client_id_metadata_document_supported: z
    .optional(z.boolean())
    .check(z.describe('An https URL serves as `client_id`, without registration; absent: it does not')),
});
export type AuthorizationServerMetadata = z.infer<typeof AuthorizationServerMetadata>;

/** Our own Client ID Metadata Document, towards the providers of servers: members of RFC 7591 §2. */
export const ClientIdMetadataDocument = z.object({
  client_id: z.url().check(z.describe('Its own address')),
  client_name: z.string().check(z.describe('`display_name` of the settings')),
  client_uri: z.url(),
  redirect_uris: z.array(z.url()),
  grant_types: z.array(z.string()),
  response_types: z.array(z.string()),
  token_endpoint_auth_method: z.string(),
  application_type: z.enum(['web', 'native']),
});
export type ClientIdMetadataDocument = z.infer<typeof ClientIdMetadataDocument>;

/** The answer of the token endpoint, RFC 6749 §5.1. */
export const TokenResponse = z.object({
  access_token: z.string().check(z.describe('A JWT (RFC 9068); clients treat it as opaque')),
  token_type: z.enum(['Bearer']),
  expires_in: z.int().check(z.minimum(1), z.describe('Seconds')),
  refresh_token: z.optional(z.string()).check(z.describe('Replaces the one that was sent: keep this one')),
  scope: z.optional(z.string()).check(z.describe('What was granted, separated by blanks')),
});
/** We never leave out what RFC 6749 lets a server leave out. */
export type TokenResponse = Required<z.infer<typeof TokenResponse>>;

/** A refusal of an OAuth endpoint, RFC 6749 §5.2. */
export const OAuthRefusal = z.object({
  error: z.string().check(z.describe('What a client acts on, such as `invalid_grant`')),
  error_description: z.string().check(z.describe('What a developer reads')),
});
