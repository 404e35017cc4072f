ALTER TABLE server ADD COLUMN pass_instructions INTEGER NOT NULL DEFAULT 1;
ALTER TABLE server ADD COLUMN info TEXT;
CREATE TABLE IF NOT EXISTS server_words (
  server_id    TEXT PRIMARY KEY,
  icons        TEXT NOT NULL,
  instructions TEXT NOT NULL,
  changed_at   INTEGER
) STRICT;
