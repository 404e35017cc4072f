import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import type { Check } from './check.ts';

/** What a copy does without: packages are linked, the rest no test reads. */
const LEFT_OUT = new Set(['node_modules', '.git', '.wrangler', '.dev.vars', 'dist']);

/** How often the text of a check stands in its file. */
export function timesFound({ file, find }: Check): number {
  return readFileSync(join(ROOT, file), 'utf8').split(find).length - 1;
}

/** A copy of the working tree in a temporary folder, where checks are deleted. */
export class Tree {
  readonly folder = mkdtempSync(join(tmpdir(), 'toolgate-mutate-'));

  constructor() {
    cpSync(ROOT, this.folder, {
      recursive: true,
      filter: (path) => path === ROOT || !LEFT_OUT.has(basename(path)),
    });
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Deletes a check. @returns the path of its file, and what puts it back */
  delete({ file, find, put }: Check): { path: string; restore(): void } {
    const path = join(this.folder, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(
      path,
      text.replace(find, () => put),
    );
    return { path, restore: () => writeFileSync(path, text) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
