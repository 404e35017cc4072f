import { env } from 'cloudflare:workers';
import { vi } from 'vitest';

const STATEMENT = ['first', 'all', 'run', 'raw'] as const;

/** How often `work` goes to D1: a batch is one round trip. */
export async function roundTripsOf(work: () => Promise<unknown>): Promise<number> {
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as D1PreparedStatement;
  const database = Object.getPrototypeOf(env.DB) as D1Database;
  const spies = [
    vi.spyOn(database, 'batch'),
    vi.spyOn(database, 'exec'),
    ...STATEMENT.map((way) => vi.spyOn(statement, way)),
  ];
  await work();
  const count = spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  for (const spy of spies) spy.mockRestore();
  return count;
}
