import * as z from 'zod/mini';
import { because } from './faults/fault';
import { isLoopback } from './public-url';

/** An integer. */
export const number = (least: number, most: number) =>
  z.pipe(z.transform(fromText), z.int().check(z.minimum(least), z.maximum(most)));

export const flag = () => z.pipe(z.transform(fromText), z.boolean());

/** A list, or its items in a text. @param ofUrls see {@link itemsIn} */
export const list = (item = z.string().check(z.minLength(1), z.maxLength(2000)), ofUrls = false) =>
  z.pipe(
    z.transform((value) => (typeof value === 'string' ? itemsIn(value, ofUrls) : value)),
    z.array(item).check(z.maxLength(100)),
  );

/** The items of a list in a text: between blanks, line breaks and commas; a comma in an address separates only before another. */
export function itemsIn(text: string, ofUrls: boolean): string[] {
  const between = ofUrls ? /,?\s+|,(?=[a-z][a-z\d+.-]*:\/\/)/ : /[\s,]+/;
  return text.split(between).filter(Boolean);
}

const DOMAIN = '(?:[\\p{L}\\p{N}-]+\\.)+[\\p{L}\\p{N}-]+';

/** Domains of e-mail addresses, which compare without regard to case. */
export const domains = () => lowerCased(new RegExp(`^${DOMAIN}$`, 'u'), 'not_a_domain');

/** E-mail addresses, likewise. */
export const emails = () =>
  lowerCased(new RegExp(`^[^\\s@<>",\\p{C}]{1,64}@${DOMAIN}$`, 'u'), 'not_an_email');

const lowerCased = (form: RegExp, reason: 'not_a_domain' | 'not_an_email') =>
  list(z.string().check(z.maxLength(255), z.toLowerCase(), z.regex(form, because(reason))));

/** What a browser sends as `Origin` (RFC 6454 §6.2), of a page or of an extension of it. */
export const BrowserOrigin = z.string().check(
  z.maxLength(2000),
  z.refine((value) => {
    if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*\\]+$/.test(value) || !URL.canParse(value)) return false;
    return !/^https?:/.test(value) || new URL(value).origin === value;
  }, because('not_a_browser_origin')),
);

/** A line that people read. */
export const plainText = () =>
  z.string().check(z.maxLength(200), z.regex(/^[^\p{C}<>]*$/u, because('not_plain')));

/** An https origin, where something of ours is. */
export const Origin = z.string().check(
  z.refine((value) => {
    if (!URL.canParse(value)) return false;
    const { origin, protocol, hostname } = new URL(value);
    return origin === value && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
  }, because('not_an_origin')),
);

/** An identity provider's issuer (OpenID Connect Discovery §3): compared as a string, so kept as it is written. */
export const ProviderIssuer = z.string().check(
  z.refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, hostname, search, hash, username } = new URL(value);
    if (search || hash || username) return false;
    return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  }, because('not_a_provider')),
);

/** Cloudflare Access' own name: `<team>.cloudflareaccess.com`. Loopback, with a port, is for development. */
export const TeamDomain = z
  .string()
  .check(
    z.regex(/^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)+|(?:localhost|127\.0\.0\.1)(?::\d+)?)$/, because('not_a_host')),
  );

/** An https address without a fragment. */
export const HttpsUrl = z
  .string()
  .check(z.maxLength(2000), z.regex(/^https:\/\/[^\s#]+$/, because('not_https_urls')));

/** A number or boolean given as text, as shells do: `"600"` and `"true"` mean what they look like. */
export function fromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^(true|false)$/.test(value)) return value === 'true';
  return /^\d+$/.test(value) ? Number(value) : value;
}

/** A list given as JSON, as a variable has to. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
