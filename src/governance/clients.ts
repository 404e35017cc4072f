import { type By, SYSTEM } from '../audit';
import { deletedClients, forgetClient } from '../clients/store';
import { deleteNeverAllowed, deleteSurplus, deleteUnusedClients } from '../clients/unallowed';
import type { Env } from '../config';
import { endGrantsOfClient } from '../grants/end';

/** A client that a person allowed is swept when it was unused for this long. Seconds: 30 days. */
const UNUSED = 30 * 86_400;
/**
 * One that nobody ever allowed is kept this long; what a metadata document said, after it is stale: it serves while the
 * document cannot be fetched. Seconds: 7 days.
 */
const UNALLOWED = 7 * 86_400;
/** Deleted clients that one portion of the sweep finishes with, and the grants of each that it ends. */
const MOST_FINISHED = 5;
const MOST_ENDED = 20;

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
  const { areLeft } = await endGrantsOfClient(db, objects, clientId, by, now);
  if (!areLeft) await forgetClient(db, clientId);
  return !areLeft;
}

/** Goes on with deletions that did not finish, for cron. @returns how many grants ended and clients were forgotten. */
export async function finishDeletions(db: D1Database, objects: Env['GRANTS'], now: number): Promise<number> {
  let done = 0;
  for (const clientId of await deletedClients(db, MOST_FINISHED)) {
    const { ended, areLeft } = await endGrantsOfClient(db, objects, clientId, SYSTEM, now, MOST_ENDED);
    if (!areLeft) await forgetClient(db, clientId);
    done += ended + Number(!areLeft);
  }
  return done;
}

/**
 * Deletes a portion of the clients that nobody ever allowed, at `now` (epoch seconds): 7 days after they registered or their
 * document was stale, and the surplus sooner (CONTRACT §3). For cron: repeatable. @returns how many.
 */
export async function sweepUnallowedClients(db: D1Database, now: number): Promise<number> {
  const old = await deleteNeverAllowed(db, now - UNALLOWED, now);
  return old + (await deleteSurplus(db, now));
}

/**
 * Deletes a portion of the clients that were once allowed and stand unused at `now` (epoch seconds). One is used while a grant of
 * it stands, and for 30 days after it registered and after its last grant ended. For cron: repeatable. @returns their ids.
 */
export async function sweepUnusedClients(db: D1Database, now: number): Promise<string[]> {
  const before = { registeredBefore: now - UNUSED, staleBefore: now - UNALLOWED };
  return deleteUnusedClients(db, before, now);
}
