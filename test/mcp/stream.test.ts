import { afterEach, describe, expect, it, vi } from 'vitest';
import { pass } from '../../src/mcp/passing/stream';
import { NOTHING } from '../../src/protocol/json/insert';
import { eventsOf } from '../support/caller';

describe('a fault of this gateway after a stream has begun (PROTOCOL §3)', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is an error response on that stream, and ends the request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const fault = Promise.withResolvers<never>();
    const ended = vi.fn();
    const passing = pass({
      serverName: 'docs',
      acceptsEvents: true,
      additions: NOTHING,
      quietSeconds: 60,
      clientSignal: () => new AbortController().signal,
      judging: { dueIn: 10_000, again: async () => 10_000 },
      send: () => fault.promise,
      isBeside: () => false,
      bring: async () => null,
      asksClient: false,
      input: async () => ({ text: 'input' }),
      failed: () => 'failed',
      needed: async () => 'needed',
      refused: () => 'refused',
      broken: (error) => `{"id":1e3,"error":"${error}"}`.replace('Error: ', ''),
      ended,
    });
    await vi.advanceTimersByTimeAsync(2_001);
    const text = (await passing).text();
    fault.reject(new Error('D1_ERROR'));

    expect(eventsOf(await text)).toEqual([{ id: 1000, error: 'D1_ERROR' }]);
    expect(ended).toHaveBeenCalledExactlyOnceWith('broken', null);
  });
});
