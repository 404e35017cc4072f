import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stop } from '../stop.ts';
import { nameNow, write } from './backup.ts';
import { carryOver, type Findings, toCompare } from './carry-over.ts';
import { exportDatabase, runSql, travelTo } from './d1.ts';
import { load, schemaOf, statements, tablesOf, upgrade } from './dump.ts';
import { confirm } from './prompt.ts';
import type { Options, Target } from './target.ts';

const REPLACES = 'What administrators set since then is replaced by what was set before.';

/** `npm run restore -- <file>`: from what `npm run backup` wrote. */
export async function restore(target: Target, file: string, { yes, keep }: Options): Promise<void> {
  const sql = textOf(file);
  load(sql).close();
  if (!yes) await confirm(`${REPLACES}`, 'restore');
  const now = keepNow(target, keep);
  putBack(target, now.sql, sql);
}

/** `npm run restore -- --timestamp <time>`: from D1's own Time Travel, in place. */
export async function restoreTo(target: Target, timestamp: string, { yes, keep }: Options): Promise<void> {
  if (target.dev) throw new Stop('Time Travel is for databases at Cloudflare: locally, restore a file.');
  if (!yes) await confirm(`${REPLACES}`, 'restore');
  const now = keepNow(target, keep);
  const undo = travelTo(timestamp);
  console.log(`D1 is back at ${timestamp}. The bookmark before: ${undo}`);
  inFolder((folder) => {
    const file = join(folder, 'then.sql');
    exportDatabase(target, file);
    putBack(target, now.sql, readFileSync(file, 'utf8'));
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Stop(`${file} cannot be read.`);
  }
}

function keepNow(target: Target, file = nameNow('toolgate-before-restore')): { sql: string } {
  const now = write(target, file);
  console.log(`Wrote what is there now to ${now.path}`);
  return now;
}

/** Puts what `then` says in place of the database, with what has to stay as `now` says. */
function putBack(target: Target, now: string, then: string): void {
  inFolder((folder) => {
    const path = join(folder, 'now.sqlite');
    const today = load(now, path);
    const [schema, instead] = [schemaOf(today), tablesOf(today)];
    const db = load(then);
    const before = schemaOf(db);
    if (before === null) throw new Stop('The backup is of an empty database.');
    if (schema !== null && before > schema) {
      throw new Stop(
        `The backup has schema ${before}, the database ${schema}: deploy the newer version of the gateway first.`,
      );
    }
    let findings: Findings | null = null;
    if (schema !== null) {
      upgrade(db, schema);
      today.close();
      db.prepare('ATTACH ? AS now').run(path);
      findings = carryOver(db);
      db.exec('DETACH now');
    }
    toCompare(db);
    const file = join(folder, 'restore.sql');
    writeFileSync(file, `${[...statements(db, instead)].join('\n')}\n`, { mode: 0o600 });
    runSql(target, file);
    console.log(
      `Restored.\n${findings ? told(findings) : 'The database was empty: there was nothing to compare.'}`,
    );
    console.log(
      '\nWithin some hours the cron asks the object of every grant whether it still stands: what had ended is shown as ended.\nSee "npx wrangler tail", or Access at /admin.',
    );
  });
}

function told({ deleted, withdrawn, added, changed }: Findings): string {
  const list = (title: string, names: string[]) =>
    names.length ? `\n${title}\n${[...new Set(names)].map((name) => `  - ${name}`).join('\n')}` : '';
  const lists = [
    list('Deleted since, so back, but switched off. Delete them again, or switch them on:', deleted),
    list(
      'Withdrawn since, and still: switched off, blocked, or with the value that replaced a leaked one:',
      withdrawn,
    ),
    list('Made since, so gone. Make them again:', added),
    list('Changed since, so as they were. Look whether they allow more than they should:', changed),
  ].filter(Boolean);
  return lists.length ? lists.join('\n') : 'Nothing was withdrawn, made or changed since.';
}

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-restore-')); // readable by its owner only
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
