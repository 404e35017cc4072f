import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixedUris } from '../../src/protocol/json/prefixed-uris';
import { withPrefix } from '../../src/protocol/json/resource-address';
import { MESSAGE_PLACES, TOOL_PLACES, type UriPlaces } from '../../src/protocol/json/uri-places';
import { heldBy, times } from '../support/heap';

const utf8 = new TextEncoder();
const decoder = new TextDecoder();
const PREFIX = 'zz9';

const placesOf = (method: string) => MESSAGE_PLACES.get(method) as UriPlaces;

/** What comes out when `bytes` go in, cut at `cuts`. */
function through(places: UriPlaces, bytes: Uint8Array, cuts: readonly number[]): string {
  const scanner = new PrefixedUris(PREFIX, places);
  const out: number[] = [];
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    for (const part of scanner.push(bytes.slice(from, cut))) for (const byte of part) out.push(byte);
    from = cut;
  }
  return decoder.decode(Uint8Array.from(out));
}

/** The same for every size of chunk up to twelve bytes. */
function everyCut(method: string, given: string): string {
  const bytes = utf8.encode(given);
  const whole = through(placesOf(method), bytes, []);
  for (let size = 1; size < 13; size++) {
    const cuts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => at * size);
    expect(through(placesOf(method), bytes, cuts)).toBe(whole);
  }
  return whole;
}

/** A JSON value whose members keep the order they are written in. */
type Tree = string | number | boolean | null | Tree[] | Members;
class Members {
  constructor(readonly entries: readonly [string, Tree][]) {}
  get(name: string): Tree | undefined {
    return this.entries.find(([own]) => own === name)?.[1];
  }
  with(name: string, edit: (value: Tree) => Tree): Members {
    return new Members(this.entries.map(([own, value]) => [own, own === name ? edit(value) : value]));
  }
}

const NAMES = [
  ...['uri', 'resource', 'type', 'content', 'contents', 'messages', '_meta', 'ui', 'resourceUri'],
  ...['ui/resourceUri', 'openai/outputTemplate', 'params', 'method', 'result', 'error', 'data'],
  ...['inputRequests', 'constructor', 'x', 'é"\\'],
];
const TYPES = ['resource_link', 'resource', 'text', 'tool_result', 'resource_links', 'method'];
const METHODS = ['sampling/createMessage', 'notifications/resources/updated', 'notifications/message'];
const URIS = ['file:///a', 'ui://w/x', 'UI://w', 'Ui:/', 'u', '', 'docs+x', 'é漢😀', '"\\\n\u0001', 'ui://'];

const leaf = fc.oneof(
  fc.constantFrom<Tree>(...URIS, ...TYPES, ...METHODS, 1e5, -0.5, true, null),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ minLength: 60, maxLength: 140 }),
);
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    membersOf(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie('tree')), {
        selector: ([name]) => name,
        maxLength: 5,
      }),
    ),
  ),
}));

function membersOf(entries: fc.Arbitrary<[string, Tree][]>): fc.Arbitrary<Members> {
  return entries.map((all) => new Members(all));
}

/** An object with some of these members, in any order, now and then with something else in their place. */
function shaped(shape: Record<string, fc.Arbitrary<Tree>>): fc.Arbitrary<Members> {
  const members = Object.entries(shape).map(([name, value]) =>
    fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: tree })),
  );
  return fc
    .tuple(...members)
    .chain((all) =>
      fc.shuffledSubarray(all, { minLength: Math.ceil(all.length / 2) }).map((some) => new Members(some)),
    );
}

const listOf = (value: fc.Arbitrary<Tree>) => fc.array(value, { maxLength: 4 });
const uri = fc.constantFrom<Tree>(...URIS);
const block = shaped({
  type: fc.constantFrom<Tree>(...TYPES),
  uri,
  resource: shaped({ uri, type: fc.constantFrom<Tree>(...TYPES), text: uri }),
  content: listOf(shaped({ type: fc.constantFrom<Tree>(...TYPES), uri, resource: shaped({ uri }) })),
});
const meta = shaped({
  ui: shaped({ resourceUri: uri, uri }),
  'ui/resourceUri': uri,
  'openai/outputTemplate': uri,
});
const messages = listOf(shaped({ role: leaf, content: fc.oneof(block, listOf(block)), uri }));
const method = fc.constantFrom<Tree>(...METHODS);
const result = shaped({
  content: listOf(block),
  contents: listOf(shaped({ uri, text: uri, _meta: meta })),
  messages,
  _meta: meta,
  structuredContent: fc.oneof(block, tree),
  inputRequests: shaped({ a: shaped({ method, params: shaped({ messages, uri }) }), messages }),
});
const message = shaped({
  jsonrpc: fc.constant<Tree>('2.0'),
  result,
  error: shaped({ data: shaped({ uri, type: leaf }), uri }),
  method,
  params: shaped({ uri, messages, _meta: meta }),
});

/** What PROTOCOL §6 says, read off the whole message. */
function expected(asked: string, whole: Tree): Tree {
  const put = (value: Tree): Tree => (typeof value === 'string' ? withPrefix(PREFIX, value) : value);
  const inside = (edit: (members: Members) => Members) => (value: Tree) =>
    value instanceof Members ? edit(value) : value;
  const each = (edit: (value: Tree) => Tree) => (value: Tree) =>
    Array.isArray(value) ? value.map(edit) : value;
  const blockWith = (deeper: boolean): ((value: Tree) => Tree) =>
    inside((found) => {
      const type = found.get('type');
      const here = deeper ? found.with('content', each(blockWith(false))) : found;
      if (type === 'resource_link') return here.with('uri', put);
      return type === 'resource'
        ? here.with(
            'resource',
            inside((inner) => inner.with('uri', put)),
          )
        : here;
    });
  const said = (deeper: boolean) =>
    each(
      inside((found) =>
        found.with('content', (value) =>
          Array.isArray(value) ? value.map(blockWith(deeper)) : blockWith(deeper)(value),
        ),
      ),
    );
  const pages = inside((found) =>
    found
      .with(
        'ui',
        inside((ui) => ui.with('resourceUri', put)),
      )
      .with('ui/resourceUri', put)
      .with('openai/outputTemplate', put),
  );
  const asking = (found: Members) =>
    found.get('method') === 'sampling/createMessage'
      ? found.with(
          'params',
          inside((params) => params.with('messages', said(true))),
        )
      : found;
  const question = inside(asking);
  const answered = inside((found) => {
    const asks = found.with('_meta', pages).with(
      'inputRequests',
      inside((all) => new Members(all.entries.map(([name, one]) => [name, question(one)]))),
    );
    if (asked === 'tools/call') return asks.with('content', each(blockWith(false)));
    if (asked === 'prompts/get') return asks.with('messages', said(false));
    return asks.with('contents', each(inside((one) => one.with('uri', put))));
  });
  return inside((found) => {
    const kind = found.get('method');
    const both = found.with('result', answered).with(
      'error',
      inside((error) =>
        error.with(
          'data',
          inside((data) => data.with('uri', put)),
        ),
      ),
    );
    if (kind === 'notifications/resources/updated')
      return both.with(
        'params',
        inside((params) => params.with('uri', put)),
      );
    return asking(both);
  })(whole);
}

const plain = (value: Tree): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Members ? value.entries.map(([name, inner]) => [name, plain(inner)]) : value;
};
const parsed = (given: string): unknown =>
  JSON.parse(given, (_, value) =>
    value && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : value,
  );

/** The text of a value, white space and escapes as `tape` has it. */
function written(value: Tree, tape: readonly number[]): string {
  let at = 0;
  const pick = () => tape[at++ % tape.length] as number;
  const space = () => ['', '', '', ' ', '\n', '\t \r\n'][pick() % 6] as string;
  const escaped = (char: string) =>
    pick() % 4 && !/["\\\p{Cc}]/u.test(char)
      ? char
      : [...Array(char.length).keys()]
          .map((unit) => `\\u${char.charCodeAt(unit).toString(16).padStart(4, '0')}`)
          .join('');
  const string = (given: string) =>
    `"${[...given].map((char) => (char === '/' && pick() % 5 === 0 ? '\\/' : escaped(char))).join('')}"`;
  const write = (inner: Tree): string => {
    if (typeof inner === 'string') return string(inner);
    if (Array.isArray(inner))
      return `[${space()}${inner.map(write).join(`${space()},${space()}`)}${space()}]`;
    if (!(inner instanceof Members)) return JSON.stringify(inner);
    const members = inner.entries.map(([name, one]) => `${string(name)}${space()}:${space()}${write(one)}`);
    return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
  };
  return `${space()}${write(value)}${space()}`;
}

describe('prefixes of resources, put in while a message flows (PROTOCOL §6)', () => {
  it('stand before what is a URI by its place, and no other byte changes, wherever the message is cut', {
    timeout: 30_000,
  }, () => {
    const cases = fc.record({
      method: fc.constantFrom('tools/call', 'prompts/get', 'resources/read'),
      message: fc.oneof(
        { weight: 4, arbitrary: message as fc.Arbitrary<Tree> },
        { weight: 1, arbitrary: tree },
      ),
      tape: fc.array(fc.nat(1000), { minLength: 50, maxLength: 50 }),
      cuts: fc.array(fc.nat(100_000), { maxLength: 60 }),
    });
    let changed = 0;

    fc.assert(
      fc.property(cases, ({ method, message, tape, cuts }) => {
        const given = written(message, tape);
        const out = through(placesOf(method), utf8.encode(given), cuts);

        expect(out.replaceAll(`${PREFIX}+`, '')).toBe(given);
        expect(parsed(out)).toEqual(plain(expected(method, message)));
        if (out !== given) changed++;
      }),
      { numRuns: 500 },
    );

    expect(changed).toBeGreaterThan(100);
  });

  const link = (uri: string) => `{"type":"resource_link","uri":${uri}}`;
  const result = (inner: string) => `{"id":1,"result":{"content":[${inner}]}}`;

  it.each([
    ['a name in escapes', '{"\\u0074ype":"resource\\u005flink","u\\u0072i":"a:b"}', '"zz9+a:b"'],
    ['ui:// in escapes', link('"\\u0055i:\\/\\u002Fa"'), '"\\u0055i:\\/\\u002Fzz9+a"'],
    ['a URI that is there twice', '{"uri":"a","type":"resource_link","uri":"b"}', '"uri":"zz9+b"'],
    ['an empty one', link('""'), '"zz9+"'],
    ['one beside a number', '{"type":"resource_link","uri":7,"uri":"c"}', '"uri":7,"uri":"zz9+c"'],
  ])('stand before %s', (_, given, found) => {
    expect(everyCut('tools/call', result(given))).toContain(found);
  });

  it.each([
    ['text', '{"type":"text","text":"a:b","uri":"a:b"}'],
    ['an item that says nothing', '{"uri":"a:b","resource":{"uri":"a:b"}}'],
    ['one that says it with a number', '{"type":7,"uri":"a:b"}'],
    ['a longer type', `{"uri":"a:b","type":"resource_link${'x'.repeat(300)}"}`],
    ['one level deeper', `{"type":"x","content":[${link('"a:b"')}]}`],
    [
      'the annotations of a link',
      '{"type":"resource_link","annotations":{"uri":"a:b","type":"resource_link"}}',
    ],
  ])('do not stand in %s', (_, given) => {
    expect(everyCut('tools/call', result(given))).toBe(result(given));
  });

  it('do not stand in what a tool answers as data', () => {
    const given = `{"result":{"structuredContent":{"content":[${link('"a:b"')}]},"contents":[{"uri":"a:b"}]}}`;

    expect(everyCut('tools/call', given)).toBe(given);
  });

  it.each([
    'not {"json',
    '{"result":]}}}[{',
    '"',
    '{"result":{"content":[{"type":"resource_link","uri":"\\',
    '',
  ])('pass what is no JSON: %s', (given) => {
    expect(given.startsWith(everyCut('tools/call', given))).toBe(true);
  });

  it('hold an item until it says what it is, up to 64 KiB; what then has said nothing is a link', () => {
    const late = (size: number, type: string) =>
      result(`{"uri":"a:b","title":"${'x'.repeat(size)}","type":"${type}"}`);
    const prefixed = (text: string) => text.replace('"a:b"', '"zz9+a:b"');
    const out = (given: string) =>
      through(placesOf('tools/call'), utf8.encode(given), [10, 5000, 60_000, 69_000]);

    expect(out(late(60_000, 'resource_link'))).toBe(prefixed(late(60_000, 'resource_link')));
    expect(out(late(60_000, 'text'))).toBe(late(60_000, 'text'));
    expect(out(late(70_000, 'text'))).toBe(prefixed(late(70_000, 'text')));
  });

  it('wait for the same item no second time, however many URIs it has', () => {
    const scanner = new PrefixedUris(PREFIX, placesOf('tools/call'));
    const sent = (given: string) =>
      scanner
        .push(utf8.encode(given))
        .map((part) => decoder.decode(part))
        .join('');
    const uris = '"uri":"a:b",'.repeat(6000);

    expect(sent(`{"result":{"content":[{${uris}`)).toContain('"zz9+a:b"');
    expect(sent('"uri":"c:d",')).toBe('"uri":"zz9+c:d",');
    expect(sent('"type":"text","uri":"e:f"},{"uri":"g:h",')).toBe('"type":"text","uri":"e:f"},{"uri":"');
    expect(sent('"type":"text"}]}}')).toBe('g:h","type":"text"}]}}');
  });

  it('hold no memory for an item of many URIs that never says what it is', () => {
    const scanner = new PrefixedUris(PREFIX, placesOf('tools/call'));
    const uris = utf8.encode('"uri":"",'.repeat(6000));
    scanner.push(utf8.encode('{"result":{"content":[{'));

    expect(heldBy(() => times(200, () => scanner.push(uris)))).toBeLessThan(20_000_000);
  });

  it('flow on while nothing is in doubt: no more is held than a URI begins with', () => {
    const scanner = new PrefixedUris(PREFIX, placesOf('tools/call'));
    const sent = (given: string) =>
      scanner.push(utf8.encode(given)).reduce((size, part) => size + part.length, 0);

    expect(sent('{"result":{"content":[{"type":"resource_link","uri":"u')).toBe(52);
    expect(sent('rl:x')).toBe(2 + 4 + 4);
    expect(sent('","title":"y')).toBe(12);
  });

  it('go by the first type of an item, which is then the only one', () => {
    const given = result('{"type":"text","uri":"a:b","type":"resource_link"}');
    const other = result('{"type":"resource_link","uri":"a:b","type":"text"}');

    expect(everyCut('tools/call', given)).toBe(result('{"type":"text","uri":"a:b","type":"text"}'));
    expect(everyCut('tools/call', other)).toContain('"zz9+a:b","type":"resource_link"');
  });

  it('go by a method that stands after its params', () => {
    const updated = '{"params":{"uri":"a:b"},"method":"notifications/resources/updated"}';
    const other = '{"params":{"uri":"a:b"},"method":"notifications/x"}';

    expect(everyCut('tools/call', updated)).toContain('"zz9+a:b"');
    expect(everyCut('tools/call', other)).toBe(other);
  });

  it('stand in a task’s result as in a tool’s, and in a tool’s definition', () => {
    const tool = '{"name":"t","_meta":{"ui":{"resourceUri":"ui://a"},"ui/resourceUri":"ui://a"},"uri":"x"}';

    expect(everyCut('tasks/result', result(link('"a:b"')))).toBe(result(link('"zz9+a:b"')));
    expect(through(TOOL_PLACES, utf8.encode(tool), [])).toBe(tool.replaceAll('ui://a', 'ui://zz9+a'));
  });

  it.each([
    ['items that never say what they are', (n: number) => `{"uri":"a"},`.repeat(n)],
    ['URIs that wait for a method', () => ''],
    ['backslashes', (n: number) => `{"x":"${'\\\\'.repeat(n * 4)}"},`],
    ['quotes in escapes', (n: number) => `{"x":"${'\\"'.repeat(n * 4)}"},`],
    ['nesting', (n: number) => '['.repeat(n * 8)],
    ['one URI after the other', (n: number) => `{${'"uri":"a",'.repeat(n)}"x":1},`],
  ])('cost time by the byte: %s', (what, inner) => {
    const time = (n: number) => {
      const block = '{"content":{"type":"resource_link","uri":"a"}},';
      const given =
        what === 'URIs that wait for a method'
          ? `{"params":{"messages":[${block.repeat(n)}0]},"method":"sampling/createMessage"}`
          : result(`${inner(n)}0`);
      const bytes = utf8.encode(given);
      const begun = performance.now();
      const scanner = new PrefixedUris(PREFIX, placesOf('tools/call'));
      for (let at = 0; at < bytes.length; at += 16_384) scanner.push(bytes.subarray(at, at + 16_384));
      return (performance.now() - begun) / bytes.length;
    };
    time(20_000);

    expect(time(160_000)).toBeLessThan(20 * time(20_000) + 0.001);
  });
});
