import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ROOT } from '../dev/state.ts';
import { Stop } from '../stop.ts';
import { nameNow, readSql, write } from './backup.ts';
import { carryOver, type Findings, toCompare } from './carry-over.ts';
import { exportDatabase, runSql, travelTo } from './d1.ts';
import {
  CHANGED,
  emptyLike,
  lackOf,
  load,
  schemaOf,
  statements,
  tablesOf,
  unlessChanged,
  upgrade,
} from './dump.ts';
import { confirm } from './prompt.ts';
import type { Options, Target } from './target.ts';

const REPLACES = 'What administrators set since then is replaced by what was set before.';

/** Names the file of what there was, while D1 is back in time. */
const UNDER_WAY = join(ROOT, '.restore-under-way');

/** `npm run restore -- <file>`: from what `npm run backup` wrote. */
export async function restore(target: Target, file: string, { yes, keep }: Options): Promise<void> {
  const sql = readSql(file);
  if (schemaOf(load(sql)) === null) throw new Stop('The backup is of an empty database.');
  const isWayBack = wayBack(target) === resolve(file);
  if (!isWayBack) requireNoneUnderWay(target);
  if (!yes) await confirm(`${REPLACES}`, 'restore');
  if (!isWayBack) return putBack(target, keepNow(target, keep).sql, sql, true);
  putBack(target, sql, sql, false); // D1 is as it was once: what it says is not of now
  rmSync(UNDER_WAY);
}

/** `npm run restore -- --timestamp <time>`: what D1's own Time Travel has. */
export async function restoreTo(target: Target, timestamp: string, { yes, keep }: Options): Promise<void> {
  if (target.dev) throw new Stop('Time Travel is for databases at Cloudflare: locally, restore a file.');
  requireNoneUnderWay(target);
  if (!yes) await confirm(`${REPLACES}`, 'restore');
  const now = keepNow(target, keep);
  const then = asOf(target, timestamp, now.path);
  putBack(target, now.sql, then, true);
}

/** What the database was at `timestamp`. For as long as it takes to read that, D1 is as it was then. */
function asOf(target: Target, timestamp: string, kept: string): string {
  writeFileSync(UNDER_WAY, kept);
  console.log(`D1 goes back to ${timestamp} to be read. If this is interrupted: npm run restore -- ${kept}`);
  const here = travelTo('--timestamp', timestamp); // where this fails, D1 may have gone back all the same: the mark stays
  try {
    return inFolder((folder) => {
      const file = join(folder, 'then.sql');
      exportDatabase(target, file);
      return readSql(file);
    });
  } finally {
    travelTo('--bookmark', here);
    rmSync(UNDER_WAY);
  }
}

/** The file of what there was before a restore that was interrupted while D1 was back in time; null: none was. */
function wayBack({ dev }: Target): string | null {
  return !dev && existsSync(UNDER_WAY) ? readFileSync(UNDER_WAY, 'utf8') : null;
}

function requireNoneUnderWay(target: Target): void {
  const kept = wayBack(target);
  if (kept === null) return;
  throw new Stop(
    `A restore was interrupted while D1 was back in time, so what was withdrawn since may be in effect. First: npm run restore -- ${kept}\nWhere D1 is as it should be, delete ${UNDER_WAY}.`,
  );
}

function keepNow(target: Target, file = nameNow('toolgate-before-restore')): { path: string; sql: string } {
  const now = write(target, file);
  console.log(`Wrote what is there now to ${now.path}`);
  return now;
}

/**
 * Puts what `then` says in place of the database, with what has to stay as `now` says.
 * @param mayHaveChanged whether `now` was read of the database as it stands
 */
function putBack(target: Target, now: string, then: string, mayHaveChanged: boolean): void {
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
    let first: string[] = [];
    requireWhole(db, schema === null ? emptyLike(db) : today, schema ?? before);
    if (schema !== null) {
      if (mayHaveChanged) first = unlessChanged(today);
      today.close();
      db.prepare('ATTACH ? AS now').run(path);
      findings = carryOver(db);
      db.exec('DETACH now');
    }
    toCompare(db);
    const file = join(folder, 'restore.sql');
    writeFileSync(file, `${[...first, ...statements(db, instead)].join('\n')}\n`, { mode: 0o600 });
    try {
      runSql(target, file);
    } catch (error) {
      if (!String(error).includes(CHANGED)) throw error;
      throw new Stop(
        'An administrator changed something while this ran, so nothing was restored. Run it again, with another file for what is there now.',
      );
    }
    console.log(
      `Restored.\n${findings ? told(findings) : 'The database was empty: there was nothing to compare.'}`,
    );
    console.log(
      '\nWithin some hours the cron asks the object of every grant whether it still stands: what had ended is shown as ended.\nSee "npx wrangler tail", or Access at /admin.',
    );
  });
}

/** Brings a backup to a schema. @throws Stop where it lacks something of `like`, which has that: its end is missing, as a rule */
function requireWhole(db: DatabaseSync, like: DatabaseSync | null, schema: number): void {
  let lack: string | null;
  try {
    upgrade(db, schema);
    lack = like && lackOf(db, like);
  } catch (error) {
    if (error instanceof Stop) throw error;
    lack = error instanceof Error ? error.message : String(error);
  }
  if (lack !== null) throw new Stop(`This is no whole backup, or not of this gateway. It lacks: ${lack}.`);
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

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-restore-')); // readable by its owner only
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
