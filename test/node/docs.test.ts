import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Files under a folder whose names end so, as paths from the root. */
function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && ending.test(entry.name) && !entry.parentPath.includes('node_modules'),
    )
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

const TEXT = /\.(tsx?|sql|md|css|js)$/;
const GUIDES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const SOURCES = [
  ...['src', 'test', 'scripts', 'demo', 'bench', 'docs', 'public'].flatMap((folder) => filesIn(folder, TEXT)),
  ...GUIDES,
  'schema.sql',
  'wrangler.toml',
].filter((path) => path !== 'test/node/docs.test.ts');

/** What `pattern` matches, each with its file. A citation may go on in the next line of a comment. */
function matches(pattern: RegExp): { file: string; match: RegExpExecArray }[] {
  return SOURCES.flatMap((file) => {
    const text = read(file).replace(/\n\s*(?:\*|\/\/|#|--)?\s*/g, ' ');
    return [...text.matchAll(pattern)].map((match) => ({ file, match: match as RegExpExecArray }));
  });
}

/** The numbers of `5`, `5, 21`, `4 and 5`, `2–8` and `2 to 8`. */
function numbersIn(list: string): number[] {
  const [, from, to] = /^(\d+)(?:–| to )(\d+)$/.exec(list) ?? [];
  if (from && to) return Array.from({ length: Number(to) - Number(from) + 1 }, (_, at) => Number(from) + at);
  return list.split(/, | and /).map(Number);
}

const LIST = String.raw`\d{1,2}(?:(?:–| to )\d{1,2}\b|(?:(?:, | and )\d{1,2}\b)*)`;

/** Citations of numbers that a document does not have. */
function missing(cited: RegExp, known: ReadonlySet<number>): string[] {
  return matches(cited).flatMap(({ file, match }) =>
    numbersIn(match[1] ?? '').flatMap((n) => (known.has(n) ? [] : [`${file}: ${match[0]}`])),
  );
}

function numbered(path: string, heading: RegExp): number[] {
  return [...read(path).matchAll(heading)].map(([, n]) => Number(n));
}

describe('what the source cites is in the repository', () => {
  const upTo = (most: number) => Array.from({ length: most }, (_, at) => at + 1);
  const sections = numbered('docs/contract.md', /^## §(\d+) /gm);
  const details = numbered('docs/contract.md', /^### PROTOCOL §(\d+) /gm);
  const rules = numbered('docs/security.md', /^(\d+)\. \*\*/gm);

  it('numbers sections and rules without a gap', () => {
    expect(sections).toEqual(upTo(8));
    expect(details).toEqual(upTo(7));
    expect(rules).toEqual(upTo(34));
  });

  it('has every section of the contract, and every detail of the protocol', () => {
    const one = String.raw`§ ?(\d{1,2})\b`;
    const several = `§§(${LIST})`;
    expect(missing(new RegExp(`CONTRACT,? ${several}`, 'g'), new Set(sections))).toEqual([]);
    expect(missing(new RegExp(`CONTRACT,? ${one}`, 'g'), new Set(sections))).toEqual([]);
    expect(missing(new RegExp(`PROTOCOL,? ${several}`, 'g'), new Set(details))).toEqual([]);
    expect(missing(new RegExp(`PROTOCOL,? ${one}`, 'g'), new Set(details))).toEqual([]);
    expect(matches(/CONTRACT §/g).length).toBeGreaterThan(100);
  });

  it('has every security rule', () => {
    expect(missing(new RegExp(`SECURITY (${LIST})`, 'g'), new Set(rules))).toEqual([]);
    expect(matches(/SECURITY \d/g).length).toBeGreaterThan(40);
  });

  it('has every part of the architecture that is cited by name', () => {
    const headings = [...read('docs/architecture.md').matchAll(/^##+ (.*)$/gm)].map(([, name = '']) =>
      name.toLowerCase(),
    );
    const unknown = matches(/\bARCHITECTURE, ([A-Za-z ]+)/g).filter(({ match }) => {
      const cited = (match[1] ?? '').trim().toLowerCase();
      return !headings.some((heading) => heading.startsWith(cited));
    });
    expect(unknown.map(({ file, match }) => `${file}: ${match[0]}`)).toEqual([]);
  });

  it('cites no document that only its authors have', () => {
    const foreign = matches(/\b(?:COMPATIBILITY|TOOLCHAIN)\b(?:,? \d|\.md)|\.\.\/shared\//g);
    expect(foreign.map(({ file, match }) => `${file}: ${match[0]}`)).toEqual([]);
  });
});

describe('what the documents promise', () => {
  const documents = [...GUIDES, ...filesIn('docs', /\.md$/)];

  it('links to files that exist', () => {
    const broken = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target)
        .filter((target) => !/^(https?:|mailto:|#)/.test(target))
        .filter((target) => !existsSync(resolve(ROOT, dirname(file), target.replace(/#.*$/, ''))))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('names files that exist', () => {
    const missing = documents
      .filter((file) => !file.startsWith('docs/decisions/')) // they tell of the day they were made
      .flatMap((file) =>
        [...read(file).matchAll(/`((?:src|test|scripts|demo|bench)\/[\w./-]+)`/g)]
          .filter(([, path = '']) => !existsSync(resolve(ROOT, path)))
          .map(([, path]) => `${file}: ${path}`),
      );
    expect(missing).toEqual([]);
  });

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const unknown = documents.flatMap((file) =>
      [...read(file).matchAll(/npm run ([a-z][a-z:-]*)/g)]
        .filter(([, name = '']) => !(name in scripts))
        .map(([command]) => `${file}: ${command}`),
    );
    expect(unknown).toEqual([]);
  });
});
