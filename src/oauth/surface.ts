import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { Destination } from '../protocol/destination';
import { OAuthError } from '../protocol/error';
import { sendOn } from '../ui/layout';

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

/**
 * People's browsers are sent on from the other addresses we print (`mcp_external_…_url`) to the issuer's, where their cookies
 * are, before anything acts (CONTRACT §1). Machines never are.
 */
export const atIssuer = createMiddleware<App>(async (c, next) => {
  const { settings, issuer } = c.var;
  const { host, pathname, search } = new URL(c.req.url);
  const printed = [settings.mcp_external_server_url, settings.mcp_external_client_url];
  const isElsewhere =
    issuer && host !== new URL(issuer).host && printed.some((url) => url && new URL(url).host === host);
  if (
    isElsewhere &&
    /^\/($|me(\/|$)|waiting$|connect\/|oauth\/(?!client\.json$)|api\/oauth\/callback$)/.test(pathname)
  ) {
    return sendOn(Destination.own(issuer, pathname + search), [], 302);
  }
  await next();
});
