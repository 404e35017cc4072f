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

type Method = (...given: unknown[]) => unknown;

/** The methods of grants' objects that `work` calls, in order. */
export async function objectCallsOf(work: () => Promise<unknown>): Promise<string[]> {
  const called: string[] = [];
  const namespace = Object.getPrototypeOf(env.GRANTS) as typeof env.GRANTS;
  const { get } = namespace;
  const spy = vi.spyOn(namespace, 'get').mockImplementation(function (this: typeof env.GRANTS, ...given) {
    return new Proxy(get.apply(this, given), {
      get(stub, name) {
        const member = Reflect.get(stub, name) as unknown;
        if (typeof member !== 'function') return member;
        return (...values: unknown[]) => {
          called.push(String(name));
          return (stub as unknown as Record<string | symbol, Method>)[name]?.(...values);
        };
      },
    });
  });
  await work();
  spy.mockRestore();
  return called;
}
