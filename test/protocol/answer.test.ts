import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InPlace, type Wanted } from '../../src/protocol/json/answer';
import { NOTHING } from '../../src/protocol/json/insert';
import { EventRelay, JsonAsEventRelay, JsonRelay, type Relay } from '../../src/protocol/sse';

const utf8 = new TextEncoder();
const WANTED: Wanted = {
  sent: 7,
  additions: { ...NOTHING, renamed: { sent: 7, id: '"mine"', token: '"token"' } },
};
const MODERN: Wanted = {
  sent: 7,
  additions: {
    ...NOTHING,
    members: { resultType: '"complete"', ttlMs: '0' },
    codes: { '-32002': '-32602' },
    renamed: { sent: 7, id: '9007199254740993', token: null },
  },
};

type Out = { out: string; answered: boolean; broken: boolean; inPlace: InPlace };
type NewRelay = (inPlace: InPlace) => Relay;

const asJson =
  (wanted = WANTED): NewRelay =>
  (inPlace) =>
    new JsonRelay(wanted, inPlace);
const asEvents =
  (wanted = WANTED): NewRelay =>
  (inPlace) =>
    new EventRelay(wanted, inPlace);

/** What comes out when `text` goes in, cut before each of `cuts`, in bytes. */
function through(newRelay: NewRelay, text: string, cuts: readonly number[]): Out {
  const bytes = utf8.encode(text);
  const inPlace = new InPlace();
  const relay = newRelay(inPlace);
  const decoder = new TextDecoder();
  let out = '';
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    for (const part of relay.push(bytes.slice(from, cut)))
      out += decoder.decode(part as Uint8Array, { stream: true });
    from = cut;
  }
  const { answered, broken } = relay;
  return { out, answered, broken, inPlace };
}

/** The same for every size of chunks: boundaries fall everywhere, inside characters and escapes too. */
function throughEveryCut(newRelay: NewRelay, text: string): Out {
  const { length } = utf8.encode(text);
  const whole = through(newRelay, text, []);
  for (let size = 1; size < 12; size++) {
    const cuts = Array.from({ length: Math.ceil(length / size) - 1 }, (_, at) => (at + 1) * size);
    expect(through(newRelay, text, cuts)).toEqual(whole);
  }
  return whole;
}

const envelope = (result: string) => `{"jsonrpc":"2.0","id":"mine","result":${result}}`;

describe('an answer on its way (PROTOCOL §3)', () => {
  it("comes out with the client's id, byte for byte, whatever it holds, wherever it is cut and its id stands", () => {
    const others = fc.constantFrom(
      '"jsonrpc":"2.0"',
      '"error":null',
      '"_meta":{"id":8,"result":{}}',
      '"x":"}\\"\\\\"',
      '"id":7',
    );
    const ids = fc.constantFrom('7', '"7"', '7.0', '7e0', '"\\u0037"');
    const values = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.json(), { maxKeys: 4 });
    const spaces = fc.constantFrom('', ' ', '\t');
    const answers = fc
      .tuple(fc.array(others, { maxLength: 3 }), ids, values, spaces, fc.boolean())
      .map(([more, id, members, space, isLast]) => {
        const inner = Object.entries(members).map(
          ([name, value]) => `${JSON.stringify(name)}:${space}${value}`,
        );
        const result = `{${inner.join(`${space},`)}}`;
        const pair = [`"id"${space}:${id}`, `"result":${space}${result}`];
        const parts = [...more, ...(isLast ? pair.toReversed() : pair)];
        return { text: `${space}{${space}${parts.join(`${space},`)}${space}}`, result };
      });
    const cutting = fc.array(fc.nat(), { maxLength: 6 });
    const way = fc.constantFrom('json', 'array', 'events', 'lines') as fc.Arbitrary<
      'json' | 'array' | 'events' | 'lines'
    >;

    fc.assert(
      fc.property(answers, cutting, way, ({ text, result }, numbers, form) => {
        const note = '{"method":"notifications/message"}';
        const given = {
          json: text,
          array: `[{"id":8,"result":{}},${text}]`,
          events: `: hi\n\nid: 1\ndata:\n\ndata: ${note}\n\ndata: {"result":{},"id":8}\n\ndata: ${text}\n\n`,
          lines: `\ufeffevent: message\r\ndata: ${note}\r\n\r\nid: a\r\ndata: ${text}\r\ndata:\r\n\r\n`,
        }[form];
        const { length } = utf8.encode(given);
        const cuts = numbers.map((number) => number % length).sort((a, b) => a - b);
        const isEvents = form === 'events' || form === 'lines';
        const { out, answered } = through(isEvents ? asEvents() : asJson(), given, cuts);

        expect(answered).toBe(true);
        expect(out).toBe(isEvents ? `data: ${note}\n\ndata: ${envelope(result)}\n\n` : envelope(result));
      }),
      { numRuns: 500 },
    );
  });

  it('lets nothing out of what is not the answer, wherever it is cut, and says what came in its place', () => {
    const wrong = [
      '{"id":8,"result":{}}',
      '{"result":{"a":[1]},"id":"8"}',
      '{"id":null,"result":{}}',
      '{"result":{}}',
    ];
    for (const text of [...wrong, `[${wrong.join()}]`]) {
      expect(throughEveryCut(asJson(), text)).toMatchObject({
        out: '',
        answered: false,
        inPlace: { other: true },
      });
      const { out, inPlace } = throughEveryCut(asEvents(), `data: ${text}\n\n`);
      expect({ out, other: inPlace.other }).toEqual({ out: '', other: true });
    }
    for (const text of [
      'x',
      '{"id":7}',
      '{id:7}',
      '{"a" 1}',
      '{"id":7,"result":1}',
      '{}',
      '[1]',
      '[[]]',
      ']',
    ])
      expect(throughEveryCut(asJson(), text)).toMatchObject({ out: '', inPlace: { odd: true } });
    expect(throughEveryCut(asJson(), '{"error":{"code":1,"message":"a"},"id":null}').inPlace.error).toBe(
      '{"code":1,"message":"a"}',
    );
  });

  it('holds 256 KiB of a message that does not say its id, and no more', () => {
    const result = (size: number) => `{"content":"${'x'.repeat(size)}"}`;
    const first = (size: number) => {
      const relay = asJson()(new InPlace());
      return relay.push(utf8.encode(`{"result":${result(size)}`)).length;
    };

    expect(first(262_000)).toBe(0);
    expect(first(263_000)).toBeGreaterThan(0);
    expect(through(asJson(), `{"result":${result(263_000)},"id":7}`, [5, 70_000])).toMatchObject({
      out: envelope(result(263_000)),
      answered: true,
    });
    expect(through(asJson(), `{"result":${result(263_000)},"id":8}`, [])).toMatchObject({
      answered: false,
      broken: true,
    });
    expect(through(asJson(), `{"result":${result(263_000)}}`, [])).toMatchObject({
      answered: false,
      broken: true,
    });
    expect(through(asJson(), `{"x":"${'x'.repeat(263_000)}","id":7,"result":{}}`, [])).toMatchObject({
      out: '',
    });
    const note = `{"method":"notifications/a","params":${result(300_000)}}`;
    expect(through(asEvents(), `data: ${note}\n\n`, [9, 70_000]).out).toBe(`data: ${note}\n\n`);
  });

  it('gets what its era wants', () => {
    const given = ['{"id":7,"result":{"a":1}}', '{"error":{"code":-32002,"message":"x"},"id":7}'];

    expect(given.map((text) => throughEveryCut(asJson(MODERN), text).out)).toEqual([
      '{"jsonrpc":"2.0","id":9007199254740993,"result":{"a":1,"resultType":"complete","ttlMs":0}}',
      '{"jsonrpc":"2.0","id":9007199254740993,"error":{"code":-32602,"message":"x"}}',
    ]);
  });

  it("gives progress the client's token, and leaves the id of a server's own request alone", () => {
    const given = '{"id":7,"method":"x","params":{"progressToken":7}}';

    expect(throughEveryCut(asEvents(), `data: ${given}\n\n`).out).toBe(
      'data: {"id":7,"method":"x","params":{"progressToken":"token"}}\n\n',
    );
  });
});

describe('an event stream on its way (WHATWG HTML, Server-sent events)', () => {
  it('passes messages, one line each, and neither ids nor comments nor empty events', () => {
    const given =
      ': hello\n\nid: 1\ndata: \n\nretry: 5\nevent: message\nid: 2\ndata: {"method":"a"}\n\ndata:{"id":7,"result":\r\ndata: {}}\r\n\r\n';
    const { out, answered } = throughEveryCut(asEvents(), given);

    expect(out).toBe(`data: {"method":"a"}\n\ndata: ${envelope('{}')}\n\n`);
    expect(answered).toBe(true);
  });

  it('lets nothing follow the answer', () => {
    const { out } = throughEveryCut(asEvents(), 'data: {"id":7,"result":{}}\n\ndata: {"method":"late"}\n\n');

    expect(out).toBe(`data: ${envelope('{}')}\n\n`);
  });

  it('says where a comment may stand: never inside an event that has begun to pass', () => {
    const relay = asEvents()(new InPlace());
    const between = ['data: {"id"', ':7,"result":{', '}}', '\n\n'].map((part) => {
      relay.push(utf8.encode(part));
      return relay.between;
    });

    expect(between).toEqual([true, false, true, true]);
  });

  it('keeps the id of the last whole event and the wait its server wants', () => {
    const relay = new EventRelay(WANTED, new InPlace());
    relay.push(utf8.encode('id: 1\nretry: 500\ndata:\n\nretry: soon\nid: a\0b\n\nid: 2\ndata: {"method'));

    expect([relay.lastEventId, relay.retry]).toEqual(['1', 500]);
  });

  it('gives no message twice when it is continued', () => {
    const relay = new EventRelay(WANTED, new InPlace());
    const said = (text: string) =>
      relay
        .push(utf8.encode(text))
        .map((part) => new TextDecoder().decode(part as Uint8Array))
        .join('');
    const event = (id: number) => `id: ${id}\ndata: {"method":"${id}"}\n\n`;
    const before = said(`${event(1)}${event(2)}id: 3\ndata: {"meth`);
    relay.restart();
    const after = said(`${event(2)}${event(3)}${event(4)}`);

    expect(before + after).toBe([1, 2, 3, 4].map((id) => `data: {"method":"${id}"}\n\n`).join(''));
  });
});

describe('a JSON answer in a stream that has begun', () => {
  const relay: NewRelay = (inPlace) => new JsonAsEventRelay(MODERN, inPlace);

  it('is one event on one line', () => {
    const { out, answered } = throughEveryCut(relay, '{\r\n  "id":7,"result": {"t": "a\\nb",\n"x":1}\n}');

    expect(out).toBe(
      'data: {"jsonrpc":"2.0","id":9007199254740993,"result":{"t": "a\\nb", "x":1,"resultType":"complete","ttlMs":0}}\n\n',
    );
    expect(answered).toBe(true);
  });

  it('is one event for each message of an array', () => {
    const { out } = throughEveryCut(relay, '[{"method":"a"},\n{"method":"b"}]');

    expect(out).toBe('data: {"method":"a"}\n\ndata: {"method":"b"}\n\n');
  });
});
