import { env } from 'cloudflare:workers';
import { vi } from 'vitest';

/** The values bound to each statement about a table's rows that `work` prepares: `FROM <table>` in its SQL. */
export async function readsOf(table: string, work: () => Promise<unknown>): Promise<unknown[][]> {
  const database = Object.getPrototypeOf(env.DB) as D1Database;
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as D1PreparedStatement;
  const about = new RegExp(`FROM ${table}\\b`);
  const wanted = new Set<unknown>();
  const bound: unknown[][] = [];
  const { prepare } = database;
  const { bind } = statement;
  const preparing = vi.spyOn(database, 'prepare').mockImplementation(function (this: D1Database, sql) {
    const prepared = prepare.call(this, sql);
    if (about.test(sql)) wanted.add(prepared);
    if (about.test(sql) && !sql.includes('?')) bound.push([]);
    return prepared;
  });
  const binding = vi.spyOn(statement, 'bind').mockImplementation(function (
    this: D1PreparedStatement,
    ...values
  ) {
    if (wanted.has(this)) bound.push(values);
    return bind.apply(this, values);
  });
  await work();
  preparing.mockRestore();
  binding.mockRestore();
  return bound;
}
