import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Memory, Recent } from '../../src/protocol/memory';
import { wait } from '../support/clock';

const LAG = 10_000;

/** A source that is asked, and answers when it is told to. */
class Source {
  asked = 0;
  private settle: { resolve(value: string | null): void; reject(error: Error): void }[] = [];

  read = (): Promise<string | null> => {
    this.asked++;
    return new Promise((resolve, reject) => this.settle.push({ resolve, reject }));
  };
  answer(value: string | null): void {
    this.settle.shift()?.resolve(value);
  }
  fail(): void {
    this.settle.shift()?.reject(new Error('down'));
  }
}

describe('what an isolate remembers (CONTRACT §5, revocation_lag)', () => {
  let source: Source;
  let memory: Memory<string>;
  const recall = (lag = LAG) => memory.recall('grant', lag, source.read);
  const learn = async (value: string) => {
    const learned = recall();
    source.answer(value);
    expect(await learned).toBe(value);
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    source = new Source();
    memory = new Memory(2);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('asks once in a lag', async () => {
    await learn('stands');

    wait(9);

    expect(await recall()).toBe('stands');
    expect(source.asked).toBe(1);
  });

  it('reads again once the lag is over, while those beside go on with what was known', async () => {
    await learn('stands');

    wait(10);
    const reading = recall();
    const beside = await recall();
    source.answer('ended');

    expect(beside).toBe('stands');
    expect(await reading).toBe('ended');
    expect(await recall()).toBe('ended');
    expect(source.asked).toBe(2);
  });

  it('answers nobody with what is long out of date, not even beside a reading', async () => {
    await learn('stands');

    wait(3600);
    const answers = [recall(), recall()];
    source.answer('ended');
    source.answer('ended');

    expect(await Promise.all(answers)).toEqual(['ended', 'ended']);
  });

  it('goes on for 60 seconds past the lag while the source fails, and not longer', async () => {
    await learn('stands');

    wait(69);
    const within = recall();
    source.fail();
    expect(await within).toBe('stands');
    wait(2);
    const late = recall();
    source.fail();

    await expect(late).rejects.toThrow('down');
  });

  it('lets one request a turn wait for a source that hangs, and the others go on', async () => {
    await learn('stands');

    wait(11);
    recall();
    wait(3);
    recall();

    expect(await recall()).toBe('stands');
    expect(source.asked).toBe(3);
  });

  it('remembers nothing that is not there', async () => {
    const missing = recall();
    source.answer(null);
    expect(await missing).toBeNull();

    await learn('made');

    expect(source.asked).toBe(2);
  });

  it('forgets what is no longer there', async () => {
    await learn('stands');
    wait(11);
    const gone = recall();
    source.answer(null);
    expect(await gone).toBeNull();

    recall();

    expect(source.asked).toBe(3);
  });

  it('reads every time without a lag', async () => {
    await learn('stands');

    const answers = [recall(0), recall(0)];
    source.answer('ended');
    source.answer('ended');

    expect(await Promise.all(answers)).toEqual(['ended', 'ended']);
  });

  it('does not let a reading that began earlier undo a later one', async () => {
    const early = recall();
    wait(1);
    memory.remember('grant', 'saved');

    source.answer('before');
    await early;

    expect(await recall()).toBe('saved');
  });

  it('keeps as many entries as it may, the oldest going first', async () => {
    for (const key of ['one', 'two', 'three']) memory.remember(key, key);

    expect(await memory.recall('three', LAG, async () => 'read')).toBe('three');
    expect(await memory.recall('one', LAG, async () => 'read')).toBe('read');
  });
});

describe('names that were noted recently', () => {
  it('make room one by one, those noted longest ago first', () => {
    const recent = new Recent(3);
    for (const name of ['a', 'b', 'c', 'a', 'd']) recent.add(name);

    expect(['a', 'b', 'c', 'd'].filter((name) => recent.has(name))).toEqual(['a', 'c', 'd']);
    recent.delete('c');
    expect(recent.has('c')).toBe(false);
  });
});
