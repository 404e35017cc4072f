import { env } from 'cloudflare:workers';
import { vi } from 'vitest';

/** Which calls of storage fail: the `nth` (from 1), or all from there on. `isLost`: they are done, and only their answer is lost. */
type Failing = { nth: number; isOnwards: boolean; isLost: boolean };

const STATEMENT = ['first', 'all', 'run', 'raw'] as const;
const passing = () => new Error('D1_ERROR: Network connection lost.');

/**
 * Does `work` while calls of D1 and of Durable Objects fail, in whatever isolate or object they are made: a batch is one call.
 * @returns what it brings, and whether any call failed
 */
export async function faulty<T>(
  { nth, isOnwards, isLost }: Failing,
  work: () => Promise<T>,
): Promise<{ value: T; failed: boolean }> {
  let calls = 0;
  let failed = false;
  const step = async (call: () => unknown) => {
    calls += 1;
    if (calls < nth || (calls > nth && !isOnwards)) return call();
    failed = true;
    if (isLost) await call();
    throw passing();
  };

  const database = Object.getPrototypeOf(env.DB) as D1Database;
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as D1PreparedStatement;
  const namespace = Object.getPrototypeOf(env.GRANTS) as typeof env.GRANTS;
  const { batch } = database;
  const { get } = namespace;
  const ways = STATEMENT.map((way) => [way, statement[way] as (...given: unknown[]) => unknown] as const);
  const spies = [
    vi.spyOn(database, 'batch').mockImplementation(function (this: D1Database, statements) {
      return step(() => batch.call(this, statements)) as never;
    }),
    ...ways.map(([way, own]) =>
      vi.spyOn(statement, way).mockImplementation(function (this: D1PreparedStatement, ...given: unknown[]) {
        return step(() => own.apply(this, given)) as never;
      }),
    ),
    vi.spyOn(namespace, 'get').mockImplementation(function (this: typeof env.GRANTS, ...given) {
      return failingStub(get.apply(this, given), step) as never;
    }),
  ];
  try {
    return { value: await work(), failed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

type Method = (...given: unknown[]) => unknown;

/** An object whose methods are steps. */
function failingStub(stub: object, step: (call: () => unknown) => Promise<unknown>): object {
  return new Proxy(stub, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      return (...given: unknown[]) =>
        step(() => (target as Record<string | symbol, Method>)[name]?.(...given));
    },
  });
}
