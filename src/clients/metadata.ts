import * as z from 'zod/mini';
import { scopesKnown } from '../protocol/authorization';
import { OAuthError } from '../protocol/error';
import { because } from '../protocol/faults/fault';
import { faultOf, parse } from '../protocol/params';
import { isLoopback } from '../protocol/public-url';
import { grantTypesServed } from './grant-types';

/** Schemes that run, read or embed something, or start a program by its name, instead of bringing a person back to an app. */
const UNSAFE_SCHEMES = new RegExp(
  `^(?:${[
    'javascript|vbscript|data|file|blob|about|view-source|filesystem|intent|wss?|ftps?|mailto|tel|sms|chrome|jar',
    // A system's own programs, not an app that registered a scheme of its own for coming back.
    'ms-[^:]*|vnd\\.ms[^:]*|microsoft-edge[^:]*|search(?:-ms)?|shell|hcp|res|mhtml|jnlps?|itms[^:]*|applescript|x-help-script',
    'ssh|sftp|telnet|rlogin|ldaps?|smb|nfs',
  ].join('|')}):`,
  'i',
);

/**
 * Why `value` cannot be a redirect URI, or null when it can: https anywhere, http on loopback (RFC 8252 §7.3), or a
 * private-use scheme (RFC 8252 §7.1). Judged as written, before any parser tidies it up.
 */
function refusedRedirectUri(value: string): string | null {
  if (value.length > 2000) return 'must be at most 2000 characters';
  if (/[^\x21-\x7e]/.test(value) || value.includes('\\'))
    return 'must not hold blanks, control characters or backslashes';
  if (!/^[a-z][a-z0-9+.-]*:/i.test(value) || !URL.canParse(value)) return 'must be an absolute URI';
  if (UNSAFE_SCHEMES.test(value)) return 'must not use this scheme';
  if (value.includes('#')) return 'must not hold a fragment';
  if (/^[^/?]*\/\/[^/?]*@/.test(value)) return 'must not hold a user name or password';
  const { protocol, hostname } = new URL(value);
  if (hasDotSegment(value)) return 'must not hold dot segments';
  if (hostname.includes('*')) return 'must not hold a wildcard';
  if (protocol === 'http:' && !isLoopback(hostname))
    return 'must be https, or http on localhost, 127.0.0.1 or [::1]';
  if (/^https?:$/.test(protocol)) return /^https?:\/\/[^/]/i.test(value) ? null : 'must name a host';
  return /["'`<>]/.test(value) ? 'must not hold quotes, < or >' : null; // it stands in a `Refresh` header
}

/**
 * True when some server may read a segment of the path as `.` or `..`: also percent-encoded, more than once, after an encoded
 * slash, or with parameters (`..;x`), which servlet containers take off.
 */
function hasDotSegment(uri: string): boolean {
  const path = uri.replace(/^[^:]*:/, '').replace(/\?.*$/, '');
  return decoded(path)
    .split(/[/\\]/)
    .some((segment) => /^\.{1,2}$/.test(segment.replace(/;.*$/s, '').replace(/[\0- ]/g, '')));
}

/** The text without percent-encoding, however often it was applied. */
function decoded(text: string): string {
  const shallow = text.replace(/%(?:25)+/g, '%'); // a thousand layers at a time
  const once = shallow.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return once === text ? text : decoded(once);
}

const RedirectUri = z.string().check(
  z.superRefine((value, context) => {
    const rule = refusedRedirectUri(value);
    if (rule) context.addIssue({ code: 'custom', message: because('not_a_redirect_uri', { rule }) });
  }),
);

const RedirectUris = z
  .array(RedirectUri, because('not_redirect_uris'))
  .check(z.minLength(1, because('required')), z.maxLength(20));

/** What has no place in a name: controls, bidirectional overrides, and whatever shows as nothing (SECURITY 4). */
const HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;

/** What separates words: blanks of every width, no-break ones, tabs and line ends. */
const BLANKS = /[\p{Zs}\p{Zl}\p{Zp}\t-\r\u0085\u2800]+/gu;

/** A name as people may see it: plain text, at most 200 characters, single blanks; undefined when nothing visible is left. */
export function visibleName(name: string): string | undefined {
  const shown = name.replace(BLANKS, ' ').replace(HIDDEN, '').replace(/ +/g, ' ').trim();
  return [...shown].slice(0, 200).join('').trim() || undefined;
}

/** The members of a list that this server offers, the others left out (RFC 7591 §3.2.1): an error only when none is left. */
function offered<const Known extends string>(known: () => readonly Known[], standard: NoInfer<Known>) {
  return z.pipe(
    z.transform(unlessEmpty),
    z
      .pipe(
        z._default(z.array(z.string()), [standard]),
        z.transform((asked) => known().filter((one) => asked.includes(one))),
      )
      .check(
        z.refine((kept) => kept.length > 0, {
          error: () => because('holds_none_of', { options: known().join(', ') }),
        }),
      ),
  );
}

/** Client metadata, RFC 7591 §2. Members the gateway does not know are dropped, as §2 allows. */
export const ClientMetadata = z.object({
  redirect_uris: RedirectUris,
  client_name: z.pipe(
    z.transform(unlessEmpty),
    z.optional(z.pipe(z.string().check(z.maxLength(1024)), z.transform(visibleName))),
  ),
  grant_types: z.pipe(offered(grantTypesServed, 'authorization_code'), z.transform(withCode)),
  response_types: offered(() => ['code'], 'code'),
  token_endpoint_auth_method: z.pipe(
    z.transform(unlessEmpty),
    z._default(z.enum(['none', 'client_secret_basic', 'client_secret_post']), 'none'),
  ),
  scope: z.pipe(
    z.transform(unlessEmpty),
    z._default(
      z.pipe(
        z.string().check(z.maxLength(2000)),
        z.transform((scope) => scopesKnown(scope) || 'mcp'),
      ),
      'mcp',
    ),
  ),
});
export type ClientMetadata = z.infer<typeof ClientMetadata>;

/** A client registers where people are sent back to, so it has the code, also when it names only refreshing. */
function withCode(types: string[]): string[] {
  return types.includes('authorization_code') ? types : ['authorization_code', ...types];
}

/** Absent, null and empty all mean the default (CONTRACT §3). */
export function unlessEmpty(given: unknown): unknown {
  return given === null || given === '' || (Array.isArray(given) && !given.length) ? undefined : given;
}

/**
 * Reads client metadata, registered or from a document.
 * @throws OAuthError `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 §3.2.2), naming the member.
 */
export function parseMetadata(body: unknown): ClientMetadata {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new OAuthError('invalid_client_metadata', 'the body must be a JSON object of client metadata');
  }
  const uris = RedirectUris.safeParse((body as { redirect_uris?: unknown }).redirect_uris, {
    reportInput: true,
  });
  if (!uris.success) throw new OAuthError('invalid_redirect_uri', `redirect_uris ${faultOf(uris.error)}`);
  return parse(ClientMetadata, body, 'invalid_client_metadata');
}

/**
 * True when `asked` is one of `registered`: compared as strings, but for a loopback URI's port and its host among the
 * three loopback names (RFC 8252 §7.3, RFC 9700 §4.1.3).
 */
export function redirectUriMatches(registered: readonly string[], asked: string): boolean {
  if (registered.includes(asked)) return true;
  const loopback = loopbackForm(asked);
  return loopback !== null && registered.some((uri) => loopbackForm(uri) === loopback);
}

/** True when an administrator's list lets a person be sent to `uri`: it limits https alone, and an empty one nothing. */
export function allowsRedirectUri(allowed: readonly string[], uri: string): boolean {
  return !allowed.length || !/^https:/i.test(uri) || allowed.includes(uri);
}

/** A loopback redirect URI without host and port, as written; null for every other kind. */
function loopbackForm(uri: string): string | null {
  if (refusedRedirectUri(uri)) return null;
  const { protocol, hostname } = new URL(uri);
  return protocol === 'http:' && isLoopback(hostname) ? uri.replace(/^http:\/\/[^/?]*/i, '') || '/' : null;
}
