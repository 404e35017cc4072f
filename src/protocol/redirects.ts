/** Redirects that leave method and body as they are (RFC 9110 §§15.4.8, 15.4.9), and for documents those that need not. */
export const OF_MESSAGES: readonly number[] = [307, 308];
export const OF_DOCUMENTS: readonly number[] = [301, 302, 307, 308];

/** How many redirects of one request are followed (PROTOCOL §7). */
const MOST_HOPS = 3;

/** A response, and the address that gave it. */
export type Followed = { response: Response; url: string };

/**
 * Sends a request on to where its address redirects within the same origin, method, body and headers as they were (PROTOCOL §7).
 * Credentials never reach another origin: a redirect to one is the response, as is one too many.
 * @param statuses the redirects to follow
 * @param send never follows one itself
 */
export async function followWithin(
  address: string,
  statuses: readonly number[],
  send: (url: string) => Promise<Response>,
): Promise<Followed> {
  let url = address;
  for (let hops = 0; ; hops++) {
    const response = await send(url);
    const next = statuses.includes(response.status) ? withinOrigin(url, response) : null;
    if (next === null || hops === MOST_HOPS) return { response, url };
    await response.body?.cancel().catch(() => undefined);
    url = next;
  }
}

/** Where a response redirects within the origin of `url`, `http:` for the same host taken as `https:`; null when it does not. */
function withinOrigin(url: string, { headers }: Response): string | null {
  const location = headers.get('location');
  if (!location || !URL.canParse(location, url)) return null;
  const from = new URL(url);
  const to = new URL(location, url);
  if (from.protocol === 'https:' && to.protocol === 'http:' && to.hostname === from.hostname)
    to.protocol = 'https:';
  if (to.origin !== from.origin || to.username || to.password) return null;
  to.hash = '';
  return to.href;
}
