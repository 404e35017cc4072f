import { Unavailable } from '../protocol/error';
import { MuteRefusal, mayRefuse, speaksOfResource, TokenRefused } from './token-refusal';
import { nameInIdToken } from './whose';

/** Refusals under names of a provider's own, by the names of RFC 6749 §5.2. */
const MEANT: ReadonlyMap<string, string> = new Map([
  // GitHub: Troubleshooting OAuth app access token request errors; Refreshing user access tokens
  ['incorrect_client_credentials', 'invalid_client'],
  ['bad_verification_code', 'invalid_grant'],
  ['bad_refresh_token', 'invalid_grant'],
  ['redirect_uri_mismatch', 'invalid_grant'],
  // Slack: oauth.v2.access
  ['bad_client_secret', 'invalid_client'],
  ['invalid_client_id', 'invalid_client'],
  ['invalid_code', 'invalid_grant'],
  ['code_already_used', 'invalid_grant'],
  ['invalid_refresh_token', 'invalid_grant'],
  ['token_expired', 'invalid_grant'],
  ['token_revoked', 'invalid_grant'],
  // Spellings of others
  ['expired_refresh_token', 'invalid_grant'],
  ['refresh_token_expired', 'invalid_grant'],
  ['refresh_token_revoked', 'invalid_grant'],
  ['refresh_token_not_found', 'invalid_grant'],
  ['refresh_token_already_used', 'invalid_grant'],
]);

/** Refusals that say nothing about the request: it may be repeated. */
export const PASSING: ReadonlySet<string> = new Set([
  'temporarily_unavailable',
  'server_error',
  'slow_down',
  'ratelimited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
]);

/** Token types that are sent as Bearer: Slack's say whose a token is. */
const BEARER = new Set(['bearer', 'user', 'bot']);

/** Codes of RFC 6749 §5.2 and RFC 8707 §2, which are looked for within an answer of another form. */
const CODES: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_client',
  'invalid_target',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
]);

/** Statuses that say nothing about the request. Those from 500 on, 429 and redirects do not come this far. */
const NOTHING_SAID: ReadonlySet<number> = new Set([408, 425]);

/**
 * What a token endpoint answered, in the form of RFC 6749 §5, whatever form it took: an error under status 200 or in words
 * of its own, a form in place of JSON, scopes separated by commas, no `token_type`. An ID token goes, but for whose account it speaks of.
 * A refusal says so: a status alone may come from something in front of the provider.
 * @param who names the provider in faults.
 * @throws TokenRefused for a refusal; MuteRefusal for one without a code; Unavailable when it answered neither tokens nor a refusal.
 */
export async function readTokenAnswer(response: Response, who: string): Promise<Response> {
  const { status } = response;
  const text = await response.text();
  const value = readMembers(text);
  const members = isMembers(value) ? value : null;
  if (NOTHING_SAID.has(status)) throw new Unavailable(`${who} answered ${status}`);
  if (typeof members?.access_token === 'string' && members.access_token) {
    const tokens = response.ok && tokensOf(members);
    if (tokens) return Response.json(tokens);
    throw new Unavailable(`${who} answered ${status} with tokens that cannot be used`);
  }
  const code = codeIn(value, members, text);
  const namesResource = speaksOfResource(text);
  if (code && PASSING.has(code)) throw new Unavailable(`${who} has a fault of its own`);
  if (code) throw new TokenRefused(code, 'the token endpoint refused', { status, namesResource });
  const isReadable = value !== undefined || !text.trim();
  if (isReadable && !response.ok && mayRefuse(status))
    throw new MuteRefusal(`${who} answered ${status} without a code`, namesResource);
  throw new Unavailable(`${who} answered ${status} with neither tokens nor a refusal`);
}

/** An answer's JSON, or else its form, as GitHub writes it; undefined: it is neither. */
function readMembers(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const form = Object.fromEntries(new URLSearchParams(text));
    return 'access_token' in form || 'error' in form ? form : undefined;
  }
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The code of a refusal, by the name of RFC 6749 where it has one; `invalid_response` for an `error` in words that are no
 * code; null: it states none.
 */
function codeIn(value: unknown, members: Record<string, unknown> | null, text: string): string | null {
  const own = typeof members?.error === 'string' && members.error ? members.error : null;
  const stated = wordsIn(value).map((word) => MEANT.get(word) ?? word);
  if (stated.includes('invalid_grant')) return 'invalid_grant';
  if (/(?<![a-z_])invalid_grant(?![a-z_])/i.test(text) && !text.trimStart().startsWith('<'))
    return 'invalid_grant';
  if (own !== null && /^[a-z_]{1,64}$/.test(own)) return MEANT.get(own) ?? own;
  return stated.find((word) => CODES.has(word) || PASSING.has(word)) ?? (own && 'invalid_response');
}

/** Members in which an answer states its code. */
const STATING =
  /^(?:error|errors|code|status|type|name|reason|title|message|error_?(?:code|type|name|status))$/i;
/** How deep an answer is read. */
const DEEPEST = 6;

/** What an answer states, at whatever depth, in lower case with `_` between words: `InvalidGrant` is `invalid_grant`. */
function wordsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [snakeCase(value)];
  if (typeof value !== 'object' || value === null || depth === DEEPEST) return [];
  const inner = Array.isArray(value)
    ? value
    : Object.entries(value).flatMap(([name, member]) =>
        typeof member === 'string' && !STATING.test(name) ? [] : [member],
      );
  return inner.flatMap((member) => wordsIn(member, depth + 1));
}

function snakeCase(word: string): string {
  return word
    .slice(0, 100)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
}

/** A longer life of an access token is taken for this: ten years, in seconds. No date is too far. */
const MOST_LIFETIME = 315_360_000;

/** The members of RFC 6749 §5.1; null when there is no token a header can carry. */
function tokensOf(answer: Record<string, unknown>): Record<string, unknown> | null {
  const { access_token, token_type: type, refresh_token, expires_in, scope } = answer;
  if (!isToken(access_token)) return null;
  if (typeof type === 'string' && type && !BEARER.has(type.toLowerCase())) return null;
  const isSaid = typeof expires_in === 'number' || typeof expires_in === 'string';
  const lifetime = isSaid ? Math.min(Number(expires_in), MOST_LIFETIME) : 0;
  const account = nameInIdToken(answer.id_token);
  return {
    access_token,
    token_type: typeof type === 'string' && type ? type : 'Bearer',
    ...(lifetime > 0 && { expires_in: lifetime }),
    ...(isToken(refresh_token) && { refresh_token }),
    ...(account && { account }),
    ...(typeof scope === 'string' && {
      scope: scope
        .split(/[\s,]+/)
        .filter(Boolean)
        .join(' '),
    }),
  };
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,16384}$/.test(value);
}
