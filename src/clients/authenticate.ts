import { equalSecrets, hashSecret } from '../crypto/secrets';
import { ask, askAsOne, known, type Question } from '../database';
import { OAuthError } from '../protocol/error';
import { isPassing } from '../protocol/faults/storage';
import type { Params } from '../protocol/params';
import { type Client, clientQuestion } from './store';

/**
 * The client that sent a token or revocation request (RFC 6749 §2.3): by HTTP Basic, by `client_secret` in the form, or,
 * for a public client, by its `client_id` alone. Unknown and wrong are answered alike.
 * @param beside asked of D1 in the same round trip
 * @throws OAuthError `invalid_client` (401), or `invalid_request` for two methods at once or none.
 */
export async function authenticateClient<Beside = null>(
  db: D1Database,
  form: Params,
  authorization: string | undefined,
  beside: Question<Beside | null> = known(null),
): Promise<{ client: Client; beside: Beside | null }> {
  const basic = authorization === undefined ? null : parseBasic(authorization);
  if (basic && form.client_secret)
    throw new OAuthError('invalid_request', 'use one client authentication method, not two');
  if (basic && form.client_id && form.client_id !== basic.id) {
    throw new OAuthError(
      'invalid_request',
      'client_id differs from the user name of the Authorization header',
    );
  }
  const clientId = basic?.id ?? form.client_id;
  if (!clientId) throw new OAuthError('invalid_request', 'client_id is required');

  const [client, answer] = await askBeside(db, clientQuestion(db, clientId), beside);
  const secret = basic?.secret ?? form.client_secret ?? '';
  if (!client || (client.secretHash && !equalSecrets(client.secretHash, await hashSecret(secret)))) {
    throw new OAuthError('invalid_client', 'this client is not registered here, or its secret is wrong');
  }
  return { client, beside: answer };
}

/** Both answers; null for the second where D1 has the first and not that. */
async function askBeside<A, B>(
  db: D1Database,
  first: Question<A>,
  second: Question<B>,
): Promise<readonly [A, B | null]> {
  try {
    return await askAsOne(db, first, second);
  } catch (error) {
    if (!second.statements.length || isPassing(error)) throw error;
    return ask(db, first, known(null));
  }
}

/** HTTP Basic with form-encoded halves (RFC 6749 §2.3.1). */
function parseBasic(authorization: string): { id: string; secret: string } {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization) ?? [];
  const [, id, secret] = /^([^:]*):([\s\S]*)$/.exec(encoded ? decodeBase64(encoded) : '') ?? [];
  if (!id || secret === undefined)
    throw new OAuthError('invalid_client', 'the Authorization header is not HTTP Basic');
  return { id: formDecode(id), secret: formDecode(secret) };
}

function decodeBase64(encoded: string): string {
  try {
    return atob(encoded);
  } catch {
    return '';
  }
}

function formDecode(value: string): string {
  try {
    return decodeURIComponent(value.replace(/\+/g, ' '));
  } catch {
    return value;
  }
}
