import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Each write waits for the disk: in memory, where there is a folder for it, that costs nothing, to any side. */
const MEMORY = '/dev/shm';

/** A folder for the bundle and for what the sides store; it is deleted with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'toolgate-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A module as Miniflare takes it. The first one of a Worker is its entry. */
export type Module = { type: 'ESModule' | 'Text'; path: string; contents: string };

/** The modules of a built Worker; its entry first. */
export function modulesOf(folder: string): Module[] {
  return readdirSync(folder)
    .filter((name) => /\.(js|sql)$/.test(name))
    .sort((a) => (a === 'index.js' ? -1 : 1))
    .map((name) => moduleOf(join(folder, name), name));
}

export function moduleOf(file: string, path: string): Module {
  return { type: path.endsWith('.js') ? 'ESModule' : 'Text', path, contents: readFileSync(file, 'utf8') };
}
