CREATE TABLE IF NOT EXISTS removal (
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  facts    TEXT,
  begun_by TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  tries    INTEGER NOT NULL,
  again_at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS removal_again ON removal (again_at);
INSERT INTO removal (kind, id, facts, begun_by, began_at, tries, again_at)
  SELECT 'client', client_id, NULL, '{"actor":"system","address":null,"requestId":null}', deleted_at, 0, deleted_at
  FROM client WHERE deleted_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS grant_sweep (
  name       TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  grant_id   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
