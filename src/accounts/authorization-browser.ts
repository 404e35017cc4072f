import { equalSecrets, hashSecret, randomSecret } from '../crypto/secrets';
import { endCookie, endOldest, readCookie, writeCookie } from '../protocol/cookies';
import { AUTHORIZATION_LIFE } from './authorization';

const PREFIX = 'toolgate-upstream-';
/** Authorizations one browser may be on, the new one included. */
const MOST = 5;

/** A secret for the one browser that is sent to a provider, and the hash by which it is known when it comes back. */
export async function newBrowserSecret(): Promise<{ secret: string; browserHash: string }> {
  const secret = randomSecret();
  return { secret, browserHash: await hashSecret(secret) };
}

/**
 * `Set-Cookie` values that give a browser the secret of the authorization `id`, in place of its oldest ones.
 * @param cookies the browser's header
 */
export function bindingCookies(
  issuer: string,
  cookies: string | undefined,
  { id, secret }: { id: string; secret: string },
): string[] {
  return [
    ...endOldest(issuer, cookies, { prefix: PREFIX, most: MOST, id }),
    writeCookie(issuer, { name: PREFIX + id, value: secret, maxAge: AUTHORIZATION_LIFE }),
  ];
}

/** True when this browser is the one that was sent. */
export async function isBrowserOf(
  issuer: string,
  cookies: string | undefined,
  { id, browserHash }: { id: string; browserHash: string },
): Promise<boolean> {
  const secret = readCookie(issuer, cookies, PREFIX + id);
  return secret !== null && equalSecrets(await hashSecret(secret), browserHash);
}

/** The `Set-Cookie` value once the authorization is over. */
export function unbindingCookie(issuer: string, id: string): string {
  return endCookie(issuer, PREFIX + id);
}
