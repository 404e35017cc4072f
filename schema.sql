-- Toolgate's D1 database. Times are epoch seconds. Applied by the Worker itself when a table is missing.

CREATE TABLE IF NOT EXISTS setting (
  name  TEXT PRIMARY KEY,  -- dotted, as CONTRACT §1 names it
  value TEXT NOT NULL      -- JSON
) STRICT;

-- Counts changes, so that an isolate can tell from one small read whether what it remembers still holds.
CREATE TABLE IF NOT EXISTS revision (
  name TEXT PRIMARY KEY,   -- 'catalog': servers and their lists
  n    INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS signing_key (
  kid        TEXT PRIMARY KEY,
  public_jwk TEXT NOT NULL,
  sealed     TEXT NOT NULL,     -- the private JWK, sealed
  active_at  INTEGER NOT NULL,  -- signs from here on, until a later key does
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS client (
  client_id   TEXT PRIMARY KEY,
  secret_hash TEXT,             -- null for a public client
  metadata    TEXT NOT NULL,    -- RFC 7591 §2, as kept
  created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS virtual_key (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT NOT NULL,
  value_hash  TEXT NOT NULL UNIQUE,
  value_mask  TEXT NOT NULL,    -- what lists show of the value
  is_active   INTEGER NOT NULL,
  expires_at  INTEGER,
  mcp_configs TEXT NOT NULL,    -- [{mcp_client_name, tools_to_execute}]
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;

-- The index of grants: what lists show and /mcp asks. The grant's object decides.
CREATE TABLE IF NOT EXISTS oauth_grant (
  grant_id     TEXT PRIMARY KEY,
  client_id    TEXT NOT NULL,
  client_name  TEXT NOT NULL,
  subject      TEXT NOT NULL,
  scope        TEXT NOT NULL,
  resource     TEXT NOT NULL,
  servers      TEXT,             -- JSON ids of the servers consent left in; null: not narrowed
  read_only    INTEGER NOT NULL, -- 1: the person narrowed the scope to mcp:read
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,          -- null: until withdrawn
  last_used_at INTEGER,
  ended_at     INTEGER,
  ended_reason TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS oauth_grant_client ON oauth_grant (client_id);
CREATE INDEX IF NOT EXISTS oauth_grant_subject ON oauth_grant (subject);
CREATE INDEX IF NOT EXISTS oauth_grant_created ON oauth_grant (created_at DESC, grant_id);

CREATE TABLE IF NOT EXISTS server (
  id                        TEXT PRIMARY KEY,
  name                      TEXT NOT NULL UNIQUE COLLATE NOCASE,
  endpoint_slug             TEXT NOT NULL UNIQUE,
  connection_type           TEXT NOT NULL,
  connection_string         TEXT NOT NULL,
  auth_type                 TEXT NOT NULL,
  headers                   TEXT,              -- sealed JSON {name: value}
  tools_to_execute          TEXT NOT NULL,     -- JSON list, ["*"] = all
  allow_on_all_virtual_keys INTEGER NOT NULL,
  enabled                   INTEGER NOT NULL,
  tool_execution_timeout    INTEGER,           -- seconds; null: the setting
  tool_sync_interval        INTEGER,           -- minutes; null: the setting
  state                     TEXT NOT NULL,     -- healthy | unstable | disabled …
  last_failure              TEXT,              -- JSON {stage, message, at, since}
  left_out                  TEXT NOT NULL DEFAULT '[]', -- JSON [{kind, name, reason}]: listed, not offered
  listed_at                 INTEGER,           -- last complete listing
  asked_at                  INTEGER,           -- last time somebody set out to list
  created_at                INTEGER NOT NULL,
  updated_at                INTEGER NOT NULL
) STRICT;

-- What servers list, a row per item: tool, prompt, resource, template.
CREATE TABLE IF NOT EXISTS listing (
  server_id  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  position   INTEGER NOT NULL,
  definition TEXT NOT NULL,    -- the item as the server described it
  PRIMARY KEY (server_id, kind, position)
) STRICT;

-- Acts and changes (CONTRACT §8), never changed, swept after 90 days. A grant's acts are found by their code.
CREATE TABLE IF NOT EXISTS audit (
  id         TEXT PRIMARY KEY,  -- begins with the time, so that it sorts as time does
  at         INTEGER NOT NULL,
  act        TEXT NOT NULL,     -- noun.verb
  outcome    TEXT NOT NULL,     -- done | refused | failed
  actor      TEXT NOT NULL,     -- a subject, or: administrator | client | system | unknown
  client_id  TEXT,
  grant_id   TEXT,
  detail     TEXT NOT NULL,     -- JSON: ids and words of ours
  address    TEXT,
  code       TEXT NOT NULL,     -- what a person reads out: of the grant, else of the request
  request_id TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_act ON audit (act, id);
CREATE INDEX IF NOT EXISTS audit_outcome ON audit (outcome, id);
CREATE INDEX IF NOT EXISTS audit_actor ON audit (actor, id);
CREATE INDEX IF NOT EXISTS audit_client ON audit (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_code ON audit (code, id);

-- Tool calls, counted in memory and added here (CONTRACT §8); swept after 90 days.
CREATE TABLE IF NOT EXISTS tool_count (
  hour      INTEGER NOT NULL,  -- hours since the epoch
  server_id TEXT NOT NULL,
  tool      TEXT NOT NULL,     -- as it is exposed on /mcp
  outcome   TEXT NOT NULL,     -- answered | refused | failed | given_up | gone …
  n         INTEGER NOT NULL,
  PRIMARY KEY (hour, server_id, tool, outcome)
) STRICT, WITHOUT ROWID;
