import { waitUntil } from 'cloudflare:workers';
import type { Env } from '../config';
import { endSessionsOf } from '../grants/end-sessions';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';
import { retrying, within } from '../protocol/patience';
import type { Subject } from '../protocol/subject';
import { serverRemoval } from '../servers/store';
import { deleteAuthorizations, deleteExpiredAuthorizations } from './authorization';
import { deleteCredentialsAt, deleteCredentialsOf } from './credentials';
import { deleteExpiredLinks, deleteLinksOf, deleteLinksTo } from './links';

/** How long a removal waits for providers to be told (RFC 7009). It goes on behind the answer. Milliseconds. */
const PATIENCE = 8_000;

/**
 * Ends what an identity that is gone or blocked had connected, and what it was about to. What a fault leaves, the cron
 * takes up.
 */
export async function disconnectEverywhere(env: Env, subject: Subject): Promise<void> {
  await env.DB.batch([deleteLinksOf(env.DB, subject), deleteAuthorizations(env.DB, { owner: subject })]);
  await endSessionsOf(env.SUBJECTS, subject, {}); // first: the accounts still open them
  await waitFor(deleteCredentialsOf(env, subject), { owner: subject });
}

/** Ends everybody's accounts at a server, the gateway's own too, and what was begun there. */
export async function endCredentialsAt(env: Env, serverId: string): Promise<void> {
  await deleteAuthorizations(env.DB, { serverId }).run();
  await waitFor(deleteCredentialsAt(env, serverId), { server: serverId });
}

/** Removes a server with everybody's accounts there, and what was begun to connect some. False when there is none. */
export async function removeServer(env: Env, id: string): Promise<boolean> {
  await endCredentialsAt(env, id); // first: its provider can still be told
  const results = await env.DB.batch([
    deleteAuthorizations(env.DB, { serverId: id }),
    deleteLinksTo(env.DB, id),
    ...serverRemoval(env.DB, id),
  ]);
  const { SERVERS } = env;
  const forgotten = retrying(() => SERVERS.get(SERVERS.idFromName(id)).forget());
  await forgotten.catch((error: unknown) =>
    log('server.left_to_alarm', { server: id, ...faultFacts(error) }),
  );
  return Boolean(results.at(-1)?.meta.changes);
}

async function waitFor(ending: Promise<boolean>, about: Record<string, string>): Promise<void> {
  const ended = ending.then(
    (all) => (all ? undefined : log('credential.left_to_cron', about)),
    (error: unknown) => log('credential.left_to_cron', { ...about, ...faultFacts(error) }),
  );
  waitUntil(ended);
  await within(PATIENCE, ended);
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
