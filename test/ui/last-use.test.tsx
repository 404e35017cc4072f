import { describe, expect, it } from 'vitest';
import { LastUse } from '../../src/ui/parts';

const HOUR = 3_600_000;

describe('when an app last refreshed its access', () => {
  it.each([
    [0, 'in the last hour'],
    [HOUR - 60_000, 'in the last hour'],
    [2 * HOUR, '2 hours ago'],
    [24 * HOUR, 'yesterday'],
  ])('is said no finer than the index knows: %s ms ago is "%s"', (age, words) => {
    const at = new Date(Date.now() - age).toISOString();

    expect(`${<LastUse at={at} />}`.replace(/<[^>]+>/g, '')).toBe(words);
  });

  it('may be never', () => {
    expect(`${<LastUse at={null} never="not since then" />}`).toBe('not since then');
  });
});
