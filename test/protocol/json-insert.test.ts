import { describe, expect, it } from 'vitest';
import { type Additions, MessageScanner, NOTHING } from '../../src/protocol/json/insert';
import { heldBy, times } from '../support/heap';

const utf8 = new TextEncoder();

const ADDITIONS: Additions = {
  ...NOTHING,
  members: { resultType: '"complete"', ttlMs: '0' },
  codes: { '-32002': '-32602' },
};

/** What comes out when `text` goes in as chunks of `size` bytes. */
function through(scanner: MessageScanner, text: string, size: number): { out: string; answered: boolean } {
  const bytes = utf8.encode(text);
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const part of scanner.push(bytes.slice(at, at + size))) out.push(...part);
  }
  return { out: new TextDecoder().decode(Uint8Array.from(out)), answered: scanner.answered };
}

/** The same for every chunk size: boundaries fall everywhere, inside characters and escapes too. */
function throughEveryCut(newScanner: () => MessageScanner, text: string): { out: string; answered: boolean } {
  const whole = through(newScanner(), text, text.length * 4);
  for (let size = 1; size < 12; size++) expect(through(newScanner(), text, size)).toEqual(whole);
  return whole;
}

const json = (additions = ADDITIONS) => new MessageScanner(additions);

it.each([
  ['"public"', '"private"'],
  ['7', '"private"'],
  [`"${'x'.repeat(9000)}"`, `"${'x'.repeat(9000)}"`], // too long to be held
])('of who may keep a result %.20s becomes %.20s', (said, expected) => {
  const scanner = () => json({ ...NOTHING, members: { cacheScope: '"private"' } });

  const { out } = throughEveryCut(scanner, `{"result":{"cacheScope":${said},"a":{"cacheScope":"public"}}}`);

  expect(out).toBe(`{"result":{"cacheScope":${expected},"a":{"cacheScope":"public"}}}`);
});

describe('members written into a result while it flows (MCP 2026-07-28, ResultType, Caching)', () => {
  it.each([
    [
      'after the last member',
      '{"id":1,"result":{"content":[]}}',
      '{"id":1,"result":{"content":[],"resultType":"complete","ttlMs":0}}',
    ],
    ['into an empty result', '{"result":{},"id":1}', '{"result":{"resultType":"complete","ttlMs":0},"id":1}'],
    ['keeping what is there', '{"result":{"ttlMs":5}}', '{"result":{"ttlMs":5,"resultType":"complete"}}'],
    [
      'where only some are',
      '{"result":{"resultType":"complete"}}',
      '{"result":{"resultType":"complete","ttlMs":0}}',
    ],
    [
      'whatever strings hold',
      '{"a":"{\\"result\\":{","result":{"t":"}\\\\\\"é漢😀{"}}',
      '{"a":"{\\"result\\":{","result":{"t":"}\\\\\\"é漢😀{","resultType":"complete","ttlMs":0}}',
    ],
    [
      'at the second level only',
      '{"result":{"result":{"a":1},"list":[{"resultType":1}]}}',
      '{"result":{"result":{"a":1},"list":[{"resultType":1}],"resultType":"complete","ttlMs":0}}',
    ],
    [
      'with a name written in escapes',
      '{"\\u0072esult" : { "x" : 1 } }',
      '{"\\u0072esult" : { "x" : 1 ,"resultType":"complete","ttlMs":0} }',
    ],
  ])('%s', (_, given, expected) => {
    const { out, answered } = throughEveryCut(json, given);

    expect(out).toBe(expected);
    expect(answered).toBe(true);
  });

  it('without keeping the names of the others', () => {
    const scanner = json();
    const names = utf8.encode('"kkkkkkkk":1,'.repeat(10_000));
    scanner.push(utf8.encode('{"id":1,"result":{'));

    expect(heldBy(() => times(20, () => scanner.push(names)))).toBeLessThan(2_000_000);
    expect(through(scanner, '"k":1}}', 100).out).toBe('"k":1,"resultType":"complete","ttlMs":0}}');
  });

  it.each([
    ['a result that has all of them', '{"result":{"resultType":"complete","ttlMs":7}}'],
    ['a result that is no object', '{"result":[{}]}'],
    ['a notification', '{"method":"notifications/progress","params":{"result":{}}}'],
    ['something that is not JSON', 'not {"json'],
  ])('leaves %s alone', (_, given) => {
    expect(throughEveryCut(json, given).out).toBe(given);
  });

  it('writes an error code that the revision must not see as the one it knows, and no other number', () => {
    const given =
      '{"error":{"code":-32002,"message":"-32002","data":{"code":-32002}},"result":{"code":-32002}}';
    const expected =
      '{"error":{"code":-32602,"message":"-32002","data":{"code":-32002}},"result":{"code":-32002,"resultType":"complete","ttlMs":0}}';

    expect(throughEveryCut(json, given).out).toBe(expected);
  });

  it('changes no byte when nothing is to be added', () => {
    const given = ' {"jsonrpc":"2.0",\r\n"result":{"n":1.0e5,"error":{"code": -32002}}}\n';

    expect(throughEveryCut(() => json(NOTHING), given)).toEqual({ out: given, answered: true });
  });

  it('gives the client its own progress token back, digit by digit, and touches no other value', () => {
    const renamed = { sent: 7, id: '1', token: '9007199254740993' };
    const given = [
      '{"id":7,"method":"notifications/progress","params":{"progressToken":7,"progress":7,"deep":{"progressToken":7}}}',
      '{"method":"notifications/progress","params":{"progressToken" : 7.0 }}',
      '{"method":"notifications/progress","params":{"progressToken":"7"}}',
      '{"method":"notifications/progress","params":{"progressToken":8}}',
      '{"result":{"params":{"progressToken":7},"progressToken":7}}',
    ];

    expect(given.map((text) => throughEveryCut(() => json({ ...NOTHING, renamed }), text).out)).toEqual([
      '{"id":7,"method":"notifications/progress","params":{"progressToken":9007199254740993,"progress":7,"deep":{"progressToken":7}}}',
      '{"method":"notifications/progress","params":{"progressToken" : 9007199254740993 }}',
      '{"method":"notifications/progress","params":{"progressToken":9007199254740993}}',
      '{"method":"notifications/progress","params":{"progressToken":8}}',
      '{"result":{"params":{"progressToken":7},"progressToken":7}}',
    ]);
  });

  it('takes a cut-off message for no answer', () => {
    expect(throughEveryCut(json, '{"result":{"content":[').answered).toBe(false);
  });
});

describe('structured content for clients of the 2025 era (PROTOCOL §5)', () => {
  const older = () => json({ ...NOTHING, objectsOnly: true });
  const asText = (value: string) => `"content":${JSON.stringify([{ type: 'text', text: value }])}`;

  it.each([
    ['[1.0,{"a":"]}"}]', asText('[1.0,{"a":"]}"}]')],
    ['"a\\"b"', asText('"a\\"b"')],
    ['9007199254740993', asText('9007199254740993')],
    ['null', asText('null')],
    ['false ', asText('false')],
    ['[1], "content" : [ ]', asText('[1]')],
    ['[1],"isError":false', `"isError":false,${asText('[1]')}`],
    ['[1],"content":[{"type":"text","text":","}]', '"content":[{"type":"text","text":","}]'],
  ])('{"structuredContent":%s} becomes {%s}', (value, members) => {
    const given = `{"id":1,"result":{"structuredContent":${value}},"jsonrpc":"2.0"}`;
    const expected = `{"id":1,"result":{${members}},"jsonrpc":"2.0"}`;

    expect(throughEveryCut(older, given)).toEqual({ out: expected, answered: true });
  });

  it.each([
    ['"content":[{"a":1}],"structuredContent":[1]', '"content":[{"a":1}]'],
    ['"content":[{"a":1}] , "structuredContent":[1],"isError":true', '"content":[{"a":1}] ,"isError":true'],
    ['"content":[],"structuredContent":[1]', asText('[1]')],
    ['"content":[],"_meta":{},"\\u0073tructuredContent":[1]', `"_meta":{},${asText('[1]')}`],
    ['"content":[]', '"content":[]'],
    ['"structuredContent":{"a":[1]},"content":[ ]', '"structuredContent":{"a":[1]},"content":[]'],
  ])('{%s} becomes {%s}', (members, expected) => {
    const { out } = throughEveryCut(older, `{"result":{${members}}}`);

    expect(out).toBe(`{"result":{${expected}}}`);
  });

  it.each([
    '{"result":{"structuredContent":{"structuredContent":[1]},"content":[[]]}}',
    '{"result":{ "content": [ {"structuredContent":[]} ] , "structuredContent" : { } } , "structuredContent":[1]}',
    '{"error":{"code":1,"structuredContent":[1]}}',
    '{"result":[{"structuredContent":[1]}]}',
    '{"method":"x","params":{"structuredContent":[1]}}',
    '{"result":{"a":"\\\\","b":"\\"}"}}',
    '{"result":{}}',
    '{"result":{"a":1,}}',
    'not {"json',
  ])('%s passes as it is', (given) => {
    expect(throughEveryCut(older, given).out).toBe(given);
  });

  it('that is too long to be held is said to be', () => {
    const { out } = through(older(), `{"result":{"structuredContent":"${'x'.repeat(300_000)}"}}`, 4096);

    expect(JSON.parse(out).result.content[0].text).toMatch(/too long/);
  });
});
