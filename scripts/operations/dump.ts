import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ROOT } from '../dev/state.ts';
import { Stop } from '../stop.ts';

/** D1 takes statements of 100,000 bytes. A longer one is made of several. */
const MOST_BYTES = 90_000;
/** Of a long text, what one statement adds: three bytes a UTF-16 unit at most. */
const PART = 25_000;
/** A text of this length is added to its row, where that is too long for one statement. */
const LONG = 1_000;

const STEPS = join(ROOT, 'src/schema');

const TABLES =
  "type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";

/**
 * The database that `sql` describes, as wrangler exports one.
 * @param path a file for it @throws Stop when it is not whole, or not of a gateway
 */
export function load(sql: string, path = ':memory:'): DatabaseSync {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    db.exec(`BEGIN; ${sql.includes('\0') ? withoutNul(sql) : sql}; COMMIT`);
  } catch (error) {
    throw new Stop(`This is no whole backup: ${error instanceof Error ? error.message : error}.`);
  }
  return db;
}

/** The names of its tables. */
export function tablesOf(db: DatabaseSync): string[] {
  return db
    .prepare(`SELECT name FROM sqlite_schema WHERE ${TABLES} ORDER BY name`)
    .all()
    .map(({ name }) => String(name));
}

/** The names of a table's columns. */
export function columnsOf(db: DatabaseSync, table: string): string[] {
  return infoOf(db, table).map(({ name }) => name);
}

/** The number of the last step of the schema that it has (docs/storage.md); null: it is empty. @throws Stop when it is not a gateway's */
export function schemaOf(db: DatabaseSync): number | null {
  const tables = tablesOf(db);
  if (!tables.length) return null;
  if (!tables.includes('setting')) throw new Stop('This is not the database of a gateway.');
  if (!tables.includes('schema_step')) return 1;
  return Number(db.prepare('SELECT max(n) AS n FROM schema_step').get()?.n ?? 1);
}

/** The first table or index that this database lacks of one with the same schema; null: none. */
export function lackOf(db: DatabaseSync, wanted: DatabaseSync): string | null {
  const namesOf = (one: DatabaseSync) =>
    one
      .prepare(
        "SELECT type || ' ' || name AS name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC",
      )
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith('table _cf_'));
  const has = namesOf(db);
  return namesOf(wanted).find((name) => !has.includes(name)) ?? null;
}

/** An empty database of this version's schema; null: `db` has another. */
export function emptyLike(db: DatabaseSync): DatabaseSync | null {
  const newest = Math.max(...steps().map((name) => Number(name.slice(0, 4))));
  if (schemaOf(db) !== newest) return null;
  return load(readFileSync(join(ROOT, 'schema.sql'), 'utf8').replace(/--.*$/gm, ''));
}

/** The files of the schema's steps, in order. */
function steps(): string[] {
  return readdirSync(STEPS)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** Brings a database to step `to` of the schema. @throws Stop when this version of the gateway does not know it */
export function upgrade(db: DatabaseSync, to: number): void {
  for (let n = schemaOf(db) ?? to; n < to; n++) {
    const file = steps().find((name) => Number(name.slice(0, 4)) === n + 1);
    if (!file) throw new Stop(`This version of the gateway does not know step ${n + 1} of the schema.`);
    db.exec(readFileSync(join(STEPS, file), 'utf8').replace(/--.*$/gm, ''));
    const record = db.prepare('INSERT INTO schema_step (n, name, applied_at) VALUES (?, ?, unixepoch())');
    record.run(n + 1, file.slice(5, -4));
  }
}

/** What administrators do that a restore has to know of. */
const ACTS = `act <> 'grant.changed' AND (${['created', 'changed', 'deleted', 'rotated', 'blocked']
  .map((what) => `act GLOB '*.${what}'`)
  .join(' OR ')})`;
const LAST_ACT = `coalesce((SELECT max(id) FROM audit WHERE ${ACTS}), '')`;
/** What SQLite says when {@link unlessChanged} ends the run. */
export const CHANGED = 'changed_meanwhile';

/** Statements that fail, with {@link CHANGED}, where administrators have done something that the database `now` does not know. */
export function unlessChanged(now: DatabaseSync): string[] {
  const last = now.prepare(`SELECT ${LAST_ACT} AS id`).get()?.id;
  return [
    `CREATE TABLE restore_guard (same INTEGER CONSTRAINT ${CHANGED} CHECK (same));`,
    `INSERT INTO restore_guard SELECT ${LAST_ACT} = ${literal(last)};`,
    'DROP TABLE restore_guard;',
  ];
}

/** Statements that put this database in place of one with the tables `instead`, none longer than D1 takes. */
export function* statements(db: DatabaseSync, instead: readonly string[]): Generator<string> {
  const tables = tablesOf(db);
  for (const name of new Set([...instead, ...tables])) yield `DROP TABLE IF EXISTS ${quoted(name)};`;
  const sqlOf = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?");
  for (const table of tables) {
    yield `${sqlOf.get(table)?.sql};`;
    yield* rows(db, table);
  }
  const others = db.prepare("SELECT sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL");
  for (const { sql } of others.all()) yield `${sql};`;
}

function* rows(db: DatabaseSync, table: string): Generator<string> {
  const columns = infoOf(db, table);
  const names = columns.map(({ name }) => quoted(name)).join(',');
  const into = (values: readonly string[]) =>
    `INSERT INTO ${quoted(table)} (${names}) VALUES (${values.join(',')});`;
  for (const row of db.prepare(`SELECT ${names} FROM ${quoted(table)}`).iterate()) {
    const values = columns.map(({ name }) => row[name]);
    const whole = into(values.map(literal));
    if (Buffer.byteLength(whole) <= MOST_BYTES) {
      yield whole;
      continue;
    }
    const isLong = (value: unknown): value is string => typeof value === 'string' && value.length > LONG;
    yield into(values.map((value) => (isLong(value) ? "''" : literal(value))));
    const key = columns
      .filter(({ pk }) => pk > 0)
      .map(({ name }) => `${quoted(name)} = ${literal(row[name])}`);
    for (const [at, value] of values.entries()) {
      if (!isLong(value)) continue;
      const column = quoted(columns[at]?.name ?? '');
      for (const part of parts(value))
        yield `UPDATE ${quoted(table)} SET ${column} = ${column} || ${literal(part)} WHERE ${key.join(' AND ')};`;
    }
  }
}

/** A text in parts, none of which begins in the middle of a character. */
function* parts(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + PART, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}

function infoOf(db: DatabaseSync, table: string): { name: string; pk: number }[] {
  return db
    .prepare('SELECT name, pk FROM pragma_table_info(?)')
    .all(table)
    .map(({ name, pk }) => ({ name: String(name), pk: Number(pk) }));
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text. One with a NUL is written as its bytes: SQLite reads no statement beyond a NUL. */
function textLiteral(text: string): string {
  if (!text.includes('\0')) return `'${text.replaceAll("'", "''")}'`;
  return `CAST(X'${Buffer.from(text).toString('hex')}' AS TEXT)`;
}

/** Statements with literals as {@link textLiteral} writes them. */
function withoutNul(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'/g, (whole) =>
    whole.includes('\0') ? textLiteral(whole.slice(1, -1).replaceAll("''", "'")) : whole,
  );
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (value instanceof Uint8Array) return `X'${Buffer.from(value).toString('hex')}'`;
  return String(value);
}
