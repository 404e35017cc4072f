import { type Context, Hono } from 'hono';
import { audit } from '../audit';
import { authenticateClient } from '../clients/authenticate';
import { type App, signingSetup } from '../config';
import { signingKey } from '../crypto/signing-keys';
import { log } from '../log';
import { measure } from '../metrics';
import { addressOf } from '../protocol/address';
import { OAuthError } from '../protocol/error';
import { mediaTypeOf } from '../protocol/headers';
import { type Params, params, readBody } from '../protocol/params';
import { grantTypes } from './grant-types';
import { issuerOf, surface } from './surface';

/** The token endpoint, RFC 6749 §3.2: shape first, then the client, then the grant type. */
export const token = new Hono<App>().use(surface).post('/', async (c) => {
  const form = await readForm(c);
  if (!form.grant_type) throw new OAuthError('invalid_request', 'grant_type is required');
  const grantType = grantTypes.get(form.grant_type);
  if (!grantType)
    throw new OAuthError(
      'unsupported_grant_type',
      `grant_type must be ${[...grantTypes.keys()].join(' or ')}`,
    );

  const { settings, issuer, requestId } = c.var; // once: Hono makes the object each time
  const { client, beside: indexed } = await authenticateClient(
    c.env.DB,
    form,
    c.req.header('authorization'),
    grantType.grantOf?.(form, c.env.DB, settings),
  );
  await signingKey(signingSetup(c.env, settings)); // what follows a spent code cannot fail for want of one
  const answer = await grantType.answer(form, {
    client,
    indexed,
    env: c.env,
    settings,
    issuer: issuerOf(issuer),
    requestId,
    address: addressOf(c.req.raw),
    later: (work) => c.executionCtx.waitUntil(work),
    audit: (act) => audit(c, act, 'client'),
  });
  log('token.issued', { request_id: requestId, client_id: client.clientId, grant_type: form.grant_type });
  const { METRICS } = c.env;
  if (METRICS) measure(METRICS, { event: 'token', server: '', item: form.grant_type, outcome: 'issued' });
  return c.json(answer, 200, { 'cache-control': 'no-store', pragma: 'no-cache' });
});

/** The form of a token or revocation request. @throws OAuthError `invalid_request` for any other body. */
export async function readForm(c: Context<App>): Promise<Params> {
  if (mediaTypeOf(c.req.raw.headers) !== 'application/x-www-form-urlencoded') {
    throw new OAuthError('invalid_request', 'the body must be application/x-www-form-urlencoded');
  }
  const body = await readBody(c.req.raw, 16 * 1024);
  if (body === null) throw new OAuthError('invalid_request', 'the body is larger than 16 KiB');
  return params(new URLSearchParams(body));
}
