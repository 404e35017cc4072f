import { mayAskAgain } from './faults/storage';

/** The value, or null when it is not there after `patience` milliseconds. Rejects when the value does in time. */
export async function within<T>(patience: number, value: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, patience, null);
  });
  return Promise.race([value, late]).finally(() => clearTimeout(timer));
}

/** Does `work` for every item, at most `most` at a time, in the order of the items. */
export async function inPool<T>(
  most: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}

/** When a call that failed is made again. */
type Retrying = {
  mayAskAgain: (error: unknown) => boolean;
  /** Milliseconds before the next try. `attempt`: the one that failed, from 1. */
  pauseAfter: (attempt: number) => number;
};

const TRIES = 3;

/** For objects that are being moved or restarted; an overloaded one is left alone (SECURITY 23). */
const OF_STORAGE: Retrying = { mayAskAgain, pauseAfter: (attempt) => Math.random() * 100 * attempt };

/** Makes a call that may be repeated: three times at most, with pauses that differ, so that callers do not come back together. */
export async function retrying<T>(call: () => Promise<T>, when: Retrying = OF_STORAGE): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === TRIES || !when.mayAskAgain(error)) throw error;
      await pause(when.pauseAfter(attempt));
    }
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Work that callers of one isolate share while it is under way. It goes on behind the request that began it. Should that
 * request be cut off, the callers that joined it wait no longer than their patience, and one of them begins again.
 */
export class SharedWork<T> {
  private readonly underWay = new Map<string, Promise<T>>();

  /**
   * @param patience how long a caller waits for work that another one began, milliseconds
   * @param goOn keeps the isolate alive for a promise: `waitUntil`
   */
  constructor(
    private readonly patience: number,
    private readonly goOn: (work: Promise<unknown>) => void,
  ) {}

  /** What the work under `key` brings: the one under way, else the one that `begin` begins. */
  async join(key: string, begin: () => Promise<T>): Promise<T> {
    const shared = this.underWay.get(key)?.then((value) => ({ value }));
    const answer = shared && (await within(this.patience, shared));
    if (answer) return answer.value;

    const own = begin().finally(() => {
      if (this.underWay.get(key) === own) this.underWay.delete(key);
    });
    this.underWay.set(key, own);
    this.goOn(own.catch(() => undefined));
    return own;
  }
}
