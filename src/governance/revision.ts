/**
 * Every change of servers, lists or Virtual MCPs moves the catalogue's revision in the same batch, so that isolates read the
 * catalogue again. It follows the clock, so that after a restore no number comes a second time for another catalogue.
 */
export function bumpCatalog(db: D1Database): D1PreparedStatement {
  return db.prepare(
    `INSERT INTO revision (name, n) VALUES ('catalog', 1)
     ON CONFLICT (name) DO UPDATE SET n = max(n + 1, unixepoch() * 1000)`,
  );
}
