import * as z from 'zod/mini';
import { sealedCookie } from './crypto/sealed-cookie';
import { hashSecret, mac, open, randomSecret, seal } from './crypto/secrets';
import { log } from './log';
import { faultFacts } from './protocol/faults/storage';
import { FORM_LIFE, isOnceValue } from './protocol/once-value';
import { pause } from './protocol/patience';
import { PageProblem } from './ui/layout';

/** How long a repetition gets the first answer, and a secret is shown again. Seconds. */
const REPEATABLE = 120;
/** The pauses between looks at what became of the first submission: 25 seconds in all. Milliseconds. */
const PAUSES = Array.from({ length: 20 }, (_, at) => Math.min(50 * 1.4 ** at, 2500));

type Storage = { DB: D1Database; ENCRYPTION_KEY: string };

/** A form that was sent, and proved to be this browser's own. */
export type Submission = {
  /** Names the browser and its session. */
  owner: string;
  /** Where it was sent: the path, and the address with its query. */
  path: string;
  address: string;
  fields: URLSearchParams;
  /** Where cookies belong. */
  base: string;
  /** Where to see what became of it. */
  way: { href: string; label: string };
};

/** What a handler made of a form. `isDone`: it had an effect; else it can be corrected and sent again. */
export type FormOutcome = { response: Response; isDone: boolean; showsSecret?: boolean };

/** The first answer: sealed in its row. */
type Answer = { status: number; headers: [string, string][]; isPage: boolean; showsSecret: boolean };
type Row = { digest: string; claimed_at: number; answer: string | null };

/** Pages that answered a form without sending the browser on. In memory only: they may hold what a tool answered. */
const pages = new Map<string, string>();
const MOST_PAGES = 20;

/**
 * Runs `act` once for a form, however often it is sent (SECURITY 32). A repetition waits for the first to end and gets
 * the same answer, for two minutes. What had no effect may be sent again.
 * @param act gets the secret that the form may turn into something: its repetition can tell it again, and nothing else can
 * @throws PageProblem 403 for a form without a once-value or out of date, 409 when there is no answer to repeat
 */
export async function once(
  env: Storage,
  sent: Submission,
  act: (secret: string) => Promise<FormOutcome>,
): Promise<Response> {
  const value = sent.fields.get('once') ?? '';
  const now = Math.floor(Date.now() / 1000);
  if (!isOnceValue(value, now)) throw new PageProblem(outOfDate(sent));
  const id = await hashSecret(`${sent.owner} ${value}`);
  const digest = await hashSecret(`${sent.address}\n${sent.fields}`);
  const secret = await mac(env.ENCRYPTION_KEY, `form secret ${sent.owner} ${value}`);
  for (const looksAgainIn of PAUSES) {
    const row = await claim(env.DB, id, digest, now);
    if (!row) return perform(env, sent, { id, secret, now }, act);
    const isLate = row.claimed_at + REPEATABLE <= now;
    if (row.digest !== digest || isLate)
      throw new PageProblem(sentBefore(sent, row.answer !== null ? 'done' : isLate ? 'unknown' : 'running'));
    if (row.answer !== null) return repeat(env, sent, { id, secret, now: row.claimed_at }, row.answer);
    await pause(looksAgainIn);
  }
  throw new PageProblem(sentBefore(sent, 'running'));
}

/**
 * Claims a once-value. Null: it is claimed now; else what the one who has it says. Behind the digest stands who claims, so that
 * a claim whose answer was lost is known again.
 */
async function claim(db: D1Database, id: string, digest: string, now: number): Promise<Row | null> {
  const mine = `${digest} ${randomSecret(8)}`;
  const claiming = () =>
    db.batch([
      db
        .prepare('INSERT INTO form_once (id, digest, claimed_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING')
        .bind(id, mine, now),
      db.prepare('SELECT digest, claimed_at, answer FROM form_once WHERE id = ?1').bind(id),
    ]);
  const [, rows] = await claiming().catch(claiming);
  const row = rows?.results[0] as Row | undefined;
  return !row || row.digest === mine ? null : { ...row, digest: row.digest.slice(0, digest.length) };
}

/** `now`: when the once-value was claimed. */
type Claim = { id: string; secret: string; now: number };

async function perform(
  env: Storage,
  sent: Submission,
  claimed: Claim,
  act: (secret: string) => Promise<FormOutcome>,
): Promise<Response> {
  const { id, secret } = claimed;
  const outcome = await act(secret).catch(async (error: unknown) => {
    await release(env.DB, id);
    throw error;
  });
  const { response, isDone, showsSecret = false } = outcome;
  if (!isDone) {
    await release(env.DB, id);
    return response;
  }
  const isPage = !response.headers.has('location');
  if (isPage) remember(id, await response.clone().text());
  const answer: Answer = { status: response.status, headers: [...response.headers], isPage, showsSecret };
  const sealed = await seal(env.ENCRYPTION_KEY, placeOf(id), JSON.stringify(answer));
  const keeping = env.DB.prepare('UPDATE form_once SET answer = ?2 WHERE id = ?1').bind(id, sealed).run();
  await keeping.catch((error: unknown) => log('form.answer_not_kept', faultFacts(error))); // it took effect all the same
  if (showsSecret) response.headers.append('set-cookie', await secretCookie(env, sent, claimed));
  return response;
}

async function repeat(env: Storage, sent: Submission, claimed: Claim, sealed: string): Promise<Response> {
  const text = await open(env.ENCRYPTION_KEY, placeOf(claimed.id), sealed);
  const answer = text === null ? null : (JSON.parse(text) as Answer);
  const body = answer?.isPage ? (pages.get(claimed.id) ?? null) : null;
  if (!answer || (answer.isPage && body === null)) throw new PageProblem(sentBefore(sent, 'done'));
  const response = new Response(body, { status: answer.status, headers: answer.headers });
  if (answer.showsSecret) response.headers.append('set-cookie', await secretCookie(env, sent, claimed));
  return response;
}

async function release(db: D1Database, id: string): Promise<void> {
  await db.prepare('DELETE FROM form_once WHERE id = ?1').bind(id).run();
}

function remember(id: string, html: string): void {
  pages.set(id, html);
  if (pages.size > MOST_PAGES) pages.delete(pages.keys().next().value as string);
}

const placeOf = (id: string) => `form_once/${id}/answer`;

type Shown = Pick<Submission, 'owner' | 'path' | 'base'>;

/** Shows a secret again at the path of its form, to its owner only. @param life seconds */
const shownCookie = ({ owner, path }: Shown, life = REPEATABLE) =>
  sealedCookie({ kind: 'shown', schema: ShownSecret, life, path, boundTo: `${owner}${path}` });
/** Until when (epoch seconds) it is shown, and the secret. */
const ShownSecret = z.object({ until: z.number(), secret: z.string() });

/** The `Set-Cookie` value that lets the page after the form show its secret, until two minutes after the form was sent. */
async function secretCookie(env: Storage, sent: Submission, { id, secret, now }: Claim): Promise<string> {
  const until = now + REPEATABLE;
  const life = Math.max(0, until - Math.floor(Date.now() / 1000));
  return shownCookie(sent, life).write(env.ENCRYPTION_KEY, sent.base, { until, secret }, id.slice(0, 8));
}

/** The secrets that this browser may be shown again at the path of their form. */
export async function shownSecrets(
  env: Storage,
  shown: Shown,
  cookies: string | undefined,
): Promise<string[]> {
  const now = Math.floor(Date.now() / 1000);
  const all = await shownCookie(shown).readAll(env.ENCRYPTION_KEY, shown.base, cookies);
  return [...all.values()].flatMap((one) => (one && one.until > now ? [one.secret] : []));
}

/** Claims that one statement deletes. */
const PORTION = 5_000;

/** Deletes up to {@link PORTION} claims of forms, and kept pages, that are out of date at `now` (epoch seconds). @returns how many. */
export async function sweepOnce(db: D1Database, now: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM form_once WHERE id IN (SELECT id FROM form_once
       WHERE claimed_at <= ?1 OR (digest = 'page' AND claimed_at <= ?2) LIMIT ?3)`,
    )
    .bind(now - FORM_LIFE, now - REPEATABLE, PORTION)
    .run();
  return meta.changes;
}

function outOfDate({ way }: Submission) {
  return {
    status: 403,
    title: 'This form is out of date',
    text: 'Nothing was changed. Open the page again and repeat it there.',
    way,
  };
}

/** What is said of the first submission. `unknown`: its answer never came, as when storage was away. */
const BEFORE = {
  running: 'This is still running. Wait for the first answer.',
  done: 'It took effect the first time, and nothing was changed now. Open the page again to see the result.',
  unknown:
    'Storage didn’t respond the first time, and nothing was changed now. Open the page again to see the result.',
};

function sentBefore({ way }: Submission, first: keyof typeof BEFORE) {
  return { status: 409, title: 'This form was already sent', text: BEFORE[first], way };
}
