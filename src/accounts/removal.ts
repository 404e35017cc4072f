import { waitUntil } from 'cloudflare:workers';
import type { Env } from '../config';
import { log } from '../log';
import { within } from '../protocol/patience';
import { faultFacts } from '../protocol/storage-fault';
import type { Subject } from '../protocol/subject';
import { deleteServer } from '../servers/store';
import { deleteCredentialsAt, deleteCredentialsOf } from './credentials';

/** How long whoever removes something waits for providers to be told (RFC 7009). It goes on behind the answer. Milliseconds. */
const PATIENCE = 8_000;

/**
 * Ends what an identity that is gone or blocked had connected, and what it was about to. What a fault leaves, the cron
 * takes up.
 */
export async function disconnectEverywhere(env: Env, subject: Subject): Promise<void> {
  await env.DB.batch([
    env.DB.prepare('DELETE FROM connect_link WHERE subject = ?1').bind(subject),
    env.DB.prepare('DELETE FROM upstream_flow WHERE owner = ?1').bind(subject),
  ]);
  await waitFor(deleteCredentialsOf(env, subject), { owner: subject });
}

/** Ends everybody's accounts at a server, the gateway's own too, and what was begun there. */
export async function endCredentialsAt(env: Env, serverId: string): Promise<void> {
  await env.DB.prepare('DELETE FROM upstream_flow WHERE server_id = ?1').bind(serverId).run();
  await waitFor(deleteCredentialsAt(env, serverId), { server: serverId });
}

/** Removes a server with everybody's accounts there. False when there is none. */
export async function removeServer(env: Env, id: string): Promise<boolean> {
  await endCredentialsAt(env, id); // first: its provider can still be told
  return deleteServer(env.DB, id);
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
  const results = await db.batch(
    ['connect_link', 'upstream_flow'].map((table) =>
      db
        .prepare(`DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE expires_at <= ?1 LIMIT ?2)`)
        .bind(now, PORTION),
    ),
  );
  return results.reduce((sum, { meta }) => sum + meta.changes, 0);
}
