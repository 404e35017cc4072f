import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/dev/state.ts';

/** Words that no page says (design, Voice 2); `told` is also the name of a field. */
const NEVER =
  /\b(nobody|somebody|everybody|whoever|anew|for good|any more|any longer|lately|of yours|not your doing|cannot|may not|stands|mend(ed)?|(?<!['"])told)\b/i;

/** Words that no line says, comments included. */
const NOWHERE = /\b(nobody|somebody|everybody|whoever|anew)\b/i;

/** What only a log or a developer reads. */
const UNSHOWN = /new (Error|Unavailable|SignInRefused)\(|^\S+ (does: |'Cannot resolve D1)/;

/** Folders and files whose words reach a page. */
const PLACES = [
  'src/admin/api/servers/failure-words.ts',
  'src/app.ts',
  'src/effective-settings.ts',
  'src/grants/end-words.ts',
  'src/once.ts',
  'src/protocol/faults/storage.ts',
  'src/protocol/faults/words.ts',
  'src/servers/failure-words.ts',
  'src/settings.ts',
  'src/admin/pages',
  'src/consent',
  'src/connect',
  'src/people',
  'src/ui',
  'src/identity',
  'src/oauth',
];

/** The sources at a path. */
function sourcesIn(path: string): string[] {
  if (/\.tsx?$/.test(path)) return [path];
  return (readdirSync(join(ROOT, path), { recursive: true }) as string[])
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(path, name));
}

/** Lines of a file, each with where it stands. */
function linesOf(path: string): string[] {
  return numbered(path, readFileSync(join(ROOT, path), 'utf8'));
}

function numbered(path: string, text: string): string[] {
  return text.split('\n').map((line, at) => `${path}:${at + 1} ${line.trim()}`);
}

/** The same without its comments. */
function shownLinesOf(path: string): string[] {
  const blank = (comment: string) => comment.replace(/[^\n]/g, ' ');
  const code = readFileSync(join(ROOT, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/(^|\s)\/\/.*$/gm, blank);
  return numbered(path, code);
}

describe('pages speak as the voice guide says', () => {
  it('without the words that it names', () => {
    const files = PLACES.flatMap(sourcesIn);

    const found = files.flatMap(shownLinesOf).filter((line) => NEVER.test(line) && !UNSHOWN.test(line));

    expect(files.length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });

  it('as does the rest of the source, comments included, for the words that say the least', () => {
    const files = sourcesIn('src');

    expect(files.length).toBeGreaterThan(500);
    expect(files.flatMap(linesOf).filter((line) => NOWHERE.test(line))).toEqual([]);
  });
});
