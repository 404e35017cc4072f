import { hashSecret, randomSecret } from '../crypto/secrets';
import {
  ask,
  beginsWith,
  type Ids,
  known,
  namesQuestion,
  type Question,
  question,
  selectPage,
  startsWith,
  theseIds,
} from '../database';
import type { McpConfig } from '../protocol/mcp-config';
import type { Subject } from '../protocol/subject';
import type { Limit } from './key-object';

/** A virtual key, without its value. Times are epoch seconds. */
export type VirtualKey = {
  id: string;
  name: string;
  description: string;
  /** The value as lists show it. */
  valueMask: string;
  /** Counts leaks: what was proved with an earlier generation proves nothing any more. The first is 1. */
  generation: number;
  isActive: boolean;
  expiresAt: number | null;
  /** Whether the key is removed once it has expired; null: nobody said, so it stays. */
  deleteAfterExpire: boolean | null;
  /** The person whose key it is; null: the key is an identity of its own. */
  ownerUserId: string | null;
  /** True when several people use it, so that it holds nobody's account. */
  shared: boolean;
  mcpConfigs: McpConfig[];
  limits: Limit[];
  createdAt: number;
  updatedAt: number;
};

/** A key with everything it may use: its own configs and the Virtual MCPs it is attached to. */
export type HeldKey = VirtualKey & { virtualMcpIds: string[] };

/** A row of `virtual_key`. */
export type KeyRow = {
  id: string;
  name: string;
  description: string;
  value_mask: string;
  generation: number;
  is_active: number;
  expires_at: number | null;
  delete_after_expire: number | null;
  owner_user_id: string | null;
  shared: number;
  mcp_configs: string;
  limits: string;
  created_at: number;
  updated_at: number;
};
type HeldRow = KeyRow & { virtual_mcp_ids: string };

/** The key a row of `virtual_key` is. */
export function keyOf(row: KeyRow): VirtualKey {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    valueMask: row.value_mask,
    generation: row.generation,
    isActive: row.is_active === 1,
    expiresAt: row.expires_at,
    deleteAfterExpire: row.delete_after_expire === null ? null : row.delete_after_expire === 1,
    ownerUserId: row.owner_user_id,
    shared: row.shared === 1,
    mcpConfigs: JSON.parse(row.mcp_configs),
    limits: JSON.parse(row.limits),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const HELD = `*, (SELECT json_group_array(virtual_mcp_id) FROM virtual_mcp_key WHERE virtual_key_id = id) AS virtual_mcp_ids`;

function fromHeldRow(row: HeldRow): HeldKey {
  return { ...keyOf(row), virtualMcpIds: JSON.parse(row.virtual_mcp_ids) };
}

/** What stops a key from being used at `now` (epoch seconds); null when nothing does. Inactive wins over expired. */
export function refusalOf(key: VirtualKey, now: number): 'inactive' | 'expired' | null {
  if (!key.isActive) return 'inactive';
  return key.expiresAt !== null && key.expiresAt <= now ? 'expired' : null;
}

/** A value as lists show it: its last four characters. */
export function maskOfKey(value: string): string {
  return `sk-bf-••••${value.slice(-4)}`;
}

/** The identity that a key without an owner is. */
export function keySubject(id: string): Subject {
  return `vk:${id}`;
}

/** `sk-bf-` and 32 random bytes. @param secret those bytes, base64url, where they are made already */
export function newValue(secret = randomSecret()): string {
  return `sk-bf-${secret}`;
}

/** What a key is made from, and what an administrator may change of it. */
type KeyTerms = Omit<VirtualKey, 'id' | 'valueMask' | 'generation' | 'createdAt' | 'updatedAt'>;

/**
 * Adds a key. Says which when its name or its value is taken; a value another key had before is.
 * @param given a value it already has elsewhere, or that is made already; else one is made.
 */
export async function insertVirtualKey(
  db: D1Database,
  terms: KeyTerms,
  given: string | undefined,
  now: number,
): Promise<{ key: VirtualKey; value: string } | 'name_taken' | 'value_taken'> {
  const value = given ?? newValue();
  const valueHash = await hashSecret(value);
  const id = crypto.randomUUID();
  const key = { ...terms, id, valueMask: maskOfKey(value), generation: 1, createdAt: now, updatedAt: now };
  const [inserted, sameValue] = await db.batch([
    db
      .prepare(
        `INSERT INTO virtual_key (id, name, description, value_hash, value_mask, generation, is_active, expires_at,
           delete_after_expire, owner_user_id, shared, mcp_configs, limits, created_at, updated_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14
         WHERE NOT EXISTS (SELECT 1 FROM virtual_key WHERE previous_hash = ?4) ON CONFLICT DO NOTHING`,
      )
      .bind(
        id,
        key.name,
        key.description,
        valueHash,
        key.valueMask,
        key.generation,
        Number(key.isActive),
        key.expiresAt,
        key.deleteAfterExpire === null ? null : Number(key.deleteAfterExpire),
        key.ownerUserId,
        Number(key.shared),
        JSON.stringify(key.mcpConfigs),
        JSON.stringify(key.limits),
        now,
      ),
    db
      .prepare('SELECT 1 FROM virtual_key WHERE (value_hash = ?1 OR previous_hash = ?1) AND id <> ?2')
      .bind(valueHash, id),
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
  const { expiresAt, deleteAfterExpire, ownerUserId } = change;
  const row = await db
    .prepare(
      `UPDATE OR IGNORE virtual_key SET name = coalesce(?2, name), description = coalesce(?3, description),
         is_active = coalesce(?4, is_active), expires_at = iif(?5, ?6, expires_at),
         delete_after_expire = iif(?7, ?8, delete_after_expire), owner_user_id = iif(?9, ?10, owner_user_id),
         shared = coalesce(?11, shared), mcp_configs = coalesce(?12, mcp_configs), limits = coalesce(?13, limits),
         updated_at = ?14 WHERE id = ?1 RETURNING *`,
    )
    .bind(
      id,
      change.name ?? null,
      change.description ?? null,
      orNull(change.isActive, Number),
      Number(expiresAt !== undefined),
      expiresAt ?? null,
      Number(deleteAfterExpire !== undefined),
      orNull(deleteAfterExpire, Number),
      Number(ownerUserId !== undefined),
      ownerUserId ?? null,
      orNull(change.shared, Number),
      orNull(change.mcpConfigs, JSON.stringify),
      orNull(change.limits, JSON.stringify),
      now,
    )
    .first<KeyRow>();
  return row && keyOf(row);
}

/** `value` as a column holds it; null for nothing. */
function orNull<T>(value: T | null | undefined, column: (value: T) => string | number) {
  return value === undefined || value === null ? null : column(value);
}

/**
 * Gives a key a new value. The one before goes on working until `previousUntil` (epoch seconds), and the one before that
 * stops; with null it stops too, and with it everything that was proved by it. Null when there is no such key.
 * @param given the new value, where it is made already
 */
export async function replaceValue(
  db: D1Database,
  id: string,
  { previousUntil, isLeaked }: { previousUntil: number | null; isLeaked: boolean },
  given: string | undefined,
  now: number,
): Promise<{ key: VirtualKey; value: string } | null> {
  const value = given ?? newValue();
  const row = await db
    .prepare(
      `UPDATE virtual_key SET previous_hash = value_hash, previous_until = ?4, value_hash = ?2,
         value_mask = ?3, generation = generation + ?5, updated_at = ?6 WHERE id = ?1 RETURNING *`,
    )
    .bind(id, await hashSecret(value), maskOfKey(value), previousUntil, Number(isLeaked), now)
    .first<KeyRow>();
  return row && { key: keyOf(row), value };
}

/** A page of keys by name, and how many there are in all. `search` is a prefix of the name. */
export async function listVirtualKeys(
  db: D1Database,
  page: { search: string; limit: number; offset: number },
): Promise<{ keys: VirtualKey[]; total: number }> {
  const conditions = startsWith('name', page.search);
  const { rows, total } = await selectPage<KeyRow>(
    db,
    'virtual_key',
    conditions,
    'name COLLATE NOCASE',
    page,
  );
  return { keys: rows.map(keyOf), total };
}

/** The names of the keys with these ids that there are. */
export async function namesOfVirtualKeys(db: D1Database, ids: string[]): Promise<Map<string, string>> {
  const [names] = await ask(db, keyNamesQuestion(db, theseIds(ids)));
  return names;
}

/** {@link namesOfVirtualKeys}, to be asked along with others. */
export function keyNamesQuestion(db: D1Database, ids: Ids): Question<Map<string, string>> {
  return namesQuestion(db, 'virtual_key', ids);
}

/** The subjects of the keys whose name begins with `prefix`. */
export function keySubjectsNamed(prefix: string): Ids {
  const { sql, values } = beginsWith('name', prefix);
  return { sql: `SELECT 'vk:' || id FROM virtual_key WHERE ${sql}`, values };
}

/**
 * The key whose value is `value`, or null: the same for unknown and wrong.
 * @returns with `valueUntil` (epoch seconds) when the key has a newer value already.
 */
export async function findVirtualKeyByValue(
  db: D1Database,
  value: string,
): Promise<(HeldKey & { valueUntil: number | null }) | null> {
  const row = await db
    .prepare(
      `SELECT ${HELD}, iif(value_hash = ?1, NULL, previous_until) AS value_until FROM virtual_key
       WHERE value_hash = ?1 OR (previous_hash = ?1 AND previous_until > ?2)`,
    )
    .bind(await hashSecret(value), Math.floor(Date.now() / 1000))
    .first<HeldRow & { value_until: number | null }>();
  return row && { ...fromHeldRow(row), valueUntil: row.value_until };
}

/** The key `id`, or null when there is none. */
export async function findVirtualKey(db: D1Database, id: string): Promise<HeldKey | null> {
  const [key] = await ask(db, virtualKeyQuestion(db, id));
  return key;
}

/** {@link findVirtualKey}, to be asked along with others. */
function virtualKeyQuestion(db: D1Database, id: string): Question<HeldKey | null> {
  const statement = db.prepare(`SELECT ${HELD} FROM virtual_key WHERE id = ?1`).bind(id);
  return question<HeldRow, HeldKey | null>(statement, ([row]) => (row ? fromHeldRow(row) : null));
}

/** The keys with these ids that there are, and those that these people own. */
export function heldKeysQuestion(
  db: D1Database,
  ids: readonly string[],
  ownerUserIds: readonly string[],
): Question<HeldKey[]> {
  if (!ids.length && !ownerUserIds.length) return known([]);
  const statement = db
    .prepare(
      `SELECT ${HELD} FROM virtual_key WHERE id IN (SELECT value FROM json_each(?1))
       OR owner_user_id IN (SELECT value FROM json_each(?2))`,
    )
    .bind(JSON.stringify(ids), JSON.stringify(ownerUserIds));
  return question<HeldRow, HeldKey[]>(statement, (rows) => rows.map(fromHeldRow));
}
