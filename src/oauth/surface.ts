import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { OAuthError } from '../protocol/error';

/** The OAuth surface: there only when tokens are taken, and only when we know our own name (CONTRACT §1). */
export const surface = createMiddleware<App>(async (c, next) => {
  if (c.var.settings.mcp_server_auth_mode === 'headers') {
    throw new OAuthError('not_found', 'browser sign-in is off here: mcp_server_auth_mode is headers');
  }
  issuerOf(c.var.issuer);
  await next();
});

/** Our issuer. @throws OAuthError 503, saying how to set it, while it is not set. */
export function issuerOf(issuer: string | null): string {
  if (issuer) return issuer;
  throw new OAuthError(
    'temporarily_unavailable',
    'issuer_url is not set: PUT /api/config {oauth2_server_config: {issuer_url, confirm: true}}, or run npm run deploy',
  );
}
