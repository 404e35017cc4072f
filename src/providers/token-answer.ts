import { Unavailable } from '../protocol/error';

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

/**
 * What a token endpoint answered, in the form of RFC 6749 §5, whatever form it took: an error under status 200 or in words
 * of its own, a form in place of JSON, scopes separated by commas, no `token_type`. An ID token is not read, so it goes.
 * A refusal says so: a status alone may come from something in front of the provider.
 * @param who names the provider in faults. @throws Unavailable when it answered neither tokens nor a refusal.
 */
export async function readTokenAnswer(response: Response, who: string): Promise<Response> {
  const members = membersOf(await response.text());
  const error = members && refusalOf(members);
  if (error && PASSING.has(error)) throw new Unavailable(`${who} has a fault of its own`);
  if (error) return Response.json({ error: MEANT.get(error) ?? error }, { status: 400 });
  const tokens = members && response.ok && tokensOf(members);
  if (tokens) return Response.json(tokens);
  throw new Unavailable(`${who} answered ${response.status} with neither tokens nor a refusal`);
}

/** The members of an answer: JSON, or else a form, as GitHub writes it. */
function membersOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    const form = Object.fromEntries(new URLSearchParams(text));
    return 'access_token' in form || 'error' in form ? form : null;
  }
}

/** The code of a refusal, as the provider spells it; `invalid_response` for words that are no code; null: it is none. */
function refusalOf({ error, access_token }: Record<string, unknown>): string | null {
  if (typeof error !== 'string' || typeof access_token === 'string') return null;
  return /^[a-z_]{1,64}$/.test(error) ? error : 'invalid_response';
}

/** The members of RFC 6749 §5.1; null when there is no token a header can carry. */
function tokensOf(answer: Record<string, unknown>): Record<string, unknown> | null {
  const { access_token, token_type: type, refresh_token, expires_in, scope } = answer;
  if (!isToken(access_token)) return null;
  if (type && !BEARER.has(String(type).toLowerCase())) return null;
  const lifetime = Number(expires_in);
  return {
    access_token,
    token_type: typeof type === 'string' && type ? type : 'Bearer',
    ...(lifetime > 0 && Number.isFinite(lifetime) && { expires_in: lifetime }),
    ...(isToken(refresh_token) && { refresh_token }),
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
