import { type Context, Hono } from 'hono';
import { type App, gatewayOf } from '../../config';
import { browserSession, isElsewhere, sendToIssuer, siteOf } from '../../identity/browser-session';
import { providerHost } from '../../identity/provider';
import { keptPages } from '../../kept-pages';
import { Destination, ownPath } from '../../protocol/destination';
import { hasProvider } from '../../settings';
import { Address } from '../../ui/address';
import { Plain } from '../../ui/forms';
import { PageProblem, page, sendOn } from '../../ui/layout';
import { Input, Notice } from '../../ui/parts';
import { readForm, send } from './api';
import { isSentOn } from './frame';
import { refusalWords } from './words/refusals';

/** Where administrators sign in: with ADMIN_TOKEN, or at the provider when there is one. */
export const signInPages = new Hono<App>()
  .use('/sign-in', keptPages())
  .get('/sign-in', async (c) => {
    const returnTo = ownPath(c.req.query('return_to') ?? '/admin');
    const isAnother = c.req.query('as') === 'another'; // asked for by a person who is no administrator
    if (!isAnother && (await browserSession(c))) return sendOn(Destination.own(siteOf(c), returnTo), []);
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
    if (!response.ok) throw new PageProblem(STILL_SIGNED_IN);
    return sendOn(Destination.own(siteOf(c), '/'), response.headers.getSetCookie());
  });

/** For a form of an earlier session. */
const STILL_SIGNED_IN = {
  status: 403,
  title: 'You’re still signed in',
  text: 'You signed in again in another tab. Open the page again and sign out there.',
  way: { href: '/admin', label: 'Administration' },
};

const WRONG = 'This isn’t the administrator token. Check for missing characters.';

function showSignIn(c: Context<App>, returnTo: string, error?: string, status = 200): Response {
  const withAccount = hasProvider(c.var.settings) && !isElsewhere(c); // the provider sends people back to the issuer's host
  const response = page(
    gatewayOf(c),
    'Sign in',
    <div class="card stack wide">
      <h1 class="center">Sign in to administration</h1>
      {isElsewhere(c) && (
        <Notice tone="warn">
          You are at <Address of={new URL(c.req.url).host} />. This gateway is at{' '}
          <a href={`${c.var.issuer}/admin`}>
            <Address of={c.var.issuer ?? ''} />
          </a>
          . Sign in here only if that doesn’t open.
        </Notice>
      )}
      {withAccount ? (
        <>
          <a
            class="button primary big"
            href={`/oauth/sign-in?${new URLSearchParams({ return_to: returnTo })}`}
          >
            Sign in with {providerHost(c.var.settings)}
          </a>
          <div class="or">or</div>
          <details class="quiet" open={error !== undefined}>
            <summary>Use the administrator token</summary>
            <TokenForm returnTo={returnTo} error={error} />
          </details>
        </>
      ) : (
        <TokenForm returnTo={returnTo} error={error} isPrimary />
      )}
    </div>,
    status,
  );
  if (status === 429) response.headers.set('retry-after', '60');
  return response;
}

type TokenFormProps = { returnTo: string; error: string | undefined; isPrimary?: boolean };

function TokenForm({ returnTo, error, isPrimary = false }: TokenFormProps) {
  return (
    <form class="stack" method="post" action="/admin/sign-in">
      <input type="hidden" name="return_to" value={returnTo} />
      <Plain />
      <Input
        name="token"
        label="Administrator token"
        type="password"
        mono
        autocomplete="current-password"
        required
        autofocus={isPrimary || error !== undefined}
        error={error}
        hint={
          <>
            The value of the secret <code>ADMIN_TOKEN</code>. <code>npm run dev</code> prints it.
          </>
        }
      />
      <div class={isPrimary ? undefined : 'actions'}>
        <button type="submit" class={isPrimary ? 'button primary big' : 'button'} data-busy="Checking…">
          Sign in
        </button>
      </div>
    </form>
  );
}
