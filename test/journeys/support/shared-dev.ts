import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { DevSession, StateFolder } from './dev-session.ts';
import { LOCALHOST_CERTIFICATE } from './document-site.ts';

export type SharedDev = Pick<DevSession, 'facts' | 'state'>;

/**
 * The `npm run dev` that journeys share, which costs 9 s of CPU to start: the first that wants it starts it, in whatever process.
 * It runs without rate limits and hears of ends within 2 s. A journey that changes how everyone is served starts its own.
 */
export async function sharedDev(): Promise<SharedDev> {
  const state = new StateFolder(inject('sharedDev'));
  if (isFirst(join(state.path, 'shared'))) {
    const env = { RATE_LIMITS: 'off', REVOCATION_LAG: '2', NODE_EXTRA_CA_CERTS: LOCALHOST_CERTIFICATE };
    return DevSession.start(state, env);
  }
  for (;;) {
    const facts = state.facts();
    if (facts) return { facts, state };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** True for one of all processes that ask. */
export function isFirst(file: string): boolean {
  try {
    writeFileSync(file, '', { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
