import { type Context, Hono } from 'hono';
import * as z from 'zod/mini';
import { keepsSignIns } from '../accounts/kept-sign-ins';
import { saveSignIn } from '../accounts/sign-in-tokens';
import { audit } from '../audit';
import type { App } from '../config';
import { sealedCookie } from '../crypto/sealed-cookie';
import { randomSecret } from '../crypto/secrets';
import { type ProviderAccount, recordSignIn } from '../governance/users';
import { accessAccount } from '../identity/access';
import { authorizationUrl, type ProviderTokens, redeem, type SignInBinding } from '../identity/oidc';
import { isAdminEmail, SignInRefused } from '../identity/provider';
import { signIn, subjectOf } from '../identity/signed-in';
import { log } from '../log';
import { Destination, ownPath } from '../protocol/destination';
import { Unavailable } from '../protocol/error';
import { redirectUriOf } from '../providers/registration';
import type { Settings } from '../settings';
import { PageProblem, sendOn } from '../ui/layout';
import { cut } from '../ui/name';
import { issuerOf } from './surface';

/** What a sign-in under way at the provider is bound to; sealed in a cookie of its own, so that it belongs to one browser. */
const Pending = z.object({
  nonce: z.string(),
  verifier: z.string(),
  /** A path of this gateway, with its query. */
  returnTo: z.string(),
  /** Epoch seconds. */
  expiresAt: z.number(),
});
type Pending = z.infer<typeof Pending>;

/** What the `state` of a sign-in begins with (oauth/callback.ts). */
export const SIGN_IN = 'sign-in';
/** How long a person may take at the provider. Seconds. */
const LIFE = 900;
/** A cookie a sign-in, five at most. */
const signInCookie = sealedCookie({ kind: 'sign-in', schema: Pending, life: LIFE, most: 5 });
/** Characters of the path a sign-in goes back to. */
const MOST_PATH = 2000;

/** Where people sign in: through Cloudflare Access at once, with OpenID Connect by way of the provider. */
export const signInPage = new Hono<App>().get('/', async (c) => {
  const issuer = issuerOf(c.var.issuer);
  const { settings } = c.var;
  const returnTo = wayBack(c.req.query('return_to'));
  const account = await accessAccount(c.env, settings, c.req.raw.headers).catch(explain(c, returnTo));
  if (!account && !settings.oidc.issuer)
    throw new PageProblem(settings.access.team_domain ? NOT_THROUGH_ACCESS : NO_PROVIDER);
  if (c.req.method === 'HEAD') return sendOn(Destination.own(issuer, returnTo), [], 302);
  if (account) return enter(c, { account, tokens: null }, returnTo, []);

  const id = randomSecret(16);
  const pending = { nonce: randomSecret(), verifier: randomSecret(), returnTo, expiresAt: seconds() + LIFE };
  const binding = bindingOf(issuer, settings, id, pending);
  const forLater = await keepsSignIns(c.env.DB);
  const destination = await authorizationUrl(c.env, settings, binding, forLater).catch(explain(c, returnTo));
  const cookies = [
    ...signInCookie.makeRoom(issuer, c.req.header('cookie'), id),
    await signInCookie.write(c.env.ENCRYPTION_KEY, issuer, pending, id),
  ];
  return sendOn(destination, cookies, 302);
});

/** Takes up a sign-in when the provider sends its person back. @param id the part of `state` after its purpose. */
export async function completeSignIn(c: Context<App>, id: string): Promise<Response> {
  const issuer = issuerOf(c.var.issuer);
  const { settings } = c.var;
  const pending = await signInCookie.read(c.env.ENCRYPTION_KEY, issuer, c.req.header('cookie'), id);
  if (!pending || pending.expiresAt <= seconds() || !settings.oidc.issuer) throw new PageProblem(TOO_LATE);
  if (c.req.method === 'HEAD') return sendOn(Destination.own(issuer, pending.returnTo), [], 302);

  const answer = new URL(c.req.url).searchParams;
  const binding = bindingOf(issuer, settings, id, pending);
  const vouched = await redeem(c.env, settings, answer, binding).catch(explain(c, pending.returnTo));
  return enter(c, vouched, pending.returnTo, [signInCookie.end(issuer, id)]);
}

/** Signs the holder of an account in, unless they are blocked, and sends them on. Tokens are kept where a server needs them. */
async function enter(
  c: Context<App>,
  { account, tokens }: { account: ProviderAccount; tokens: ProviderTokens | null },
  returnTo: string,
  cookies: string[],
): Promise<Response> {
  const issuer = issuerOf(c.var.issuer);
  const now = seconds();
  const person = await recordSignIn(c.env.DB, account, now);
  if (!person.isActive) {
    audit(c, { act: 'user.refused', user: person.id, reason: 'blocked' }, subjectOf(person));
    return explain(c, returnTo)(new SignInRefused('blocked', `the person ${person.id} is blocked`));
  }
  if (tokens && (await keepsSignIns(c.env.DB))) await saveSignIn(c.env, c.var.settings, person, tokens);
  const cookie = await signIn(c.env, issuer, person, now);
  audit(c, { act: 'user.signed_in', user: person.id }, subjectOf(person));
  if (isAdminEmail(c.var.settings, person.email)) {
    audit(c, { act: 'administrator.signed_in' }, subjectOf(person));
  }
  return sendOn(Destination.own(issuer, returnTo), [...cookies, cookie], 302);
}

function bindingOf(
  issuer: string,
  settings: Settings,
  id: string,
  { nonce, verifier }: Pending,
): SignInBinding {
  return { redirectUri: redirectUriOf(settings, issuer), state: `${SIGN_IN}.${id}`, nonce, verifier };
}

/** Where to go after the sign-in. What would not fit into the cookie of {@link Pending} is the front page. */
function wayBack(asked = '/'): string {
  const path = ownPath(asked);
  return path.length > MOST_PATH ? '/' : path;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Turns what stopped a sign-in into a page, and keeps the reason for the administrator of this gateway. */
function explain(c: Context<App>, returnTo: string) {
  return (error: unknown): never => {
    const way = { href: returnTo, label: 'Back' };
    if (error instanceof Unavailable) {
      const cause = String(error.cause ?? '');
      log('sign_in.unavailable', { request_id: c.var.requestId, message: error.message, cause });
      throw new PageProblem({
        status: 503,
        title: 'The sign-in provider isn’t responding',
        text: 'Try again in a moment, or go back in your browser and choose another way. If it keeps happening, tell your administrator.',
        way: { href: `/oauth/sign-in?${new URLSearchParams({ return_to: returnTo })}`, label: 'Try again' },
        retryAfter: 10,
      });
    }
    if (!(error instanceof SignInRefused)) throw error;
    const { reason, message, account } = error;
    log('sign_in.refused', { request_id: c.var.requestId, reason, message });
    const title = account ? `${cut(account)} can’t sign in here` : REFUSALS[reason].title;
    throw new PageProblem({ ...REFUSALS[reason], title, way });
  };
}

const REFUSALS = {
  declined: {
    status: 403,
    title: 'You aren’t signed in',
    text: 'The sign-in wasn’t finished. Go back to try again or choose another way.',
  },
  unverified: {
    status: 403,
    title: 'This sign-in couldn’t be verified',
    text: 'Go back and try again. If it keeps happening, send the reference below to your administrator.',
  },
  email_unverified: {
    status: 403,
    title: 'Your e-mail address isn’t verified',
    text: 'Verify it with your sign-in provider, then try again.',
  },
  not_allowed: {
    status: 403,
    title: 'This account can’t sign in here',
    text: 'Go back and use another account, or ask an administrator to add you under Settings, Sign-in.',
  },
  blocked: {
    status: 403,
    title: 'You’re blocked here',
    text: 'An administrator blocked your account. Ask your administrator to unblock it.',
  },
} as const;

const TOO_LATE = {
  status: 403,
  title: 'This sign-in timed out',
  text: 'It took too long, or started in another browser. Sign in again.',
  way: { href: '/oauth/sign-in', label: 'Sign in' },
};

const NO_PROVIDER = {
  status: 404,
  title: 'Sign-in isn’t set up here',
  text: 'You need an access key. Ask your administrator.',
  way: { href: '/', label: 'Connect an app' },
};

const NOT_THROUGH_ACCESS = {
  status: 403,
  title: 'Cloudflare Access doesn’t protect this address',
  text: 'Your administrator needs to add this address to it.',
};
