import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { logAct } from '../audit';
import { allowsRedirectUri, parseMetadata } from '../clients/metadata';
import type { RegisteredClient } from '../clients/registered-client';
import { hashAddress, registerClient } from '../clients/store';
import { mayRegister } from '../clients/unallowed';
import { type App, withinLimit } from '../config';
import { hashSecret, randomSecret } from '../crypto/secrets';
import { addressOf } from '../protocol/address';
import { OAuthError } from '../protocol/error';
import { mediaTypeOf } from '../protocol/headers';
import { deeperThan } from '../protocol/mcp';
import { surface } from './surface';

/** Levels of nesting a body may have. */
const MOST_DEPTH = 64;

const tooLarge = () => {
  throw new OAuthError('invalid_client_metadata', 'the body is larger than 16 KiB');
};

/** Dynamic Client Registration, RFC 7591 §3. Open; fetches nothing, and picks its own ids. */
export const register = new Hono<App>()
  .use(surface)
  .post('/', bodyLimit({ maxSize: 16 * 1024, onError: tooLarge }), answer);

async function answer(c: Context<App>): Promise<Response> {
  const address = addressOf(c.req.raw);
  if (!(await withinLimit(c.env, c.env.REGISTRATIONS, address))) {
    throw new OAuthError('slow_down', 'too many registrations from this address: wait a minute');
  }
  const metadata = parseMetadata(await readJson(c));
  const { allowed_redirect_uris: allowed } = c.var.settings.oauth2_server_config;
  const barred = metadata.redirect_uris.find((uri) => !allowsRedirectUri(allowed, uri));
  if (barred) {
    throw new OAuthError(
      'invalid_redirect_uri',
      `redirect_uris: the administrator of this gateway does not allow ${barred}`,
    );
  }

  if (!(await mayRegister(c.env.DB))) {
    throw new OAuthError(
      'temporarily_unavailable',
      'too many apps that no one has allowed yet have registered here: try again in ten minutes',
      { retryAfter: 600 },
    );
  }
  const secret = metadata.token_endpoint_auth_method === 'none' ? null : randomSecret();
  const secretHash = secret && (await hashSecret(secret));
  const now = Math.floor(Date.now() / 1000);
  const addressHash = await hashAddress(c.env.ENCRYPTION_KEY, address);
  const from = { secretHash, addressHash };
  const { clientId, createdAt } = await registerClient(c.env.DB, metadata, from, now);
  logAct(c, { act: 'client.registered', client_id: clientId });

  const credentials = secret ? { client_secret: secret, client_secret_expires_at: 0 } : {};
  const body: RegisteredClient = {
    ...metadata,
    client_id: clientId,
    client_id_issued_at: createdAt,
    ...credentials,
  };
  return c.json(body, 201, { 'cache-control': 'no-store', pragma: 'no-cache' });
}

/** The body as JSON; null for one that is none. @throws OAuthError for another content type and for deep nesting */
async function readJson(c: Context<App>): Promise<unknown> {
  const type = mediaTypeOf(c.req.raw.headers);
  if (type !== 'application/json') {
    throw new OAuthError('invalid_client_metadata', 'send the metadata as application/json', { status: 415 });
  }
  const text = await c.req.text();
  if (deeperThan(text, MOST_DEPTH)) {
    throw new OAuthError('invalid_client_metadata', `the body is nested over ${MOST_DEPTH} levels deep`);
  }
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
