ALTER TABLE client ADD COLUMN checked_at INTEGER;
ALTER TABLE client ADD COLUMN failed_at INTEGER;
UPDATE client SET checked_at = max(created_at, fresh_until - 86400) WHERE fresh_until IS NOT NULL;
