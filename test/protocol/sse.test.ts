import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventReader } from '../../src/protocol/sse';

const [CR, LF] = ['\r', '\n'];

/** The events of a body that arrives in parts of `size` characters. */
function eventsIn(body: string, size: number): string[] {
  const reader = new EventReader();
  const events: string[] = [];
  for (let at = 0; at < body.length; at += size) events.push(...reader.push(body.slice(at, at + size)));
  return events;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('an event stream read as text (WHATWG HTML, Server-sent events)', () => {
  const lines = [
    ': comment',
    'event: message',
    'data: {"a":',
    'data:1}',
    'id: 7',
    '',
    'data: two',
    '',
    '',
    'data: cut',
  ];

  it.each([LF, CR, CR + LF])('has its events, however it is cut, with lines that end in %j', (end) => {
    const body = lines.map((line) => line + end).join('');

    for (let size = 1; size <= body.length; size++)
      expect(eventsIn(body, size)).toEqual(['{"a":\n1}', 'two']);
  });

  it('looks at each character once, so that a large answer takes no longer for its parts (PROTOCOL §3)', () => {
    const body = `event: message\r\ndata: ${'x'.repeat(4_000_000)}\r\n\r\n`;
    let looked = 0;
    for (const method of ['exec', Symbol.split] as const) {
      const own = RegExp.prototype[method] as (this: RegExp, text: string, limit?: number) => never;
      vi.spyOn(RegExp.prototype, method as 'exec').mockImplementation(function (this: RegExp, ...given) {
        looked += given[0].length;
        return own.apply(this, given);
      });
    }
    const events = eventsIn(body, 1024);
    vi.restoreAllMocks();

    expect(events.map(({ length }) => length)).toEqual([4_000_000]);
    expect(looked).toBeGreaterThanOrEqual(body.length);
    expect(looked).toBeLessThan(body.length * 1.1);
  });
});
