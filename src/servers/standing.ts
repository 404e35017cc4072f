import { ask, type Question, question } from '../database';
import { bumpCatalog } from '../governance/revision';
import type { UpstreamFailure } from './failure';
import { listingQuestion } from './find';
import { KINDS, ListingRoom, MOST_STORED, sizeOf } from './listing-room';
import type { LeftOut, Listed, Listing, Server, ServerFailure, ServerState } from './server';

/** Characters of definitions written by one statement: D1 takes 2 MB a value. */
const CHUNK = 500_000;
/** What was left out, as far as it is stored for the administrator. */
const MOST_LEFT_OUT = 50;

/** What came of reading a server's lists. `failure`: why tools that it declares did not come; null: they did. */
export type CameListed = { listing: Listed; leftOut: LeftOut[]; failure: UpstreamFailure | null };

/** What is stored of a server after a listing. */
export type StoredListing = Pick<Server, 'leftOut' | 'listingStamp' | 'listingSize'> &
  Pick<Server, 'state' | 'lastFailure' | 'listedAt'> & { listing: Listing };

/**
 * Puts a listing in place of the last one, kind by kind, as far as there is room: beyond {@link MOST_STORED} in all servers'
 * lists a server keeps the room it has. Isolates read lists again only when something in them changed. Where the tools failed
 * the server counts as listed when it was before.
 */
export async function saveListing(
  db: D1Database,
  server: Server,
  { listing: listed, leftOut, failure }: CameListed,
  now: number,
): Promise<StoredListing> {
  const { id: serverId } = server;
  const standing = failure ? standingAfter(server, 'list', failure, now) : HEALTHY;
  const listedAt = failure ? server.listedAt : now;
  const [before, sizes] = await ask(db, listingQuestion(db, serverId), sizesQuestion(db, serverId));
  const room = new ListingRoom(Math.max(sizes.own, MOST_STORED - sizes.others));
  const { listing, cut } = fitted({ ...before.listing, ...listed }, room);
  const rows = rowsOf(listing);
  const known = { ...standing, listing, listedAt, leftOut: [...cut, ...leftOut].slice(0, MOST_LEFT_OUT) };
  const listingSize = rows.reduce((sum, [, , definition]) => sum + sizeOf(definition), 0);
  const isSame = JSON.stringify(rows) === JSON.stringify(rowsOf(before.listing));
  const listingStamp = isSame ? before.stamp : crypto.randomUUID();

  const { state, lastFailure } = standing;
  const note = db
    .prepare(
      `UPDATE server SET state = ?6, last_failure = ?7, left_out = ?2, listed_at = ?3, asked_at = ?8,
         listing_stamp = ?4, listing_size = ?5 WHERE id = ?1`,
    )
    .bind(
      serverId,
      JSON.stringify(known.leftOut),
      listedAt,
      listingStamp,
      listingSize,
      state,
      lastFailure && JSON.stringify(lastFailure),
      now,
    );
  if (isSame && rows.length) {
    await note.run();
    return { ...known, listingStamp, listingSize };
  }
  const insert = (chunk: ListingRow[]) =>
    db
      .prepare(
        `INSERT INTO listing (server_id, kind, position, definition) SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2)
         WHERE EXISTS (SELECT 1 FROM server WHERE id = ?1)`,
      )
      .bind(serverId, JSON.stringify(chunk));
  await db.batch([
    db.prepare('DELETE FROM listing WHERE server_id = ?1').bind(serverId),
    ...chunksOf(rows).map(insert),
    note,
    bumpCatalog(db),
  ]);
  return { ...known, listingStamp, listingSize };
}

/** The items of every kind that have room, and what is said of the others. */
function fitted(listing: Listing, room: ListingRoom): { listing: Listing; cut: LeftOut[] } {
  const fits: Listing = { tool: [], prompt: [], resource: [], template: [] };
  const cut: LeftOut[] = [];
  for (const kind of KINDS) {
    fits[kind] = listing[kind].filter((definition) => room.take(definition));
    if (fits[kind].length < listing[kind].length) cut.push(room.leftOut(kind, fits[kind].length));
  }
  return { listing: fits, cut };
}

function rowsOf(listing: Listing): ListingRow[] {
  return KINDS.flatMap((kind) => listing[kind].map((item, at): ListingRow => [kind, at, item]));
}

/** What the lists of a server weigh as stored, and those of all others. Bytes. */
function sizesQuestion(db: D1Database, serverId: string): Question<{ own: number; others: number }> {
  const statement = db
    .prepare('SELECT id = ?1 AS is_own, sum(listing_size) AS size FROM server GROUP BY id = ?1')
    .bind(serverId);
  return question<{ is_own: number; size: number }, { own: number; others: number }>(statement, (rows) => {
    const sizeOf = (isOwn: number) => rows.find(({ is_own }) => is_own === isOwn)?.size ?? 0;
    return { own: sizeOf(1), others: sizeOf(0) };
  });
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

/** Notes that a server failed, when that is news. @returns the server as it is now known. */
export async function recordFailure(
  db: D1Database,
  server: Server,
  stage: ServerFailure['stage'],
  failure: UpstreamFailure,
  now: number,
): Promise<Server> {
  const { state, lastFailure } = standingAfter(server, stage, failure, now);
  if (lastFailure === server.lastFailure) return server;
  await recordState(db, server.id, state, lastFailure);
  return { ...server, state, lastFailure };
}

type ServerStanding = Pick<Server, 'state' | 'lastFailure'>;
const HEALTHY: ServerStanding = { state: 'healthy', lastFailure: null };

/** How a server stands once it has failed: as before when that is no news. */
function standingAfter(
  server: Server,
  stage: ServerFailure['stage'],
  failure: UpstreamFailure,
  now: number,
): ServerStanding {
  const state = failure.stateAt(stage);
  const { lastFailure } = server;
  const isNoted = JSON.stringify(lastFailure?.stated) === JSON.stringify(failure.stated);
  if (state === null || (isNoted && server.state === state)) return { state: server.state, lastFailure };
  const since = lastFailure && server.state !== 'healthy' ? lastFailure.since : now;
  const { message, stated } = failure;
  return { state, lastFailure: { stage, message, stated, at: now, since } };
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
