import { auditAll, type By } from '../audit';
import { columnsOf, flag, integer, json, type RowIn, text } from '../columns';
import {
  ask,
  map,
  orderOf,
  pageQuestion,
  type Question,
  question,
  type Sort,
  searched,
  selectPage,
} from '../database';
import { slugOf } from '../protocol/authorization';
import type { ReadingTerms } from '../protocol/mcp-config';
import type { Subject } from '../protocol/subject';
import { bumpCatalog } from './revision';

/** What a toolset holds of one server. Tools: exposed names without the prefix, `*` for all, those to come too. */
export type ServerTools = ReadingTerms & { mcp_client_id: string; tool_names: string[] };

/** Tools of several servers under a name and an address of their own: a toolset. Times are epoch seconds. */
export type VirtualMcp = {
  id: string;
  name: string;
  endpointSlug: string;
  description: string;
  enabled: boolean;
  tools: ServerTools[];
  createdAt: number;
  updatedAt: number;
};

export const virtualMcpColumns = columnsOf<VirtualMcp>()({
  id: text('id'),
  name: text('name'),
  endpointSlug: text('endpoint_slug'),
  description: text('description'),
  enabled: flag('enabled'),
  tools: json('tools'),
  createdAt: integer('created_at'),
  updatedAt: integer('updated_at'),
});
type Row = RowIn<typeof virtualMcpColumns>;
const { fromRow } = virtualMcpColumns;

/** What a Virtual MCP is made from, and what may change of it. */
type Terms = Pick<VirtualMcp, 'name' | 'description' | 'enabled' | 'tools'> & { virtualKeyIds: string[] };

/** How many addresses are tried for a name before giving up: `name`, `name-2`, … */
const MOST_SLUGS = 100;

/**
 * Adds a Virtual MCP. Its address is `slug`, else made from the name: the first of `name`, `name-2`, … that neither a server nor
 * a Virtual MCP has. Says which when name or address is taken.
 */
export async function insertVirtualMcp(
  db: D1Database,
  terms: Terms,
  slug: string | undefined,
  now: number,
): Promise<VirtualMcp | 'name_taken' | 'slug_taken'> {
  const { virtualKeyIds, ...rest } = terms;
  const id = crypto.randomUUID();
  const endpointSlug = slug ?? (await freeSlug(db, slugOf(terms.name) || 'toolset'));
  const row = virtualMcpColumns.insert({ ...rest, id, endpointSlug, createdAt: now, updatedAt: now });
  const [inserted, , , sameName] = await db.batch([
    db
      .prepare(
        `INSERT INTO virtual_mcp (${row.columns}) SELECT ${row.placeholders}
         WHERE NOT EXISTS (SELECT 1 FROM server WHERE endpoint_slug = ?) ON CONFLICT DO NOTHING RETURNING *`,
      )
      .bind(...row.values, endpointSlug),
    attachAll(db, id, virtualKeyIds),
    bumpCatalog(db),
    db.prepare('SELECT 1 FROM virtual_mcp WHERE name = ?1 AND id <> ?2').bind(rest.name, id),
  ]);
  const [stored] = (inserted?.results ?? []) as Row[];
  if (stored) return fromRow(stored);
  return sameName?.results.length ? 'name_taken' : 'slug_taken';
}

/** The first of `base`, `base-2`, … that no server and no Virtual MCP has. */
async function freeSlug(db: D1Database, base: string): Promise<string> {
  const candidates = Array.from({ length: MOST_SLUGS }, (_, at) => {
    const ending = at ? `-${at + 1}` : '';
    return base.slice(0, 64 - ending.length) + ending;
  });
  const { results } = await db
    .prepare(
      `SELECT value FROM json_each(?1) WHERE value IN (SELECT endpoint_slug FROM server)
       OR value IN (SELECT endpoint_slug FROM virtual_mcp)`,
    )
    .bind(JSON.stringify(candidates))
    .all<{ value: string }>();
  const taken = new Set(results.map(({ value }) => value));
  return candidates.find((candidate) => !taken.has(candidate)) ?? base;
}

/** Attaches these keys, as far as there are such keys and such a Virtual MCP. */
function attachAll(db: D1Database, id: string, keyIds: readonly string[]): D1PreparedStatement {
  return db
    .prepare(
      `INSERT OR IGNORE INTO virtual_mcp_key (virtual_key_id, virtual_mcp_id)
       SELECT id, ?1 FROM virtual_key WHERE id IN (SELECT value FROM json_each(?2))
       AND EXISTS (SELECT 1 FROM virtual_mcp WHERE id = ?1)`,
    )
    .bind(id, JSON.stringify(keyIds));
}

/** Attaches these keys in place of all, unless the change before it in the batch left the Virtual MCP another name than this. */
function reattachAll(
  db: D1Database,
  id: string,
  keyIds: readonly string[],
  name: string | undefined,
): D1PreparedStatement[] {
  const isNamed = 'EXISTS (SELECT 1 FROM virtual_mcp WHERE id = ?1 AND name = coalesce(?2, name))';
  return [
    db.prepare(`DELETE FROM virtual_mcp_key WHERE virtual_mcp_id = ?1 AND ${isNamed}`).bind(id, name ?? null),
    db
      .prepare(
        `INSERT OR IGNORE INTO virtual_mcp_key (virtual_key_id, virtual_mcp_id)
         SELECT id, ?1 FROM virtual_key WHERE id IN (SELECT value FROM json_each(?3)) AND ${isNamed}`,
      )
      .bind(id, name ?? null, JSON.stringify(keyIds)),
  ];
}

/** Changes what is given and nothing else; the address stays. Null when the name is taken, or it is not there any more. */
export async function updateVirtualMcp(
  db: D1Database,
  id: string,
  change: Partial<Terms>,
  now: number,
): Promise<VirtualMcp | null> {
  const { virtualKeyIds, ...rest } = change;
  const set = virtualMcpColumns.set({ ...rest, updatedAt: now });
  const update = db
    .prepare(`UPDATE OR IGNORE virtual_mcp SET ${set.sql} WHERE id = ? RETURNING *`)
    .bind(...set.values, id);
  const [updated] = await db.batch<Row>([
    update,
    ...(virtualKeyIds ? reattachAll(db, id, virtualKeyIds, rest.name) : []),
    bumpCatalog(db),
  ]);
  const [row] = updated?.results ?? [];
  if (!row) return null;
  return fromRow(row);
}

const IS_THERE = "value ->> 'about' IN (SELECT id FROM virtual_mcp)";

/** Removes a Virtual MCP and its attachments, and tells the audit. False when there is none. */
export async function deleteVirtualMcp(db: D1Database, id: string, by: By): Promise<boolean> {
  const [, , deleted] = await db.batch([
    auditAll(db, [{ act: 'virtual_mcp.deleted', virtual_mcp: id }], by, IS_THERE), // while it has its name
    db.prepare('DELETE FROM virtual_mcp_key WHERE virtual_mcp_id = ?1').bind(id),
    db.prepare('DELETE FROM virtual_mcp WHERE id = ?1').bind(id),
    bumpCatalog(db),
  ]);
  return Boolean(deleted?.meta.changes);
}

/** Lets a key use a Virtual MCP. Repeatable. */
export async function attachKey(db: D1Database, id: string, keyId: string): Promise<void> {
  await attachAll(db, id, [keyId]).run();
}

/** Takes a Virtual MCP from a key. False when the key did not have it. */
export async function detachKey(db: D1Database, id: string, keyId: string): Promise<boolean> {
  const { meta } = await db
    .prepare('DELETE FROM virtual_mcp_key WHERE virtual_key_id = ?2 AND virtual_mcp_id = ?1')
    .bind(id, keyId)
    .run();
  return meta.changes === 1;
}

/** The Virtual MCP with this id, or null. */
export async function findVirtualMcp(db: D1Database, id: string): Promise<VirtualMcp | null> {
  const [virtualMcp] = await ask(db, virtualMcpQuestion(db, id));
  return virtualMcp;
}

/** {@link findVirtualMcp}, to be asked along with others. */
export function virtualMcpQuestion(db: D1Database, id: string): Question<VirtualMcp | null> {
  const statement = db.prepare('SELECT * FROM virtual_mcp WHERE id = ?1').bind(id);
  return question<Row, VirtualMcp | null>(statement, ([row]) => (row ? fromRow(row) : null));
}

/** A Virtual MCP as lists show it, with how many keys may use it. */
export type ListedVirtualMcp = VirtualMcp & { keyCount: number };

/** By what they are sorted, and its SQL. */
const ORDERS = { name: 'name COLLATE NOCASE', keys: 'key_count', created: 'created_at' };
export type VirtualMcpOrder = keyof typeof ORDERS;

/** Which ones are wanted. `search`: any part of the name or the address. */
export type VirtualMcpFilter = {
  search: string;
  enabled?: boolean | undefined;
  sort?: Sort<VirtualMcpOrder> | undefined;
};

/** A page of them as lists show them, and how many there are in all. */
export function virtualMcpsQuestion(
  db: D1Database,
  { search, enabled, sort = 'name', ...page }: VirtualMcpFilter & { limit: number; offset: number },
): Question<{ virtualMcps: ListedVirtualMcp[]; total: number }> {
  const state = enabled === undefined ? [] : [{ sql: 'enabled = ?', values: [Number(enabled)] }];
  const conditions = [...searched(['name', 'endpoint_slug'], search), ...state];
  const of = { table: 'virtual_mcp', conditions, order: orderOf(ORDERS, sort, ORDERS.name), page };
  const count = '(SELECT count(*) FROM virtual_mcp_key WHERE virtual_mcp_id = id) AS key_count';
  return map(pageQuestion<Row & { key_count: number }>(db, of, `*, ${count}`), ({ rows, total }) => ({
    virtualMcps: rows.map((row) => ({ ...fromRow(row), keyCount: row.key_count })),
    total,
  }));
}

/** Ids of the keys that may use a Virtual MCP. */
export function attachedKeysQuestion(db: D1Database, id: string): Question<ReadonlySet<string>> {
  const statement = db
    .prepare('SELECT virtual_key_id FROM virtual_mcp_key WHERE virtual_mcp_id = ?1')
    .bind(id);
  return question<{ virtual_key_id: string }, ReadonlySet<string>>(
    statement,
    (rows) => new Set(rows.map(({ virtual_key_id }) => virtual_key_id)),
  );
}

/** A page of Virtual MCPs by name, and how many there are in all. `search`: any part of the name or the address. */
export async function listVirtualMcps(
  db: D1Database,
  page: { search: string; limit: number; offset: number },
): Promise<{ virtualMcps: VirtualMcp[]; total: number }> {
  const conditions = searched(['name', 'endpoint_slug'], page.search);
  const { rows, total } = await selectPage<Row>(db, 'virtual_mcp', conditions, ORDERS.name, page);
  return { virtualMcps: rows.map(fromRow), total };
}

/** A Virtual MCP as those may know it who may use it. */
export type KnownVirtualMcp = Pick<VirtualMcp, 'name' | 'endpointSlug' | 'description'>;

/** What one of these keys may use, or a key that works at `now` (epoch seconds) of one of these people; by name. */
export function virtualMcpsOfQuestion(
  db: D1Database,
  subjects: readonly Subject[],
  now: number,
): Question<KnownVirtualMcp[]> {
  const statement = db
    .prepare(
      `SELECT name, endpoint_slug, description FROM virtual_mcp WHERE enabled = 1 AND id IN (
         SELECT a.virtual_mcp_id FROM virtual_mcp_key a JOIN virtual_key k ON k.id = a.virtual_key_id
         WHERE (k.id IN (SELECT substr(value, 4) FROM json_each(?1) WHERE value LIKE 'vk:%')
             OR k.owner_user_id IN (SELECT substr(value, 6) FROM json_each(?1) WHERE value LIKE 'user:%'))
           AND k.is_active = 1 AND (k.expires_at IS NULL OR k.expires_at > ?2))
       ORDER BY name COLLATE NOCASE`,
    )
    .bind(JSON.stringify(subjects), now);
  return question<Pick<Row, 'name' | 'endpoint_slug' | 'description'>, KnownVirtualMcp[]>(statement, (rows) =>
    rows.map(({ name, endpoint_slug, description }) => ({ name, endpointSlug: endpoint_slug, description })),
  );
}

/** Every Virtual MCP: what `/mcp` serves from. */
export async function readVirtualMcps(db: D1Database): Promise<VirtualMcp[]> {
  const [all] = await ask(db, allVirtualMcpsQuestion(db));
  return all;
}

/** {@link readVirtualMcps}, to be asked along with others. */
export function allVirtualMcpsQuestion(db: D1Database): Question<VirtualMcp[]> {
  return question<Row, VirtualMcp[]>(db.prepare('SELECT * FROM virtual_mcp'), (rows) => rows.map(fromRow));
}

/** Ids of the keys attached to each of these Virtual MCPs, by its id. */
export async function keysOf(db: D1Database, ids: string[]): Promise<Map<string, string[]>> {
  const { results } = await db
    .prepare(
      `SELECT virtual_mcp_id, virtual_key_id FROM virtual_mcp_key
       WHERE virtual_mcp_id IN (SELECT value FROM json_each(?1)) ORDER BY virtual_mcp_id, virtual_key_id`,
    )
    .bind(JSON.stringify(ids))
    .all<{ virtual_mcp_id: string; virtual_key_id: string }>();
  const keys = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { virtual_mcp_id, virtual_key_id } of results) keys.get(virtual_mcp_id)?.push(virtual_key_id);
  return keys;
}
