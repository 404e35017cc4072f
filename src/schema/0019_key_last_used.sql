-- What was noted before is of grants alone: of each key there is, uses are known from now on.
ALTER TABLE virtual_key ADD COLUMN last_used_at INTEGER;
ALTER TABLE virtual_key ADD COLUMN use_noted_since INTEGER;
UPDATE virtual_key SET use_noted_since = unixepoch(),
  last_used_at = (SELECT max(g.last_used_at) FROM oauth_grant AS g WHERE g.subject = 'vk:' || virtual_key.id);
