import { columnsOf, flag, integer, json, type RowIn, text } from '../columns';
import { hashSecret, randomSecret } from '../crypto/secrets';
import {
  ask,
  contains,
  type Ids,
  namesQuestion,
  type Question,
  question,
  selection,
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
  /** Whether the key is removed once it has expired; null: not set, so it stays. */
  deleteAfterExpire: boolean | null;
  /** The person whose key it is; null: the key is an identity of its own. */
  ownerUserId: string | null;
  /** True when several people use it, so that it holds no one's account. */
  shared: boolean;
  mcpConfigs: McpConfig[];
  limits: Limit[];
  createdAt: number;
  updatedAt: number;
  /** When `/mcp` last took it or a token of an app that it allowed, as of up to an hour ago; null: never that was noted. */
  lastUsedAt: number | null;
  /** Since when its uses are noted, where it is older than that; null: since it was made. */
  useNotedSince: number | null;
};

/** A key with everything it may use: its own configs and the Virtual MCPs it is attached to. */
export type HeldKey = VirtualKey & { virtualMcpIds: string[] };

/** Columns of a key that are written and never read into it. */
type UnreadOfKey = {
  valueHash: string;
  /** Of the value before the last rotation: no other key gets it. */
  previousHash: string | null;
  /** When that stops working (epoch seconds); null: it did at once. */
  previousUntil: number | null;
};

export const virtualKeyColumns = columnsOf<VirtualKey, UnreadOfKey>()(
  {
    id: text('id'),
    name: text('name'),
    description: text('description'),
    valueMask: text('value_mask'),
    generation: integer('generation'),
    isActive: flag('is_active'),
    expiresAt: integer('expires_at'),
    deleteAfterExpire: flag('delete_after_expire'),
    ownerUserId: text('owner_user_id'),
    shared: flag('shared'),
    mcpConfigs: json('mcp_configs'),
    limits: json('limits'),
    createdAt: integer('created_at'),
    updatedAt: integer('updated_at'),
    lastUsedAt: integer('last_used_at'),
    useNotedSince: integer('use_noted_since'),
  },
  {
    valueHash: text('value_hash'),
    previousHash: text('previous_hash'),
    previousUntil: integer('previous_until'),
  },
);

/** A row of `virtual_key`. */
export type KeyRow = RowIn<typeof virtualKeyColumns>;
type HeldRow = KeyRow & { virtual_mcp_ids: string };

/** The key a row of `virtual_key` is. */
export const keyOf = virtualKeyColumns.fromRow;

/** `|| ''`: as text, for `askAsOne`. */
const HELD = `*, (SELECT json_group_array(virtual_mcp_id) FROM virtual_mcp_key WHERE virtual_key_id = id) || '' AS virtual_mcp_ids`;

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
type KeyTerms = Omit<
  VirtualKey,
  'id' | 'valueMask' | 'generation' | 'createdAt' | 'updatedAt' | 'lastUsedAt' | 'useNotedSince'
>;

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
  const row = virtualKeyColumns.insert({
    ...terms,
    id,
    valueHash,
    valueMask: maskOfKey(value),
    previousHash: null,
    previousUntil: null,
    generation: 1,
    createdAt: now,
    updatedAt: now,
    lastUsedAt: null,
    useNotedSince: null,
  });
  const [inserted, sameValue] = await db.batch([
    db
      .prepare(
        `INSERT INTO virtual_key (${row.columns}) SELECT ${row.placeholders}
         WHERE NOT EXISTS (SELECT 1 FROM virtual_key WHERE previous_hash = ?) ON CONFLICT DO NOTHING RETURNING *`,
      )
      .bind(...row.values, valueHash),
    db
      .prepare('SELECT 1 FROM virtual_key WHERE (value_hash = ?1 OR previous_hash = ?1) AND id <> ?2')
      .bind(valueHash, id),
  ]);
  const [stored] = (inserted?.results ?? []) as KeyRow[];
  if (stored) return { key: keyOf(stored), value };
  return sameValue?.results.length ? 'value_taken' : 'name_taken';
}

/** Changes the terms given and no others. Null when the name is taken, or there is no such key any more. */
export async function updateVirtualKey(
  db: D1Database,
  id: string,
  change: { [Term in keyof KeyTerms]?: KeyTerms[Term] | undefined },
  now: number,
): Promise<VirtualKey | null> {
  const set = virtualKeyColumns.set({ ...change, updatedAt: now });
  const row = await db
    .prepare(`UPDATE OR IGNORE virtual_key SET ${set.sql} WHERE id = ? RETURNING *`)
    .bind(...set.values, id)
    .first<KeyRow>();
  return row && keyOf(row);
}

/**
 * Gives a key another value, in a batch. The one before goes on working until `previousUntil` (epoch seconds), and the one before
 * that stops; with null it stops too, and, when it leaked, everything that was proved by it. Nothing changes when the key has
 * this value already: what is repeated takes effect once.
 */
export async function valueReplacement(
  db: D1Database,
  id: string,
  { value, previousUntil, isLeaked }: { value: string; previousUntil: number | null; isLeaked: boolean },
  now: number,
): Promise<D1PreparedStatement> {
  const valueHash = await hashSecret(value);
  const set = virtualKeyColumns.set({
    valueHash,
    valueMask: maskOfKey(value),
    previousUntil,
    updatedAt: now,
  });
  return db
    .prepare(
      `UPDATE virtual_key SET previous_hash = value_hash, generation = generation + ?, ${set.sql}
       WHERE id = ? AND value_hash <> ?`,
    )
    .bind(Number(isLeaked), ...set.values, id, valueHash);
}

/** Notes that a key was used at `now` (epoch seconds), unless that is noted since `before`. */
export function keyTouch(db: D1Database, id: string, before: number, now: number): D1PreparedStatement {
  return db
    .prepare('UPDATE virtual_key SET last_used_at = ?3 WHERE id = ?1 AND coalesce(last_used_at, 0) <= ?2')
    .bind(id, before, now);
}

/** Deletes a key. */
export function keyDeletion(db: D1Database, id: string): D1PreparedStatement {
  return db.prepare('DELETE FROM virtual_key WHERE id = ?1').bind(id);
}

/** Takes a key from every Virtual MCP it is attached to. */
export function keyDetachment(db: D1Database, id: string): D1PreparedStatement {
  return db.prepare('DELETE FROM virtual_mcp_key WHERE virtual_key_id = ?1').bind(id);
}

/** The ids of up to `limit` keys that have expired by `now` (epoch seconds) and are to go then, the oldest first. */
export async function expiredKeys(db: D1Database, now: number, limit: number): Promise<string[]> {
  const { results } = await db
    .prepare(
      'SELECT id FROM virtual_key WHERE delete_after_expire = 1 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2',
    )
    .bind(now, limit)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
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

/** The subjects of the keys whose name holds `text`. */
export function keySubjectsNamed(text: string): Ids {
  const { sql, values } = contains('name', text);
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
export function virtualKeyQuestion(db: D1Database, id: string): Question<HeldKey | null> {
  const statement = db.prepare(`SELECT ${HELD} FROM virtual_key WHERE id = ?1`).bind(id);
  return question<HeldRow, HeldKey | null>(statement, ([row]) => (row ? fromHeldRow(row) : null));
}

/** The keys that have one of these ids, or that one of these people owns. */
export function heldKeysQuestion(db: D1Database, by: 'id' | 'owner_user_id', ids: Ids): Question<HeldKey[]> {
  const select = {
    sql: `SELECT ${HELD} FROM virtual_key WHERE ${by} IN (${ids.sql})`,
    values: ids.values,
    columns: [...virtualKeyColumns.names, 'virtual_mcp_ids'],
  };
  return selection<HeldRow, HeldKey[]>(db, select, (rows) => rows.map(fromHeldRow));
}
