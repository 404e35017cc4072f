-- Forms that were sent (SECURITY 32): each takes effect once. Kept until the form is out of date, 12 hours.
CREATE TABLE IF NOT EXISTS form_once (
  id         TEXT PRIMARY KEY,  -- SHA-256 of browser, session and once-value
  digest     TEXT NOT NULL,     -- SHA-256 of the address and fields
  claimed_at INTEGER NOT NULL,
  answer     TEXT               -- sealed: the answer without any secret it shows; null: not answered yet
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS form_once_claimed ON form_once (claimed_at);
