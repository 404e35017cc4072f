import * as z from 'zod/mini';
import { sealedCookie } from './crypto/sealed-cookie';

const SavedNotice = z.object({ text: z.string(), tone: z.enum(['done', 'info', 'bad']) });
/** What to say, and what it is: `done`, what was asked for has happened; `bad`, it failed. */
export type SavedNotice = z.infer<typeof SavedNotice>;

/** What a page says once of what was done on the page before it, in a cookie of its own. It waits a minute for the page. */
const noticeCookie = sealedCookie({ kind: 'notice', schema: SavedNotice, life: 60 });
const MOST = 1000;

/** The `Set-Cookie` value that has the next page begin with `text`. */
export function writeNotice(
  encryptionKey: string,
  base: string,
  text: string,
  tone: SavedNotice['tone'] = 'done',
): Promise<string> {
  return noticeCookie.write(encryptionKey, base, { text: text.slice(0, MOST), tone });
}

/** What a page has to begin with; null: nothing. */
export function readNotice(
  encryptionKey: string,
  base: string,
  cookies: string | undefined,
): Promise<SavedNotice | null> {
  return noticeCookie.read(encryptionKey, base, cookies);
}

/** The `Set-Cookie` value once it was said. */
export function dropNotice(base: string): string {
  return noticeCookie.end(base);
}
