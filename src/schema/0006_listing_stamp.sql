-- What is stored beyond the limits of a server's lists (CONTRACT §6) goes, and what the first version stored with an object in
-- place of a number: such a server counts as never listed, so it is asked again.
ALTER TABLE server ADD COLUMN listing_stamp TEXT NOT NULL DEFAULT '';
ALTER TABLE server ADD COLUMN listing_size INTEGER NOT NULL DEFAULT 0;
UPDATE server SET listed_at = NULL
  WHERE id IN (SELECT server_id FROM listing WHERE instr(definition, '{"rawJSON":"'));
DELETE FROM listing WHERE instr(definition, '{"rawJSON":"');
DELETE FROM listing WHERE (server_id, kind, position) IN (
  SELECT server_id, kind, position FROM (
    SELECT server_id, kind, position,
      sum(length(CAST(definition AS BLOB))) OVER upToHere AS bytes, count(*) OVER upToHere AS items
    FROM listing
    WINDOW upToHere AS (
      PARTITION BY server_id
      ORDER BY CASE kind WHEN 'tool' THEN 0 WHEN 'prompt' THEN 1 WHEN 'resource' THEN 2 ELSE 3 END, position
      ROWS UNBOUNDED PRECEDING
    )
  )
  WHERE bytes > 2097152 OR items > 2000
);
UPDATE server SET listing_stamp = lower(hex(randomblob(16))),
  listing_size = (SELECT sum(length(CAST(definition AS BLOB))) FROM listing WHERE server_id = server.id)
  WHERE id IN (SELECT server_id FROM listing);
