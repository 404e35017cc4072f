import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/dev/state.ts';
import { AREAS, CHECKS } from '../../scripts/mutate/checks/index.ts';
import { timesFound } from '../../scripts/mutate/tree.ts';

describe('the checks that `npm run mutate` deletes', () => {
  it('stand in the source exactly once, and change it', () => {
    const lost = CHECKS.filter((check) => timesFound(check) !== 1 || check.find === check.put);

    expect(lost.map(({ name, file }) => `${name} (${file})`)).toEqual([]);
  });

  it('have tests that exist', () => {
    const missing = CHECKS.flatMap(({ tests }) => tests).filter((file) => !existsSync(join(ROOT, file)));

    expect(missing).toEqual([]);
    expect(CHECKS.filter(({ tests }) => !tests.length)).toEqual([]);
  });

  it('are 94 at least, 8 of each area, each under its own name', () => {
    const few = Object.entries(AREAS).filter(([, checks]) => checks.length < 8);

    expect(few.map(([area]) => area)).toEqual([]);
    expect(CHECKS.length).toBeGreaterThanOrEqual(94);
    expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
  });
});
