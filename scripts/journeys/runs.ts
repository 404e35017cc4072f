import type { Browser } from 'playwright-core';
import { administer } from './administrator.ts';
import type { Cast, Crowd } from './crowd.ts';
import { develop } from './developer.ts';
import { connect } from './holder.ts';
import { strangersOf } from './person.ts';
import { type Row, Walk, type Way } from './walk.ts';

/** Each user, and what they do. */
const USERS = { developer: develop, administrator: administer, 'person with an app': connect } as const;
type User = keyof typeof USERS;

type Terms = {
  /** At one time: a machine with nothing else to do is through sooner, and times say less. */
  together?: boolean;
};

/**
 * Walks every user's journey, each in a browser of its own. One that cannot go on ends there: its last row says why.
 * @param ways of all of them, or of each
 * @param number of the run at this gateway
 */
export async function walkAll(
  browser: Browser,
  crowd: Crowd,
  ways: Way | Record<User, Way>,
  number: number,
  { together = false }: Terms = {},
): Promise<Row[]> {
  const cast = await crowd.castOf(number);
  const walks: Promise<Row[]>[] = [];
  for (const user of Object.keys(USERS) as User[]) {
    const way = 'hands' in ways ? ways : ways[user];
    walks.push(walkAs(user, { browser, crowd, way, cast }));
    if (!together) await walks.at(-1);
  }
  const rows = (await Promise.all(walks)).flat();
  await crowd.remove(cast.added);
  return rows;
}

type Run = { browser: Browser; crowd: Crowd; way: Way; cast: Cast };

async function walkAs(user: User, { browser, crowd, way, cast }: Run): Promise<Row[]> {
  const context = await browser.newContext({
    javaScriptEnabled: way.hasScript,
    viewport: { width: way.width, height: way.height },
    colorScheme: way.isDark ? 'dark' : 'light',
  });
  const strangers = strangersOf(context, [crowd.facts.url, crowd.peer.origin]);
  const walk = new Walk(user, await context.newPage(), way);
  await USERS[user](walk, crowd, cast).catch((error) => {
    if (!walk.rows.some(({ faults }) => faults.length)) throw error;
  });
  for (const address of strangers) walk.rows.at(-1)?.faults.push(`asks ${address}`);
  await context.close();
  return walk.rows;
}

/** What is wrong in these rows, each with where. */
export function faultsIn(rows: readonly Row[]): string[] {
  return rows.flatMap(({ user, step, path, faults }) =>
    faults.map((fault) => `${user}, “${step}”, ${path}: ${fault.replace(/\s+/g, ' ')}`),
  );
}
