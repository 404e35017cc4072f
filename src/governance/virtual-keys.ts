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

/** A new key value: `sk-bf-` and 32 random bytes. */
export function newKeyValue(): string {
  return `sk-bf-${randomSecret()}`;
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
