import schema from '../schema.sql';

/** Makes every table and index of `schema.sql` that is not there yet. Repeatable. */
export async function applySchema(db: D1Database): Promise<void> {
  const statements = schema
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean);
  await db.batch(statements.map((statement) => db.prepare(statement)));
}

/** True when D1 answered that the schema has not been applied. */
export function lacksSchema(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no such table');
}

/** Part of a WHERE clause: SQL with a `?` for each of its values. */
export type Condition = { sql: string; values: (string | number)[] };

/** That `column` is `value`, where one is given. */
export function equals(column: string, value: string | undefined): Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

/** That `column` is one of `values`; null: any. A single one is asked for by `=`, which leaves the index its order. */
export function oneOf(column: string, values: readonly string[] | null): Condition[] {
  if (values?.length === 1) return equals(column, values[0]);
  if (!values) return [];
  return [{ sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] }];
}

/** That `column`, which is indexed without regard to case, begins with `prefix`: a range, so that the index serves. */
export function startsWith(column: string, prefix: string): Condition[] {
  if (!prefix) return [];
  const within = `${column} COLLATE NOCASE >= ? AND ${column} COLLATE NOCASE < ?`;
  return [{ sql: within, values: [prefix, `${prefix}\u{10ffff}`] }];
}

/**
 * A page of the rows of `table` that meet every condition, and how many do: both from one moment. An index that begins
 * with the conditions' columns and goes on as `order` does makes it read `offset` + `limit` rows.
 */
export async function selectPage<Row>(
  db: D1Database,
  table: string,
  conditions: readonly Condition[],
  order: string,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ rows: Row[]; total: number }> {
  const where = conditions.length ? `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(' AND ')}` : '';
  const values = conditions.flatMap((condition) => condition.values);
  const [rows, count] = await db.batch<Row & { total: number }>([
    db
      .prepare(`SELECT * FROM ${table} ${where} ORDER BY ${order} LIMIT ? OFFSET ?`)
      .bind(...values, limit, offset),
    db.prepare(`SELECT count(*) AS total FROM ${table} ${where}`).bind(...values),
  ]);
  return { rows: rows?.results ?? [], total: count?.results[0]?.total ?? 0 };
}
