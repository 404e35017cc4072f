DROP INDEX IF EXISTS oauth_grant_ended;
CREATE INDEX oauth_grant_ended ON oauth_grant (ended_at, created_at DESC, grant_id, expires_at, resource);
