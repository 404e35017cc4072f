import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteDatabase, inspectDatabase } from '../../scripts/local-database.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS animal (
  name  TEXT PRIMARY KEY, -- as people call it
  noise TEXT DEFAULT '-- none'
) STRICT;
CREATE INDEX IF NOT EXISTS animal_noise ON animal (noise);
`;

describe('the local database', () => {
  let persistTo: string;
  let schemaFile: string;
  beforeEach(() => {
    persistTo = mkdtempSync(join(tmpdir(), 'toolgate-'));
    schemaFile = join(persistTo, 'schema.sql');
    writeFileSync(schemaFile, SCHEMA);
  });
  afterEach(() => rmSync(persistTo, { recursive: true }));

  /** Makes wrangler's file with what `sql` makes. */
  function given(sql: string): void {
    const folder = join(persistTo, 'v3/d1/miniflare-D1DatabaseObject');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'metadata.sqlite'), '');
    const database = new DatabaseSync(join(folder, '0123abcd.sqlite'));
    database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE _cf_METADATA (key INTEGER); ${sql}`);
    database.close();
  }

  it('is not there before the first start, and is nothing to renew before the Worker has made its tables', () => {
    const before = inspectDatabase(persistTo, schemaFile);
    given('');
    const empty = inspectDatabase(persistTo, schemaFile);

    expect(before).toBeNull();
    expect(empty).toBeNull();
  });

  it('stays when only comments and layout of the schema have changed', () => {
    given(
      "CREATE TABLE animal (name TEXT PRIMARY KEY,noise TEXT DEFAULT '-- none') STRICT; CREATE INDEX animal_noise ON animal(noise)",
    );

    expect(inspectDatabase(persistTo, schemaFile)).toEqual({ outdated: [], holds: '' });
  });

  it.each([
    ['a column', SCHEMA.replace('noise TEXT', 'legs INTEGER, noise TEXT'), ['animal']],
    ['text in quotes', SCHEMA.replace("'-- none'", "'-- loud'"), ['animal']],
    ['an index', SCHEMA.replace(/CREATE INDEX.*/, ''), ['animal_noise']],
  ])('is outdated when it differs by %s, and tells what it holds', (_, sql, outdated) => {
    given(`${sql}; INSERT INTO animal (name) VALUES ('cow'), ('cat')`);

    expect(inspectDatabase(persistTo, schemaFile)).toEqual({ outdated, holds: 'animal (2)' });
  });

  it('is outdated when a table is missing', () => {
    given(SCHEMA);
    writeFileSync(schemaFile, `${SCHEMA} CREATE TABLE IF NOT EXISTS plant (name TEXT);`);

    expect(inspectDatabase(persistTo, schemaFile)?.outdated).toEqual(['plant']);
  });

  it('is gone once it was deleted, and deleting nothing is no error', () => {
    given(SCHEMA);

    deleteDatabase(persistTo);
    deleteDatabase(persistTo);

    expect(inspectDatabase(persistTo, schemaFile)).toBeNull();
  });
});
