import { hashSecret, randomSecret } from '../crypto/secrets';

/** What a key may use of one server, named by its name: exposed tool names without the prefix, `*` for all. */
export type McpConfig = { mcp_client_name: string; tools_to_execute: string[] };

/** A virtual key, without its value. Times are epoch seconds. */
export type VirtualKey = {
  id: string;
  name: string;
  description: string;
  /** The value as lists show it. */
  valueMask: string;
  isActive: boolean;
  expiresAt: number | null;
  mcpConfigs: McpConfig[];
  createdAt: number;
  updatedAt: number;
};

type Row = {
  id: string;
  name: string;
  description: string;
  value_mask: string;
  is_active: number;
  expires_at: number | null;
  mcp_configs: string;
  created_at: number;
  updated_at: number;
};

function fromRow(row: Row): VirtualKey {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    valueMask: row.value_mask,
    isActive: row.is_active === 1,
    expiresAt: row.expires_at,
    mcpConfigs: JSON.parse(row.mcp_configs),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** What stops a key from being used at `now` (epoch seconds); null when nothing does. Inactive wins over expired. */
export function refusalOf(key: VirtualKey, now: number): 'inactive' | 'expired' | null {
  if (!key.isActive) return 'inactive';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : null;
}

/** A value as lists show it: its last four characters. */
function maskOf(value: string): string {
  return `sk-bf-••••${value.slice(-4)}`;
}

/** What a key is made from, and what an administrator may change of it. */
type KeyTerms = Pick<VirtualKey, 'name' | 'description' | 'isActive' | 'expiresAt' | 'mcpConfigs'>;

/**
 * Adds a key. Says which when its name or its value is taken.
 * @param imported a value it already has elsewhere; else one is made: `sk-bf-` and 32 random bytes.
 */
export async function insertVirtualKey(
  db: D1Database,
  terms: KeyTerms,
  imported: string | undefined,
  now: number,
): Promise<{ key: VirtualKey; value: string } | 'name_taken' | 'value_taken'> {
  const value = imported ?? `sk-bf-${randomSecret()}`;
  const valueHash = await hashSecret(value);
  const id = crypto.randomUUID();
  const key = { ...terms, id, valueMask: maskOf(value), createdAt: now, updatedAt: now };
  const [inserted, sameValue] = await db.batch([
    db
      .prepare(
        `INSERT INTO virtual_key (id, name, description, value_hash, value_mask, is_active, expires_at, mcp_configs, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) ON CONFLICT DO NOTHING`,
      )
      .bind(
        id,
        key.name,
        key.description,
        valueHash,
        key.valueMask,
        Number(key.isActive),
        key.expiresAt,
        JSON.stringify(key.mcpConfigs),
        now,
      ),
    db.prepare('SELECT 1 FROM virtual_key WHERE value_hash = ?1 AND id <> ?2').bind(valueHash, id),
  ]);
  if (inserted?.meta.changes) return { key, value };
  return sameValue?.results.length ? 'value_taken' : 'name_taken';
}

/** Changes the terms given and no others. Null when the name is taken, or there is no such key any more. */
export async function updateVirtualKey(
  db: D1Database,
  id: string,
  change: Partial<KeyTerms>,
  now: number,
): Promise<VirtualKey | null> {
  const { name = null, description = null, isActive, expiresAt, mcpConfigs } = change;
  const row = await db
    .prepare(
      `UPDATE OR IGNORE virtual_key SET name = coalesce(?2, name), description = coalesce(?3, description),
         is_active = coalesce(?4, is_active), expires_at = iif(?5, ?6, expires_at), mcp_configs = coalesce(?7, mcp_configs),
         updated_at = ?8 WHERE id = ?1 RETURNING *`,
    )
    .bind(
      id,
      name,
      description,
      isActive === undefined ? null : Number(isActive),
      Number(expiresAt !== undefined),
      expiresAt ?? null,
      mcpConfigs ? JSON.stringify(mcpConfigs) : null,
      now,
    )
    .first<Row>();
  return row && fromRow(row);
}

/** Removes a key. False when there is none. */
export async function deleteVirtualKey(db: D1Database, id: string): Promise<boolean> {
  const { meta } = await db.prepare('DELETE FROM virtual_key WHERE id = ?1').bind(id).run();
  return meta.changes === 1;
}

/** A page of keys by name, and how many there are in all. `search` is a prefix of the name. */
export async function listVirtualKeys(
  db: D1Database,
  page: { search: string; limit: number; offset: number },
): Promise<{ keys: VirtualKey[]; total: number }> {
  const matching = 'FROM virtual_key WHERE lower(substr(name, 1, length(?1))) = lower(?1)';
  const [rows, count] = await db.batch<Row & { total: number }>([
    db
      .prepare(`SELECT * ${matching} ORDER BY name COLLATE NOCASE LIMIT ?2 OFFSET ?3`)
      .bind(page.search, page.limit, page.offset),
    db.prepare(`SELECT count(*) AS total ${matching}`).bind(page.search),
  ]);
  return { keys: (rows?.results ?? []).map(fromRow), total: count?.results[0]?.total ?? 0 };
}

/** The names of the keys with these ids that there are. */
export async function namesOfVirtualKeys(db: D1Database, ids: string[]): Promise<Map<string, string>> {
  const { results } = await db
    .prepare('SELECT id, name FROM virtual_key WHERE id IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(ids))
    .all<{ id: string; name: string }>();
  return new Map(results.map(({ id, name }) => [id, name]));
}

/** The key whose value is `value`, or null: the same for unknown and wrong. */
export async function findVirtualKeyByValue(db: D1Database, value: string): Promise<VirtualKey | null> {
  const row = await db
    .prepare('SELECT * FROM virtual_key WHERE value_hash = ?1')
    .bind(await hashSecret(value))
    .first<Row>();
  return row && fromRow(row);
}

/** The key `id`, or null when there is none. */
export async function findVirtualKey(db: D1Database, id: string): Promise<VirtualKey | null> {
  const row = await db.prepare('SELECT * FROM virtual_key WHERE id = ?1').bind(id).first<Row>();
  return row && fromRow(row);
}

/** What keys say of the server with id `?1`, which they know by its name. */
const SAYS = "value ->> 'mcp_client_name' = (SELECT name FROM server WHERE id = ?1) COLLATE NOCASE";

/**
 * Makes keys follow a server to a new name, if no other server has it. To run just before the server is renamed, in the same
 * batch: a name must never come to give access to another server than it was given for.
 */
export function renameServerInKeys(db: D1Database, serverId: string, name: string): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE virtual_key SET mcp_configs = (
         SELECT json_group_array(json(iif(${SAYS}, json_set(value, '$.mcp_client_name', ?2), value))) FROM json_each(mcp_configs)
       ) WHERE EXISTS (SELECT 1 FROM json_each(mcp_configs) WHERE ${SAYS})
         AND NOT EXISTS (SELECT 1 FROM server WHERE name = ?2 AND id <> ?1)`,
    )
    .bind(serverId, name);
}

/** Makes keys forget a server. To run just before it is deleted, in the same batch, for the same reason. */
export function dropServerFromKeys(db: D1Database, serverId: string): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE virtual_key SET mcp_configs = (
         SELECT json_group_array(json(value)) FROM json_each(mcp_configs) WHERE NOT ${SAYS}
       ) WHERE EXISTS (SELECT 1 FROM json_each(mcp_configs) WHERE ${SAYS})`,
    )
    .bind(serverId);
}
