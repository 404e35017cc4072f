import { describe, expect, it } from 'vitest';
import { inPool, retrying, SharedWork, within } from '../../src/protocol/patience';

/** A promise that a test settles. */
function pending<T>() {
  let settle = {} as { resolve: (value: T) => void; reject: (error: Error) => void };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}

describe('waiting for a value', () => {
  it('ends with it, with its failure, or with null when patience is over', async () => {
    expect(await within(1000, Promise.resolve('here'))).toBe('here');
    await expect(within(1000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await within(1, new Promise(() => undefined))).toBeNull();
  });
});

describe('a pool', () => {
  it('works on every item, so many at a time, in their order', async () => {
    const begun: number[] = [];
    let working = 0;
    let most = 0;
    await inPool(2, [0, 1, 2, 3, 4], async (item) => {
      begun.push(item);
      most = Math.max(most, ++working);
      await Promise.resolve();
      working--;
    });

    expect(begun).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });

  it('fails with what fails in it', async () => {
    await expect(inPool(1, [1], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});

describe('trying again (SECURITY 23)', () => {
  const failing = (times: number, marks: object) => {
    const call = async () => {
      call.count += 1;
      if (call.count <= times) throw Object.assign(new Error('moved'), marks);
      return 'answer';
    };
    call.count = 0;
    return call;
  };

  it('makes three calls at most', async () => {
    const passing = failing(2, { retryable: true });
    const lasting = failing(3, { retryable: true });

    expect(await retrying(passing)).toBe('answer');
    await expect(retrying(lasting)).rejects.toThrow('moved');
    expect(lasting.count).toBe(3);
  });

  it('leaves what is overloaded alone, and what is no fault of storage', async () => {
    for (const marks of [{ retryable: true, overloaded: true }, {}]) {
      const call = failing(1, marks);
      await expect(retrying(call)).rejects.toThrow('moved');
      expect(call.count).toBe(1);
    }
  });

  it('asks the caller which failures pass, and how long to wait', async () => {
    const call = failing(2, {});
    const pauses: number[] = [];
    const pauseAfter = (attempt: number) => {
      pauses.push(attempt);
      return 0;
    };

    expect(await retrying(call, { mayAskAgain: () => true, pauseAfter })).toBe('answer');
    expect(pauses).toEqual([1, 2]);
  });
});

describe('shared work', () => {
  const kept: Promise<unknown>[] = [];
  const work = (patience: number) => new SharedWork<string | null>(patience, (one) => kept.push(one));

  it('is one for callers side by side, and another for those after them', async () => {
    const shared = work(1000);
    const [first, second] = [pending<string>(), pending<string>()];

    const joined = [
      shared.join('a', () => first.promise),
      shared.join('a', () => Promise.reject(new Error('begun twice'))),
      shared.join('b', () => second.promise),
    ];
    first.resolve('first');
    second.resolve('second');

    expect(await Promise.all(joined)).toEqual(['first', 'first', 'second']);
    expect(await shared.join('a', () => Promise.resolve(null))).toBeNull();
    expect(kept).toHaveLength(3);
  });

  it('shares null and failures too, and goes on without a rejection of its own', async () => {
    const shared = work(1000);
    const [nothing, broken] = [pending<null>(), pending<string>()];

    const joined = [
      shared.join('a', () => nothing.promise),
      shared.join('a', () => Promise.reject(new Error('begun twice'))),
    ];
    nothing.resolve(null);
    expect(await Promise.all(joined)).toEqual([null, null]);

    const failed = [
      shared.join('b', () => broken.promise),
      shared.join('b', () => Promise.resolve('begun twice')),
    ];
    broken.reject(new Error('broken'));
    const settled = await Promise.allSettled(failed);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await Promise.all(kept);
  });

  it('is begun again by a caller whose patience is over', async () => {
    const shared = work(1);
    const cutOff = pending<string>();
    const first = shared.join('a', () => cutOff.promise);

    expect(await shared.join('a', () => Promise.resolve('again'))).toBe('again');
    cutOff.resolve('late');
    expect(await first).toBe('late');
  });
});
