import type { Context } from 'hono';
import { audit, logAct } from '../audit';
import type { App } from '../config';
import { identityModes } from '../identity';
import { countAttempt } from '../identity/attempts';
import { forgetIdentity, rememberIdentity } from '../identity/browser';
import { baseOf } from '../identity/browser-session';
import type { IdentityMode } from '../identity/mode';
import { isAdminEmail, providerHost } from '../identity/provider';
import { signOut, subjectOf } from '../identity/signed-in';
import { hasProvider } from '../settings';
import { Csrf } from '../ui/forms';
import { Icon } from '../ui/icons';
import { Head, Input, Notice } from '../ui/parts';
import { formValue, outOfDate, readOwnForm, visitOf } from './own-form';
import { goOn, pageOf, peoplePage } from './page';
import { type Visitor, visitorOf } from './visitor';

/** What was refused on the form, and as what status. */
type EntranceRefusal = { text: string; status: number; field: string };

/** The page of an app, for which someone was asked who they are; `/me` for anything else. */
export function wayBackTo(path: string | null | undefined): string {
  return path && /^\/me\/apps\/[0-9a-f]{64}(\/withdraw)?$/.test(path) ? path : '/me';
}

/** For a browser that does not know its person: how they prove who they are. */
export async function showEntrance(
  c: Context<App>,
  visitor: Visitor,
  returnTo: string,
  refusal?: EntranceRefusal,
): Promise<Response> {
  const visit = visitOf(c);
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, null);
  const taken = typedModes().filter((mode) => mode.unavailable(c.var.settings) === null);
  const takesKeys = taken.length > 0;
  const takesSignIn = hasProvider(c.var.settings);
  const isAdministrator = visitor.session?.user === null;
  const body = (
    <>
      <Head
        title="Your apps"
        lead={`${takesSignIn ? 'Sign in' : 'Enter your access key'} to see the apps you allowed and the accounts you connected.`}
      />
      {isAdministrator && (
        <Notice tone="info">
          You’re signed in with the administrator token, which belongs to no one person. Everyone’s apps are
          in <a href="/admin/access">Administration, Apps</a>.
        </Notice>
      )}
      <form class="card stack" method="post" action="/me">
        <Csrf value={csrf} />
        {returnTo !== '/me' && <input type="hidden" name="return_to" value={returnTo} />}
        {takesSignIn && (
          <div class="actions">
            <a class="button primary" href={`/oauth/sign-in?return_to=${returnTo}`}>
              Sign in with {providerHost(c.var.settings)}
            </a>
          </div>
        )}
        {takesSignIn && takesKeys && <div class="or">or</div>}
        {takesKeys && (
          <>
            {taken.map(({ typed, hint }) => (
              <Input
                name={typed.field}
                label={typed.label}
                type="password"
                mono
                required={taken.length === 1}
                autofocus={refusal?.field === typed.field}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                error={refusal?.field === typed.field ? refusal.text : undefined}
                hint={`${hint} This browser remembers you for 30 days.`}
              />
            ))}
            <div class="actions">
              <button type="submit" class={takesSignIn ? 'button' : 'button primary'} data-busy="Checking…">
                Continue
              </button>
            </div>
          </>
        )}
        {!takesKeys && !takesSignIn && (
          <p class="muted">
            This gateway takes neither sign-in nor keys. Open this page in the browser in which you allowed
            your app.
          </p>
        )}
        {refusal && !taken.some(({ typed }) => typed.field === refusal.field) && (
          <span class="error" role="alert">
            <Icon of="error" />
            {refusal.text}
          </span>
        )}
      </form>
      <p class="muted">
        No app connected yet? <a href="/">Connect an app</a> first.
      </p>
    </>
  );
  const status = refusal?.status ?? 200;
  return peoplePage(c, {
    title: 'Your apps',
    isForm: true,
    at: '/me',
    visitor,
    visit,
    identity: null,
    body,
    status,
  });
}

type TypedMode = IdentityMode & { typed: NonNullable<IdentityMode['typed']> };

/** The modes that are proved by something typed. */
function typedModes(): TypedMode[] {
  return [...identityModes.values()].filter((mode): mode is TypedMode => mode.typed !== null);
}

/** Takes a key as proof of who someone is, as consent does: the browser then remembers them. */
export async function enter(c: Context<App>): Promise<Response> {
  const form = await readOwnForm(c);
  if (!(await form.isFor(null))) throw outOfDate(c);
  const visitor = await visitorOf(c);
  const modes = typedModes();
  const mode = modes.find(({ typed }) => form.fields.get(typed.field)) ?? modes[0];
  if (!mode) throw outOfDate(c);
  const { field } = mode.typed;
  const returnTo = wayBackTo(form.fields.get('return_to'));
  const unavailable = mode.unavailable(c.var.settings);
  if (unavailable !== null)
    return showEntrance(c, visitor, returnTo, { text: unavailable, status: 403, field });

  await countAttempt(c, `me ${form.browser}`, '/me');
  const proved = await mode.identify(c.env, c.var.settings, { [field]: form.fields.get(field) ?? undefined });
  if (!proved) {
    logAct(c, { act: 'key.refused' });
    return showEntrance(c, visitor, returnTo, { text: mode.refusal, status: 403, field });
  }
  if ('mustSignIn' in proved) {
    if (proved.mustSignIn === visitor.session?.user?.id)
      return goOn(c, returnTo === '/me' ? '/me?as=person' : returnTo);
    if (hasProvider(c.var.settings)) return goOn(c, `/oauth/sign-in?return_to=${returnTo}`);
    const text = 'This key belongs to a person, and sign-in isn’t set up here. Use another key.';
    return showEntrance(c, visitor, returnTo, { text, status: 403, field });
  }
  const now = Math.floor(Date.now() / 1000);
  const page = returnTo === '/me' ? pageOf(proved) : returnTo;
  return goOn(c, page, [await rememberIdentity(c.env.ENCRYPTION_KEY, baseOf(c), proved, now)]);
}

/** Signs the browser out and makes it forget its person. */
export async function leave(c: Context<App>): Promise<Response> {
  const form = await readOwnForm(c);
  if (!(await form.isFor(null))) throw outOfDate(c);
  const { session } = await visitorOf(c);
  const cookies = [forgetIdentity(baseOf(c))];
  if (session) {
    cookies.push(await signOut(c.env.DB, baseOf(c), session));
    if (!session.user || isAdminEmail(c.var.settings, session.user.email)) {
      audit(c, { act: 'administrator.signed_out' }, session.user ? subjectOf(session.user) : 'administrator');
    }
  }
  return goOn(c, '/', cookies);
}
