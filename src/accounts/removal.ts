import { waitUntil } from 'cloudflare:workers';
import type { Env } from '../config';
import { endSessionsOf } from '../grants/end-sessions';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { within } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import { deleteAuthorizations, deleteExpiredAuthorizations } from './authorization';
import { deleteCredentialsAt, deleteCredentialsOf } from './credentials';
import { deleteExpiredLinks, deleteLinksOf, deleteLinksTo } from './links';

/** How long a removal waits for providers to be told (RFC 7009). It goes on behind the answer. Milliseconds. */
const PATIENCE = 8_000;

/** Ends what an identity was about to connect: statements for one batch. */
export function endBegunBy(db: D1Database, subject: Subject): D1PreparedStatement[] {
  return [deleteLinksOf(db, subject), deleteAuthorizations(db, { owner: subject })];
}

/** Ends what was about to be connected at a server: statements for one batch. */
export function endBegunAt(db: D1Database, serverId: string): D1PreparedStatement[] {
  return [deleteLinksTo(db, serverId), deleteAuthorizations(db, { serverId })];
}

/** Ends what an identity that is gone or blocked had connected. Repeatable. @returns true when nothing is left */
export async function disconnectEverywhere(env: Env, subject: Subject): Promise<boolean> {
  const areEnded = await endSessionsOf(env.SUBJECTS, subject, {}); // first: the accounts still open them
  const areGone = await waitFor(deleteCredentialsOf(env, subject), { owner: subject });
  return areEnded && areGone;
}

/** Ends everyone's accounts at a server, the gateway's own too. Repeatable. @returns true when nothing is left */
export function endCredentialsAt(env: Env, serverId: string): Promise<boolean> {
  return waitFor(deleteCredentialsAt(env, serverId), { server: serverId });
}

async function waitFor(ending: Promise<boolean>, about: Record<string, string>): Promise<boolean> {
  const ended = ending.then(
    (all) => {
      if (!all) log('credential.left_to_cron', about);
      return all;
    },
    (error: unknown) => {
      log('credential.left_to_cron', { ...about, ...faultFacts(error) });
      return false;
    },
  );
  waitUntil(ended);
  return (await within(PATIENCE, ended)) ?? false;
}

/** Rows that one sweep deletes of each table. */
const PORTION = 5_000;

/** Deletes links and authorizations that were over at `now` (epoch seconds). Whatever asks for one judges that itself. */
export async function sweepConnecting(db: D1Database, now: number): Promise<number> {
  const results = await db.batch([
    deleteExpiredLinks(db, now, PORTION),
    deleteExpiredAuthorizations(db, now, PORTION),
  ]);
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}
