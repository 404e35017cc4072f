import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { equalSecrets, hashSecret } from '../crypto/secrets';
import { baseOf, browserSession } from '../identity/browser-session';
import { isAdminEmail } from '../identity/provider';
import { type SignedIn, subjectOf, verifyCsrf } from '../identity/signed-in';
import { isForeign } from '../protocol/own-origin';
import { ApiError } from './error';

/** Lets administrators through, whatever the verb and whether or not there is anything at the path. */
export const administrator = createMiddleware<App>(async (c, next) => {
  if (await isAdministrator(c.req.raw.headers, c.env.ADMIN_TOKEN)) {
    c.set('actor', 'administrator');
  } else {
    const session = await browserSession(c);
    if (!session) {
      throw new ApiError(
        'unauthorized',
        'This needs the ADMIN_TOKEN: as "Authorization: Bearer …", as the password of HTTP Basic, or in x-api-key; or a browser signed in as an administrator.',
      );
    }
    if (!administers(c, session)) {
      throw new ApiError('forbidden', `You are signed in as ${session.user?.name}, who is no administrator.`);
    }
    if (!/^(GET|HEAD)$/.test(c.req.method)) await requireOwnWrite(c, session, c.req.header('x-csrf-token'));
    c.set('actor', session.user ? subjectOf(session.user) : 'administrator');
  }
  await next();
});

/** True when the request is an administrator's, by token or as signed in. */
export async function isAdministrators(c: Context<App>): Promise<boolean> {
  if (await isAdministrator(c.req.raw.headers, c.env.ADMIN_TOKEN)) return true;
  const session = await browserSession(c);
  return session !== null && administers(c, session);
}

/** True when the signed-in one is an administrator now: by ADMIN_TOKEN, or by a verified address in `oidc.admin_emails`. */
export function administers(c: Context<App>, { user }: SignedIn): boolean {
  return user === null || isAdminEmail(c.var.settings, user.email);
}

/**
 * Refuses a write that our own pages did not make: a browser sends its cookies along with anybody's (SECURITY 21).
 * @throws ApiError
 */
export async function requireOwnWrite(
  c: Context<App>,
  session: SignedIn,
  csrf: string | undefined,
): Promise<void> {
  if (isForeign(c.req.raw.headers, baseOf(c))) {
    throw new ApiError('forbidden', 'This was sent from another site. Nothing was changed.');
  }
  if (await verifyCsrf(c.env.ENCRYPTION_KEY, session, csrf ?? '')) return;
  throw new ApiError(
    'forbidden',
    'A signed-in browser sends the csrf value of GET /api/session along, as x-csrf-token. Nothing was changed.',
  );
}

/** True when one of the headers carries `ADMIN_TOKEN`. */
export async function isAdministrator(headers: Headers, adminToken: string): Promise<boolean> {
  for (const presented of credentials(headers)) {
    if (presented && (await isAdminToken(presented, adminToken))) return true;
  }
  return false;
}

/** Hashes are compared, so that the time tells nothing about the token. */
export async function isAdminToken(presented: string, adminToken: string): Promise<boolean> {
  return equalSecrets(await hashSecret(presented), await hashSecret(adminToken));
}

function credentials(headers: Headers): (string | undefined)[] {
  const [, scheme, value = ''] = /^(\S+) +(\S+)$/.exec(headers.get('authorization') ?? '') ?? [];
  const authorization = scheme?.toLowerCase() === 'basic' ? passwordOf(value) : value;
  return [
    scheme && /^(basic|bearer)$/i.test(scheme) ? authorization : undefined,
    headers.get('x-api-key') ?? undefined,
  ];
}

/** The password of Basic credentials (RFC 7617 §2): what follows the first colon. */
function passwordOf(credentials: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(credentials), (char) => char.charCodeAt(0));
    return /^[^:]*:(.*)$/s.exec(new TextDecoder().decode(bytes))?.[1];
  } catch {
    return undefined;
  }
}
