import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Stop } from '../stop.ts';
import { exportDatabase } from './d1.ts';
import { load, schemaOf } from './dump.ts';
import type { Target } from './target.ts';

/** `npm run backup [-- <file>]`. */
export async function backup(target: Target, file: string | undefined): Promise<void> {
  const { path, sql } = write(target, file ?? nameNow('toolgate'));
  const db = load(sql);
  const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
  if (schemaOf(db) === null) {
    rmSync(path);
    throw new Stop('The database is empty: nothing was written.');
  }
  console.log(`Wrote ${path}
  schema ${schemaOf(db)}, ${count('server')} servers, ${count('virtual_key')} access keys, ${count('oauth_grant')} grants

It holds no secret in the clear, but who uses what, and when: keep it like the database. What is sealed in it opens with
today's ENCRYPTION_KEY alone, so keep that with it. Restore it with: npm run restore -- ${path}`);
}

/** Writes the database to a new file, for its owner only: whole, or not at all. @throws Stop when there is such a file */
export function write(target: Target, file: string): { path: string; sql: string } {
  const path = resolve(file);
  if (existsSync(path)) throw new Stop(`${path} is there already, and is left as it is.`);
  const part = `${path}.part`; // one that is there was interrupted
  try {
    rmSync(part, { force: true });
    closeSync(openSync(part, 'wx', 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `there is no folder ${dirname(path)}` : `${code}`;
    throw new Stop(`${path} cannot be written: ${why}.`);
  }
  try {
    exportDatabase(target, part);
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  return { path, sql: readSql(path) };
}

/** The text of a backup. @throws Stop */
export function readSql(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STRING_TOO_LONG')
      throw new Stop(`${file} cannot be read.`);
    throw new Stop(
      `${file} is over 512 MiB, which is more than this command takes. Use Time Travel: see docs/operations.md.`,
    );
  }
}

/** A file's name that tells when it was written. */
export function nameNow(what: string): string {
  return `${what}-${new Date().toISOString().replaceAll(':', '').replace('.', '-')}.sql`;
}
