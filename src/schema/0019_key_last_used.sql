ALTER TABLE virtual_key ADD COLUMN last_used_at INTEGER;
