import { parse, serialize } from 'hono/utils/cookie';

/** A cookie of this gateway. `maxAge` in seconds; 0 removes it. Without `path` it is sent to every path. */
export type Cookie = { name: string; value: string; maxAge: number; path?: string };

/**
 * On https the name binds the cookie to this host, or where it has a path to https (RFC 6265bis §4.1.3); plain http on
 * loopback has no such thing.
 */
function wireName(issuer: string, name: string, path = '/'): string {
  if (!issuer.startsWith('https:')) return name;
  return path === '/' ? `__Host-${name}` : `__Secure-${name}`;
}

/** The `Set-Cookie` value: this host only, no script, sent along when a link from elsewhere is followed. */
export function writeCookie(issuer: string, { name, value, maxAge, path = '/' }: Cookie): string {
  const secure = issuer.startsWith('https:');
  return serialize(wireName(issuer, name, path), value, {
    path,
    httpOnly: true,
    sameSite: 'Lax',
    secure,
    maxAge,
  });
}

/** The value of one of our cookies in a `Cookie` header, or null. */
export function readCookie(issuer: string, header: string | undefined, name: string): string | null {
  return parse(header ?? '', wireName(issuer, name))[wireName(issuer, name)] ?? null;
}

/** Every cookie of this gateway whose name begins with `prefix`, by the rest of its name. @param path as they were written */
export function readCookies(
  issuer: string,
  header: string | undefined,
  prefix: string,
  path?: string,
): Map<string, string> {
  const start = wireName(issuer, prefix, path);
  const ours = Object.entries(parse(header ?? '')).filter(([name]) => name.startsWith(start));
  return new Map(ours.map(([name, value]) => [name.slice(start.length), value]));
}

/** The `Set-Cookie` value that removes a cookie. */
export function endCookie(issuer: string, name: string): string {
  return writeCookie(issuer, { name, value: '', maxAge: 0 });
}

/**
 * The `Set-Cookie` values that remove the oldest of the cookies that begin with `prefix`, so that the one of `id` is at most
 * the `most`th. A browser sends older ones first (RFC 6265bis §5.8.3).
 */
export function endOldest(
  issuer: string,
  header: string | undefined,
  { prefix, most, id }: { prefix: string; most: number; id: string },
): string[] {
  const others = [...readCookies(issuer, header, prefix).keys()].filter((other) => other !== id);
  return others
    .slice(0, Math.max(0, others.length - most + 1))
    .map((other) => endCookie(issuer, prefix + other));
}
