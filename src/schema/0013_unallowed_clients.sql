ALTER TABLE client ADD COLUMN address_hash TEXT;
ALTER TABLE client ADD COLUMN flow_until INTEGER;
ALTER TABLE client ADD COLUMN allowed_at INTEGER;
UPDATE client SET allowed_at = (SELECT min(created_at) FROM oauth_grant WHERE oauth_grant.client_id = client.client_id);
CREATE INDEX IF NOT EXISTS client_unallowed ON client (address_hash, created_at) WHERE allowed_at IS NULL AND deleted_at IS NULL;
