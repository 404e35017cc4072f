import { open, seal } from './crypto/secrets';
import { readCookie, writeCookie } from './protocol/cookies';

/** What a page says once of what was done on the page before it, in a cookie of its own. */
const NAME = 'toolgate-notice';
const SEAL_CONTEXT = 'cookie/notice';
/** How long it waits for the page. Seconds. */
const LIFE = 60;
const MOST = 1000;

/** The `Set-Cookie` value that has the next page begin with `text`. */
export async function writeNotice(encryptionKey: string, base: string, text: string): Promise<string> {
  const value = await seal(encryptionKey, SEAL_CONTEXT, text.slice(0, MOST));
  return writeCookie(base, { name: NAME, value, maxAge: LIFE });
}

/** What a page has to begin with; null: nothing. */
export async function readNotice(
  encryptionKey: string,
  base: string,
  cookies: string | undefined,
): Promise<string | null> {
  const sealed = readCookie(base, cookies, NAME);
  return sealed ? open(encryptionKey, SEAL_CONTEXT, sealed) : null;
}

/** The `Set-Cookie` value once it was said. */
export function dropNotice(base: string): string {
  return writeCookie(base, { name: NAME, value: '', maxAge: 0 });
}
