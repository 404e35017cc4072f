ALTER TABLE credential ADD COLUMN wanted_scopes TEXT;
