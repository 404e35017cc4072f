import type { Context } from 'hono';
import type { App } from '../../config';
import { userSubject } from '../../governance/users';
import { keySubject } from '../../governance/virtual-keys';
import { browserSession } from '../../identity/browser-session';
import { credentialsIn } from '../../identity/credentials';
import { session as anonymous, subjectOfSessionValue } from '../../identity/session';
import { subjectOf } from '../../identity/signed-in';
import { findPresentedKey, refusalOfPresented } from '../../identity/virtual-key';
import type { Subject } from '../../protocol/subject';
import { countWrongTokens, type Shown, shownToken, tooManyAttempts } from './admin-token';
import { administers, requireOwnWrite } from './administrator';
import { ApiError, refusal } from './error';

/** Who asks about connected accounts: whose own are theirs, and whether they see everyone's. */
export type AccountHolder = { subject: Subject | null; seesAll: boolean };

/**
 * An administrator, a person signed in to this browser, the holder of a key, or an anonymous session.
 * @throws ApiError when it is none of them
 */
export async function accountHolder(c: Context<App>): Promise<AccountHolder> {
  const holder = await holderOf(c);
  c.set('actor', holder.subject ?? 'administrator');
  return holder;
}

async function holderOf(c: Context<App>): Promise<AccountHolder> {
  const { headers } = c.req.raw;
  const shown = await shownToken(c);
  if (shown === 'right') return { subject: null, seesAll: true };

  const byHeader = await subjectIn(c, headers).catch(async (error: unknown) => {
    throw error instanceof ApiError && (await isSpent(c, shown)) ? tooManyAttempts() : error;
  });
  if (byHeader) return { subject: byHeader, seesAll: false };
  const spent = await isSpent(c, shown);

  const session = await browserSession(c);
  if (!session) {
    if (spent) throw tooManyAttempts();
    throw refusal('no_holder');
  }
  if (!/^(GET|HEAD)$/.test(c.req.method)) await requireOwnWrite(c, session, c.req.header('x-csrf-token'));
  return { subject: session.user && subjectOf(session.user), seesAll: administers(c, session) };
}

/** Counts what the headers hold for a wrong administrator token, once it is known to be no key: true when there were too many. */
async function isSpent(c: Context<App>, shown: Shown): Promise<boolean> {
  return (shown === 'wrong' ? await countWrongTokens(c) : shown) === 'spent';
}

/** Whom the headers are for: the holder of a key or of a session value; null: they hold neither. */
async function subjectIn(c: Context<App>, headers: Headers): Promise<Subject | null> {
  return (await subjectOfKey(c, headers)) ?? (await subjectOfSession(c, headers));
}

/** Whose key the headers hold: a key's own, or its owner's (CONTRACT §6). Null: none is there. */
async function subjectOfKey(c: Context<App>, headers: Headers): Promise<Subject | null> {
  const { token, keys } = credentialsIn(headers);
  const [value, ...others] = new Set(keys.map((key) => key.value));
  if (value === undefined) return null;
  const presented = others.length || token !== null ? null : await findPresentedKey(c.env.DB, value);
  if (!presented || refusalOfPresented(presented, c.var.settings, Date.now() / 1000)) {
    throw refusal('inactive_key');
  }
  const { key, owner } = presented;
  return owner ? userSubject(owner.user.id) : keySubject(key.id);
}

/** Whose session value the headers hold, where anonymous use is on; null: none is there. */
async function subjectOfSession(c: Context<App>, headers: Headers): Promise<Subject | null> {
  const value = headers.get('x-bf-mcp-session-id');
  if (!value || anonymous.unavailable(c.var.settings) !== null) return null;
  const subject = await subjectOfSessionValue(c.env.ENCRYPTION_KEY, value);
  if (!subject) throw refusal('unknown_session');
  return subject;
}
