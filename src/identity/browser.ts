import { open, seal } from '../crypto/secrets';
import { type Cookie, readCookie, writeCookie } from '../protocol/cookies';
import { isSubject, type Subject } from '../protocol/subject';

/** How long a browser remembers who its person was. Never what they approved. Seconds. */
const LIFE = 2_592_000;
const NAME = 'toolgate-identity';
const PLACE = 'cookie/identity';

/** Remembers in this browser who the person is, for 30 days from `now` (epoch seconds). */
export async function rememberIdentity(
  encryptionKey: string,
  issuer: string,
  subject: Subject,
  now: number,
): Promise<string> {
  const value = await seal(encryptionKey, PLACE, JSON.stringify({ subject, expiresAt: now + LIFE }));
  return writeCookie(issuer, { name: NAME, value, maxAge: LIFE } satisfies Cookie);
}

/** Who this browser's person was the last time, or null when it does not know. It may no longer stand. */
export async function rememberedIdentity(
  encryptionKey: string,
  issuer: string,
  cookies: string | undefined,
  now: number,
): Promise<Subject | null> {
  const sealed = readCookie(issuer, cookies, NAME);
  const text = sealed && (await open(encryptionKey, PLACE, sealed));
  if (!text) return null;
  const { subject, expiresAt } = JSON.parse(text) as { subject: unknown; expiresAt: number };
  return isSubject(subject) && now < expiresAt ? subject : null;
}
