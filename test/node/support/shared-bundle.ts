import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from 'vitest';
import { buildBundle } from '../../../scripts/deploy/bundle.ts';
import { isFirst } from '../../journeys/support/shared-dev.ts';

/**
 * The folder of the Worker as one module, `index.js`, which takes 4 s of CPU to make: the first that wants it makes it, in whatever
 * process. It is not minified.
 */
export async function sharedBundle(): Promise<string> {
  const state = inject('sharedDev');
  const folder = join(state, 'bundle');
  if (isFirst(join(state, 'bundling'))) {
    await buildBundle(folder, { quick: true });
    return folder;
  }
  while (!existsSync(join(folder, 'index.js'))) await delay(50);
  return folder;
}
