import { keyObject, type Usage } from '../governance/key-object';
import { RpcError } from '../protocol/mcp';
import type { Call } from './call';

/** A limit of the caller's key is spent: HTTP's answer where no tool result can say so (CONTRACT §6). */
export class LimitSpent extends RpcError {
  /** Seconds. */
  readonly retryAfter: number;

  constructor(spent: Usage) {
    super(429, 429, wordsFor(spent), { type: 'request_limited' });
    this.retryAfter = secondsLeft(spent);
  }
}

/**
 * Counts a tool call against the limits of the caller's key. Keys without limits ask no object.
 * @returns null, or what to tell the model when a limit is spent.
 */
export async function countAgainstLimits({ gate, caller: { key } }: Call): Promise<string | null> {
  if (!key?.limits.length) return null;
  const spent = await keyObject(gate.env.KEYS, key.id).spend(key.limits);
  return spent && wordsFor(spent);
}

/** Counts nothing, but lets nothing through to a server while a limit is spent. @throws LimitSpent */
export async function refuseWhenSpent({ gate, caller: { key } }: Call): Promise<void> {
  if (!key?.limits.length) return;
  const usages = await keyObject(gate.env.KEYS, key.id).usage(key.limits);
  const spent = usages.find(({ calls, used }) => used >= calls);
  if (spent) throw new LimitSpent(spent);
}

function wordsFor(spent: Usage): string {
  const { calls, window_seconds, resetsAt } = spent;
  const limit = `${calls} tool ${calls === 1 ? 'call' : 'calls'} in ${window_seconds} seconds`;
  const time = new Date(resetsAt ?? Date.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  return `This access key has spent its limit of ${limit}. It resets at ${time}, in ${secondsLeft(spent)} seconds.`;
}

function secondsLeft({ resetsAt }: Usage): number {
  return Math.max(1, Math.ceil(((resetsAt ?? 0) - Date.now()) / 1000));
}
