import { vi } from 'vitest';

/** From now on the clock stands `seconds` ahead, until `vi.useRealTimers()`. */
export function wait(seconds: number): void {
  if (!vi.isFakeTimers()) vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(Date.now() + seconds * 1000);
}
