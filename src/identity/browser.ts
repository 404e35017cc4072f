import * as z from 'zod/mini';
import { sealedCookie } from '../crypto/sealed-cookie';
import { isSubject, parseSubject, type Subject } from '../protocol/subject';
import type { Proof } from './mode';
import { type SignedIn, subjectOf } from './signed-in';

/** How long a browser remembers who its person was. Never what they approved. Seconds. */
const LIFE = 2_592_000;
const identityCookie = sealedCookie({
  kind: 'identity',
  schema: z.object({
    subject: z.custom<Subject>(isSubject),
    generation: z.number(),
    /** Epoch seconds. */
    expiresAt: z.number(),
  }),
  life: LIFE,
});

/** Remembers in this browser who the person is, for 30 days from `now` (epoch seconds). */
export async function rememberIdentity(
  encryptionKey: string,
  issuer: string,
  { subject, generation }: Proof,
  now: number,
): Promise<string> {
  return identityCookie.write(encryptionKey, issuer, { subject, generation, expiresAt: now + LIFE });
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
  const remembered = await identityCookie.read(encryptionKey, issuer, cookies);
  if (!remembered || now >= remembered.expiresAt) return null;
  const { subject, generation } = remembered;
  const isAnother = session?.user && subject !== subjectOf(session.user);
  return isAnother && parseSubject(subject).kind === 'user' ? null : { subject, generation };
}

/** The `Set-Cookie` value that makes this browser forget who its person was. */
export function forgetIdentity(issuer: string): string {
  return identityCookie.end(issuer);
}
