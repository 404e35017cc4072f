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
