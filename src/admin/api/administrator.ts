import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { App } from '../../config';
import { baseOf, browserSession } from '../../identity/browser-session';
import { type SignedIn, subjectOf, verifyCsrf } from '../../identity/signed-in';
import { isAdministrator } from '../../identity/user';
import { isForeign } from '../../protocol/own-origin';
import { countWrongTokens, type Shown, shownToken, tooManyAttempts } from './admin-token';
import { refusal } from './error';

/** Lets administrators through, whatever the verb and whether or not there is anything at the path. */
export const administrator = createMiddleware<App>(async (c, next) => {
  const shown = await showToken(c);
  if (shown === 'right') {
    c.set('actor', 'administrator');
  } else {
    const session = await browserSession(c);
    if (!session) {
      if (shown === 'spent') throw tooManyAttempts();
      throw refusal('needs_admin_token');
    }
    if (!administers(c, session)) {
      throw refusal('no_administrator', { name: session.user?.name ?? '' });
    }
    if (!/^(GET|HEAD)$/.test(c.req.method)) await requireOwnWrite(c, session, c.req.header('x-csrf-token'));
    c.set('actor', session.user ? subjectOf(session.user) : 'administrator');
  }
  c.set('isAdministrators', true);
  await next();
});

/**
 * True when the request is an administrator's, by token or as signed in.
 * @throws ApiError for a token from an address that has guessed too often
 */
export async function isAdministrators(c: Context<App>): Promise<boolean> {
  const shown = await showToken(c);
  if (shown === 'right') return true;
  const session = await browserSession(c);
  if (!session && shown === 'spent') throw tooManyAttempts();
  return session !== null && administers(c, session);
}

/** What the headers show for ADMIN_TOKEN, where they can hold nothing else: a wrong one is counted. */
async function showToken(c: Context<App>): Promise<Shown> {
  const shown = await shownToken(c);
  return shown === 'wrong' ? countWrongTokens(c) : shown;
}

/** True when the signed-in one is an administrator now: by ADMIN_TOKEN, whatever the settings, or by a verified address. */
export function administers(c: Context<App>, { user }: SignedIn): boolean {
  return user === null || isAdministrator(c.var.settings, user);
}

/**
 * Refuses a write that our own pages did not make: a browser sends its cookies along with anybody's (SECURITY 21).
 * @throws ApiError
 */
export async function requireOwnWrite(
  c: Context<App>,
  session: SignedIn,
  csrf: string | undefined,
): Promise<void> {
  if (isForeign(c.req.raw.headers, baseOf(c))) {
    throw refusal('other_site');
  }
  if (await verifyCsrf(c.env.ENCRYPTION_KEY, session, csrf ?? '')) return;
  throw refusal('no_form_value');
}
