CREATE TABLE deployment (
  id TEXT PRIMARY KEY
) STRICT;
INSERT INTO deployment (id) VALUES (lower(hex(randomblob(16))));
