import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much more memory is in use after `work` than before, bytes. In Node only. */
export function heldBy(work: () => void): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  work();
  collect();
  return process.memoryUsage().heapUsed - before;
}

export function times(count: number, work: () => void): void {
  for (let at = 0; at < count; at++) work();
}
