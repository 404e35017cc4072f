import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/dev/state.ts';

/** Words that no page says (design, Voice 2). */
const NEVER =
  /\b(nobody|somebody|everybody|whoever|anew|for good|any more|lately|of yours|not your doing)\b/i;

/** Files whose words reach a page. */
const FOLDERS = [
  'src/admin/pages',
  'src/consent',
  'src/connect',
  'src/people',
  'src/ui',
  'src/identity',
  'src/oauth',
];

/** Lines of a file without its comments, each with where it stands. */
function linesOf(path: string): string[] {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  const code = readFileSync(join(ROOT, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/(^|\s)\/\/.*$/gm, blank);
  return code.split('\n').map((line, at) => `${path}:${at + 1} ${line.trim()}`);
}

describe('pages speak as the voice guide says', () => {
  it('without the words that it names', () => {
    const files = FOLDERS.flatMap((folder) =>
      (readdirSync(join(ROOT, folder), { recursive: true }) as string[])
        .filter((name) => /\.tsx?$/.test(name))
        .map((name) => join(folder, name)),
    );

    const found = files.flatMap(linesOf).filter((line) => NEVER.test(line) && !line.includes('new Error('));

    expect(files.length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });
});
