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
