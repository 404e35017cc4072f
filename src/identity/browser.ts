import { open, seal } from '../crypto/secrets';
import { type Cookie, readCookie, writeCookie } from '../protocol/cookies';
import { isSubject, parseSubject } from '../protocol/subject';
import type { Proof } from './mode';
import { type SignedIn, subjectOf } from './signed-in';

/** How long a browser remembers who its person was. Never what they approved. Seconds. */
const LIFE = 2_592_000;
const NAME = 'toolgate-identity';
const SEAL_CONTEXT = 'cookie/identity';

/** Remembers in this browser who the person is, for 30 days from `now` (epoch seconds). */
export async function rememberIdentity(
  encryptionKey: string,
  issuer: string,
  { subject, generation }: Proof,
  now: number,
): Promise<string> {
  const remembered = { subject, generation, expiresAt: now + LIFE };
  const value = await seal(encryptionKey, SEAL_CONTEXT, JSON.stringify(remembered));
  return writeCookie(issuer, { name: NAME, value, maxAge: LIFE } satisfies Cookie);
}

/**
 * Who this browser's person was the last time, or null when it does not know. The person who is signed in outranks another
 * one who is remembered (CONTRACT §4). The proof may no longer be valid: ask `standingOf`.
 * @param session whom this browser is signed in as
 */
export async function rememberedIdentity(
  encryptionKey: string,
  issuer: string,
  cookies: string | undefined,
  session: SignedIn | null,
  now: number,
): Promise<Proof | null> {
  const sealed = readCookie(issuer, cookies, NAME);
  const text = sealed && (await open(encryptionKey, SEAL_CONTEXT, sealed));
  if (!text) return null;
  const { subject, generation, expiresAt } = JSON.parse(text) as Proof & { expiresAt: number };
  if (!isSubject(subject) || now >= expiresAt) return null;
  const isAnother = session?.user && subject !== subjectOf(session.user);
  return isAnother && parseSubject(subject).kind === 'user' ? null : { subject, generation };
}

/** The `Set-Cookie` value that makes this browser forget who its person was. */
export function forgetIdentity(issuer: string): string {
  return writeCookie(issuer, { name: NAME, value: '', maxAge: 0 });
}
