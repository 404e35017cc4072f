import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parts, withParts } from '../../scripts/cost/reckon.ts';

it('docs/cost.md is what `npm run cost` makes of its prices and counts', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/cost.md'), 'utf8');

  expect(withParts(page, parts())).toBe(page);
});
