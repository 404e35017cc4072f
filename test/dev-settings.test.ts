import { expect, it } from 'vitest';
import { VARIABLES } from '../scripts/dev-settings.ts';
import { SETTINGS } from '../src/config';

it('npm run dev hands on every setting, and the two that are only variables', () => {
  const settings = SETTINGS.map(({ variable }) => variable);

  expect([...VARIABLES].sort()).toEqual([...settings, 'ALLOW_LOOPBACK_UPSTREAMS', 'RATE_LIMITS'].sort());
});
