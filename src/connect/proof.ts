import type { Context } from 'hono';
import type { Link } from '../accounts/links';
import type { App } from '../config';
import { modeOf } from '../identity';
import { countAttempt } from '../identity/attempts';
import { rememberedIdentity } from '../identity/browser';
import { browserSession } from '../identity/browser-session';
import type { Proof } from '../identity/mode';
import { subjectOfSessionValue } from '../identity/session';
import { identityOf } from '../identity/user';
import { issuerOf } from '../oauth/surface';

/**
 * How the opener of a link may prove to be the one it is for. `known`: this browser's person is. `nothing`: a setting says
 * that the link is enough. `elsewhere`: only the browser that began an anonymous connection.
 */
export type WayToProve = 'known' | 'nothing' | 'typed' | 'sign_in' | 'session_value' | 'elsewhere';

/** The way there is in this browser. @param mustSignIn when the identity stands again only after a sign-in */
export async function wayToProve(c: Context<App>, link: Link, mustSignIn: boolean): Promise<WayToProve> {
  const mode = modeOf(link.subject);
  if (mustSignIn) return 'sign_in';
  if (await isKnownHere(c, link)) return 'known';
  if (c.var.settings.mcp_enable_temp_token_auth) return 'nothing';
  if (mode?.typed) return 'typed';
  if (mode?.isSignedIn) return 'sign_in';
  return link.grantId === null ? 'session_value' : 'elsewhere';
}

/** True when this browser's person is the one: as signed in, or as an earlier proof is remembered. */
async function isKnownHere(c: Context<App>, link: Link): Promise<boolean> {
  const session = await browserSession(c);
  if (session?.user && isSame(identityOf(session.user), link)) return true;
  const now = Math.floor(Date.now() / 1000);
  const cookies = c.req.header('cookie');
  const issuer = issuerOf(c.var.issuer);
  const remembered = await rememberedIdentity(c.env.ENCRYPTION_KEY, issuer, cookies, session, now);
  return remembered !== null && isSame(remembered, link);
}

/** Whether a form proves it, by the way there is. Attempts at a key are counted. */
export async function proves(
  c: Context<App>,
  link: Link,
  way: WayToProve,
  form: URLSearchParams,
): Promise<boolean> {
  if (way === 'known' || way === 'nothing') return true;
  if (way !== 'typed' && way !== 'session_value') return false;
  await countAttempt(c, link.id, `/connect/${link.id}`);
  if (way === 'session_value') {
    const value = form.get('session_value')?.trim() ?? '';
    return (await subjectOfSessionValue(c.env.ENCRYPTION_KEY, value)) === link.subject;
  }
  const identity = await modeOf(link.subject)?.identify(c.env, c.var.settings, Object.fromEntries(form));
  return identity !== null && identity !== undefined && 'subject' in identity && isSame(identity, link);
}

function isSame(one: Proof, other: Proof): boolean {
  return one.subject === other.subject && one.generation === other.generation;
}
