import { Hono } from 'hono';
import { by } from '../audit';
import { authenticateClient } from '../clients/authenticate';
import type { App } from '../config';
import { verifyAccessToken } from '../crypto/access-tokens';
import { askGrant } from '../grants/store';
import { OAuthError, Unavailable } from '../protocol/error';
import { parseRefreshToken } from './grant-types/refresh-token';
import { issuerOf, surface } from './surface';
import { readForm } from './token';

/**
 * Token revocation, RFC 7009: either token of the asking client ends its grant. Unknown tokens, and those of others, are
 * answered alike with 200 and change nothing.
 */
export const revoke = new Hono<App>().use(surface).post('/', async (c) => {
  const form = await readForm(c);
  if (!form.token) throw new OAuthError('invalid_request', 'token is required');
  const { client } = await authenticateClient(c.env.DB, form, c.req.header('authorization'));

  const grantId = await grantOf(c.env, form.token, client.clientId, issuerOf(c.var.issuer));
  if (grantId) {
    const actor = { ...by(c), actor: 'client' as const };
    const recorded = await askGrant(c.env.GRANTS, grantId, (grant) => grant.end('revoked_by_client', actor));
    if (recorded === false) throw new Unavailable('the grant has ended, but the index could not be told yet');
  }
  return c.body(null, 200, { 'cache-control': 'no-store', pragma: 'no-cache' });
});

/** The grant that `token` belongs to, when it is one of this client's. */
async function grantOf(
  env: App['Bindings'],
  token: string,
  clientId: string,
  issuer: string,
): Promise<string | null> {
  const refresh = parseRefreshToken(token);
  if (refresh) {
    const { n, tag } = refresh;
    const owner = await askGrant(env.GRANTS, refresh.grantId, (grant) => grant.clientOf(n, tag));
    return owner === clientId ? refresh.grantId : null;
  }
  const claims = await verifyAccessToken(env.DB, token, issuer);
  return claims?.client_id === clientId ? claims.grant_id : null;
}
