import { columnsOf, integer, json, type RowIn, text } from '../columns';
import { hashSecret, mac } from '../crypto/secrets';
import {
  ask,
  type Ids,
  type PageOf,
  pageQuestion,
  pageSql,
  type Question,
  question,
  searched,
  selection,
} from '../database';
import type { ClientMetadata } from './metadata';
import { deleteBeyondHost } from './unallowed';

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
  /** Until when a flow of it may be open, while no one has allowed it; null: none was begun. */
  flowUntil: number | null;
  /** When a person first allowed it; null: no one has. */
  allowedAt: number | null;
};

/** Columns of a client that are written and never read into it. */
type UnreadOfClient = {
  /** `client_name`, for searching; empty for none. */
  name: string;
  /** Of the metadata, while an identical registration is answered with this client. */
  twinHash: string | null;
  /** No client any more: its row stays until its last grant has ended. */
  deletedAt: number | null;
  /** Of the address it registered from, or whose request first fetched its document ({@link hashAddress}). */
  addressHash: string | null;
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
    flowUntil: integer('flow_until'),
    allowedAt: integer('allowed_at'),
  },
  {
    name: text('name'),
    twinHash: text('twin_hash'),
    deletedAt: integer('deleted_at'),
    addressHash: text('address_hash'),
  },
);
type Row = RowIn<typeof clientColumns>;
const { fromRow } = clientColumns;

/** What a client is that no one has been asked about yet. */
const NEW = { failedAt: null, deletedAt: null, flowUntil: null, allowedAt: null };

/** Names the address that a client came from without keeping it. Only who has the key can tell which one it was. */
export function hashAddress(encryptionKey: string, address: string): Promise<string> {
  return mac(encryptionKey, `client address ${address}`);
}

/**
 * Keeps a registration at `now` (epoch seconds). One of a public client identical to an earlier one that never got a
 * grant is that client again, so that an app that registers at every start does not fill the table.
 * @param secretHash null for a public client. @param addressHash of {@link hashAddress}
 */
export async function registerClient(
  db: D1Database,
  metadata: ClientMetadata,
  { secretHash, addressHash }: { secretHash: string | null; addressHash: string },
  now: number,
): Promise<Client> {
  const twinHash = secretHash ? null : await hashSecret(JSON.stringify(metadata));
  const wanted = clientColumns.insert({
    ...{ clientId: crypto.randomUUID(), secretHash, metadata, name: metadata.client_name ?? '', twinHash },
    ...{ ...NEW, addressHash, freshUntil: null, checkedAt: null, createdAt: now },
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

/**
 * Records that a person allowed a client, at `now` (epoch seconds), the first time. From then on no registration is answered
 * with it.
 */
export async function recordAllowed(db: D1Database, clientId: string, now: number): Promise<void> {
  await db
    .prepare(
      'UPDATE client SET allowed_at = ?2, twin_hash = NULL WHERE client_id = ?1 AND allowed_at IS NULL',
    )
    .bind(clientId, now)
    .run();
}

/** What a document says, until when that serves (epoch seconds), and whose request fetches it; null: it is asked for again. */
type Described = { metadata: ClientMetadata; freshUntil: number; addressHash: string | null };

/**
 * Keeps what the document at `clientId` says, and of those of its host that no one has allowed not too many.
 * @returns null while a deletion of this client is under way.
 */
export async function keepDocument(
  db: D1Database,
  clientId: string,
  { metadata, freshUntil, addressHash }: Described,
  now: number,
): Promise<Client | null> {
  const name = metadata.client_name ?? '';
  const wanted = clientColumns.insert({
    ...{ clientId, secretHash: null, metadata, name, twinHash: null },
    ...{ ...NEW, addressHash, freshUntil, checkedAt: now, createdAt: now },
  });
  const set = clientColumns.set({ metadata, name, freshUntil, checkedAt: now, failedAt: null });
  const [kept] = await db.batch<Row>([
    db
      .prepare(
        `INSERT INTO client (${wanted.columns}) VALUES (${wanted.placeholders})
         ON CONFLICT (client_id) DO UPDATE SET ${set.sql} WHERE deleted_at IS NULL RETURNING *`,
      )
      .bind(...wanted.values, ...set.values),
    deleteBeyondHost(db, clientId, now),
  ]);
  const [row] = kept?.results ?? [];
  return row ? fromRow(row) : null;
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

/** A page of clients, newest first, and how many there are in all; by name when `search` asks for a part of it. */
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
  const conditions = [{ sql: 'deleted_at IS NULL', values: [] }, ...searched(['name'], search)];
  const order = search ? 'name COLLATE NOCASE, client_id' : 'created_at DESC, client_id';
  return { table: 'client', conditions, order, page };
}

/** The client `clientId`, or null: to be asked along with others. */
export function clientQuestion(db: D1Database, clientId: string): Question<Client | null> {
  const select = {
    sql: 'SELECT * FROM client WHERE client_id = ? AND deleted_at IS NULL',
    values: [clientId],
    columns: clientColumns.names,
  };
  return selection<Row, Client | null>(db, select, ([row]) => (row ? fromRow(row) : null));
}

/** Whether one of these is a client still. By `+` no index of `deleted_at` is used, which would read every client. */
export function isClientQuestion(db: D1Database, ids: Ids): Question<boolean> {
  const select = {
    sql: `SELECT client_id FROM client WHERE client_id IN (${ids.sql}) AND +deleted_at IS NULL`,
    values: ids.values,
    columns: ['client_id'],
  };
  return selection(db, select, (rows) => rows.length > 0);
}

/** When the clients with these ids were registered (epoch seconds), by id. */
export function registrationTimesQuestion(db: D1Database, ids: Ids): Question<Map<string, number>> {
  const statement = db
    .prepare(`SELECT client_id, created_at FROM client WHERE client_id IN (${ids.sql})`)
    .bind(...ids.values);
  return question<{ client_id: string; created_at: number }, Map<string, number>>(
    statement,
    (rows) => new Map(rows.map(({ client_id, created_at }) => [client_id, created_at])),
  );
}

/** Makes a client none, from `now` (epoch seconds) on; its row stays until {@link forgetClient}, so that no document makes it again. */
export function clientDeletion(db: D1Database, clientId: string, now: number): D1PreparedStatement {
  return db
    .prepare(
      'UPDATE client SET deleted_at = ?2, twin_hash = NULL WHERE client_id = ?1 AND deleted_at IS NULL',
    )
    .bind(clientId, now);
}

/** Leaves nothing of a deleted client. */
export async function forgetClient(db: D1Database, clientId: string): Promise<void> {
  await db.prepare('DELETE FROM client WHERE client_id = ?1 AND deleted_at IS NOT NULL').bind(clientId).run();
}
