import { type Context, Hono } from 'hono';
import { type App, gatewayOf } from '../../config';
import { browserSession, isElsewhere, sendToIssuer, siteOf } from '../../identity/browser-session';
import { Destination, ownPath } from '../../protocol/destination';
import { hasProvider } from '../../settings';
import { page, sendOn } from '../../ui/layout';
import { Input } from '../../ui/parts';
import { readForm, send } from './api';
import { isSentOn } from './frame';
import { refusalWords } from './words/refusals';

/** Where administrators sign in: with ADMIN_TOKEN, or at the provider when there is one. */
export const signInPages = new Hono<App>()
  .get('/sign-in', async (c) => {
    const returnTo = ownPath(c.req.query('return_to') ?? '/admin');
    if (await browserSession(c)) return sendOn(Destination.own(siteOf(c), returnTo), []);
    if (isSentOn(c)) return sendToIssuer(c);
    return showSignIn(c, returnTo);
  })

  .post('/sign-in', async (c) => {
    const form = await readForm(c);
    const returnTo = ownPath(form.get('return_to') ?? '/admin');
    const { response, refusal } = await send(c, '/session', {
      method: 'POST',
      body: JSON.stringify({ token: form.get('token') ?? '' }),
    });
    if (response.ok) return sendOn(Destination.own(siteOf(c), returnTo), response.headers.getSetCookie());
    const isWrong = !refusal || refusal.type === 'unauthorized' || refusal.type === 'invalid_request';
    const error = isWrong ? WRONG : refusalWords(refusal, () => undefined);
    return showSignIn(c, returnTo, error, response.status);
  })

  .post('/sign-out', async (c) => {
    const form = await readForm(c);
    const { response } = await send(c, '/session', { method: 'DELETE' }, form.get('csrf') ?? '');
    return sendOn(Destination.own(siteOf(c), '/'), response.headers.getSetCookie());
  });

const WRONG =
  'That is not the administrator token of this gateway. It is the value of the secret ADMIN_TOKEN.';

function showSignIn(c: Context<App>, returnTo: string, error?: string, status = 200): Response {
  const withAccount = hasProvider(c.var.settings) && !isElsewhere(c); // the provider sends people back to the issuer's host
  const response = page(
    gatewayOf(c),
    'Sign in',
    <div class="card stack wide">
      <header class="stack tight">
        <h1>Sign in to administer this gateway</h1>
        <p class="muted">Servers, access keys, who may use what, and what happened.</p>
      </header>
      {isElsewhere(c) && (
        <p class="notice">
          You are at {new URL(c.req.url).host}. This gateway is at{' '}
          <a href={`${c.var.issuer}/admin`}>{c.var.issuer}</a>. Sign in here if that does not open.
        </p>
      )}
      {withAccount && (
        <a class="button primary" href={`/oauth/sign-in?${new URLSearchParams({ return_to: returnTo })}`}>
          Sign in with your account
        </a>
      )}
      <form class="stack" method="post" action="/admin/sign-in">
        <input type="hidden" name="return_to" value={returnTo} />
        <Input
          name="token"
          label="Administrator token"
          type="password"
          autocomplete="current-password"
          required
          error={error}
          hint={
            <>
              The value of the secret <code>ADMIN_TOKEN</code>. <code>npm run dev</code> prints it.
            </>
          }
        />
        <div class="actions">
          <button type="submit" class={withAccount ? 'button' : 'button primary'}>
            Sign in
          </button>
        </div>
      </form>
    </div>,
    status,
  );
  if (status === 429) response.headers.set('retry-after', '60');
  return response;
}
