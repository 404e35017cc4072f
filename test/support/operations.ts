import { runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { vi } from 'vitest';
import { ObjectState } from '../../src/schema/object-state';

/** What an act asks of storage and says in the log. Rows as D1 counts them: one more for each index that is written. */
export type Operations = {
  requests: number;
  d1: { roundTrips: number; rowsRead: number; rowsWritten: number };
  kv: { reads: number; writes: number };
  /** `rowsWritten`: entries that objects put or delete, and alarms they set. */
  objects: { calls: number; rowsWritten: number };
  /** Bytes are rounded up to fifties: a time is a digit longer or shorter. */
  log: { lines: number; bytes: number };
};

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Meta = { meta: { rows_read?: number; rows_written?: number } };

/** Counts what `act` does, also behind its answers, in the Worker and in its objects. */
export async function operationsOf(act: () => Promise<unknown>): Promise<Operations> {
  let requests = 0;
  const d1 = { roundTrips: 0, rowsRead: 0, rowsWritten: 0 };
  const kv = { reads: 0, writes: 0 };
  const objects = { calls: 0, rowsWritten: 0 };
  const under = new Set<Promise<unknown>>();
  const spies: { mockRestore(): void }[] = [];
  const watched = (work: unknown) => {
    const ended = Promise.resolve(work).catch(() => undefined);
    under.add(ended);
    ended.then(() => under.delete(ended));
    return work;
  };
  /** Has every object of this prototype do `instead` for a method. */
  const replace = (prototype: object, name: string, instead: (original: Method) => Method) => {
    const methods = prototype as Record<string, Method>;
    const original = methods[name] as Method;
    spies.push(vi.spyOn(methods, name).mockImplementation(instead(original)));
  };
  const asked = (answers: Promise<Meta[]>) =>
    watched(
      answers.then((all) => {
        d1.roundTrips++;
        for (const { meta } of all) {
          d1.rowsRead += meta.rows_read ?? 0;
          d1.rowsWritten += meta.rows_written ?? 0;
        }
      }),
    );

  replace(
    exports.default,
    'fetch',
    (fetch) =>
      function (this: unknown, ...args) {
        requests++;
        return fetch.apply(exports.default, args);
      },
  );
  const statement = Object.getPrototypeOf(env.DB.prepare('SELECT 1')) as object;
  const all = (statement as Record<string, Method>).all as Method;
  const counted = (how: (found: Meta & { results: Record<string, unknown>[] }, args: unknown[]) => unknown) =>
    function (this: unknown, ...args: unknown[]) {
      const answer = all.call(this) as Promise<Meta & { results: Record<string, unknown>[] }>;
      asked(answer.then((one) => [one]));
      return answer.then((found) => how(found, args));
    };
  for (const name of ['all', 'run']) replace(statement, name, () => counted((found) => found));
  replace(statement, 'first', () =>
    counted(({ results: [row] }, [column]) => (column === undefined ? row : row?.[String(column)]) ?? null),
  );
  replace(Object.getPrototypeOf(env.DB) as object, 'batch', (batch) => {
    return function (this: unknown, ...args) {
      const answer = batch.apply(this, args) as Promise<Meta[]>;
      asked(answer);
      return answer;
    };
  });
  const store = Object.getPrototypeOf(env.KV) as object;
  const count =
    (counter: () => void) =>
    (original: Method): Method =>
      function (this: unknown, ...args) {
        counter();
        return watched(original.apply(this, args));
      };
  replace(
    store,
    'get',
    count(() => kv.reads++),
  );
  for (const name of ['put', 'delete'])
    replace(
      store,
      name,
      count(() => kv.writes++),
    );
  for (const name of ['put', 'delete'])
    replace(
      ObjectState.prototype,
      name,
      count(() => objects.rowsWritten++),
    );
  const { storage } = await runInDurableObject(
    env.GRANTS.get(env.GRANTS.newUniqueId()),
    (_, { storage }) => ({
      storage: Object.getPrototypeOf(storage) as object,
    }),
  );
  replace(
    storage,
    'setAlarm',
    count(() => objects.rowsWritten++),
  );
  replace(Object.getPrototypeOf(env.GRANTS) as object, 'get', (get) => {
    return function (this: unknown, ...args) {
      return countingCalls(get.apply(this, args) as Record<string, unknown>, (work) => {
        objects.calls++;
        return watched(work);
      });
    };
  });

  const logged = vi.spyOn(console, 'log');
  try {
    await act();
    for (let quiet = 0; quiet < 3; quiet++) {
      if (under.size) quiet = 0;
      await Promise.all(under);
      await scheduler.wait(1); // so that what these have brought about begins
    }
    const bytes = logged.mock.calls.reduce((sum, [text]) => sum + String(text).length, 0);
    return {
      requests,
      d1,
      kv,
      objects,
      log: { lines: logged.mock.calls.length, bytes: Math.ceil(bytes / 50) * 50 },
    };
  } finally {
    for (const spy of [...spies, logged]) spy.mockRestore();
  }
}

/** The same object, each of whose calls is told. */
function countingCalls(stub: Record<string, unknown>, call: (work: unknown) => unknown): unknown {
  return new Proxy(stub, {
    get(target, name) {
      const value = target[String(name)];
      if (typeof value !== 'function' || name === 'then') return value;
      return (...args: unknown[]) => call((target[String(name)] as Method)(...args));
    },
  });
}
