ALTER TABLE oauth_grant ADD COLUMN asked_scope TEXT;
ALTER TABLE oauth_grant ADD COLUMN terms_version INTEGER NOT NULL DEFAULT 0;
