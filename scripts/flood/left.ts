/** What D1 and KV hold. */

/** As far as it is asked of D1 and KV here: those of the Worker and those of Miniflare differ in what else they have. */
type Database = {
  prepare(sql: string): { all<T>(): Promise<{ results: T[] }>; first<T>(): Promise<T | null> };
};
type Page = { keys: { name: string; expiration?: number }[]; list_complete: boolean; cursor?: string };
type Store = { list(options: { cursor?: string }): Promise<Page> };

/** Rows of a table, and the bytes of their values: an index and SQLite's own pages come on top. */
export type Held = { rows: number; bytes: number };

/** What each table holds. */
export async function heldIn(db: Database): Promise<Map<string, Held>> {
  const { results } = await db
    .prepare(
      `SELECT t.name AS name, group_concat('coalesce(length(CAST("' || c.name || '" AS BLOB)), 0)', ' + ') AS bytes
       FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_cf_%' ESCAPE '\\' GROUP BY t.name`,
    )
    .all<{ name: string; bytes: string }>();
  const held = new Map<string, Held>();
  for (const { name, bytes } of results) {
    const sql = `SELECT count(*) AS rows, coalesce(sum(${bytes}), 0) AS bytes FROM "${name}"`;
    held.set(name, (await db.prepare(sql).first<Held>()) ?? { rows: 0, bytes: 0 });
  }
  return held;
}

/** How many keys KV holds, and how many of them do not expire within an hour of `now` (epoch seconds). */
export async function keysIn(kv: Store, now: number): Promise<{ keys: number; lasting: number }> {
  let [keys, lasting] = [0, 0];
  for (let cursor: string | undefined; ; ) {
    const page = await kv.list(cursor ? { cursor } : {});
    keys += page.keys.length;
    lasting += page.keys.filter(
      ({ expiration = Number.POSITIVE_INFINITY }) => expiration > now + 3660,
    ).length;
    if (page.list_complete) return { keys, lasting };
    cursor = page.cursor;
  }
}
