import { type By, SYSTEM } from '../audit';
import { deletedClients, deleteUnusedClients, forgetClient } from '../clients/store';
import type { Env } from '../config';
import { endGrantsOfClient } from '../grants/end';

/** A client unused for this long is swept. Seconds: 30 days. */
const UNUSED = 30 * 86_400;
/** What a metadata document said is kept this long after it is stale: it serves while the document cannot be fetched. Seconds. */
const STALE = 7 * 86_400;
/** Deleted clients that one sweep finishes with. */
const MOST_FINISHED = 20;

/**
 * Ends what a deleted client was allowed, and forgets it once nothing is left. `/mcp` and the token endpoint refuse it
 * from the deletion on; a client with a great many grants takes several calls, which the cron makes.
 * @returns true when nothing is left.
 */
export async function finishDeletion(
  db: D1Database,
  objects: Env['GRANTS'],
  clientId: string,
  by: By,
  now: number,
): Promise<boolean> {
  const over = await endGrantsOfClient(db, objects, clientId, by, now);
  if (over) await forgetClient(db, clientId);
  return over;
}

/** Goes on with deletions that did not finish. For cron: repeatable. */
export async function finishDeletions(db: D1Database, objects: Env['GRANTS'], now: number): Promise<void> {
  for (const clientId of await deletedClients(db, MOST_FINISHED))
    await finishDeletion(db, objects, clientId, SYSTEM, now);
}

/**
 * Deletes up to 1,000 unused clients at `now` (epoch seconds). One that registered is used while a grant of it
 * stands, and for 30 days after it registered and after its last grant ended; one with a metadata document likewise, but
 * without a grant only until 7 days after the document is stale. For cron: repeatable.
 * @returns the ids of those a person had allowed, and how many there were in all.
 */
export async function sweepUnusedClients(
  db: D1Database,
  now: number,
): Promise<{ allowed: string[]; count: number }> {
  const before = { registeredBefore: now - UNUSED, staleBefore: now - STALE };
  const deleted = await deleteUnusedClients(db, before, now);
  const allowed = deleted.filter(({ wasAllowed }) => wasAllowed).map(({ clientId }) => clientId);
  return { allowed, count: deleted.length };
}
