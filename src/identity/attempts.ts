import type { Context } from 'hono';
import { type App, withinLimit } from '../config';
import { addressOf } from '../protocol/address';
import { PageProblem } from '../ui/layout';

/**
 * Counts an attempt at a key: so many of one flow or link, so many from one address (SECURITY 7).
 * @param form where to try again @throws PageProblem 429
 */
export async function countAttempt(c: Context<App>, id: string, form: string): Promise<void> {
  const within = await Promise.all([
    withinLimit(c.env, c.env.KEY_ATTEMPTS_PER_FLOW, id),
    withinLimit(c.env, c.env.KEY_ATTEMPTS_PER_ADDRESS, addressOf(c.req.raw)),
  ]);
  if (within.every(Boolean)) return;
  throw new PageProblem({
    status: 429,
    title: 'Too many attempts',
    text: 'Wait a minute, then try again.',
    way: { href: form, label: 'Try again' },
    retryAfter: 60,
  });
}
