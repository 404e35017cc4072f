import type { SealedValue } from '../crypto/reseal';
import { open, seal } from '../crypto/secrets';
import { type Question, question } from '../database';
import type { TokenExchange } from './server';

/** Whom the secret of `token_exchange` is for: moved to another authorization server, it does not open. */
type Audience = { id: string; authorizationServerUrl: string | null };

/** Sealed for the origin it is sent to; without one of its own, for whichever provider people sign in with. */
const place = ({ id, authorizationServerUrl: url }: Audience) =>
  `server/${id}/exchange_secret@${url === null ? 'sign-in' : new URL(url).origin}`;

/** A `client_secret` of `token_exchange`, or `env.NAME`, as the `server` table keeps it. */
export function sealExchangeSecret(keys: string, audience: Audience, value: string): Promise<string> {
  return seal(keys, place(audience), value);
}

/** The secret as it is configured (`env.NAME` unread); null when there is none, or it does not open any more. */
export async function openExchangeSecret(
  keys: string,
  serverId: string,
  { authorizationServerUrl, sealedSecret }: TokenExchange,
): Promise<string | null> {
  return sealedSecret && open(keys, place({ id: serverId, authorizationServerUrl }), sealedSecret);
}

/** Every such secret as it is stored, for `reseal` of crypto/reseal.ts. */
export function sealedExchangeSecrets(db: D1Database): Question<SealedValue[]> {
  const statement = db.prepare(
    `SELECT id, exchange_secret, token_exchange ->> 'authorizationServerUrl' AS url FROM server
     WHERE exchange_secret IS NOT NULL ORDER BY id`,
  );
  return question<{ id: string; exchange_secret: string; url: string | null }, SealedValue[]>(
    statement,
    (rows) =>
      rows.map(({ id, exchange_secret: sealed, url }) => ({
        place: place({ id, authorizationServerUrl: url }),
        sealed,
        replace: (by) =>
          db
            .prepare('UPDATE server SET exchange_secret = ?3 WHERE id = ?1 AND exchange_secret = ?2')
            .bind(id, sealed, by)
            .run(),
      })),
  );
}
