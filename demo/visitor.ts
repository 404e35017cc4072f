/** Where a visitor has got to: a page, or, without one, an address outside that the last page led to. */
export type Place = { url: URL; status: number; html: string | null };

/** No visit goes through this many redirects in a row. */
const MOST_REDIRECTS = 20;

/** A browser without a window: keeps cookies and follows redirects. */
export class Visitor {
  /** By host name, for browsers do not tell ports apart. */
  private readonly cookies = new Map<string, Map<string, string>>();
  private readonly added: Readonly<Record<string, string>>;
  private readonly home: string;

  /** @param added headers that something in front of `home` puts on every request there, as Cloudflare Access does */
  constructor(home: string, added: Readonly<Record<string, string>> = {}) {
    this.home = home;
    this.added = added;
  }

  /** Sends a request and follows where it leads, to a page or to the first address that `isOutside`. */
  async send(request: Request, isOutside: (url: URL) => boolean = () => false): Promise<Place> {
    let next = request;
    for (let redirects = 0; redirects < MOST_REDIRECTS; redirects++) {
      const url = new URL(next.url);
      const cookies = this.cookiesOf(url);
      if (cookies.size) next.headers.set('cookie', [...cookies].map((pair) => pair.join('=')).join('; '));
      if (url.origin === this.home) {
        for (const [name, value] of Object.entries(this.added)) next.headers.set(name, value);
      }
      const response = await fetch(new Request(next, { redirect: 'manual' }));
      for (const cookie of response.headers.getSetCookie()) keep(cookies, cookie);
      const html = await response.text();

      const location = leadsTo(response.headers);
      if (!location) return { url, status: response.status, html };
      const to = new URL(location, url);
      if (isOutside(to)) return { url: to, status: response.status, html: null };
      next = new Request(to);
    }
    throw new Error(`${request.url} led through more than ${MOST_REDIRECTS} redirects`);
  }

  private cookiesOf({ hostname }: URL): Map<string, string> {
    const cookies = this.cookies.get(hostname) ?? new Map<string, string>();
    this.cookies.set(hostname, cookies);
    return cookies;
  }
}

/** Where an answer leads: a redirect, or a page that goes on by itself, as to an app with a scheme of its own. */
export function leadsTo(headers: Headers): string | null {
  return headers.get('location') ?? headers.get('refresh')?.replace(/^0; url=/, '') ?? null;
}

function keep(cookies: Map<string, string>, setCookie: string): void {
  const [pair = '', ...attributes] = setCookie.split(';');
  const [name = '', ...value] = pair.trim().split('=');
  const ends = attributes.some(
    (attribute) =>
      /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute) || /^\s*expires\s*=.*\b1970\b/i.test(attribute),
  );
  if (ends) cookies.delete(name);
  else cookies.set(name, value.join('='));
}
