import type { Child } from 'hono/jsx';
import { type Destination, ownPath } from '../protocol/destination';
import { breaking } from './address';
import { numberOf } from './english';
import { type Glyph, Icon } from './icons';

/** What every page says about the place it stands in. */
export type Gateway = { displayName: string; supportText: string; issuer: string | null };

/** Nothing loads or runs but our own files, nothing frames us (SECURITY 6). */
const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

type PageOptions = {
  /** For what has rows to choose from. */
  isBroad?: boolean;
  /** The app that the page leads back to, without a script (CONTRACT §4). Null: by its link alone. */
  refresh?: Destination | null;
};

/** A page with one column, as an HTTP response. `title` says what the page is for, names in it are cut. */
export function page(
  place: Gateway,
  title: string,
  body: Child,
  status = 200,
  { isBroad = false, refresh }: PageOptions = {},
): Response {
  const response = respond(
    place,
    title,
    <main class={isBroad ? 'narrow broad' : 'narrow'}>
      <Brand place={place} href="/" target={refresh === undefined ? undefined : '_blank'} />
      {body}
      {place.supportText && (
        <footer class="muted small center stack">
          <p>{place.supportText}</p>
        </footer>
      )}
    </main>,
    status,
    refresh === undefined,
  );
  if (refresh) response.headers.set('refresh', `0; url=${refresh.url}`);
  return response;
}

/** A part of a page that its script asks for (`data-load`), as an HTTP response. */
export function fragment(place: Gateway, content: Child): Response {
  return new Response(`${content}`, { headers: pageHeaders(place.issuer) });
}

/** A page to look things up in, with the ways to the others at its side. */
export function referencePage(
  place: Gateway,
  title: string,
  { ways, body }: { ways: Child; body: Child },
): Response {
  return respond(
    place,
    title,
    <div class="frame">
      <SkipLink />
      <header class="side">
        <Brand place={place} href="/" />
        <nav aria-label="API reference">{ways}</nav>
      </header>
      <main id="main">
        <div class="page">
          {body}
          <Support place={place} />
        </div>
      </main>
    </div>,
    200,
    false,
  );
}

type Framed = {
  label: string;
  ways: readonly Way[];
  /** Who is signed in, and the way out. */
  who: Child;
  body: Child;
  /** True where the page is one column of form. */
  isForm?: boolean | undefined;
  /** True for people's pages: the ways stand on top. */
  isTop?: boolean | undefined;
  /** What stands at the foot of every page, beside whom to ask. */
  foot?: Child;
};

/** A page within a frame of others: where else one can go at its side, or on top. */
export function framedPage(
  place: Gateway,
  title: string,
  { label, ways, who, body, isForm, isTop, foot }: Framed,
  status = 200,
): Response {
  return respond(
    place,
    title,
    <div class={isTop ? 'frame top' : 'frame'}>
      <SkipLink />
      <header class="side">
        <Brand place={place} href={isTop ? '/' : '/admin'} />
        <nav aria-label={label}>
          {ways.map(({ href, text, isHere, glyph, count, group }) => (
            <>
              {group && <b>{group}</b>}
              <a href={href} aria-current={isHere ? 'page' : undefined}>
                {glyph && <Icon of={glyph} />}
                {text}
                {count !== undefined && <span class="num">{numberOf(count)}</span>}
              </a>
            </>
          ))}
        </nav>
        {who}
      </header>
      <main id="main">
        <div class={isForm ? 'page form' : 'page'}>
          {body}
          <Support place={place} foot={foot} />
        </div>
      </main>
    </div>,
    status,
  );
}

/** A way to another page. */
export type Way = {
  href: string;
  text: string;
  isHere: boolean;
  glyph?: Glyph;
  /** How many things are there. */
  count?: number | undefined;
  /** What this way and those behind it have in common. */
  group?: string;
};

function SkipLink() {
  return (
    <a class="button skip" href="#main">
      Skip to content
    </a>
  );
}

/** @param target a window of its own, where this page cannot be come back to */
function Brand({ place, href, target }: { place: Gateway; href: string; target?: '_blank' | undefined }) {
  const host = place.issuer ? new URL(place.issuer).host : '';
  return (
    <a class="brand" href={href} target={target}>
      <Icon of="gate" />
      <span>
        <b title={place.displayName}>{place.displayName}</b>
        {host && (
          <span class="host" title={host}>
            {breaking(host)}
          </span>
        )}
      </span>
    </a>
  );
}

function Support({ place, foot }: { place: Gateway; foot?: Child }) {
  if (!place.supportText && !foot) return null;
  return (
    <footer class="row spread muted small">
      <span>{place.supportText}</span>
      {foot && <span class="row">{foot}</span>}
    </footer>
  );
}

function respond(place: Gateway, title: string, content: Child, status: number, hasScript = true): Response {
  const html = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${place.displayName}`}</title>
        <link rel="stylesheet" href="/toolgate.css" />
        <link rel="icon" href="/favicon.svg" />
        {hasScript && <script src="/toolgate.js" defer />}
      </head>
      <body>{content}</body>
    </html>
  );
  return new Response(`<!doctype html>${html}`, { status, headers: pageHeaders(place.issuer) });
}

function pageHeaders(issuer: string | null): Headers {
  const headers = new Headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': CSP,
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  });
  if (issuer?.startsWith('https:')) headers.set('strict-transport-security', 'max-age=31536000');
  return headers;
}

/**
 * Sends the browser on, after a POST by 303 (RFC 9110 §15.4.4), with `cookies` as `Set-Cookie` values. Every redirect is made
 * here.
 */
export function sendOn(
  destination: Destination,
  cookies: readonly string[],
  status: 302 | 303 = 303,
): Response {
  const headers = new Headers({
    location: destination.url,
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
  });
  for (const cookie of cookies) headers.append('set-cookie', cookie);
  return new Response(null, { status, headers });
}

/** Something a person must read: what happened, whose turn it is and what to do. `calm` when nothing went wrong. */
export type Problem = {
  status: number;
  title: string;
  text: string;
  calm?: boolean;
  /** A link onwards; `href` is a path of this gateway, and becomes `/` when it is not. */
  way?: { href: string; label: string };
  retryAfter?: number;
};

/** Thrown where a person's browser asked; `app.onError` shows it as a page. */
export class PageProblem extends Error {
  override readonly name = 'PageProblem';

  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

/** What someone quotes who asks for help, and the audit finds. */
export function Reference({ code, requestId }: { code: string; requestId?: string }) {
  return (
    <small>
      If you ask for help, include this reference: <b class="mono">{code}</b>
      {requestId && (
        <>
          {' '}
          · request <span class="mono">{requestId}</span>
        </>
      )}
    </small>
  );
}

/** The page of a problem, with the short code and request id that the log finds again. */
export function problemPage(
  place: Gateway,
  { status, title, text, calm, way, retryAfter }: Problem,
  code: string,
  requestId: string,
): Response {
  const response = page(
    place,
    title,
    <div class="card stack">
      <h1>{title}</h1>
      <p>{text}</p>
      <div class="actions">
        {way && (
          <a class={calm ? 'button' : 'button primary'} href={ownPath(way.href)}>
            {way.label}
          </a>
        )}
        {way?.href !== '/' && (
          <a class="button" href="/">
            Home
          </a>
        )}
      </div>
      <hr class="rule" />
      <Reference code={code} requestId={requestId} />
    </div>,
    status,
  );
  if (retryAfter) response.headers.set('retry-after', String(retryAfter));
  return response;
}
