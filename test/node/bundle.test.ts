import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { weighBundle } from '../../scripts/deploy/bundle.ts';
import { ROOT } from '../../scripts/dev/state.ts';

describe('the weight of the bundle', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'toolgate-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is that of what is uploaded, gzipped: no source map, no note', () => {
    writeFileSync(join(folder, 'index.js'), 'a'.repeat(2048));
    writeFileSync(join(folder, 'index.js.map'), randomBytes(400 * 1024));
    writeFileSync(join(folder, 'README.md'), randomBytes(400 * 1024));

    expect(weighBundle(folder)).toBe('Bundle: 2.0 KiB, 0.0 KiB gzipped, of 330.0 KiB allowed');
  });

  it('must stay under 330 KiB', () => {
    writeFileSync(join(folder, 'index.js'), randomBytes(331 * 1024)); // noise does not shrink

    expect(() => weighBundle(folder)).toThrow(/331\.\d KiB gzipped, of 330\.0 KiB allowed: too much/);
  });
});

describe('the source of the Worker', () => {
  it('takes of zod what is small: `zod` itself brings 20 KiB, `z.catch` 2 (decision 0107)', () => {
    const files = (readdirSync(join(ROOT, 'src'), { recursive: true }) as string[]).filter((name) =>
      /\.tsx?$/.test(name),
    );
    const large = files.filter((name) =>
      /from 'zod'|\bz\.catch\(/.test(readFileSync(join(ROOT, 'src', name), 'utf8')),
    );

    expect(files.length).toBeGreaterThan(500);
    expect(large).toEqual([]);
  });
});
