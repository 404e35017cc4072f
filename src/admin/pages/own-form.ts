import type { Context } from 'hono';
import type { App } from '../../config';
import { browserSession } from '../../identity/browser-session';
import { subjectOf } from '../../identity/signed-in';
import { PageProblem } from '../../ui/layout';
import { requireOwnWrite } from '../api/administrator';
import { ApiError } from '../api/error';
import type { FormFields } from './api';

/**
 * Lets a form of this gateway act where the API has no path for it, by the API's rules; the audit knows by whom.
 * @throws PageProblem when another site sent it, or no one is signed in any more.
 */
export async function requireOwnForm(c: Context<App>, form: FormFields): Promise<void> {
  const session = await browserSession(c);
  if (!session) throw new Error('administratorsOnly let no one in');
  try {
    await requireOwnWrite(c, session, form.get('csrf') ?? '');
  } catch (error) {
    if (error instanceof ApiError) throw NOT_OURS;
    throw error;
  }
  c.set('actor', session.user ? subjectOf(session.user) : 'administrator');
}

const NOT_OURS = new PageProblem({
  status: 403,
  title: 'This form has expired',
  text: 'Nothing was changed. Open the page again, and do it there.',
  way: { href: '/admin', label: 'To the overview' },
});
