import { columnsOf, integer, json, type RowIn, text } from '../columns';
import { hashSecret } from '../crypto/secrets';
import {
  ask,
  type Ids,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  startsWith,
} from '../database';
import type { ClientMetadata } from './metadata';

/** A client that registered, or that its metadata document describes. Times are epoch seconds. */
export type Client = {
  clientId: string;
  /** Null for a public client. */
  secretHash: string | null;
  metadata: ClientMetadata;
  /** Until when its metadata document need not be fetched again; null for a client that registered. */
  freshUntil: number | null;
  /** When its metadata document was last fetched and good; null: it was refused since, or the client registered. */
  checkedAt: number | null;
  /** When its stale metadata document last could not be fetched; null: the last fetch got an answer. */
  failedAt: number | null;
  createdAt: number;
};

/** Columns of a client that are written and never read into it. */
type UnreadOfClient = {
  /** `client_name`, for searching; empty for none. */
  name: string;
  /** Of the metadata, while an identical registration is answered with this client. */
  twinHash: string | null;
  /** No client any more: its row stays until its last grant has ended. */
  deletedAt: number | null;
};

export const clientColumns = columnsOf<Client, UnreadOfClient>()(
  {
    clientId: text('client_id'),
    secretHash: text('secret_hash'),
    metadata: json('metadata'),
    freshUntil: integer('fresh_until'),
    checkedAt: integer('checked_at'),
    failedAt: integer('failed_at'),
    createdAt: integer('created_at'),
  },
  { name: text('name'), twinHash: text('twin_hash'), deletedAt: integer('deleted_at') },
);
type Row = RowIn<typeof clientColumns>;
const { fromRow } = clientColumns;

/**
 * Keeps a registration at `now` (epoch seconds). One of a public client identical to an earlier one that never got a
 * grant is that client again, so that an app that registers at every start does not fill the table.
 * @param secretHash null for a public client.
 */
export async function registerClient(
  db: D1Database,
  metadata: ClientMetadata,
  secretHash: string | null,
  now: number,
): Promise<Client> {
  const twinHash = secretHash ? null : await hashSecret(JSON.stringify(metadata));
  const wanted = clientColumns.insert({
    ...{ clientId: crypto.randomUUID(), secretHash, metadata, name: metadata.client_name ?? '', twinHash },
    ...{ freshUntil: null, checkedAt: null, failedAt: null, deletedAt: null },
    createdAt: now,
  });
  const row = await db
    .prepare(
      `INSERT INTO client (${wanted.columns}) VALUES (${wanted.placeholders})
       ON CONFLICT (twin_hash) WHERE twin_hash IS NOT NULL DO UPDATE SET created_at = excluded.created_at RETURNING *`,
    )
    .bind(...wanted.values)
    .first<Row>();
  return fromRow(row as Row);
}

/** Makes a client one of its own: from its first grant on, no registration is answered with it. */
export async function keepClientApart(db: D1Database, clientId: string): Promise<void> {
  await db
    .prepare('UPDATE client SET twin_hash = NULL WHERE client_id = ?1 AND twin_hash IS NOT NULL')
    .bind(clientId)
    .run();
}

/** Keeps what the document at `clientId` says. Null while a deletion of this client is under way. */
export async function keepDocument(
  db: D1Database,
  clientId: string,
  metadata: ClientMetadata,
  freshUntil: number,
  now: number,
): Promise<Client | null> {
  const name = metadata.client_name ?? '';
  const wanted = clientColumns.insert({
    ...{ clientId, secretHash: null, metadata, name, twinHash: null },
    ...{ freshUntil, checkedAt: now, failedAt: null, deletedAt: null, createdAt: now },
  });
  const set = clientColumns.set({ metadata, name, freshUntil, checkedAt: now, failedAt: null });
  const row = await db
    .prepare(
      `INSERT INTO client (${wanted.columns}) VALUES (${wanted.placeholders})
       ON CONFLICT (client_id) DO UPDATE SET ${set.sql} WHERE deleted_at IS NULL RETURNING *`,
    )
    .bind(...wanted.values, ...set.values)
    .first<Row>();
  return row && fromRow(row);
}

/**
 * Records an attempt at `now` (epoch seconds) to fetch a stale document that has not been answered, at most one in `pause`
 * seconds. False: there was one within that time, or there is no good copy to wait with.
 */
export async function recordDocumentFault(
  db: D1Database,
  clientId: string,
  pause: number,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE client SET failed_at = ?2 WHERE client_id = ?1 AND deleted_at IS NULL
         AND checked_at IS NOT NULL AND fresh_until <= ?2 AND coalesce(failed_at + ?3, 0) <= ?2`,
    )
    .bind(clientId, now, pause)
    .run();
  return meta.changes === 1;
}

/** Records at `now` (epoch seconds) that a document was refused. What is stored of it serves earlier grants only. */
export async function recordDocumentRefusal(db: D1Database, clientId: string, now: number): Promise<void> {
  await db
    .prepare(
      `UPDATE client SET checked_at = NULL, failed_at = NULL, fresh_until = min(fresh_until, ?2)
       WHERE client_id = ?1 AND checked_at IS NOT NULL`,
    )
    .bind(clientId, now)
    .run();
}

/** The client `clientId` as it registered or was last described, or null when there is none. Fetches nothing. */
export async function findClient(db: D1Database, clientId: string): Promise<Client | null> {
  const [client] = await ask(db, clientQuestion(db, clientId));
  return client;
}

type ListPage = { search: string; limit: number; offset: number };

/** A page of clients, newest first, and how many there are in all; by name when `search` asks for a prefix of it. */
export function clientsQuestion(
  db: D1Database,
  page: ListPage,
): Question<{ clients: Client[]; total: number }> {
  const { statements, answer } = pageQuestion<Row>(db, pageOfClients(page));
  return {
    statements,
    answer: (results) => {
      const { rows, total } = answer(results);
      return { clients: rows.map(fromRow), total };
    },
  };
}

/** Ids of the clients on a page, for questions asked along with {@link clientsQuestion}. */
export function idsOfClients(page: ListPage): Ids {
  return pageSql(pageOfClients(page), 'client_id');
}

function pageOfClients({ search, ...page }: ListPage): PageOf {
  const conditions = [{ sql: 'deleted_at IS NULL', values: [] }, ...startsWith('name', search)];
  const order = search ? 'name COLLATE NOCASE, client_id' : 'created_at DESC, client_id';
  return { table: 'client', conditions, order, page };
}

/** The client `clientId`, or null: to be asked along with others. */
export function clientQuestion(db: D1Database, clientId: string): Question<Client | null> {
  const statement = db
    .prepare('SELECT * FROM client WHERE client_id = ?1 AND deleted_at IS NULL')
    .bind(clientId);
  return question<Row, Client | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** What the clients with these ids call themselves, by id. */
export function clientNamesQuestion(db: D1Database, ids: Ids): Question<Map<string, string>> {
  const statement = db
    .prepare(`SELECT client_id, name FROM client WHERE client_id IN (${ids.sql}) AND name <> ''`)
    .bind(...ids.values);
  return question<{ client_id: string; name: string }, Map<string, string>>(
    statement,
    (rows) => new Map(rows.map(({ client_id, name }) => [client_id, name])),
  );
}

/** Makes a client none, from `now` (epoch seconds) on; its row stays until {@link forgetClient}. False when there is none. */
export async function deleteClient(db: D1Database, clientId: string, now: number): Promise<boolean> {
  const { meta } = await db
    .prepare(
      'UPDATE client SET deleted_at = ?2, twin_hash = NULL WHERE client_id = ?1 AND deleted_at IS NULL',
    )
    .bind(clientId, now)
    .run();
  return meta.changes === 1;
}

/** The ids of up to `limit` deleted clients that are not forgotten yet, those deleted longest ago first. */
export async function deletedClients(db: D1Database, limit: number): Promise<string[]> {
  const { results } = await db
    .prepare('SELECT client_id FROM client WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT ?1')
    .bind(limit)
    .all<{ client_id: string }>();
  return results.map(({ client_id }) => client_id);
}

/** Leaves nothing of a deleted client. */
export async function forgetClient(db: D1Database, clientId: string): Promise<void> {
  await db.prepare('DELETE FROM client WHERE client_id = ?1 AND deleted_at IS NOT NULL').bind(clientId).run();
}

/**
 * Deletes up to 1,000 clients that stand unused at `now`: those that registered before `registeredBefore`, or whose document
 * was stale before `staleBefore`, without a grant that stands or ended since `registeredBefore`. All in epoch seconds.
 * @returns their ids, and whether a person had ever allowed each.
 */
export async function deleteUnusedClients(
  db: D1Database,
  { registeredBefore, staleBefore }: { registeredBefore: number; staleBefore: number },
  now: number,
): Promise<{ clientId: string; wasAllowed: boolean }[]> {
  const { results } = await db
    .prepare(
      `DELETE FROM client WHERE client_id IN (
         SELECT client_id FROM client WHERE deleted_at IS NULL
           AND iif(fresh_until IS NULL, created_at < ?1, fresh_until < ?2)
           AND NOT EXISTS (SELECT 1 FROM oauth_grant WHERE oauth_grant.client_id = client.client_id
             AND coalesce(ended_at, expires_at, ?3) > ?1)
         LIMIT 1000
       ) RETURNING client_id,
         EXISTS (SELECT 1 FROM oauth_grant WHERE oauth_grant.client_id = client.client_id) AS was_allowed`,
    )
    .bind(registeredBefore, staleBefore, now)
    .all<{ client_id: string; was_allowed: number }>();
  return results.map(({ client_id, was_allowed }) => ({
    clientId: client_id,
    wasAllowed: was_allowed === 1,
  }));
}
