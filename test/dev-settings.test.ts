import { expect, it } from 'vitest';
import { VARIABLES } from '../scripts/dev/settings.ts';
import { isSecret } from '../src/setting';
import { SETTINGS } from '../src/settings';

it('npm run dev hands on every setting but the secrets, and the two that are only variables', () => {
  const settings = SETTINGS.filter((setting) => !isSecret(setting)).map(({ variable }) => variable);

  expect([...VARIABLES].sort()).toEqual([...settings, 'ALLOW_LOOPBACK_UPSTREAMS', 'RATE_LIMITS'].sort());
});
