/**
 * Every change of servers, lists or Virtual MCPs moves the catalogue's revision in the same batch, so that isolates read the
 * catalogue again.
 */
export function bumpCatalog(db: D1Database): D1PreparedStatement {
  return db.prepare(
    "INSERT INTO revision (name, n) VALUES ('catalog', 1) ON CONFLICT (name) DO UPDATE SET n = n + 1",
  );
}
