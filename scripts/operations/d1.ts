import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askWrangler } from '../deploy/wrangler.ts';
import { ROOT } from '../dev/state.ts';
import { Stop } from '../stop.ts';
import type { Target } from './target.ts';

/** The binding, which wrangler takes for the database it is bound to. */
const DATABASE = 'DB';

/** Writes a database as SQL to `file`. It answers no query meanwhile. @throws Stop with wrangler's words */
export function exportDatabase(target: Target, file: string): void {
  d1(target, ['export', DATABASE, '--output', file, '--skip-confirmation']);
}

/** Runs the statements of `file` in a database: all of them, or none. @throws Stop with wrangler's words */
export function runSql(target: Target, file: string): void {
  d1(target, ['execute', DATABASE, '--file', file, '--yes']);
}

/**
 * Brings the deployed database to what it was at a time of the last 30 days (RFC 3339, or epoch seconds), or at a bookmark.
 * @returns the bookmark that takes this back @throws Stop with wrangler's words
 */
export function travelTo(how: '--timestamp' | '--bookmark', when: string): string {
  const said = askWrangler(['d1', 'time-travel', 'restore', DATABASE, how, when, '--json']);
  return (JSON.parse(said) as { previous_bookmark: string }).previous_bookmark;
}

/** Local commands find what is stored beside their configuration, so they get one beside the state of `npm run dev`. */
function d1({ dev }: Target, args: string[]): void {
  if (!dev) {
    askD1([...args, '--remote']);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-d1-'));
  try {
    mkdirSync(join(folder, '.wrangler'));
    mkdirSync(dev.persistTo, { recursive: true });
    symlinkSync(dev.persistTo, join(folder, '.wrangler/state'));
    copyFileSync(join(ROOT, 'wrangler.toml'), join(folder, 'wrangler.toml'));
    askD1([...args, '--local', '--config', join(folder, 'wrangler.toml')]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A link to an export opens it for an hour to anyone, so none is printed. */
function askD1(args: string[]): void {
  try {
    askWrangler(['d1', ...args]);
  } catch (error) {
    throw error instanceof Stop ? new Stop(error.message.replace(/https?:\/\/\S+\?\S+/g, '(a link)')) : error;
  }
}
