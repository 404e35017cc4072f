/** Clients that no one has allowed: anyone may make one, so how many there are is bounded (CONTRACT §3, SECURITY 30). */

/** Above so many, the surplus goes before its time. */
const MOST_KEPT = 20_000;
/** Above so many, none registers. */
const MOST_REGISTERED = 40_000;
/** Kept metadata documents of one host. */
const MOST_OF_HOST = 50;
/** One that registered so recently is not swept before its time. Seconds. */
const LEAST_LIFE = 3600;
/** How long an isolate goes on from what it counted. Milliseconds. */
const COUNTED_EVERY = 30_000;
/** How far ahead of a flow's end it is recorded, so that flows begun meanwhile write nothing. Seconds. */
const AHEAD = 900;

/** Clients that one statement deletes. */
const PORTION = 1000;

/** The one that no grant names: a fault may have kept `allowed_at` from being written. */
const UNALLOWED = `allowed_at IS NULL AND deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM oauth_grant WHERE oauth_grant.client_id = client.client_id)`;

/** By name: of its own SQLite would read every client there is, by an index of `deleted_at`. */
const AMONG = 'client INDEXED BY client_unallowed';

/** How many there were when this isolate last counted (epoch milliseconds), and how many it let register since. */
let counted = { count: 0, at: Number.NEGATIVE_INFINITY };

/** True while another client may register. Reads D1 at most once in 30 seconds an isolate, and counts its own meanwhile. */
export async function mayRegister(db: D1Database): Promise<boolean> {
  const now = Date.now();
  if (now < counted.at || now >= counted.at + COUNTED_EVERY)
    counted = { count: await countUnallowed(db), at: now };
  counted.count += 1;
  return counted.count <= MOST_REGISTERED;
}

async function countUnallowed(db: D1Database): Promise<number> {
  const sql = `SELECT count(*) AS n FROM ${AMONG} WHERE allowed_at IS NULL AND deleted_at IS NULL`;
  return (await db.prepare(sql).first<number>('n')) ?? 0;
}

/**
 * Records that a flow may be open until `until` (epoch seconds), so that the client is not swept meanwhile: writes at most
 * once in {@link AHEAD}.
 */
export async function expectFlow(
  db: D1Database,
  client: { clientId: string; flowUntil: number | null },
  until: number,
): Promise<void> {
  if ((client.flowUntil ?? 0) >= until) return;
  await db
    .prepare('UPDATE client SET flow_until = ?2 WHERE client_id = ?1 AND coalesce(flow_until, 0) < ?2')
    .bind(client.clientId, until + AHEAD)
    .run();
}

/**
 * Deletes documents beyond {@link MOST_OF_HOST} of the host of `clientId`, at `now` (epoch seconds), but not that one. First those
 * without an open flow, which costs no more than another fetch; then those of the addresses with the most, the oldest first.
 */
export function deleteBeyondHost(db: D1Database, clientId: string, now: number): D1PreparedStatement {
  const { protocol, hostname } = new URL(clientId);
  return db
    .prepare(
      `DELETE FROM client WHERE client_id IN (
         SELECT client_id FROM (
           SELECT client_id, created_at, coalesce(flow_until, 0) > ?3 AS is_open, ${PLACE} AS place FROM client
           WHERE (client_id BETWEEN ?1 || '/' AND ?1 || '0' OR client_id BETWEEN ?1 || ':' AND ?1 || ';')
             AND client_id <> ?2 AND ${UNALLOWED})
         ORDER BY is_open DESC, place, created_at DESC LIMIT -1 OFFSET ${MOST_OF_HOST - 1})`,
    )
    .bind(`${protocol}//${hostname}`, clientId, now);
}

/** Which one of its address a client is, the newest first. */
const PLACE = 'row_number() OVER (PARTITION BY address_hash ORDER BY created_at DESC, client_id)';

/**
 * Deletes up to {@link PORTION} clients whose time is over at `now` (epoch seconds): they registered before `before`, or
 * their document was stale before then. @returns how many.
 */
export async function deleteNeverAllowed(db: D1Database, before: number, now: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM client WHERE client_id IN (
         SELECT client_id FROM ${AMONG} WHERE ${UNALLOWED}
           AND coalesce(fresh_until, created_at) < ?1 AND coalesce(flow_until, 0) <= ?2 LIMIT ${PORTION})`,
    )
    .bind(before, now)
    .run();
  return meta.changes;
}

/**
 * Deletes up to {@link PORTION} of those beyond {@link MOST_KEPT} at `now` (epoch seconds): first of the addresses with the
 * most, the oldest first, and none that registered within an hour or may have a flow open. @returns how many.
 */
export async function deleteSurplus(db: D1Database, now: number): Promise<number> {
  const surplus = (await countUnallowed(db)) - MOST_KEPT;
  if (surplus <= 0) return 0;
  const { meta } = await db
    .prepare(
      `DELETE FROM client WHERE client_id IN (
         SELECT client_id FROM (
           SELECT client_id, created_at, coalesce(flow_until, 0) AS flow_until, ${PLACE} AS place FROM ${AMONG} WHERE ${UNALLOWED})
         WHERE created_at <= ?1 AND flow_until <= ?2 ORDER BY place DESC, created_at LIMIT ?3)`,
    )
    .bind(now - LEAST_LIFE, now, Math.min(surplus, PORTION))
    .run();
  return meta.changes;
}

/**
 * Deletes up to {@link PORTION} clients that stand unused at `now`: those that registered before `registeredBefore`, or whose document
 * was stale before `staleBefore`, without a grant that stands or ended since `registeredBefore`. All in epoch seconds.
 * @returns their ids.
 */
export async function deleteUnusedClients(
  db: D1Database,
  { registeredBefore, staleBefore }: { registeredBefore: number; staleBefore: number },
  now: number,
): Promise<string[]> {
  const { results } = await db
    .prepare(
      `DELETE FROM client WHERE client_id IN (
         SELECT client_id FROM client WHERE deleted_at IS NULL AND allowed_at IS NOT NULL
           AND coalesce(flow_until, 0) <= ?3 AND iif(fresh_until IS NULL, created_at < ?1, fresh_until < ?2)
           AND NOT EXISTS (SELECT 1 FROM oauth_grant WHERE oauth_grant.client_id = client.client_id
             AND coalesce(ended_at, expires_at, ?3) > ?1)
         LIMIT ${PORTION}) RETURNING client_id`,
    )
    .bind(registeredBefore, staleBefore, now)
    .all<{ client_id: string }>();
  return results.map(({ client_id }) => client_id);
}
