import { Hono } from 'hono';
import { type App, signingSetup } from '../config';
import { publicKeys } from '../crypto/signing-keys';
import { SCOPES, SLUG } from '../protocol/authorization';
import { OAuthError } from '../protocol/error';
import type { AuthorizationServerMetadata, ProtectedResourceMetadata } from '../protocol/oauth-answers';
import { grantTypes } from './grant-types';
import { issuerOf, surface } from './surface';

/** Discovery documents: RFC 9728, RFC 8414, RFC 7517. They name only what exists. */
export const discovery = new Hono<App>()
  .use(surface)
  .get('/oauth-protected-resource/:path{.+}?', (c) => {
    const issuer = issuerOf(c.var.issuer);
    return c.json({
      resource: issuer + resourcePath(c.req.param('path')),
      authorization_servers: [issuer],
      scopes_supported: ['mcp:read', 'mcp:write'],
      bearer_methods_supported: ['header'],
      resource_name: c.var.settings.display_name,
    } satisfies ProtectedResourceMetadata);
  })
  .get('/oauth-authorization-server/:path{.+}?', (c) => {
    const issuer = issuerOf(c.var.issuer);
    resourcePath(c.req.param('path'));
    return c.json({
      issuer,
      authorization_endpoint: `${issuer}/oauth2/authorize`,
      token_endpoint: `${issuer}/oauth2/token`,
      registration_endpoint: `${issuer}/oauth2/register`,
      revocation_endpoint: `${issuer}/oauth2/revoke`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ['code'],
      grant_types_supported: [...grantTypes.keys()],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
      scopes_supported: [...SCOPES],
      authorization_response_iss_parameter_supported: true,
      ...(c.var.settings.oauth2_server_config.client_id_metadata_documents && {
        client_id_metadata_document_supported: true,
      }),
    } satisfies AuthorizationServerMetadata);
  })
  .get('/jwks.json', async (c) => {
    const isLookedAt = c.req.method === 'HEAD'; // it makes no first key
    const keys = isLookedAt ? [] : await publicKeys(signingSetup(c.env, c.var.settings));
    return c.json({ keys }, 200, { 'cache-control': 'public, max-age=300' });
  });

/** The path of a resource of this gateway: `/mcp` or `/mcp/<slug>`, whether or not anything answers there. */
function resourcePath(path: string | undefined): string {
  if (path === undefined || path === 'mcp') return '/mcp';
  const [, slug = ''] = /^mcp\/([^/]+)$/.exec(path) ?? [];
  if (!SLUG.test(slug)) throw new OAuthError('not_found', 'there is no such document here');
  return `/mcp/${slug}`;
}
