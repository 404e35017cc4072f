import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** What a number's unit makes of it: seconds, bytes or a count. */
const UNITS: Record<string, number> = {
  s: 1,
  minutes: 60,
  hour: 3600,
  hours: 3600,
  days: 86_400,
  KiB: 1024,
  MiB: 1_048_576,
};

/** The number of a cell such as `16 KiB`, `7 days` or `40,000`. */
function worth(cell: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+) ?([A-Za-z]*)$/.exec(cell.replace(/ characters$/, '')) ?? [];
  return Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? (unit ? Number.NaN : 1));
}

/** The number that a constant of a file is; of wrangler.toml, the limit of a binding. */
function inCode(file: string, name: string): number {
  const text = read(file);
  if (file.endsWith('.toml'))
    return Number(new RegExp(`name = "${name}"[^[]*limit = (\\d+), period = 60`).exec(text)?.[1]);
  const [, product = ''] = new RegExp(`const ${name} = ([\\d_ *]+);`).exec(text) ?? [];
  return product
    .split('*')
    .reduce((all, factor) => all * Number(factor.replaceAll('_', '') || Number.NaN), 1);
}

const [, bounds = ''] = read('docs/limits.md').split(
  /^## (?:Bounds of the gateway|At the edge|What a flood leaves)$/m,
);
const rows = [...bounds.matchAll(/^\| (?!bound |---)(.+) \|$/gm)].map(([, row = '']) => row.split(' | '));

describe('docs/limits.md', () => {
  it('says of each bound its number, what the one over it gets, and where it stands', () => {
    expect(rows.filter((cells) => cells.length !== 4 || cells.some((cell) => !cell))).toEqual([]);
    expect(rows.length).toBeGreaterThan(75);
  });

  it('has the numbers of the code', () => {
    const wrong = rows.flatMap(([bound = '', number = '', , where = '']) =>
      [...where.matchAll(/`([\w./-]+)` `([A-Z_]+)`/g)].flatMap(([, file = '', name = '']) => {
        const [told, found] = [worth(number), inCode(file, name)];
        const isTime = /( s|minutes|hours?|days)$/.test(number);
        return found === told || (isTime && found === told * 1000)
          ? []
          : [`${bound}: ${number}, ${name} = ${found}`];
      }),
    );

    expect(wrong).toEqual([]);
  });
});
