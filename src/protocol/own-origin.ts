/**
 * True when a browser says that a request comes from a page of another site. Both headers are set by browsers only, so
 * what sends neither is judged by what it knows: its cookie and the form's value (SECURITY 5).
 * @param origin ours
 */
export function isForeign(headers: Headers, origin: string): boolean {
  const from = headers.get('origin');
  const site = headers.get('sec-fetch-site');
  return (from !== null && from !== origin) || (site !== null && site !== 'same-origin' && site !== 'none');
}

/** The path that was asked for when it is one of ours, else the front page. Nobody is sent to another site from here. */
export function ownPath(origin: string, asked: string | undefined): string {
  if (!asked?.startsWith('/') || asked.length > 2000 || !URL.canParse(asked, origin)) return '/';
  const url = new URL(asked, origin);
  return url.origin === origin ? url.pathname + url.search : '/';
}
