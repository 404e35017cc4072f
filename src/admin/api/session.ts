import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { audit } from '../../audit';
import type { App } from '../../config';
import { forgetIdentity } from '../../identity/browser';
import { baseOf, browserSession } from '../../identity/browser-session';
import { csrfValue, type SignedIn, signedIn, signIn, signOut, subjectOf } from '../../identity/signed-in';
import { isForeign } from '../../protocol/own-origin';
import { readText } from '../../protocol/params';
import { tooManyAttempts, typedToken } from './admin-token';
import { administers, administrator, requireOwnWrite } from './administrator';
import { rfc3339 } from './answer';
import type { ShownSession } from './answers/session';
import { refusal } from './error';
import { accept } from './request';

export const SessionRequest = z.object({ token: z.string().check(z.minLength(1), z.maxLength(1000)) });

/** This browser's session (CONTRACT §8): begun here with ADMIN_TOKEN, or at /oauth/sign-in; told; ended. */
export const session = new Hono<App>()
  .post('/', async (c) => {
    if (isForeign(c.req.raw.headers, baseOf(c))) {
      throw refusal('sign_in_from_other_site');
    }
    const { token } = accept(SessionRequest, await readCredential(c));
    const verdict = await typedToken(c, token);
    if (verdict === 'spent') throw tooManyAttempts();
    if (verdict !== 'right') throw refusal('wrong_token');
    const now = Math.floor(Date.now() / 1000);
    const cookie = await signIn(c.env, baseOf(c), null, now);
    audit(c, { act: 'administrator.signed_in' }, 'administrator');
    c.header('set-cookie', cookie);
    const [, pair = ''] = /^([^;]+)/.exec(cookie) ?? [];
    const begun = await signedIn(c.env, baseOf(c), pair, now);
    if (!begun) throw new Error('the session that just began is not there');
    return c.json({ message: 'You are signed in for 12 hours.', session: await shown(c, begun) });
  })

  .get('/', async (c) => {
    const known = await browserSession(c);
    if (known) return c.json({ session: await shown(c, known) });
    await administrator(c, async () => {}); // a caller that sends the token along learns that it is taken
    const byToken = { is_administrator: true, user: null, expires_at: null, csrf: null };
    return c.json({ session: { id: 'token', ...byToken } });
  })

  .delete('/', async (c) => {
    const known = await signedIn(c.env, baseOf(c), c.req.header('cookie'), Math.floor(Date.now() / 1000));
    if (known) {
      await requireOwnWrite(c, known, c.req.header('x-csrf-token'));
      c.header('set-cookie', await signOut(c.env.DB, baseOf(c), known));
      c.header('set-cookie', forgetIdentity(baseOf(c)), { append: true });
      if (administers(c, known)) {
        audit(c, { act: 'administrator.signed_out' }, known.user ? subjectOf(known.user) : 'administrator');
      }
    }
    return c.body(null, 204);
  });

/** The token as JSON, or as a form without JavaScript sends it. */
async function readCredential(c: Context<App>): Promise<unknown> {
  const text = await readText(c.req.raw.body, 8192);
  if (text === null) throw refusal('body_too_large', { kib: 8 });
  if (c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text);
  } catch {
    throw refusal('body_not_json');
  }
}

async function shown(c: Context<App>, known: SignedIn): Promise<z.infer<typeof ShownSession>> {
  const { user, expiresAt } = known;
  return {
    id: user?.id ?? 'administrator',
    is_administrator: administers(c, known),
    user: user && { id: user.id, email: user.email, name: user.name },
    expires_at: rfc3339(expiresAt),
    csrf: await csrfValue(c.env.ENCRYPTION_KEY, known),
  };
}
