import type { Context } from 'hono';
import type { App } from '../config';
import type { Grant } from '../grants/store';
import { modeOf } from '../identity';
import { countAttempt } from '../identity/attempts';
import { browserSession } from '../identity/browser-session';
import { identityOf } from '../identity/user';

/** How long ago a sign-in may be that proves someone now. Seconds: 15 minutes. */
const RECENT = 900;

/** How the identity that a grant acts for is proved now (decision 0097): `never` where nothing does. */
export type ProofNow = 'signed_in' | 'sign_in' | 'typed' | 'never';

/** What it takes in this browser to give an app more. */
export async function proofNow(c: Context<App>, { subject }: Grant): Promise<ProofNow> {
  const mode = modeOf(subject);
  if (mode?.typed) return 'typed';
  if (!mode?.isSignedIn) return 'never';
  const session = await browserSession(c);
  if (!session?.user || identityOf(session.user).subject !== subject) return 'sign_in';
  const now = Math.floor(Date.now() / 1000);
  return session.expiresAt === null || now - session.since <= RECENT ? 'signed_in' : 'sign_in';
}

/** Whether a form proves it. Attempts at a key are counted. @throws PageProblem 429 */
export async function isProvedNow(c: Context<App>, grant: Grant, form: URLSearchParams): Promise<boolean> {
  const proof = await proofNow(c, grant);
  if (proof !== 'typed') return proof === 'signed_in';
  const mode = modeOf(grant.subject);
  await countAttempt(c, `grant ${grant.grantId}`, `/me/apps/${grant.grantId}`);
  const proved = await mode?.identify(c.env, c.var.settings, Object.fromEntries(form));
  return proved !== null && proved !== undefined && 'subject' in proved && proved.subject === grant.subject;
}
