/**
 * Counts what a Worker and its objects ask of storage: bindings are replaced by ones that count and pass everything on. Both run in one
 * isolate here, so the counts are theirs together; `of` says whose they are.
 */
const fresh = () => ({
  requests: 0,
  worker: { d1: d1(), kv: {}, objects: {} },
  objects: { d1: d1(), kv: {}, objects: {}, storage: { reads: 0, writes: 0, alarmsSet: 0 }, alarms: 0 },
  logs: { lines: 0, bytes: 0 },
});
const d1 = () => ({ roundTrips: 0, statements: 0, batches: 0, rowsRead: 0, rowsWritten: 0 });

let counts = fresh();

export function noteRequest() {
  counts.requests++;
}

/** What was counted since the last time. */
export function taken() {
  const before = counts;
  counts = fresh();
  return before;
}

const print = console.log;
console.log = (...parts) => {
  counts.logs.lines++;
  counts.logs.bytes += new TextEncoder().encode(parts.join(' ')).length;
  print(...parts);
};

const add = (counter, name) => {
  counter[name] = (counter[name] ?? 0) + 1;
};

/** A Worker and its objects share one object of bindings. */
const known = { worker: new WeakMap(), objects: new WeakMap() };

/** The same bindings, counted as those of the `worker` or of its `objects`. */
export function countedEnv(env, of) {
  if (known[of].has(env)) return known[of].get(env);
  const bindings = Object.entries(env).map(([name, value]) => [name, countedBinding(name, value, of)]);
  const counted = Object.fromEntries(bindings);
  known[of].set(env, counted);
  return counted;
}

function countedBinding(name, value, of) {
  if (typeof value?.prepare === 'function') return countedDatabase(value, of);
  if (typeof value?.getWithMetadata === 'function') return countedNamespace(value, of);
  if (typeof value?.idFromName === 'function') return countedObjects(name, value, of);
  return value;
}

/** Everything as it is, but for the members in `replaced`. */
function replacing(target, replaced) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name];
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const NATIVE = Symbol('the statement itself');

function noteD1(of, results, isBatch) {
  const counter = counts[of].d1;
  counter.roundTrips++;
  if (isBatch) counter.batches++;
  for (const { meta } of results) {
    counter.statements++;
    counter.rowsRead += meta.rows_read ?? 0;
    counter.rowsWritten += meta.rows_written ?? 0;
  }
}

function countedDatabase(db, of) {
  return replacing(db, {
    prepare: (sql) => countedStatement(db.prepare(sql), of),
    batch: async (statements) => {
      const results = await db.batch(statements.map((statement) => statement[NATIVE]));
      noteD1(of, results, true);
      return results;
    },
    exec: async (sql) => {
      const result = await db.exec(sql);
      noteD1(of, [{ meta: {} }], false);
      return result;
    },
  });
}

/** `first` reads no more here than the runtime's own: that asks for all rows, too, and `all` says how many were read. */
function countedStatement(statement, of) {
  const all = async () => {
    const result = await statement.all();
    noteD1(of, [result], false);
    return result;
  };
  return {
    [NATIVE]: statement,
    bind: (...values) => countedStatement(statement.bind(...values), of),
    all,
    run: all,
    first: async (column) => {
      const [row = null] = (await all()).results;
      return row && column !== undefined ? row[column] : row;
    },
  };
}

function countedNamespace(kv, of) {
  const asking =
    (name) =>
    (...args) => {
      add(counts[of].kv, name);
      return kv[name](...args);
    };
  const names = ['get', 'getWithMetadata', 'put', 'delete', 'list'];
  return replacing(kv, Object.fromEntries(names.map((name) => [name, asking(name)])));
}

function countedObjects(binding, namespace, of) {
  return replacing(namespace, {
    get: (...args) => countedStub(binding, namespace.get(...args), of),
    getByName: (...args) => countedStub(binding, namespace.getByName(...args), of),
  });
}

function countedStub(binding, stub, of) {
  return new Proxy(stub, {
    get(_, name) {
      const value = stub[name];
      if (typeof name === 'symbol' || typeof value !== 'function' || name === 'then') return value;
      return (...args) => {
        add(counts[of].objects, `${binding}.${name}`);
        return stub[name](...args);
      };
    },
  });
}

/** The same object, with its bindings and its storage counted. */
export function countedObject(Base) {
  const Counted = class extends Base {
    constructor(ctx, env) {
      Object.defineProperty(ctx, 'storage', { value: countedStorage(ctx.storage) });
      super(ctx, countedEnv(env, 'objects'));
    }
  };
  if (Base.prototype.alarm)
    Counted.prototype.alarm = function (...args) {
      counts.objects.alarms++;
      return Base.prototype.alarm.apply(this, args);
    };
  return Counted;
}

/** As it is billed: a value read or a listing is a row read, a value written or deleted a row written, an alarm that is set a row written. */
function countedStorage(storage) {
  const { kv } = storage;
  const noting =
    (target, name, counter) =>
    (...args) => {
      counts.objects.storage[counter]++;
      return target[name](...args);
    };
  return replacing(storage, {
    kv: replacing(kv, {
      get: noting(kv, 'get', 'reads'),
      list: noting(kv, 'list', 'reads'),
      put: noting(kv, 'put', 'writes'),
      delete: noting(kv, 'delete', 'writes'),
    }),
    setAlarm: noting(storage, 'setAlarm', 'alarmsSet'),
    getAlarm: noting(storage, 'getAlarm', 'reads'),
    deleteAll: noting(storage, 'deleteAll', 'writes'),
  });
}
