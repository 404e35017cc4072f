/** Milliseconds after which a session no one asked for is ended. */
export const IDLE = 600_000;
/** When the alarm takes up what the end of a session was kept from. Milliseconds. */
export const SETTLE_AGAIN = 30_000;
/**
 * How often the alarm comes while calls are held, or under way longer than a session stays unused. Milliseconds: an object without
 * requests leaves memory after 70 to 140 seconds, also when it waits for a server (Durable Objects, Lifecycle).
 */
const AWAKE = 30_000;

/** What the object of a client session has to do later. Times are epoch milliseconds, Infinity: none. */
type Pending = {
  /** True when sessions are to be ended at their servers. */
  isOver: boolean;
  /** When each session and subscription was last asked for. */
  usedAt: readonly number[];
  isHeard: boolean;
  /** When requests that listen cannot be on their way any more, and when calls were held long enough. */
  flownUntil: number;
  heldUntil: number;
};

/** When the alarm comes; null: never. What is due already is under way, or it would have ended. */
export function nextAlarm({ isOver, usedAt, isHeard, flownUntil, heldUntil }: Pending): number | null {
  const now = Date.now();
  if (Number.isFinite(heldUntil)) return Math.min(heldUntil, now + AWAKE);
  if (isOver) return now + SETTLE_AGAIN;
  const idle = Math.max(isHeard ? now : 0, Math.min(...usedAt)) + IDLE;
  const due = Math.min(idle, flownUntil);
  if (!Number.isFinite(due)) return null;
  return due > now ? due : now + AWAKE;
}
