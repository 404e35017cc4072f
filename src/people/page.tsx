import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import { type App, gatewayOf } from '../config';
import { modeOf } from '../identity';
import { baseOf, siteOf } from '../identity/browser-session';
import type { Identity } from '../identity/mode';
import { isAdminEmail } from '../identity/provider';
import { dropNotice, readNotice, writeNotice } from '../notice';
import { Destination } from '../protocol/destination';
import { Avatar } from '../ui/avatar';
import { Csrf } from '../ui/forms';
import { framedPage, sendOn } from '../ui/layout';
import { Cut, cut } from '../ui/name';
import { Notice } from '../ui/parts';
import { formValue, type Visit } from './own-form';
import type { Visitor } from './visitor';

const PAGES = [
  ['/', 'Connect an app'],
  ['/me', 'Your apps'],
] as const;

type PeoplePage = {
  /** What the page is for; nothing personal stands in it. */
  title: string;
  /** True where the page is one column of form. */
  isForm?: boolean;
  at: (typeof PAGES)[number][0];
  visitor: Visitor;
  visit: Visit;
  /** Whom the page is about; null: no one who is known here. */
  identity: Identity | null;
  body: Child;
  status?: number;
};

/** A page for the people who connect apps, beginning with what became of the last thing that was done. */
export async function peoplePage(
  c: Context<App>,
  { title, isForm, at, visitor, visit, identity, body, status }: PeoplePage,
): Promise<Response> {
  const { settings } = c.var;
  const notice = await readNotice(c.env.ENCRYPTION_KEY, baseOf(c), c.req.header('cookie'));
  const { session } = visitor;
  const isAdministrator = session && (!session.user || isAdminEmail(settings, session.user.email));
  const csrf = await formValue(c.env.ENCRYPTION_KEY, visit, null);
  const response = framedPage(
    gatewayOf(c),
    title,
    {
      label: 'Your pages',
      isTop: true,
      isForm,
      ways: PAGES.map(([href, text]) => ({ href, text, isHere: href === at })),
      foot: (isAdministrator || !(identity || session)) && (
        <>
          <a href="/api/docs">API reference</a> <a href="/admin">Administration</a>
        </>
      ),
      who: (identity || session) && <Leave visitor={visitor} identity={identity} csrf={csrf} />,
      body: (
        <>
          {notice && <Notice tone={notice.tone}>{notice.text}</Notice>}
          {body}
        </>
      ),
    },
    status,
  );
  response.headers.append('set-cookie', visit.cookie);
  if (notice !== null) response.headers.append('set-cookie', dropNotice(baseOf(c)));
  return response;
}

type LeaveProps = { visitor: Visitor; identity: Identity | null; csrf: string };

function Leave({ visitor: { session }, identity, csrf }: LeaveProps) {
  const name = session?.user?.name ?? (session && !identity ? 'Administrator' : identity?.name);
  return (
    <form class="who" method="post" action="/me/leave">
      <Avatar name={name ?? ''} isPerson />
      <span class="cut one" title={name}>
        <Cut of={name ?? ''} />
      </span>
      <Csrf value={csrf} />
      <button type="submit" class="button quiet small">
        Sign out
      </button>
    </form>
  );
}

/** In such an address: someone the browser does not know yet. */
export const ANOTHER = 'another';

/** The page of one of the identities a browser may know. */
export function pageOf({ subject }: Pick<Identity, 'subject'>): string {
  return `/me?as=${modeOf(subject)?.words.kind}`;
}

/** True when `asked`, from an address of {@link pageOf}, means this identity. */
export function isAsked(asked: string | undefined, { subject }: Pick<Identity, 'subject'>): boolean {
  return asked === modeOf(subject)?.words.kind;
}

/** Who an identity is, in words. */
export function whoIs({ subject, name }: Identity): string {
  return modeOf(subject)?.words.who(name) ?? cut(name);
}

/** Sends the browser on to another page of this gateway. @param cookies `Set-Cookie` values */
export function goOn(c: Context<App>, path: string, cookies: readonly string[] = []): Response {
  return sendOn(Destination.own(siteOf(c), path), cookies);
}

/** Sends the browser on after a POST; the page it comes to begins with `notice`. */
export async function goTo(
  c: Context<App>,
  path: string,
  notice: string,
  cookies: string[] = [],
): Promise<Response> {
  const said = await writeNotice(c.env.ENCRYPTION_KEY, baseOf(c), notice);
  return goOn(c, path, [...cookies, said]);
}
