import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import { type Destination, ownPath } from '../protocol/destination';

/** What every page says about the place it stands in. */
export type Gateway = { displayName: string; supportText: string; issuer: string | null };

/** Nothing loads or runs but our own files, nothing frames us (SECURITY 6). */
const CSP =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/** A page with one column, as an HTTP response. `title` says what the page is for; nothing personal stands in it. */
export function page(place: Gateway, title: string, body: Child, status = 200): Response {
  return respond(
    place,
    title,
    <main class="narrow">
      <Brand place={place} />
      {body}
      <Support place={place} />
    </main>,
    status,
  );
}

/** A part of a page that its script asks for (`data-load`), as an HTTP response. */
export function fragment(place: Gateway, content: Child): Response {
  return new Response(`${content}`, { headers: pageHeaders(place.issuer) });
}

/** A long page to look things up in, with the ways to its parts at its side. */
export function referencePage(
  place: Gateway,
  title: string,
  { ways, body }: { ways: Child; body: Child },
): Response {
  return respond(
    place,
    title,
    <div class="frame reference">
      <nav aria-label="On this page">
        <Brand place={place} />
        <div class="ways">{ways}</div>
      </nav>
      <main>
        {body}
        <Support place={place} />
      </main>
    </div>,
    200,
  );
}

/** A page within a frame of others: where else one can go at its side. `foot` stands below the ways. */
export function framedPage(
  place: Gateway,
  title: string,
  { label, ways, foot, body }: { label: string; ways: Way[]; foot: Child; body: Child },
  status = 200,
): Response {
  return respond(
    place,
    title,
    <div class="frame">
      <nav aria-label={label}>
        <Brand place={place} />
        <div class="ways">
          {ways.map(({ href, text, isHere }) => (
            <a href={href} aria-current={isHere ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </div>
        {foot}
      </nav>
      <main>
        {body}
        <Support place={place} />
      </main>
    </div>,
    status,
  );
}

/** A way to another page. */
export type Way = { href: string; text: string; isHere: boolean };

function Brand({ place }: { place: Gateway }) {
  const host = place.issuer ? new URL(place.issuer).host : '';
  return (
    <div class="brand">
      <Gate />{' '}
      <span>
        <span title={place.displayName}>{place.displayName}</span>{' '}
        {host && (
          <span class="mono" title={host}>
            {host}
          </span>
        )}
      </span>
    </div>
  );
}

function Support({ place }: { place: Gateway }) {
  return place.supportText ? <p class="support muted">{place.supportText}</p> : null;
}

function respond(place: Gateway, title: string, content: Child, status: number): Response {
  const html = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${place.displayName}`}</title>
        <link rel="stylesheet" href="/toolgate.css" />
        <link rel="icon" href="/favicon.svg" />
        <script src="/toolgate.js" defer />
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

function Gate() {
  return raw(
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><path d="M4 21V10a8 8 0 0 1 16 0v11"/><path d="M9 21v-9M15 21v-9M4 16h16"/></svg>',
  );
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

/** What someone reads out who asks for help, and the audit finds. */
export function HelpCode({ code, requestId }: { code: string; requestId?: string }) {
  return (
    <small class="help">
      Code for whoever helps you: <b class="mono">{code}</b>
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
      <p class={calm ? 'muted' : 'notice'}>{text}</p>
      {way && (
        <div class="actions">
          <a class={calm ? 'button' : 'button primary'} href={ownPath(way.href)}>
            {way.label}
          </a>
        </div>
      )}
      {!way && (
        <p class="muted">
          <a href="/">To the front page</a>
        </p>
      )}
      <HelpCode code={code} requestId={requestId} />
    </div>,
    status,
  );
  if (retryAfter) response.headers.set('retry-after', String(retryAfter));
  return response;
}
