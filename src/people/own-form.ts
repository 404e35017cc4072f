import type { Context } from 'hono';
import type { App } from '../config';
import { hashSecret, mac, randomSecret, verifyMac } from '../crypto/secrets';
import { baseOf } from '../identity/browser-session';
import { readCookie, writeCookie } from '../protocol/cookies';
import { isForeign } from '../protocol/own-origin';
import type { Subject } from '../protocol/subject';
import { formOf } from '../ui/fields';
import { PageProblem } from '../ui/layout';

/** Tells this browser from all others. */
const NAME = 'toolgate-visit';
/** How long a page may lie open before its forms are out of date. Seconds. */
const LIFE = 43_200;
/** Bytes a form may have: a box for every tool of many servers. */
const MOST = 1_048_576;

/** A browser at a page with forms: its secret, and the `Set-Cookie` value that keeps it. */
export type Visit = { secret: string; cookie: string };

/** Begins or goes on with a visit. */
export function visitOf(c: Context<App>): Visit {
  const secret = secretIn(c) ?? randomSecret();
  return { secret, cookie: writeCookie(baseOf(c), { name: NAME, value: secret, maxAge: LIFE }) };
}

function secretIn(c: Context<App>): string | null {
  const secret = readCookie(baseOf(c), c.req.header('cookie'), NAME);
  return secret && /^[A-Za-z0-9_-]{43}$/.test(secret) ? secret : null;
}

/** The unguessable value of a form: bound to this browser and to whom it acts for; null: no one yet (SECURITY 5, 21). */
export async function formValue(
  encryptionKey: string,
  { secret }: Pick<Visit, 'secret'>,
  subject: Subject | null,
): Promise<string> {
  return mac(encryptionKey, await formText(secret, subject));
}

/** A form that this browser was shown by us, and tells for which of some subjects. */
export type OwnForm = {
  fields: URLSearchParams;
  isFor(subject: Subject | null): Promise<boolean>;
  /** The browser, by a hash of its secret. */
  browser: string;
};

/** @throws PageProblem 403 for a form that another site sent, or that has no browser of this gateway behind it. */
export async function readOwnForm(c: Context<App>): Promise<OwnForm> {
  if (isForeign(c.req.raw.headers, baseOf(c))) {
    throw new PageProblem({
      status: 403,
      title: 'This form was sent from another site',
      text: 'Nothing was changed. Do this under Your apps.',
      way: { href: '/me', label: 'Your apps' },
    });
  }
  const fields = await formOf(c.req.raw, MOST);
  const secret = secretIn(c);
  if (!secret) throw outOfDate(c);
  const value = fields.get('csrf') ?? '';
  return {
    fields,
    browser: await hashSecret(secret),
    isFor: async (subject) => verifyMac(c.env.ENCRYPTION_KEY, await formText(secret, subject), value),
  };
}

/** For a form that was shown to someone else, or long ago. */
export function outOfDate(c: Context<App>): PageProblem {
  return new PageProblem({
    status: 403,
    title: 'This form is out of date',
    text: 'Nothing was changed. You opened another page in the meantime, or you’re signed in as someone else now. Open the page again and repeat it there.',
    way: { href: c.req.path.startsWith('/me/') ? '/me' : c.req.path, label: 'Open the page again' },
  });
}

async function formText(secret: string, subject: Subject | null): Promise<string> {
  return `people ${await hashSecret(secret)} ${subject ?? ''}`;
}
