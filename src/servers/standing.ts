import { bumpCatalog } from '../governance/revision';
import type { UpstreamFailure } from './failure';
import type { LeftOut, Listed, Server, ServerFailure, ServerState } from './server';

/** Characters of definitions written by one statement: D1 takes 2 MB a value. */
const CHUNK = 500_000;

/** Puts a listing in place of the last one, kind by kind. Isolates read lists again only when something in them changed. */
export async function saveListing(
  db: D1Database,
  serverId: string,
  listing: Listed,
  leftOut: LeftOut[],
  now: number,
): Promise<void> {
  const rows = Object.entries(listing).flatMap(([kind, items]) =>
    items.map((item, at): ListingRow => [kind, at, item]),
  );
  const kinds = JSON.stringify(Object.keys(listing));
  const { results } = await db
    .prepare(
      `SELECT kind, position, definition FROM listing
       WHERE server_id = ?1 AND kind IN (SELECT value FROM json_each(?2))`,
    )
    .bind(serverId, kinds)
    .all<{ kind: string; position: number; definition: string }>();
  const stored = new Map(
    results.map(({ kind, position, definition }) => [`${kind} ${position}`, definition]),
  );
  const same =
    stored.size === rows.length && rows.every(([kind, at, item]) => stored.get(`${kind} ${at}`) === item);

  const standing = db
    .prepare(
      `UPDATE server SET state = 'healthy', last_failure = NULL, left_out = ?2, listed_at = ?3, asked_at = ?3 WHERE id = ?1`,
    )
    .bind(serverId, JSON.stringify(leftOut), now);
  if (same && rows.length) {
    await standing.run();
    return;
  }
  const insert = (chunk: ListingRow[]) =>
    db
      .prepare(
        `INSERT INTO listing (server_id, kind, position, definition) SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2)
         WHERE EXISTS (SELECT 1 FROM server WHERE id = ?1)`,
      )
      .bind(serverId, JSON.stringify(chunk));
  await db.batch([
    db
      .prepare('DELETE FROM listing WHERE server_id = ?1 AND kind IN (SELECT value FROM json_each(?2))')
      .bind(serverId, kinds),
    ...chunksOf(rows).map(insert),
    standing,
    bumpCatalog(db),
  ]);
}

/** Kind, position, definition. */
type ListingRow = [kind: string, position: number, definition: string];

function chunksOf(rows: ListingRow[]): ListingRow[][] {
  const chunks: ListingRow[][] = [];
  let size = CHUNK;
  for (const row of rows) {
    size += row[2].length;
    if (size >= CHUNK) {
      chunks.push([]);
      size = row[2].length;
    }
    chunks.at(-1)?.push(row);
  }
  return chunks;
}

/**
 * Claims the turn to list a server: true for one asker in `interval` seconds, whatever the isolate.
 * @param now epoch seconds
 */
export async function claimListing(
  db: D1Database,
  serverId: string,
  interval: number,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare('UPDATE server SET asked_at = ?2 WHERE id = ?1 AND (asked_at IS NULL OR asked_at <= ?3)')
    .bind(serverId, now, now - interval)
    .run();
  return meta.changes === 1;
}

/** Notes that a server failed, when that is news. @returns the server as it is now known. */
export async function recordFailure(
  db: D1Database,
  server: Server,
  stage: ServerFailure['stage'],
  failure: UpstreamFailure,
  now: number,
): Promise<Server> {
  const state = failure.stateAt(stage);
  if (state === null) return server;
  const { lastFailure } = server;
  const isNoted = JSON.stringify(lastFailure?.stated) === JSON.stringify(failure.stated);
  if (isNoted && server.state === state) return server;
  const since = lastFailure && server.state !== 'healthy' ? lastFailure.since : now;
  const noted: ServerFailure = { stage, message: failure.message, stated: failure.stated, at: now, since };
  await recordState(db, server.id, state, noted);
  return { ...server, state, lastFailure: noted };
}

/** Notes that a server does its part again. @returns the server as it is now known. */
export async function recordRecovery(db: D1Database, server: Server): Promise<Server> {
  await recordState(db, server.id, 'healthy', null);
  return { ...server, state: 'healthy', lastFailure: null };
}

async function recordState(
  db: D1Database,
  id: string,
  state: ServerState,
  failure: ServerFailure | null,
): Promise<void> {
  await db
    .prepare('UPDATE server SET state = ?2, last_failure = ?3 WHERE id = ?1')
    .bind(id, state, failure && JSON.stringify(failure))
    .run();
}
