import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { Child } from 'hono/jsx';
import { type App, gatewayOf } from '../../config';
import {
  baseOf,
  browserSession,
  isElsewhere,
  isLooking,
  sendToIssuer,
  siteOf,
} from '../../identity/browser-session';
import { csrfValue, type SignedIn } from '../../identity/signed-in';
import { dropNotice, readNotice, type SavedNotice, writeNotice } from '../../notice';
import { Destination } from '../../protocol/destination';
import { isForeign } from '../../protocol/own-origin';
import { Address } from '../../ui/address';
import { Avatar } from '../../ui/avatar';
import { Once } from '../../ui/forms';
import { framedPage, PageProblem, sendOn, type Way } from '../../ui/layout';
import { Cut, cut } from '../../ui/name';
import { Notice } from '../../ui/parts';
import { administers } from '../api/administrator';

/** The pages of administrators, in the order of the navigation. `group`: what it and those behind it have in common. */
const PAGES = [
  { href: '/admin', text: 'Overview', glyph: 'overview' },
  { href: '/admin/servers', text: 'Servers', glyph: 'server', group: 'Tools' },
  { href: '/admin/toolsets', text: 'Toolsets', glyph: 'toolset' },
  { href: '/admin/keys', text: 'Access keys', glyph: 'key', group: 'Access' },
  { href: '/admin/people', text: 'People', glyph: 'person' },
  { href: '/admin/access', text: 'Apps', glyph: 'app' },
  { href: '/admin/audit', text: 'Audit log', glyph: 'audit', group: 'Gateway' },
  { href: '/admin/settings', text: 'Settings', glyph: 'settings' },
] as const satisfies readonly Omit<Way, 'isHere'>[];

/** True when this page is to be opened at the issuer's host, unless they ask to stay here (CONTRACT §1). */
export function isSentOn(c: Context<App>): boolean {
  return isElsewhere(c) && isLooking(c) && c.req.query('here') !== '1';
}

/** Lets administrators in; everyone else is shown where to sign in, and comes back from there. */
export const administratorsOnly = createMiddleware<App>(async (c, next) => {
  const { pathname, search } = new URL(c.req.url);
  // No id needs encoding. One that does could hold `/` and `..`, and name another path of the API that pages ask.
  if (pathname.includes('%')) return c.notFound();
  const session = await browserSession(c);
  if (!session) {
    if (isSentOn(c)) return sendToIssuer(c);
    const isForm = c.req.method === 'POST';
    const query = {
      return_to: isForm ? pageOfForm(c) : pathname + search,
      ...(isElsewhere(c) && { here: '1' }),
    };
    const isOwn = isForm && !isForeign(c.req.raw.headers, baseOf(c));
    const said = isOwn ? [await writeNotice(c.env.ENCRYPTION_KEY, baseOf(c), SESSION_ENDED, 'bad')] : [];
    return sendOn(Destination.own(siteOf(c), `/admin/sign-in?${new URLSearchParams(query)}`), said);
  }
  if (!administers(c, session)) {
    throw new PageProblem({
      status: 403,
      title: 'This is for administrators',
      text: `You’re signed in as ${cut(session.user?.name ?? '')}, who isn’t an administrator. Ask an administrator to add you under Settings, Sign-in.`,
      way: {
        href: `/admin/sign-in?${new URLSearchParams({ as: 'another', return_to: pathname + search })}`,
        label: 'Sign in as someone else',
      },
    });
  }
  c.set('isAdministrators', true);
  await next();
});

const SESSION_ENDED = 'Your session had ended, so nothing was changed. Do it again here.';

/** The page that a form was sent from: where it is sent, nothing is to be seen. */
function pageOfForm(c: Context<App>): string {
  const from = URL.parse(c.req.header('referer') ?? '');
  const isOurs = from?.origin === siteOf(c) && from.pathname.startsWith('/admin');
  return isOurs ? from.pathname + from.search : '/admin';
}

type AdminPage = {
  /** What the page is for, beginning with what the thing it is about is called, cut. */
  title: string;
  /** The path of the page of {@link PAGES} it belongs to. */
  at: (typeof PAGES)[number]['href'];
  /** True where the page is one column of form. */
  isForm?: boolean;
  /** What was refused of the form it shows again. */
  refusal?: string | undefined;
  body: Child;
  status?: number;
};

/** A page of administration, beginning with what became of the last thing that was done. */
export async function adminPage(
  c: Context<App>,
  { title, at, isForm, refusal, body, status }: AdminPage,
): Promise<Response> {
  const cookies = c.req.header('cookie');
  const notice = await readNotice(c.env.ENCRYPTION_KEY, baseOf(c), cookies);
  const session = await browserSession(c);
  const response = framedPage(
    gatewayOf(c),
    title,
    {
      label: 'Administration',
      ways: PAGES.map((way) => ({ ...way, isHere: way.href === at })),
      isForm,
      who: session && (
        <SignOut name={session.user?.name ?? 'administrator'} csrf={await csrfOf(c, session)} />
      ),
      body: (
        <>
          {isElsewhere(c) && (
            <Notice tone="info">
              You are at <Address of={new URL(c.req.url).host} />. This gateway is at{' '}
              <a href={`${c.var.issuer}/admin`}>
                <Address of={new URL(c.var.issuer ?? '').host} />
              </a>
              .
            </Notice>
          )}
          {notice && <Notice tone={notice.tone}>{notice.text}</Notice>}
          {refusal && <Notice bad>{refusal}</Notice>}
          {body}
        </>
      ),
    },
    refusal ? (status ?? 400) : status,
  );
  if (notice !== null) response.headers.append('set-cookie', dropNotice(baseOf(c)));
  return response;
}

function SignOut({ name, csrf }: { name: string; csrf: string }) {
  return (
    <form class="who" method="post" action="/admin/sign-out">
      <Avatar name={name} isPerson />
      <span class="cut one" title={name}>
        <Cut of={name} />
      </span>
      <input type="hidden" name="csrf" value={csrf} />
      <Once />
      <button type="submit" class="button quiet small">
        Sign out
      </button>
    </form>
  );
}

/** The value for {@link Csrf}. */
export async function csrfOf(c: Context<App>, session?: SignedIn): Promise<string> {
  const known = session ?? (await browserSession(c));
  return known ? csrfValue(c.env.ENCRYPTION_KEY, known) : '';
}

/** Sends the browser on after a POST; the page it comes to begins with `notice`. */
export async function goTo(
  c: Context<App>,
  path: string,
  notice: string,
  tone?: SavedNotice['tone'],
): Promise<Response> {
  const said = await writeNotice(c.env.ENCRYPTION_KEY, baseOf(c), notice, tone);
  return sendOn(Destination.own(siteOf(c), path), [said]);
}
