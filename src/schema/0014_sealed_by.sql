ALTER TABLE oauth_grant ADD COLUMN sealed_by TEXT;
ALTER TABLE credential ADD COLUMN sealed_by TEXT;
CREATE INDEX oauth_grant_sealed ON oauth_grant (sealed_by) WHERE ended_at IS NULL;
CREATE INDEX credential_sealed ON credential (sealed_by);
