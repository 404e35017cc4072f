-- Names in the events of the audit. The newest 20,000 get those that things have today: more could be more rows than a free
-- account may write in a day.
ALTER TABLE audit ADD COLUMN actor_name TEXT;
ALTER TABLE audit ADD COLUMN client_name TEXT;
ALTER TABLE audit ADD COLUMN subject TEXT;
ALTER TABLE audit ADD COLUMN subject_name TEXT;
ALTER TABLE audit ADD COLUMN about TEXT;
ALTER TABLE audit ADD COLUMN about_name TEXT;
UPDATE audit SET
    about = told.about,
    subject = told.subject,
    actor_name = coalesce(
      (SELECT name FROM virtual_key WHERE id = substr(audit.actor, instr(audit.actor, ':') + 1)),
      (SELECT name FROM person WHERE id = substr(audit.actor, instr(audit.actor, ':') + 1))),
    subject_name = coalesce(
      (SELECT name FROM virtual_key WHERE id = substr(told.subject, instr(told.subject, ':') + 1)),
      (SELECT name FROM person WHERE id = substr(told.subject, instr(told.subject, ':') + 1))),
    client_name = coalesce((SELECT nullif(name, '') FROM client WHERE client_id = audit.client_id), told.client_name),
    about_name = coalesce(
      (SELECT name FROM server WHERE id = told.about), (SELECT name FROM virtual_mcp WHERE id = told.about))
  FROM (
    SELECT a.id, g.client_name, coalesce(a.detail ->> 'server', a.detail ->> 'virtual_mcp') AS about,
      coalesce(a.detail ->> 'owner', 'vk:' || (a.detail ->> 'virtual_key'), 'user:' || (a.detail ->> 'user'), g.subject) AS subject
    FROM audit AS a LEFT JOIN oauth_grant AS g ON g.grant_id = a.grant_id ORDER BY a.id DESC LIMIT 20000) AS told
  WHERE audit.id = told.id;
DROP INDEX IF EXISTS audit_outcome;
CREATE INDEX IF NOT EXISTS audit_undone ON audit (outcome, id) WHERE outcome <> 'done';
CREATE INDEX IF NOT EXISTS audit_subject ON audit (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_about ON audit (about, id) WHERE about IS NOT NULL;
