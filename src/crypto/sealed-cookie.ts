import type * as z from 'zod/mini';
import { endCookie, endOldest, readCookie, readCookies, writeCookie } from '../protocol/cookies';
import { open, seal } from './secrets';

/** A kind of cookies whose value only this gateway reads and makes. */
type Kind<T> = {
  /** Their name is `toolgate-<kind>`, followed by `-<id>` where a browser has several. */
  kind: string;
  schema: z.ZodMiniType<T>;
  /** Seconds. */
  life: number;
  /** How many a browser may have, the new one included. */
  most?: number;
  path?: string;
  /** What a value is for, besides its id: it does not open for anything else. */
  boundTo?: string;
};

/**
 * Reads and writes one kind of sealed cookies. `keys` is the value of `ENCRYPTION_KEY`, `cookies` the browser's header; what is
 * written and ended are `Set-Cookie` values. What does not open, or is not of the schema, is null.
 */
export function sealedCookie<T>({ kind, schema, life, most = 1, path, boundTo = '' }: Kind<T>) {
  const nameOf = (id: string) => (id ? `toolgate-${kind}-${id}` : `toolgate-${kind}`);
  const contextOf = (id: string) => ['cookie', kind, id, boundTo].filter(Boolean).join('/');

  const opened = async (keys: string, id: string, sealed: string): Promise<T | null> => {
    const text = await open(keys, contextOf(id), sealed);
    return text === null ? null : (schema.safeParse(parsed(text)).data ?? null);
  };

  return {
    async write(keys: string, issuer: string, value: T, id = ''): Promise<string> {
      const sealed = await seal(keys, contextOf(id), JSON.stringify(value));
      return writeCookie(issuer, { name: nameOf(id), value: sealed, maxAge: life, ...(path && { path }) });
    },

    async read(keys: string, issuer: string, cookies: string | undefined, id = ''): Promise<T | null> {
      const sealed = readCookie(issuer, cookies, nameOf(id));
      return sealed ? opened(keys, id, sealed) : null;
    },

    /** All of the kind that this browser has, by their ids. */
    async readAll(keys: string, issuer: string, cookies: string | undefined): Promise<Map<string, T | null>> {
      const all = [...readCookies(issuer, cookies, `toolgate-${kind}-`, path)];
      return new Map(
        await Promise.all(
          all.map(async ([id, sealed]) => [id, await opened(keys, id, sealed)] as [string, T | null]),
        ),
      );
    },

    /** Ends the oldest of the kind, so that the one with this id fits beside the others. */
    makeRoom(issuer: string, cookies: string | undefined, id: string): string[] {
      return endOldest(issuer, cookies, { prefix: `toolgate-${kind}-`, most, id });
    },

    end(issuer: string, id = ''): string {
      return endCookie(issuer, nameOf(id));
    },
  };
}

/** The value of a JSON text; undefined when it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
