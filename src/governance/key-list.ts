import {
  equals,
  map,
  orderOf,
  pageQuestion,
  type Question,
  question,
  type Sort,
  searched,
} from '../database';
import { type KeyRow, keyOf, type VirtualKey } from './virtual-keys';

/** How a key can be, each in one of these. `expiring`: within a week. */
export const KEY_STATES = ['active', 'expiring', 'expired', 'inactive'] as const;
export type KeyState = (typeof KEY_STATES)[number];

/** Since when a key was not used. None holds of a time before its uses were noted. */
export const KEY_USES = ['not_30_days', 'never'] as const;
type KeyUse = (typeof KEY_USES)[number];

/** By what keys are sorted, and their SQL. */
const ORDERS = {
  name: 'name COLLATE NOCASE',
  owner: 'owner IS NULL, owner COLLATE NOCASE',
  last_used: 'last_used_at',
  created: 'created_at',
};
export type KeyOrder = Sort<keyof typeof ORDERS>;
export const KEY_ORDERS = Object.keys(ORDERS).flatMap((by) => [by, `-${by}`]) as KeyOrder[];

/** Which keys are wanted, and in which order. `search`: any part of the name, the owner or the last four characters. */
export type KeyFilter = {
  search: string;
  state?: KeyState | undefined;
  used?: KeyUse | undefined;
  sort?: KeyOrder | undefined;
};

/** How long before its end a key expires soon, and since when one was not used lately. Seconds. */
const SOON = 7 * 86_400;
const LONG = 30 * 86_400;

/** How a key is at `now` (epoch seconds). */
export function stateOf({ isActive, expiresAt }: VirtualKey, now: number): KeyState {
  if (!isActive) return 'inactive';
  if (expiresAt === null || expiresAt > now + SOON) return 'active';
  return expiresAt > now ? 'expiring' : 'expired';
}

/** The same as SQL. */
const stateSql = (now: number) =>
  `CASE WHEN is_active = 0 THEN 'inactive' WHEN expires_at <= ${now} THEN 'expired'
   WHEN expires_at <= ${now + SOON} THEN 'expiring' ELSE 'active' END`;

const usedSql = (now: number): Record<KeyUse, string> => ({
  never: 'last_used_at IS NULL AND use_noted_since IS NULL',
  not_30_days: `max(coalesce(last_used_at, created_at), coalesce(use_noted_since, 0)) <= ${now - LONG}`,
});

/** A key as lists show it: with the name of its owner, and how many Virtual MCPs it may use. */
export type ListedKey = VirtualKey & { owner: string | null; toolsetCount: number };

type ListedRow = KeyRow & { owner: string | null; toolset_count: number };

const ownerSql = (column: 'name' | 'email') =>
  `(SELECT person.${column} FROM person WHERE person.id = owner_user_id)`;
const SEARCHED = ['name', 'substr(value_mask, -4)', ownerSql('name'), ownerSql('email')];
const COLUMNS = `*, ${ownerSql('name')} AS owner,
  (SELECT count(*) FROM virtual_mcp_key WHERE virtual_key_id = id) AS toolset_count`;

/** A page of the keys that a filter lets through at `now` (epoch seconds), and how many these are. */
export function keyPageQuestion(
  db: D1Database,
  { search, state, used, sort = 'name' }: KeyFilter,
  page: { limit: number; offset: number },
  now: number,
): Question<{ keys: ListedKey[]; total: number }> {
  const conditions = [
    ...searched(SEARCHED, search),
    ...equals(stateSql(now), state),
    ...(used ? [{ sql: usedSql(now)[used], values: [] }] : []),
  ];
  const of = { table: 'virtual_key', conditions, order: orderOf(ORDERS, sort, ORDERS.name), page };
  return map(pageQuestion<ListedRow>(db, of, COLUMNS), ({ rows, total }) => ({
    keys: rows.map((row) => ({ ...keyOf(row), owner: row.owner, toolsetCount: row.toolset_count })),
    total,
  }));
}

/** How many of the keys that a search finds are how. */
export type KeyCounts = Record<'all' | KeyState | KeyUse, number>;

export function keyCountsQuestion(db: D1Database, search: string, now: number): Question<KeyCounts> {
  const uses = usedSql(now);
  const sums = [
    ...KEY_STATES.map((state) => `total(${stateSql(now)} = '${state}') AS ${state}`),
    ...KEY_USES.map((use) => `total(${uses[use]}) AS ${use}`),
  ];
  const [found = { sql: 'true', values: [] }] = searched(SEARCHED, search);
  const statement = db
    .prepare(`SELECT count(*) AS "all", ${sums.join(', ')} FROM virtual_key WHERE ${found.sql}`)
    .bind(...found.values);
  return question<KeyCounts, KeyCounts>(statement, ([counts]) => counts as KeyCounts);
}
