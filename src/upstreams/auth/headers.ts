import * as z from 'zod';
import type { SealedValue } from '../../crypto/reseal';
import { open, seal } from '../../crypto/secrets';
import { maskOf, readSecret, SecretValue, unmasked, variableOf } from '../secret-value';
import type { Connection, UpstreamAuth } from './index';

/** Headers that describe the exchange itself, which the gateway writes. */
const OURS =
  /^(accept|accept-encoding|connection|content-(encoding|length|type)|expect|host|keep-alive|last-event-id|mcp-.*|origin|proxy-.*|te|trailer|transfer-encoding|upgrade|x-bf-.*)$/i;

const Name = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be header names') // RFC 9110 §5.1
  .refine((name) => !OURS.test(name), 'must not name a header the gateway itself sends');

/** Header values as they are kept: each a value, or `env.NAME` for the variable or secret of that name. */
const HeaderValues = z
  .record(Name, SecretValue)
  .refine((values) => Object.keys(values).length <= 50, 'must be at most 50')
  .refine((values) => {
    const names = Object.keys(values).map((name) => name.toLowerCase());
    return new Set(names).size === names.length;
  }, 'must not name a header twice');

/** Header values as an update takes them: a mask the API has shown means the value in `kept` stays. */
export function headerValues(kept: Readonly<Record<string, string>>): z.ZodType<Record<string, string>> {
  return HeaderValues.transform((sent, context) => {
    const values = Object.entries(sent).map(([name, value]) => {
      const [, known] =
        Object.entries(kept).find(([other]) => other.toLowerCase() === name.toLowerCase()) ?? [];
      const meant = unmasked(value, known);
      if (meant !== null) return [name, meant];
      context.addIssue({
        code: 'custom',
        message: `${name} is masked and no such value is kept; send it again`,
      });
      return [name, ''];
    });
    return Object.fromEntries(values);
  });
}

/** Header values as answers show them. */
export function maskHeaders(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, maskOf(value)]));
}

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

/** Every server's header values as they are kept, for `reseal` of crypto/reseal.ts. */
export async function sealedHeaders(db: D1Database): Promise<SealedValue[]> {
  const { results } = await db
    .prepare('SELECT id, connection_string, headers FROM server WHERE headers IS NOT NULL ORDER BY id')
    .all<{ id: string; connection_string: string; headers: string }>();
  return results.map(({ id, connection_string, headers }) => ({
    place: place(id, new URL(connection_string).origin),
    sealed: headers,
    replace: (by) =>
      db.prepare('UPDATE server SET headers = ?3 WHERE id = ?1 AND headers = ?2').bind(id, headers, by).run(),
  }));
}

/** Header values as configured (`env.NAME` unread); null when they were sealed for another origin or with a lost key. */
export async function openHeaders(
  connection: Pick<Connection, 'serverId' | 'origin' | 'sealedHeaders' | 'keys'>,
): Promise<Record<string, string> | null> {
  const { keys, serverId, origin, sealedHeaders } = connection;
  if (!sealedHeaders) return {};
  const opened = await open(keys, place(serverId, origin), sealedHeaders);
  return opened === null ? null : JSON.parse(opened);
}

/** Header values an administrator keeps, sent to the server with every request. */
export const headers: UpstreamAuth = {
  Settings: z.object({ headers: headerValues({}).optional() }),

  async headers(connection) {
    const values = await openHeaders(connection);
    if (!values)
      return {
        refused: 'its header values have to be entered again: its address or the encryption key changed',
      };

    const sent = new Headers();
    for (const [name, value] of Object.entries(values)) {
      const read = readSecret(value, connection.variables);
      if (read === null) {
        return { refused: `the variable ${variableOf(value)}, which its header ${name} needs, is not set` };
      }
      sent.set(name, read);
    }
    return sent;
  },
};
