import schema from '../../schema.sql';
import { log } from '../log';
import { FIRST, type SchemaStep, STEPS } from './steps';

/** The database was brought to a schema that this code does not know. */
export class NewerDatabase extends Error {
  override readonly name = 'NewerDatabase';

  constructor(
    readonly found: number,
    readonly known: number,
  ) {
    super(
      `The database has schema ${found}, and this version of the gateway knows schemas up to ${known}. Deploy the newer version again.`,
    );
  }
}

/** The schema that `schema.sql` describes: the number of the last step. */
export function newest(steps: readonly SchemaStep[] = STEPS): number {
  return steps.at(-1)?.n ?? FIRST;
}

/**
 * Brings the database to today's schema: an empty one at once, an older one step by step. Each step is one transaction
 * with the row that records it, so a fault leaves the steps before it, and the next call goes on from there. Of two callers
 * at the same moment one applies a step; the other finds it recorded.
 * @returns the schema's number. @throws NewerDatabase
 */
export async function upgrade(db: D1Database, steps: readonly SchemaStep[] = STEPS): Promise<number> {
  for (;;) {
    const at = await schemaOf(db);
    if (at !== null && at > newest(steps)) throw new NewerDatabase(at, newest(steps));
    const next = at === null ? null : steps.find(({ n }) => n > at);
    if (at !== null && !next) return at;
    try {
      await (next ? apply(db, next) : create(db, steps));
    } catch (error) {
      if ((await schemaOf(db)) === at) throw error; // else another caller has just done the same
    }
  }
}

/** True when D1 answers that a table is missing: an empty database, or one that keeps no record of its schema. */
export function lacksTable(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no such table');
}

/** The schema the database has; null for an empty database. One that keeps no record has the first version's. */
export async function schemaOf(db: D1Database): Promise<number | null> {
  const { results } = await db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('setting', 'schema_step')")
    .all<{ name: string }>();
  const tables = results.map(({ name }) => name);
  if (!tables.includes('schema_step')) return tables.includes('setting') ? FIRST : null;
  const row = await db.prepare('SELECT max(n) AS n FROM schema_step').first<{ n: number | null }>();
  return row?.n ?? FIRST;
}

/** Makes every table of today's schema, and records its steps as applied. */
async function create(db: D1Database, steps: readonly SchemaStep[]): Promise<void> {
  await db.batch([
    ...statementsIn(db, schema),
    record(db, { n: FIRST, name: 'first' }),
    ...steps.map((step) => record(db, step)),
  ]);
}

async function apply(db: D1Database, step: SchemaStep): Promise<void> {
  await db.batch([...statementsIn(db, step.sql), record(db, step)]);
  log('database.upgraded', { schema: step.n, step: step.name });
}

/** Fails, and its transaction with it, when the step is recorded already. */
function record(db: D1Database, { n, name }: Pick<SchemaStep, 'n' | 'name'>): D1PreparedStatement {
  return db
    .prepare('INSERT INTO schema_step (n, name, applied_at) VALUES (?1, ?2, unixepoch())')
    .bind(n, name);
}

function statementsIn(db: D1Database, sql: string): D1PreparedStatement[] {
  return sql
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean)
    .map((statement) => db.prepare(statement));
}
