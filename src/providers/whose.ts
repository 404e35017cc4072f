import { allowsLoopback, type Env } from '../config';
import { boundedFetch } from '../identity/provider';
import type { Provider } from './provider';
import type { Tokens } from './tokens';

/** Characters of a name that are shown. */
const MOST = 200;

/**
 * Whose an account is, as its provider says: in an ID token, which came from the token endpoint itself (OpenID Connect Core
 * §3.1.3.7), else at its userinfo endpoint (§5.3). Null: it does not say. For a person to read, never to decide by.
 */
export async function whoseAccount(
  env: Env,
  provider: Provider,
  { account, accessToken }: Tokens,
): Promise<string | null> {
  if (account) return account;
  const url = provider.userinfoEndpoint;
  if (!url || !URL.canParse(url) || new URL(url).origin !== new URL(provider.tokenEndpoint).origin)
    return null;
  const headers = { authorization: `Bearer ${accessToken}`, accept: 'application/json' };
  const response = await boundedFetch(allowsLoopback(env), 'the userinfo endpoint')(url, { headers }).catch(
    () => null,
  );
  return response?.ok ? nameIn(await response.json().catch(() => null)) : null;
}

/** Whose account an ID token speaks of; its signature is not checked. Null: no one a person would know. */
export function nameInIdToken(idToken: unknown): string | null {
  if (typeof idToken !== 'string') return null;
  try {
    const [, payload = ''] = idToken.split('.');
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, '+').replace(/_/g, '/')), (one) =>
      one.charCodeAt(0),
    );
    return nameIn(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** The claim that people know best of themselves (OpenID Connect Core §5.1). */
function nameIn(claims: unknown): string | null {
  if (typeof claims !== 'object' || claims === null) return null;
  const { email, preferred_username, name, sub } = claims as Record<string, unknown>;
  const said = [email, preferred_username, name, sub].find((claim) => typeof claim === 'string' && claim);
  return typeof said === 'string' ? said.replace(/\p{C}/gu, '').slice(0, MOST) || null : null;
}
