import { setTimeout as delay } from 'node:timers/promises';

/** How long the gateway may take until everybody hears of a change, on a busy machine. Milliseconds. */
const MOST = 15_000;

/** Asks again and again until `isSo`. @returns false when that never comes */
export async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + MOST; Date.now() < end; await delay(200)) if (await isSo()) return true;
  return false;
}

/** Does the same again and again until it is refused. @returns false when it never is */
export function untilRefused(act: () => Promise<unknown>): Promise<boolean> {
  const isRefused = () =>
    act().then(
      () => false,
      () => true,
    );
  return until(isRefused);
}
