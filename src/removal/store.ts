import type { By } from '../audit';
import { columnsOf, integer, json, type RowIn, text } from '../columns';

/** What leaves something behind that only objects and providers can end. `key_leak`: a key's value before its last rotation. */
export type RemovalKind = 'client' | 'key' | 'key_leak' | 'person' | 'person_block' | 'server';

/** The end of something that was begun and may have left something. Times are epoch seconds. */
export type Removal = {
  kind: RemovalKind;
  id: string;
  /** What its row said and its end needs; null: nothing. */
  facts: Record<string, unknown> | null;
  begunBy: By;
  beganAt: number;
  /** Of the cron. */
  tries: number;
  /** When the cron takes it up next. */
  againAt: number;
};

export const removalColumns = columnsOf<Removal>()({
  kind: text('kind'),
  id: text('id'),
  facts: json('facts'),
  begunBy: json('begun_by'),
  beganAt: integer('began_at'),
  tries: integer('tries'),
  againAt: integer('again_at'),
});
type Row = RowIn<typeof removalColumns>;

/** A removal that begins now. */
export function newRemoval(
  kind: RemovalKind,
  id: string,
  begunBy: By,
  facts: Removal['facts'] = null,
): Removal {
  const now = Math.floor(Date.now() / 1000);
  return { kind, id, facts, begunBy, beganAt: now, tries: 0, againAt: now };
}

/** Stores a removal, to run in a batch right after the statement that begins it: only when that changed a row. */
export function storeRemoval(db: D1Database, removal: Removal): D1PreparedStatement {
  const row = removalColumns.insert(removal);
  return db
    .prepare(
      `INSERT INTO removal (${row.columns}) SELECT ${row.placeholders} WHERE changes() > 0
       ON CONFLICT (kind, id) DO UPDATE SET begun_by = excluded.begun_by, began_at = excluded.began_at, tries = 0,
         again_at = excluded.again_at`,
    )
    .bind(...row.values);
}

/** The removal of `id` that has not finished, or null. */
export async function findRemoval(db: D1Database, kind: RemovalKind, id: string): Promise<Removal | null> {
  const row = await db
    .prepare('SELECT * FROM removal WHERE kind = ?1 AND id = ?2')
    .bind(kind, id)
    .first<Row>();
  return row && removalColumns.fromRow(row);
}

/** Up to `limit` removals that are due at `now`, those that have waited longest first. */
export async function dueRemovals(db: D1Database, now: number, limit: number): Promise<Removal[]> {
  const { results } = await db
    .prepare('SELECT * FROM removal WHERE again_at <= ?1 ORDER BY again_at LIMIT ?2')
    .bind(now, limit)
    .all<Row>();
  return results.map(removalColumns.fromRow);
}

/** Notes a try of the cron that left something, and when the next is due. */
export async function postponeRemoval(db: D1Database, { kind, id }: Removal, againAt: number): Promise<void> {
  await db
    .prepare('UPDATE removal SET tries = tries + 1, again_at = ?3 WHERE kind = ?1 AND id = ?2')
    .bind(kind, id, againAt)
    .run();
}

/** Forgets a removal that has finished. One that was begun again meanwhile stays. */
export async function forgetRemoval(db: D1Database, { kind, id, begunBy }: Removal): Promise<void> {
  await db
    .prepare('DELETE FROM removal WHERE kind = ?1 AND id = ?2 AND begun_by = ?3')
    .bind(kind, id, JSON.stringify(begunBy))
    .run();
}
