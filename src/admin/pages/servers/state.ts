import type { stateOf } from '../../../servers/server';
import type { Tone } from '../../../ui/parts';

type State = ReturnType<typeof stateOf>;

/** How servers stand, as people read it. */
export const SERVER_STATES: Readonly<Record<State, { word: string; tone: Tone }>> = {
  healthy: { word: 'works', tone: 'good' },
  unstable: { word: 'does not answer', tone: 'bad' },
  needs_reauth: { word: 'needs authorizing again', tone: 'warn' },
  pending_verification: { word: 'waits to be authorized', tone: 'warn' },
  disabled: { word: 'turned off', tone: 'off' },
};
