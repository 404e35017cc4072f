import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What wrangler's local D1 holds, next to the schema it should have. */
export type LocalDatabase = {
  /** Tables and indexes of `schema.sql` that are missing or made otherwise. */
  outdated: string[];
  /** What deleting it would lose, e.g. `server (2), virtual_key (1)`. Empty when it holds no row. */
  holds: string;
};

/** Looks into the local D1 under `persistTo`, wrangler's persistence folder. Null: there is none yet, or an empty one. */
export function inspectDatabase(persistTo: string, schemaFile: string): LocalDatabase | null {
  const folder = join(databaseFolder(persistTo), 'miniflare-D1DatabaseObject');
  if (!existsSync(folder)) return null;
  const wanted = schemaOf(new DatabaseSync(':memory:'), readFileSync(schemaFile, 'utf8'));

  for (const file of readdirSync(folder).filter(
    (name) => name.endsWith('.sqlite') && name !== 'metadata.sqlite',
  )) {
    const database = new DatabaseSync(join(folder, file), { readOnly: true });
    try {
      const found = schemaOf(database);
      const tables = [...found.keys()].filter(
        (name) => wanted.has(name) && found.get(name)?.startsWith('CREATE TABLE'),
      );
      if (!tables.length) continue;
      const outdated = [...wanted.keys()].filter((name) => found.get(name) !== wanted.get(name));
      return { outdated, holds: rowCounts(database, tables) };
    } finally {
      database.close();
    }
  }
  return null;
}

/** Deletes the local D1. The Worker makes a new one from `schema.sql` at its first request. */
export function deleteDatabase(persistTo: string): void {
  rmSync(databaseFolder(persistTo), { recursive: true, force: true });
}

function databaseFolder(persistTo: string): string {
  return join(persistTo, 'v3', 'd1');
}

/** Every table and index by name, its SQL without comments and layout: those may change without making a difference. */
function schemaOf(database: DatabaseSync, schema = ''): Map<string, string> {
  database.exec(schema);
  const rows = database
    .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    .all();
  return new Map(rows.map(({ name, sql }) => [String(name), normalise(String(sql))]));
}

function normalise(sql: string): string {
  return sql
    .replace(/('(?:[^']|'')*')|--[^\n]*/g, (_, text: string | undefined) => text ?? ' ')
    .replace(/('(?:[^']|'')*')|\s*([(),])\s*|\s+/g, (_, text?: string, mark?: string) => text ?? mark ?? ' ')
    .trim();
}

function rowCounts(database: DatabaseSync, tables: string[]): string {
  return tables
    .map((table) => ({ table, n: Number(database.prepare(`SELECT count(*) AS n FROM "${table}"`).get()?.n) }))
    .filter(({ n }) => n > 0)
    .map(({ table, n }) => `${table} (${n})`)
    .join(', ');
}
