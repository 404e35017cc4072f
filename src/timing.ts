/** How long parts of a request took, for `Server-Timing` (docs/logs.md). Times are milliseconds. */
export class Timing {
  private readonly begunAt = Date.now();
  private readonly parts = { d1: { count: 0, ms: 0 }, upstream: { count: 0, ms: 0 } };

  /** Adds what `work` takes to a part. Work that goes on at the same time counts each for itself. */
  async time<T>(part: 'd1' | 'upstream', work: Promise<T>): Promise<T> {
    const begunAt = Date.now();
    this.parts[part].count += 1;
    try {
      return await work;
    } finally {
      this.parts[part].ms += Date.now() - begunAt;
    }
  }

  /** The same database, whose round trips are timed. */
  database(db: D1Database): D1Database {
    const timed = <T>(work: Promise<T>) => this.time('d1', work);
    return new Proxy(db, {
      get(target, name) {
        if (name === 'prepare') return (sql: string) => timedStatement(target.prepare(sql), timed);
        if (name === 'batch') return (statements: D1PreparedStatement[]) => timed(target.batch(statements));
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  /** The value of `Server-Timing` (W3C Server Timing §3), as it is by now. */
  toString(): string {
    const { d1, upstream } = this.parts;
    const part = (name: string, { count, ms }: { count: number; ms: number }) =>
      `${name};dur=${ms};desc="${count}"`;
    return [part('d1', d1), part('upstream', upstream), `total;dur=${Date.now() - this.begunAt}`].join(', ');
  }
}

/** The same statement; D1 reads it by its own members, so it stays what it is. */
function timedStatement(
  statement: D1PreparedStatement,
  timed: <T>(work: Promise<T>) => Promise<T>,
): D1PreparedStatement {
  const own = Object.create(statement) as D1PreparedStatement;
  return Object.assign(own, {
    bind: (...values: unknown[]) => timedStatement(statement.bind(...values), timed),
    all: () => timed(statement.all()),
    run: () => timed(statement.run()),
    first: (column?: string) => timed(column === undefined ? statement.first() : statement.first(column)),
  });
}
