-- Toolgate's D1 database as it is today. Times are epoch seconds. The Worker makes it in an empty database, and brings an
-- older one to it by the steps in src/schema/.

CREATE TABLE IF NOT EXISTS schema_step (
  n          INTEGER PRIMARY KEY, -- of the step; 1 is the first version's schema
  name       TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT;

-- Which deployment this is, for whoever asks an address where it leads (CONTRACT §1): one random id, made with the database.
CREATE TABLE IF NOT EXISTS deployment (
  id TEXT PRIMARY KEY
) STRICT;
INSERT INTO deployment (id) SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM deployment);

CREATE TABLE IF NOT EXISTS setting (
  name  TEXT PRIMARY KEY,  -- dotted, as CONTRACT §1 names it
  value TEXT NOT NULL      -- JSON
) STRICT;

-- Counts changes, so that an isolate can tell from one small read whether what it remembers still holds.
CREATE TABLE IF NOT EXISTS revision (
  name TEXT PRIMARY KEY,   -- 'catalog': servers, their lists, Virtual MCPs; 'issuer <url>': the one the cron found; 'sweep': whose turn it is
  n    INTEGER NOT NULL    -- of an issuer: since when (epoch seconds), 0 once the grants of others have ended
) STRICT;

CREATE TABLE IF NOT EXISTS signing_key (
  kid        TEXT PRIMARY KEY,
  public_jwk TEXT NOT NULL,
  sealed     TEXT NOT NULL,     -- the private JWK, sealed
  active_at  INTEGER NOT NULL,  -- signs from here on, until a later key does
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS client (
  client_id   TEXT PRIMARY KEY, -- a UUID of this gateway, or the address of a metadata document
  secret_hash TEXT,             -- null for a public client
  metadata    TEXT NOT NULL,    -- RFC 7591 §2, as kept
  name        TEXT NOT NULL,    -- client_name, for searching; '' for none
  twin_hash   TEXT,             -- of the metadata, while an identical registration is answered with this client; else null
  fresh_until INTEGER,          -- until when the document need not be fetched again; null for a client that registered
  checked_at  INTEGER,          -- when the document was last fetched and good; null: it was refused since, or the client registered
  failed_at   INTEGER,          -- when it was last asked for and could not be had; null: it could, the last time
  deleted_at  INTEGER,          -- no client any more: kept until its last grant has ended
  created_at  INTEGER NOT NULL, -- registered; identically once more: the last time
  address_hash TEXT,            -- of the address it registered from, or whose request first fetched its document (IPv6: the /64), keyed; null: not known
  flow_until  INTEGER,          -- until when a flow of it may be open, while no one has allowed it; null: none was begun
  allowed_at  INTEGER           -- when a person first allowed it; null: no one has
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS client_twin ON client (twin_hash) WHERE twin_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS client_created ON client (deleted_at, created_at DESC, client_id);
CREATE INDEX IF NOT EXISTS client_name ON client (deleted_at, name COLLATE NOCASE, client_id);
CREATE INDEX IF NOT EXISTS client_unallowed ON client (address_hash, created_at) WHERE allowed_at IS NULL AND deleted_at IS NULL;

CREATE TABLE IF NOT EXISTS virtual_key (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT NOT NULL,
  value_hash  TEXT NOT NULL UNIQUE,
  value_mask  TEXT NOT NULL,    -- what lists show of the value
  previous_hash  TEXT,          -- the value before the last rotation: no other key gets it
  previous_until INTEGER,       -- when that stops working; null: it did at once
  generation  INTEGER NOT NULL, -- counts leaks: what was proved with an earlier one proves nothing
  is_active   INTEGER NOT NULL,
  expires_at  INTEGER,
  delete_after_expire INTEGER,  -- null: not set
  owner_user_id TEXT,           -- null: the key is an identity of its own
  shared      INTEGER NOT NULL,
  mcp_configs TEXT NOT NULL,    -- [{mcp_client_name, tools_to_execute, allow_resources?, allow_prompts?}]
  limits      TEXT NOT NULL,    -- [{calls, window_seconds}]
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  last_used_at INTEGER,         -- written once an hour at most
  use_noted_since INTEGER       -- when that began, of a key that is older; null: with the key
) STRICT;
CREATE INDEX IF NOT EXISTS virtual_key_previous ON virtual_key (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS virtual_key_owner ON virtual_key (owner_user_id) WHERE owner_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS virtual_key_leaving ON virtual_key (expires_at) WHERE delete_after_expire = 1;

-- Virtual MCPs: tools of several servers under an address and a name of their own.
CREATE TABLE IF NOT EXISTS virtual_mcp (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
  endpoint_slug TEXT NOT NULL UNIQUE, -- no server has it either
  description   TEXT NOT NULL,
  enabled       INTEGER NOT NULL,
  tools         TEXT NOT NULL,        -- [{mcp_client_id, tool_names, allow_resources?, allow_prompts?}]
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;

-- Which keys may use which Virtual MCPs.
CREATE TABLE IF NOT EXISTS virtual_mcp_key (
  virtual_key_id TEXT NOT NULL,
  virtual_mcp_id TEXT NOT NULL,
  PRIMARY KEY (virtual_key_id, virtual_mcp_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS virtual_mcp_key_mcp ON virtual_mcp_key (virtual_mcp_id, virtual_key_id);

-- The index of grants: what lists show and /mcp asks. The grant's object decides.
CREATE TABLE IF NOT EXISTS oauth_grant (
  grant_id     TEXT PRIMARY KEY,
  client_id    TEXT NOT NULL,
  client_name  TEXT NOT NULL,
  subject      TEXT NOT NULL,
  generation   INTEGER NOT NULL, -- of the key that allowed it; 0 for other identities
  scope        TEXT NOT NULL,
  resource     TEXT NOT NULL,
  servers      TEXT,             -- JSON [{id, tools, allow_resources?, allow_prompts?}] that consent left in; tools null: all, and later ones; null: not narrowed
  read_only    INTEGER NOT NULL, -- 1: the person narrowed the scope to mcp:read
  redirect_host TEXT NOT NULL,   -- or a private-use scheme
  user_agent   TEXT,             -- of the browser that answered consent
  country      TEXT,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,          -- null: until withdrawn
  last_used_at INTEGER,
  ended_at     INTEGER,
  ended_reason TEXT,
  given_name   TEXT,             -- what the one it acts for calls it; null: as it calls itself
  sealed_by    TEXT,             -- id of the entry of ENCRYPTION_KEY that its object's seed is sealed with; null: not known
  asked_scope  TEXT,             -- what the client asked for, which no change goes beyond; null: the same as scope
  terms_version INTEGER NOT NULL DEFAULT 0 -- counts changes of servers, read_only and expires_at; the grant's object knows the last
) STRICT;
CREATE INDEX IF NOT EXISTS oauth_grant_client ON oauth_grant (client_id, created_at DESC, grant_id);
CREATE INDEX IF NOT EXISTS oauth_grant_subject ON oauth_grant (subject, created_at DESC, grant_id);
CREATE INDEX IF NOT EXISTS oauth_grant_created ON oauth_grant (created_at DESC, grant_id);
CREATE INDEX IF NOT EXISTS oauth_grant_ended ON oauth_grant (ended_at, created_at DESC, grant_id, expires_at, resource);
CREATE INDEX IF NOT EXISTS oauth_grant_kind ON oauth_grant (substr(subject, 1, instr(subject, ':') - 1), created_at DESC, grant_id);
CREATE INDEX IF NOT EXISTS oauth_grant_sealed ON oauth_grant (sealed_by) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS oauth_grant_name ON oauth_grant (client_name COLLATE NOCASE, created_at DESC, grant_id);

CREATE TABLE IF NOT EXISTS server (
  id                        TEXT PRIMARY KEY,
  name                      TEXT NOT NULL UNIQUE COLLATE NOCASE,
  endpoint_slug             TEXT NOT NULL UNIQUE,
  connection_type           TEXT NOT NULL,
  connection_string         TEXT NOT NULL,
  auth_type                 TEXT NOT NULL,
  headers                   TEXT,              -- sealed JSON {name: value}
  tools_to_execute          TEXT NOT NULL,     -- JSON list, ["*"] = all
  allow_resources           INTEGER,           -- null: when tools_to_execute is all
  allow_prompts             INTEGER,           -- null: likewise
  allow_on_all_virtual_keys INTEGER NOT NULL,
  enabled                   INTEGER NOT NULL,
  pass_baggage              INTEGER NOT NULL DEFAULT 0, -- 1: the baggage of requests goes on to it
  pass_instructions         INTEGER NOT NULL DEFAULT 1, -- 1: clients are given its instructions
  info                      TEXT,              -- JSON: what it calls itself, without icons; null: nothing that is right
  tool_execution_timeout    INTEGER,           -- seconds; null: the setting
  tool_sync_interval        INTEGER,           -- minutes; null: the setting
  state                     TEXT NOT NULL,     -- healthy | unstable | disabled …
  last_failure              TEXT,              -- JSON {stage, message, at, since}
  left_out                  TEXT NOT NULL DEFAULT '[]', -- JSON [{kind, name, reason}]: listed, not offered
  per_user_header_keys      TEXT NOT NULL DEFAULT '[]', -- JSON list of header names everyone enters for themselves
  token_exchange            TEXT,              -- JSON of CONTRACT §7's member, without its secret
  exchange_secret           TEXT,              -- sealed: its client_secret
  oauth_config_id           TEXT,              -- of its row in oauth_config
  credential_generation     INTEGER NOT NULL DEFAULT 1, -- counts changes after which credentials obtained before do not serve
  is_verified               INTEGER NOT NULL DEFAULT 1, -- 0: it is not authorized yet, so no caller sees it
  listed_at                 INTEGER,           -- last complete listing
  asked_at                  INTEGER,           -- last time someone set out to list
  created_at                INTEGER NOT NULL,
  updated_at                INTEGER NOT NULL,
  listing_stamp             TEXT NOT NULL DEFAULT '', -- names its rows in listing: another one whenever they change; '': there never were any
  listing_size              INTEGER NOT NULL DEFAULT 0, -- bytes of their definitions
  session_generation        INTEGER NOT NULL DEFAULT 0 -- counts how often its sessions were all forgotten
) STRICT;

-- What servers say of themselves beside their name.
CREATE TABLE IF NOT EXISTS server_words (
  server_id    TEXT PRIMARY KEY,
  icons        TEXT NOT NULL, -- JSON list (MCP, Icons)
  instructions TEXT NOT NULL, -- as the server wrote them; '' for none
  changed_at   INTEGER,       -- when instructions last differed from those before; null: never
  offers       TEXT NOT NULL DEFAULT '{}' -- JSON {extensions?, experimental?}: what it offers beyond MCP itself
) STRICT;

-- What servers list, a row per item: tool, prompt, resource, template.
CREATE TABLE IF NOT EXISTS listing (
  server_id  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  position   INTEGER NOT NULL,
  definition TEXT NOT NULL,    -- the item as the server described it
  PRIMARY KEY (server_id, kind, position)
) STRICT;

-- How the gateway is an OAuth client of a server's provider: one row per server with `oauth` or `per_user_oauth`.
CREATE TABLE IF NOT EXISTS oauth_config (
  id            TEXT PRIMARY KEY,
  server_id     TEXT NOT NULL UNIQUE,
  configured    TEXT NOT NULL,     -- JSON: what the administrator set (CONTRACT §7), without the secret
  client_secret TEXT,              -- sealed: set by the administrator
  provider      TEXT,              -- JSON: what was discovered; null: not yet
  client        TEXT,              -- JSON: the client in use there, without its secret; null: none yet
  registered_secret TEXT,          -- sealed: of a client that registered itself
  status        TEXT NOT NULL,     -- pending | authorized | failed | revoked: of the administrator's own authorization
  error         TEXT,              -- why it failed, in words for the administrator
  flow_expires_at INTEGER,         -- until when a pending one can be finished
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL
) STRICT;

-- The index of credentials at servers: what lists show. The connection's object holds them and decides.
CREATE TABLE IF NOT EXISTS credential (
  id           TEXT PRIMARY KEY,
  owner        TEXT NOT NULL,      -- a subject; gateway: the shared account, or the one the administrator lists tools with
  server_id    TEXT NOT NULL,
  kind         TEXT NOT NULL,      -- token | header
  generation   INTEGER NOT NULL,   -- the server's credential_generation when it was obtained
  status       TEXT NOT NULL,      -- active | needs_reauth | needs_update
  header_keys  TEXT,               -- JSON list: names of the headers held
  token_type   TEXT,
  scopes       TEXT,               -- JSON list; null: the provider did not say
  expires_at   INTEGER,            -- of the access token; null: it did not say
  last_refreshed_at INTEGER,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  wanted_scopes TEXT,              -- JSON list: what its server named in a 403, asked for at the next authorization; null: none
  sealed_by    TEXT,               -- as in oauth_grant, of what its object holds
  UNIQUE (owner, server_id)
) STRICT;
CREATE INDEX IF NOT EXISTS credential_sealed ON credential (sealed_by);
CREATE INDEX IF NOT EXISTS credential_server ON credential (server_id, owner);

-- Links by which someone connects their own accounts (CONTRACT §6). Nothing in them is secret; each is used once.
CREATE TABLE IF NOT EXISTS connect_link (
  id           TEXT PRIMARY KEY,
  subject      TEXT NOT NULL,      -- for whom alone it binds
  generation   INTEGER NOT NULL,   -- of that identity
  server_ids   TEXT NOT NULL,      -- JSON list
  client_name  TEXT NOT NULL,      -- of the app it was given to; empty: a page of this gateway made it
  grant_id     TEXT,               -- whose short code its pages carry; null: none
  browser_hash TEXT,               -- SHA-256 of the secret in the cookie of the browser that proved itself
  used_at      INTEGER,            -- when it did: from then on no other browser gets in
  expires_at   INTEGER NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS connect_link_subject ON connect_link (subject);
CREATE INDEX IF NOT EXISTS connect_link_expiry ON connect_link (expires_at);

-- Authorizations under way at servers' providers: `state` is `connect.<id>`, taken up once.
CREATE TABLE IF NOT EXISTS upstream_flow (
  id           TEXT PRIMARY KEY,
  owner        TEXT NOT NULL,      -- as in credential
  generation   INTEGER NOT NULL,   -- of the identity; 0 for the gateway
  server_id    TEXT NOT NULL,
  browser_hash TEXT,               -- SHA-256 of the secret in the browser's cookie; null: an administrator began it through the API
  sealed       TEXT NOT NULL,      -- PKCE verifier, redirect URI, scopes asked for
  return_to    TEXT NOT NULL,      -- a path of this gateway
  grant_id     TEXT,
  used_at      INTEGER,
  expires_at   INTEGER NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS upstream_flow_owner ON upstream_flow (owner, server_id);
CREATE INDEX IF NOT EXISTS upstream_flow_expiry ON upstream_flow (expires_at);

-- Acts and changes (CONTRACT §8), never changed, swept after 90 days. A grant's acts are found by their code. Names are what
-- things were called then.
CREATE TABLE IF NOT EXISTS audit (
  id         TEXT PRIMARY KEY,  -- begins with the time, so that it sorts as time does
  at         INTEGER NOT NULL,
  act        TEXT NOT NULL,     -- noun.verb
  outcome    TEXT NOT NULL,     -- done | refused | failed
  actor      TEXT NOT NULL,     -- a subject, or: administrator | client | system | unknown
  client_id  TEXT,
  grant_id   TEXT,
  detail     TEXT NOT NULL,     -- JSON: ids and words of this gateway
  address    TEXT,
  code       TEXT NOT NULL,     -- what a person reads out: of the grant, else of the request
  request_id TEXT,
  actor_name TEXT,
  client_name TEXT,
  subject    TEXT,              -- of the key or person it is about, or that its grant acts for
  subject_name TEXT,
  about      TEXT,              -- id of the server or toolset it is about
  about_name TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS audit_act ON audit (act, id);
CREATE INDEX IF NOT EXISTS audit_actor ON audit (actor, id);
CREATE INDEX IF NOT EXISTS audit_client ON audit (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_code ON audit (code, id, grant_id);
CREATE INDEX IF NOT EXISTS audit_undone ON audit (outcome, id) WHERE outcome <> 'done';
CREATE INDEX IF NOT EXISTS audit_subject ON audit (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_about ON audit (about, id) WHERE about IS NOT NULL;

-- People who signed in, each as one account of one provider.
CREATE TABLE IF NOT EXISTS person (
  id                TEXT PRIMARY KEY,
  issuer            TEXT NOT NULL,    -- of the provider
  provider_subject  TEXT NOT NULL,    -- `sub` there
  email             TEXT NOT NULL,    -- verified there, as of the last sign-in
  name              TEXT NOT NULL,
  generation        INTEGER NOT NULL, -- counts blocks: what was proved with an earlier one proves nothing
  is_active         INTEGER NOT NULL, -- 0: blocked, whoever signs in
  mcp_configs       TEXT NOT NULL,    -- [{mcp_client_name, tools_to_execute}]
  last_signed_in_at INTEGER NOT NULL,
  created_at        INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL,
  UNIQUE (issuer, provider_subject)
) STRICT;
CREATE INDEX IF NOT EXISTS person_email ON person (email COLLATE NOCASE, id);

-- Browsers signed in, for 12 hours at most. The cookie holds the secret.
CREATE TABLE IF NOT EXISTS browser_session (
  secret_hash TEXT PRIMARY KEY,
  subject     TEXT NOT NULL,      -- user:<id>; administrator: signed in with ADMIN_TOKEN
  proof       TEXT NOT NULL,      -- what must still be so: the person's generation; a hash of ADMIN_TOKEN
  expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS browser_session_subject ON browser_session (subject);
CREATE INDEX IF NOT EXISTS browser_session_expiry ON browser_session (expires_at);

-- Forms that were sent (SECURITY 32): each takes effect once. Kept until the form is out of date, 12 hours.
CREATE TABLE IF NOT EXISTS form_once (
  id         TEXT PRIMARY KEY,  -- SHA-256 of browser, session and once-value
  digest     TEXT NOT NULL,     -- SHA-256 of the address and fields; page: a page kept for two minutes (kept-pages.ts)
  claimed_at INTEGER NOT NULL,
  answer     TEXT               -- sealed: the answer without any secret it shows; null: not answered yet
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS form_once_claimed ON form_once (claimed_at);

-- What was deleted, blocked or rotated as leaked and has left something: the same request or the cron finishes it (CONTRACT §8).
CREATE TABLE IF NOT EXISTS removal (
  kind     TEXT NOT NULL,    -- client | key | key_leak | person | person_block | server
  id       TEXT NOT NULL,    -- of what is gone from its own table, blocked, or has a new value
  facts    TEXT,             -- JSON: what its row said and its end needs; null: nothing
  begun_by TEXT NOT NULL,    -- JSON {actor, address, requestId}
  began_at INTEGER NOT NULL,
  tries    INTEGER NOT NULL, -- of the cron
  again_at INTEGER NOT NULL, -- when the cron takes it up next
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS removal_again ON removal (again_at);

-- How far a sweep of grants has come, in the order of created_at, grant_id.
CREATE TABLE IF NOT EXISTS grant_sweep (
  name       TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  grant_id   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Tool calls, counted in memory and added here (CONTRACT §8); swept after 90 days.
CREATE TABLE IF NOT EXISTS tool_count (
  hour      INTEGER NOT NULL,  -- hours since the epoch
  server_id TEXT NOT NULL,
  tool      TEXT NOT NULL,     -- as it is exposed on /mcp
  outcome   TEXT NOT NULL,     -- answered | refused | failed | given_up | gone …
  n         INTEGER NOT NULL,
  PRIMARY KEY (hour, server_id, tool, outcome)
) STRICT, WITHOUT ROWID;
