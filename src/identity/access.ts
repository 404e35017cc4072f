import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { allowsLoopback, type Env } from '../config';
import type { ProviderAccount } from '../governance/users';
import { isLoopback } from '../protocol/public-url';
import type { Settings } from '../settings';
import { accountOf, providerFetch, SignInRefused } from './provider';

/** The header Cloudflare Access puts on every request it let through. */
const HEADER = 'cf-access-jwt-assertion';
/** Skew forgiven between Access' clock and ours, seconds (SECURITY 10). */
const SKEW = 120;

/** The keys of each team, fetched when a new one is met, and again after ten minutes. */
const keys = new Map<string, JWTVerifyGetKey>();

/**
 * Whose account Cloudflare Access vouches for with this request; null when it says nothing, or is not the provider here.
 * Who may come in at all is its policy's to say.
 * @throws SignInRefused when the assertion does not stand, Unavailable when its keys cannot be had.
 */
export async function accessAccount(
  env: Env,
  settings: Settings,
  headers: Headers,
): Promise<ProviderAccount | null> {
  const { team_domain: team, aud } = settings.access;
  const assertion = headers.get(HEADER);
  if (!team || !aud || !assertion) return null;
  const issuer = issuerOfTeam(team);
  try {
    const { payload } = await jwtVerify(assertion, keysOf(issuer, allowsLoopback(env)), {
      algorithms: ['RS256'],
      issuer,
      audience: aud,
      clockTolerance: SKEW,
      requiredClaims: ['sub', 'exp', 'iat'],
    });
    const { sub = '', email, name } = payload;
    if (typeof email !== 'string')
      throw new SignInRefused('email_unverified', 'the assertion names no person');
    return accountOf(issuer, sub, email, name);
  } catch (cause) {
    if (cause instanceof errors.JOSEError) throw new SignInRefused('unverified', cause.message, { cause });
    throw cause;
  }
}

/** The issuer of the accounts that Cloudflare Access vouches for, by the team's name. */
export function issuerOfTeam(team: string): string {
  const url = new URL(`https://${team}`);
  return isLoopback(url.hostname) ? `http://${team}` : url.origin;
}

function keysOf(issuer: string, allowLoopback: boolean): JWTVerifyGetKey {
  const known = keys.get(issuer);
  if (known) return known;
  const send = providerFetch(allowLoopback);
  const set = createRemoteJWKSet(new URL('/cdn-cgi/access/certs', issuer), {
    [customFetch]: (url, { method, headers }) => send(url, { method, headers }),
  });
  keys.set(issuer, set);
  return set;
}
