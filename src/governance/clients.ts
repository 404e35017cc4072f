import { deleteNeverAllowed, deleteSurplus, deleteUnusedClients } from '../clients/unallowed';

/** A client that a person allowed is swept when it was unused for this long. Seconds: 30 days. */
const UNUSED = 30 * 86_400;
/**
 * One that no one ever allowed is kept this long; what a metadata document said, after it is stale: it serves while the
 * document cannot be fetched. Seconds: 7 days.
 */
const UNALLOWED = 7 * 86_400;

/**
 * Deletes a portion of the clients that no one ever allowed, at `now` (epoch seconds): 7 days after they registered or their
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
