/** Stands for the gateway's own origin: how a path is read depends on no host. */
const HERE = 'https://here.invalid';

/**
 * `asked` as a path of this gateway, with its query; `/` when it is anything else. The result is normalised and begins with
 * exactly one slash, so it stays at whatever origin it is resolved against (SECURITY 31).
 */
export function ownPath(asked: string): string {
  if (!asked.startsWith('/') || !URL.canParse(asked, HERE)) return '/';
  const { origin, pathname, search } = new URL(asked, HERE);
  return origin === HERE && !pathname.startsWith('//') ? pathname + search : '/';
}

/** Where a browser may be sent. Only the functions below make one, so no string of a request becomes a `Location`. */
export class Destination {
  private constructor(
    /** An absolute URL, or a path of the host that the browser is at. */
    readonly url: string,
  ) {}

  /**
   * A page of this gateway.
   * @param origin the issuer; null: the browser stays at the host it is at, which no header names
   */
  static own(origin: string | null, path: string): Destination {
    return new Destination((origin ?? '') + ownPath(path));
  }

  /** A client's redirect URI, compared with its registration before, with `parameters` added to its query. */
  static client(redirectUri: string, parameters: URLSearchParams): Destination {
    return new Destination(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${parameters}`);
  }

  /** The authorization endpoint of a provider whose metadata was checked, with a request in its query. */
  static provider(authorizationRequest: URL): Destination {
    return new Destination(authorizationRequest.href);
  }
}
