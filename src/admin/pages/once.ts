import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { App } from '../../config';
import { baseOf, browserSession, siteOf } from '../../identity/browser-session';
import { once, shownSecrets } from '../../once';
import { Destination } from '../../protocol/destination';
import { sendOn } from '../../ui/layout';
import { actsOf, readForm } from './api';
import { requireOwnForm } from './own-form';

/** Requests whose answer leads to the page that shows a secret. */
const showing = new WeakSet<Request>();

/**
 * Lets every form of administration through once, and no form of another site (SECURITY 21, 32). It had an effect when
 * something was done, or when it sends the browser on and nothing was refused.
 */
export const formsOnce = createMiddleware<App>(async (c, next) => {
  if (c.req.method !== 'POST') return next();
  const fields = await readForm(c);
  await requireOwnForm(c, fields);
  const { pathname, search } = new URL(c.req.url);
  const [, , page = ''] = pathname.split('/');
  const sent = {
    owner: await ownerOf(c),
    path: pathname,
    address: pathname + search,
    fields,
    base: baseOf(c),
    way: { href: page ? `/admin/${page}` : '/admin', label: 'To the page it belongs to' },
  };
  return once(c.env, sent, async (secret) => {
    c.set('formSecret', secret);
    await next();
    const { wasDone, wasRefused } = actsOf(c);
    const isSentOn = c.res.headers.has('location');
    const isDone = !c.error && (wasDone || (isSentOn && !wasRefused));
    return { response: c.res, isDone, showsSecret: showing.has(c.req.raw) };
  });
});

/** Sends the browser on to where `path` shows the secret that this form made: for two minutes, in this session. */
export function goToSecret(c: Context<App>, path: string): Response {
  showing.add(c.req.raw);
  return sendOn(Destination.own(siteOf(c), path), []);
}

/** The secrets that this browser's forms at this path made within two minutes. */
export async function secretsMade(c: Context<App>): Promise<string[]> {
  const shown = { owner: await ownerOf(c), path: new URL(c.req.url).pathname, base: baseOf(c) };
  return shownSecrets(c.env, shown, c.req.header('cookie'));
}

export async function ownerOf(c: Context<App>): Promise<string> {
  const session = await browserSession(c);
  if (!session) throw new Error('administratorsOnly let no one in');
  return `admin ${session.secretHash}`;
}
