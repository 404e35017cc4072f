import { vi } from 'vitest';

/** From now on the clock stands `seconds` ahead, until `vi.useRealTimers()`. */
export function wait(seconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + seconds * 1000);
}

/** How much shorter every wait of the Worker becomes. */
const FASTER = 25;

/** Does `work` with the Worker's own limits and pauses, where {@link shortWaits} holds before and after. */
export async function unhurried<T>(work: () => Promise<T>): Promise<T> {
  vi.restoreAllMocks();
  try {
    return await work();
  } finally {
    shortWaits();
  }
}

/**
 * From now on the Worker's time limits and pauses last a 25th, until `vi.restoreAllMocks()`: for tests in which something
 * hangs or fails. @param faster another part of them, where much has to be done meanwhile @returns what was asked for, milliseconds
 */
export function shortWaits(faster = FASTER): number[] {
  const asked: number[] = [];
  const shorter = (time = 0) => {
    asked.push(time);
    return time / faster;
  };
  const later = globalThis.setTimeout;
  const limit = AbortSignal.timeout.bind(AbortSignal);
  const pause = scheduler.wait.bind(scheduler);
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((time) => limit(shorter(time)));
  vi.spyOn(scheduler, 'wait').mockImplementation((time, options) => pause(shorter(time), options));
  const soon = (run: (...given: unknown[]) => void, time?: number, ...given: unknown[]) =>
    later(run, shorter(time), ...given);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(soon as typeof setTimeout);
  return asked;
}
