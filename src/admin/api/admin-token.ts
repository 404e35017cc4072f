import type { Context } from 'hono';
import { logAct } from '../../audit';
import { type App, limitsAttempts, withinLimit } from '../../config';
import { equalSecrets, hashSecret } from '../../crypto/secrets';
import { addressOf } from '../../protocol/address';
import { type ApiError, refusal } from './error';

/** Wrong tokens one address may send within a {@link WINDOW}, as the binding counts them too. */
const MOST_WRONG = 10;
/** Milliseconds. */
const WINDOW = 60_000;
/** Addresses this isolate counts for. */
const MOST_ADDRESSES = 10_000;

/** Wrong tokens by address: since when (epoch milliseconds), and how many. */
const wrong = new Map<string, { since: number; count: number }>();

/** What a request shows for ADMIN_TOKEN. `spent`: its address has guessed too often, so nothing is compared. */
export type Shown = 'right' | 'wrong' | 'spent' | 'nothing';

/** What the headers of a request show. A wrong one is not counted yet: it may be a credential of another kind. */
export function shownToken(c: Context<App>): Promise<Shown> {
  return judge(c, tokensIn(c.req.raw.headers));
}

/** What was typed as ADMIN_TOKEN, counted when it is wrong. */
export async function typedToken(c: Context<App>, token: string): Promise<Shown> {
  const shown = await judge(c, [token]);
  return shown === 'wrong' ? count(c, 1) : shown;
}

/** Counts the wrong tokens of a request. `spent` when they are too many. */
export function countWrongTokens(c: Context<App>): Promise<Shown> {
  return count(c, tokensIn(c.req.raw.headers).length);
}

/** For an address that has guessed too often. */
export function tooManyAttempts(): ApiError {
  return refusal('too_many_guesses');
}

async function judge(c: Context<App>, presented: readonly string[]): Promise<Shown> {
  if (!presented.length) return 'nothing';
  if (isSpent(c)) return 'spent';
  const verdicts = await Promise.all(presented.map((token) => isAdminToken(token, c.env.ADMIN_TOKEN)));
  if (isSpent(c)) return 'spent'; // by requests sent at the same moment
  return verdicts.includes(true) ? 'right' : 'wrong';
}

function isSpent(c: Context<App>): boolean {
  if (!limitsAttempts(c.env)) return false;
  const counted = wrong.get(addressOf(c.req.raw));
  return counted !== undefined && counted.count >= MOST_WRONG && isWithin(counted.since, Date.now());
}

/** Here, so that the eleventh is not compared, and by the binding, which counts for all isolates of a location. */
async function count(c: Context<App>, more: number): Promise<'wrong' | 'spent'> {
  logAct(c, { act: 'administrator.refused' });
  if (!limitsAttempts(c.env)) return 'wrong';
  const address = addressOf(c.req.raw);
  remember(address, more);
  for (let n = 0; n < more; n++) {
    if (await withinLimit(c.env, c.env.ADMIN_TOKEN_ATTEMPTS, address)) continue;
    remember(address, MOST_WRONG);
    return 'spent';
  }
  return 'wrong';
}

function remember(address: string, more: number): void {
  const now = Date.now();
  const known = wrong.get(address);
  const counted = known && isWithin(known.since, now) ? known : { since: now, count: 0 };
  wrong.delete(address);
  wrong.set(address, { ...counted, count: counted.count + more });
  if (wrong.size > MOST_ADDRESSES) wrong.delete(wrong.keys().next().value as string);
}

function isWithin(since: number, now: number): boolean {
  return now >= since && now < since + WINDOW;
}

/** Hashes are compared, so that the time tells nothing about the token. */
async function isAdminToken(presented: string, adminToken: string): Promise<boolean> {
  return equalSecrets(await hashSecret(presented), await hashSecret(adminToken));
}

/** What `Authorization` and `x-api-key` hold, each value once. */
function tokensIn(headers: Headers): string[] {
  const [, scheme, value = ''] = /^(\S+) +(\S+)$/.exec(headers.get('authorization') ?? '') ?? [];
  const authorization = scheme?.toLowerCase() === 'basic' ? passwordOf(value) : value;
  const presented = [
    scheme && /^(basic|bearer)$/i.test(scheme) ? authorization : undefined,
    headers.get('x-api-key') ?? undefined,
  ];
  return [...new Set(presented.filter((token) => token !== undefined && token !== ''))] as string[];
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
