import type { Context } from 'hono';
import type { App } from '../config';
import { findUserByAccount, type ProviderAccount, recordSignIn, type User } from '../governance/users';
import { Destination } from '../protocol/destination';
import { sendOn } from '../ui/layout';
import { accessAccount } from './access';
import { SignInRefused } from './provider';
import { type SignedIn, signedIn, subjectOf } from './signed-in';
import { maySignIn } from './user';

/**
 * True on a host that is not the issuer's: the old address after a move, the new one before it, those that are printed for links
 * and providers. People are sent on from there; administrators can sign in there, so that a wrong issuer locks no one out.
 */
export function isElsewhere(c: Context<App>): boolean {
  const { issuer } = c.var;
  return issuer !== null && new URL(c.req.url).host !== new URL(issuer).host;
}

/** True when a browser only looks: what it sends is never sent on to another host. */
export function isLooking(c: Context<App>): boolean {
  return c.req.method === 'GET' || c.req.method === 'HEAD';
}

/** Sends a browser on to the same path at the issuer's host. */
export function sendToIssuer(c: Context<App>): Response {
  const { pathname, search } = new URL(c.req.url);
  return sendOn(Destination.own(c.var.issuer, pathname + search), [], 302);
}

/** The issuer, for going on to a page there; null where a browser stays at its host: elsewhere, and until an issuer is set. */
export function siteOf(c: Context<App>): string | null {
  return isElsewhere(c) ? null : c.var.issuer;
}

/** Where the cookies of this browser belong, and the forms it sends come from: {@link siteOf}, else the host it asked. */
export function baseOf(c: Context<App>): string {
  return siteOf(c) ?? new URL(c.req.url).origin;
}

/** Whom the browser of a request is signed in as, once that was read. */
const sessions = new WeakMap<Request, SignedIn | null>();

/** Lets a request of our own be known as the one it was made for. */
export function carrySession(request: Request, session: SignedIn | null): void {
  sessions.set(request, session);
}

/**
 * Whom this request's browser is signed in as: by our cookie, else as Cloudflare Access says. Null: no one. A person who may
 * not sign in here now counts as signed out, and is signed in again once they may (CONTRACT §5).
 */
export async function browserSession(c: Context<App>): Promise<SignedIn | null> {
  const known = sessions.get(c.req.raw);
  if (known !== undefined) return known;
  const session = await readSession(c);
  sessions.set(c.req.raw, session);
  if (session) c.set('actor', session.user ? subjectOf(session.user) : 'administrator');
  return session;
}

async function readSession(c: Context<App>): Promise<SignedIn | null> {
  const now = Math.floor(Date.now() / 1000);
  const session = await signedIn(c.env, baseOf(c), c.req.header('cookie'), now);
  if (session && (!session.user || maySignIn(c.var.settings, session.user))) return session;
  const account = await accessAccount(c.env, c.var.settings, c.req.raw.headers).catch((error: unknown) => {
    if (error instanceof SignInRefused) return null;
    throw error;
  });
  const user = account && (await userOf(c.env.DB, account, now));
  if (!user?.isActive) return null;
  return { secretHash: `access ${user.id}`, user, since: now, expiresAt: null };
}

/** The person Access vouches for. Whom we do not know yet, or by another address, signs in with this request. */
async function userOf(db: D1Database, account: ProviderAccount, now: number): Promise<User> {
  const known = await findUserByAccount(db, account);
  return known?.email === account.email ? known : recordSignIn(db, account, now);
}
