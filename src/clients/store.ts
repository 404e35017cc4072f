import type { ClientMetadata } from './metadata';

/** A registered client. `secretHash` is null for a public one, `createdAt` in epoch seconds. */
export type Client = {
  clientId: string;
  secretHash: string | null;
  metadata: ClientMetadata;
  createdAt: number;
};

/** Keeps a newly registered client. */
export async function insertClient(db: D1Database, client: Client): Promise<void> {
  const { clientId, secretHash, metadata, createdAt } = client;
  await db
    .prepare('INSERT INTO client (client_id, secret_hash, metadata, created_at) VALUES (?1, ?2, ?3, ?4)')
    .bind(clientId, secretHash, JSON.stringify(metadata), createdAt)
    .run();
}

/** The client registered as `clientId`, or null when there is none. */
export async function findClient(db: D1Database, clientId: string): Promise<Client | null> {
  const row = await db
    .prepare('SELECT secret_hash, metadata, created_at FROM client WHERE client_id = ?1')
    .bind(clientId)
    .first<{ secret_hash: string | null; metadata: string; created_at: number }>();
  if (!row) return null;
  return {
    clientId,
    secretHash: row.secret_hash,
    metadata: JSON.parse(row.metadata),
    createdAt: row.created_at,
  };
}
