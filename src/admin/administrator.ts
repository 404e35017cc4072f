import { createMiddleware } from 'hono/factory';
import type { App } from '../config';
import { equalSecrets, hashSecret } from '../crypto/secrets';
import { ApiError } from './error';

/** Lets administrators through, whatever the verb and whether or not there is anything at the path. */
export const administrator = createMiddleware<App>(async (c, next) => {
  if (!(await isAdministrator(c.req.raw.headers, c.env.ADMIN_TOKEN))) {
    throw new ApiError(
      'unauthorized',
      'This needs the ADMIN_TOKEN: as "Authorization: Bearer …", as the password of HTTP Basic, or in x-api-key.',
    );
  }
  c.set('actor', 'administrator');
  await next();
});

/** True when one of the headers carries `ADMIN_TOKEN`. Hashes are compared, so that the time tells nothing about it. */
export async function isAdministrator(headers: Headers, adminToken: string): Promise<boolean> {
  const expected = await hashSecret(adminToken);
  for (const presented of credentials(headers)) {
    if (presented && equalSecrets(await hashSecret(presented), expected)) return true;
  }
  return false;
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
