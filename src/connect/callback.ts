import { type Context, Hono } from 'hono';
import { CONNECT } from '../accounts/authorization';
import type { App } from '../config';
import { completeSignIn, SIGN_IN } from '../oauth/sign-in';
import { PageProblem } from '../ui/layout';
import { comeBack } from './provider-trip';

/** What a `state` of this gateway begins with, and who takes it up: `<purpose>.<id>`. */
const purposes: ReadonlyMap<string, (c: Context<App>, id: string) => Promise<Response>> = new Map([
  [SIGN_IN, completeSignIn],
  [CONNECT, comeBack],
]);

/** Where every provider sends its people back (RFC 6749 §3.1.2). */
export const callback = new Hono<App>().get('/', async (c) => {
  const [state = '', ...more] = c.req.queries('state') ?? [];
  const [, purpose = '', id = ''] = /^([a-z-]+)\.([A-Za-z0-9_-]{22})$/.exec(state) ?? [];
  const take = more.length ? undefined : purposes.get(purpose);
  if (take) return take(c, id);
  throw new PageProblem({
    status: 400,
    title: 'This link isn’t valid',
    text: 'Go back to where you started and sign in again.',
  });
});
