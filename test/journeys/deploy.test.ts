import { expect, it } from 'vitest';
import { Command, StateFolder } from './support/dev-session.ts';

it('npm run deploy -- --dry-run builds what would be deployed and says what it weighs', async () => {
  const state = new StateFolder();

  const deploy = new Command(['deploy', '--', '--dry-run'], state);

  expect(await deploy.ended, deploy.output).toBe(0);
  expect(deploy.output).toMatch(/^Bundle: [\d.]+ KiB, [\d.]+ KiB gzipped/m);
  expect(deploy.output).toContain('nothing was deployed');
  state.remove();
});
