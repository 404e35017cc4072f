import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { isElsewhere, isLooking, sendToIssuer } from '../identity/browser-session';
import { OAuthError } from '../protocol/error';

/** The OAuth surface: there only when tokens are taken, and only when we know our own name (CONTRACT §1). */
export const surface = createMiddleware<App>(async (c, next) => {
  const { settings, issuer } = c.var;
  if (settings.mcp_server_auth_mode === 'headers') {
    throw new OAuthError('not_found', 'browser sign-in is off here: mcp_server_auth_mode is headers');
  }
  issuerOf(issuer);
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

/** People's pages, and where apps send people: their cookies are of the issuer's host. Pages of administrators see to it themselves. */
const OF_PEOPLE =
  /^\/($|me(\/|$)|waiting$|connect\/|oauth\/(?!client\.json$)|(oauth2|api\/oauth\/per-user)\/authorize$|authorize$|api\/oauth\/(callback|per-user\/upstream\/authorize)$)/;

/**
 * People's browsers are sent on from other hosts to the issuer's, before anything acts (CONTRACT §1): from the addresses we print
 * (`mcp_external_…_url`), and from the old one after a move. Machines never are, and nothing but GET is.
 */
export const atIssuer = createMiddleware<App>(async (c, next) => {
  if (isLooking(c) && isElsewhere(c) && OF_PEOPLE.test(new URL(c.req.url).pathname)) return sendToIssuer(c);
  await next();
});
