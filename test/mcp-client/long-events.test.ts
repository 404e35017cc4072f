import { describe, expect, it } from 'vitest';
import { type EventPart, LongEventReader } from '../../src/mcp-client/sse/long-events';

/** What comes of a text given in pieces, the parts of what is too long put together again. */
function read(text: string, cuts: readonly number[], mayOpen = false): { type: string; data: string }[] {
  const reader = new LongEventReader(() => mayOpen);
  const bounds = [0, ...[...cuts].sort((one, other) => one - other), text.length];
  const parts: EventPart[] = bounds.flatMap((bound, at) => reader.push(text.slice(bound, bounds[at + 1])));
  const events: { type: string; data: string }[] = [];
  let long = '';
  for (const part of parts) {
    if (part.kind === 'event') events.push({ type: part.type, data: part.data });
    else if (part.kind === 'end') events.push({ type: 'long', data: long });
    else long = part.kind === 'open' ? part.data : long + part.data;
  }
  return events;
}

/** The same numbers at every run. */
function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % most;
  };
}

const LONG = 300_000;

describe('an event stream that several requests share', () => {
  it('is read alike wherever it is cut and however its lines end', () => {
    const lines = [
      'event: endpoint',
      'data: /m',
      '',
      ': a comment',
      'data:{"a":',
      'data: 1}',
      'id: 7',
      '',
      'retry: 1',
      '',
    ];
    const expected = [
      { type: 'endpoint', data: '/m' },
      { type: '', data: '{"a":\n1}' },
    ];
    const next = random(1);
    for (let run = 0; run < 500; run++) {
      const ends = ['\n', '\r', '\r\n'];
      const end = ends[run % 3] as string;
      const text = lines.map((line) => line + end).join('');
      const cuts = Array.from({ length: next(12) }, () => next(text.length));
      expect(read(text, cuts)).toEqual(expected);
    }
  });

  it('gives what is too long to be held in parts, where it may: the same JSON', () => {
    const value = { jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(LONG), list: [1, 2, 3] } };
    const next = random(2);
    for (let run = 0; run < 50; run++) {
      const data = JSON.stringify(value, null, run % 2 ? 1 : 0).split('\n');
      const text = `event: message\n${data.map((line) => `data: ${line}\n`).join('')}\ndata: after\n\n`;
      const cuts = Array.from({ length: 1 + next(40) }, () => next(text.length));
      const [first, second, ...others] = read(text, cuts, true);
      expect(JSON.parse(first?.data ?? '')).toEqual(value);
      expect([second, others]).toEqual([{ type: '', data: 'after' }, []]);
    }
    const cut = Array.from({ length: 20 }, (_, at) => at * 10_000);
    expect(read(`data: ${'x'.repeat(LONG)}\n\n`, [...cut, 290_000], true)).toMatchObject([{ type: 'long' }]);
  });

  it.each([
    ['{"jsonrpc":"2.0","id":7,"result":{"id":8,"x":"$"}}', 7],
    ['{"jsonrpc":"2.0","id":"7","result":{"x":"$"}}', 7],
    ['{"result":{"id":8,"x":"$"},"id":7}', null],
    ['{"id":7,"method":"sampling/createMessage","params":{"x":"$"}}', null],
    ['{"a":"\\"id\\":8,","id":7,"result":{"x":"$"}}', 7],
    ['[{"id":7,"result":{"x":"$"}}]', null],
  ])('says whose a long answer is where its beginning does: %s', (message, expected) => {
    const asked: (number | null)[] = [];
    const reader = new LongEventReader((id) => asked.push(id) > 1);
    const text = `data: ${message.replace('$', 'x'.repeat(LONG))}\n\n`;
    for (const from of [0, 1, 2, 3].map((at) => at * 70_000)) reader.push(text.slice(from, from + 70_000));
    const [open] = reader.push(text.slice(280_000, 290_000));

    expect(asked).toEqual([expected, expected]);
    expect(open).toMatchObject({ kind: 'open', id: expected });
  });

  it('holds up to 4 MiB where it may not, and no comment', () => {
    const pieces = (size: number) => Array.from({ length: size / 65_536 }, (_, at) => at * 65_536);
    const held = (size: number) => read(`data: ${'x'.repeat(size)}\n\n`, pieces(size));
    const comment = `:${'x'.repeat(6_000_000)}\ndata: y\n\n`;

    expect(held(4_000_000)[0]?.data).toHaveLength(4_000_000);
    expect(() => held(4_500_000)).toThrow('too long');
    expect(read(comment, pieces(6_000_000))).toEqual([{ type: '', data: 'y' }]);
  });
});
