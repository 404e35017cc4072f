import {
  ask,
  type Ids,
  known,
  map,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  searched,
  together,
} from '../database';
import type { ItemKind } from './listed-item';
import { fromRow, type ServerRow } from './row';
import type { Listing, Server } from './server';

/** The server with this id, or null. */
export async function findServer(db: D1Database, id: string): Promise<Server | null> {
  const [server] = await ask(db, serverQuestion(db, id));
  return server;
}

/** {@link findServer}, to be asked along with others. */
export function serverQuestion(db: D1Database, id: string): Question<Server | null> {
  const statement = db.prepare('SELECT * FROM server WHERE id = ?1').bind(id);
  return question<ServerRow, Server | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** The server that `id` was, while its removal has not ended: its provider can still be told. It has no secrets of its own. */
export async function findRemovedServer(db: D1Database, id: string): Promise<Server | null> {
  const found = await db
    .prepare("SELECT facts FROM removal WHERE kind = 'server' AND id = ?1")
    .bind(id)
    .first<{ facts: string }>();
  return found && fromRow(JSON.parse(found.facts) as ServerRow);
}

/** What is kept of a server while it is removed: its row, without its secrets. Null when there is none. */
export async function removalFactsOf(db: D1Database, id: string): Promise<ServerRow | null> {
  const row = await db.prepare('SELECT * FROM server WHERE id = ?1').bind(id).first<ServerRow>();
  return row && { ...row, headers: null, exchange_secret: null };
}

/** How many servers there are to call. */
export function serverCountQuestion(db: D1Database): Question<number> {
  const statement = db.prepare('SELECT count(*) AS n FROM server WHERE is_verified = 1 AND enabled = 1');
  return question<{ n: number }, number>(statement, ([row]) => row?.n ?? 0);
}

/** The servers of these auth types that callers see, by name. */
export function serversOfTypesQuestion(db: D1Database, authTypes: readonly string[]): Question<Server[]> {
  const statement = db
    .prepare(
      `SELECT * FROM server WHERE is_verified = 1 AND auth_type IN (SELECT value FROM json_each(?1))
       ORDER BY name COLLATE NOCASE`,
    )
    .bind(JSON.stringify(authTypes));
  return question<ServerRow, Server[]>(statement, (rows) => rows.map(fromRow));
}

type ListPage = { search: string; limit: number; offset: number };

function pageOfServers({ search, ...page }: ListPage): PageOf {
  const conditions = searched(['name'], search);
  return { table: 'server', conditions, order: 'name COLLATE NOCASE', page };
}

/** The servers with these ids that there are. */
export function serversByIdQuestion(db: D1Database, ids: readonly string[]): Question<Server[]> {
  if (!ids.length) return known([]);
  const statement = db
    .prepare('SELECT * FROM server WHERE id IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(ids));
  return question<ServerRow, Server[]>(statement, (rows) => rows.map(fromRow));
}

/** A page of servers by name, and how many there are in all. `search`: any part of the name. */
export function serversQuestion(
  db: D1Database,
  page: ListPage,
): Question<{ servers: Server[]; total: number }> {
  const { statements, answer } = pageQuestion<ServerRow>(db, pageOfServers(page));
  return {
    statements,
    answer: (results) => {
      const { rows, total } = answer(results);
      return { servers: rows.map(fromRow), total };
    },
  };
}

/** The answer to {@link serversQuestion} alone. */
export async function listServers(
  db: D1Database,
  page: ListPage,
): Promise<{ servers: Server[]; total: number }> {
  const [answer] = await ask(db, serversQuestion(db, page));
  return answer;
}

/** Ids of the servers on a page, for questions asked along with {@link serversQuestion}. */
export function idsOfServers(page: ListPage): Ids {
  return pageSql(pageOfServers(page), 'id');
}

/** Every server that callers see, by name. */
export async function readServers(db: D1Database): Promise<Server[]> {
  const [servers] = await ask(db, verifiedServersQuestion(db));
  return servers;
}

/** {@link readServers}, to be asked along with others. */
export function verifiedServersQuestion(db: D1Database): Question<Server[]> {
  const statement = db.prepare('SELECT * FROM server WHERE is_verified = 1 ORDER BY name COLLATE NOCASE');
  return question<ServerRow, Server[]>(statement, (rows) => rows.map(fromRow));
}

/** What a server listed last, and the stamp of that; '': nothing ever. */
export function listingQuestion(
  db: D1Database,
  serverId: string,
): Question<{ listing: Listing; stamp: string }> {
  const stamp = question<{ stamp: string }, string>(
    db.prepare('SELECT listing_stamp AS stamp FROM server WHERE id = ?1').bind(serverId),
    ([row]) => row?.stamp ?? '',
  );
  const items = question<{ kind: ItemKind; definition: string }, Listing>(
    db
      .prepare('SELECT kind, definition FROM listing WHERE server_id = ?1 ORDER BY kind, position')
      .bind(serverId),
    (rows) => {
      const listing: Listing = { tool: [], prompt: [], resource: [], template: [] };
      for (const { kind, definition } of rows) listing[kind].push(definition);
      return listing;
    },
  );
  return map(together(stamp, items), ([stamp, listing]) => ({ stamp, listing }));
}
