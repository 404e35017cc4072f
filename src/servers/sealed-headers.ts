import type { SealedValue } from '../crypto/reseal';
import { open, seal } from '../crypto/secrets';
import { type Question, question } from '../database';

/** Sealed for one server at one origin: moved to another, or the server's address changed, they do not open. */
const place = (serverId: string, origin: string) => `server/${serverId}/headers@${origin}`;

/** Header values as the `server` table keeps them; null for none. */
export async function sealHeaders(
  keys: string,
  server: { id: string; origin: string },
  values: Readonly<Record<string, string>>,
): Promise<string | null> {
  if (!Object.keys(values).length) return null;
  return seal(keys, place(server.id, server.origin), JSON.stringify(values));
}

/** Every server's header values as they are stored, for `reseal` of crypto/reseal.ts. */
export function sealedHeaders(db: D1Database): Question<SealedValue[]> {
  return question<{ id: string; connection_string: string; headers: string }, SealedValue[]>(
    db.prepare('SELECT id, connection_string, headers FROM server WHERE headers IS NOT NULL ORDER BY id'),
    (rows) =>
      rows.map(({ id, connection_string, headers }) => ({
        place: place(id, new URL(connection_string).origin),
        sealed: headers,
        replace: (by) =>
          db
            .prepare('UPDATE server SET headers = ?3 WHERE id = ?1 AND headers = ?2')
            .bind(id, headers, by)
            .run(),
      })),
  );
}

/** Header values as configured (`env.NAME` unread); null when they were sealed for another origin or with a lost key. */
export async function openHeaders({
  keys,
  serverId,
  origin,
  sealedHeaders,
}: {
  /** The value of `ENCRYPTION_KEY`. */
  keys: string;
  serverId: string;
  /** Where they may go: an origin, nothing else. */
  origin: string;
  sealedHeaders: string | null;
}): Promise<Record<string, string> | null> {
  if (!sealedHeaders) return {};
  const opened = await open(keys, place(serverId, origin), sealedHeaders);
  return opened === null ? null : JSON.parse(opened);
}
