import * as z from 'zod/mini';
import { sealedCookie } from './crypto/sealed-cookie';

/** What a page says once of what was done on the page before it, in a cookie of its own. It waits a minute for the page. */
const noticeCookie = sealedCookie({ kind: 'notice', schema: z.string(), life: 60 });
const MOST = 1000;

/** The `Set-Cookie` value that has the next page begin with `text`. */
export function writeNotice(encryptionKey: string, base: string, text: string): Promise<string> {
  return noticeCookie.write(encryptionKey, base, text.slice(0, MOST));
}

/** What a page has to begin with; null: nothing. */
export function readNotice(
  encryptionKey: string,
  base: string,
  cookies: string | undefined,
): Promise<string | null> {
  return noticeCookie.read(encryptionKey, base, cookies);
}

/** The `Set-Cookie` value once it was said. */
export function dropNotice(base: string): string {
  return noticeCookie.end(base);
}
