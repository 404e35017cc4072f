import { Client as Client2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parseExact } from '../../src/protocol/json/exact';
import { checkItem, forOlderClients, type ItemKind } from '../../src/servers/listed-item';

type Message = { id?: string | number; method?: string };

/** A server of one list, at the other end of a client's transport. */
class OneList {
  onmessage?: (message: never) => void;
  onclose?: () => void;
  results: Record<string, string> = {};

  async start() {}
  async close() {
    this.onclose?.();
  }
  async send({ id, method = '' }: Message) {
    if (id === undefined) return;
    const capabilities = { tools: {}, prompts: {}, resources: {} };
    const serverInfo = { name: 'x', version: '1' };
    const greetings: Record<string, object> = {
      initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo },
      'server/discover': {
        supportedVersions: ['2026-07-28'],
        capabilities,
        resultType: 'complete',
        ttlMs: 0,
        cacheScope: 'private',
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      },
    };
    const result = this.results[method] ?? JSON.stringify(greetings[method] ?? {});
    const text = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`;
    queueMicrotask(() => this.onmessage?.(JSON.parse(text) as never));
  }
}

const LISTS: Record<ItemKind, [method: string, member: string, list: 'listTools']> = {
  tool: ['tools/list', 'tools', 'listTools'],
  prompt: ['prompts/list', 'prompts', 'listPrompts' as 'listTools'],
  resource: ['resources/list', 'resources', 'listResources' as 'listTools'],
  template: ['resources/templates/list', 'resourceTemplates', 'listResourceTemplates' as 'listTools'],
};

const MODERN = ',"resultType":"complete","ttlMs":0,"cacheScope":"private"';

/** The official clients, each with what they say of a list of `definitions`: how many items, or what they threw. */
const CLIENTS: Record<string, (kind: ItemKind, definitions: string[]) => Promise<number | string>> = {
  '1.x': listing(new Client1({ name: 'one', version: '1' }), '2025'),
  '2.x of 2025': listing(
    new Client2({ name: 'two', version: '1' }, { versionNegotiation: { mode: 'legacy' } }),
    '2025',
  ),
  '2.x of 2026': listing(
    new Client2({ name: 'two', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    '2026',
  ),
};

function listing(client: Client1 | Client2, era: '2025' | '2026') {
  const server = new OneList();
  const connected = client.connect(server as never);
  return async (kind: ItemKind, definitions: string[]) => {
    await connected;
    const [method, member, list] = LISTS[kind];
    const shown = era === '2025' ? definitions.map(older) : definitions;
    server.results[method] = `{"${member}":[${shown.join()}]${era === '2026' ? MODERN : ''}}`;
    try {
      const options = { cacheMode: 'refresh' } as never;
      return (
        ((await client[list](undefined, options)) as unknown as Record<string, unknown[]>)[member]?.length ??
        0
      );
    } catch (error) {
      return String(error).slice(0, 500);
    }
  };
}

const older = (definition: string) => forOlderClients(definition, JSON.parse(definition));
const tool = (members: string) => `{"name":"odd"${members && `,${members}`}}`;
const schema = (members: string) => tool(`"inputSchema":{"type":"object",${members}}`);
const output = (members: string) =>
  tool(`"inputSchema":{"type":"object"},"outputSchema":{"type":"object",${members}}`);
const named = (members: string) => tool(`"inputSchema":{"type":"object"},${members}`);

const MARK = '{"type":"string","x-mcp-header":"A"}';
const marked = (members: string, header: string) =>
  schema(`"properties":{"a":{${members},"x-mcp-header":${header}}}`);

/** Members of every type but the right one, for members the revision makes optional. */
const WRONG = ['null', 'true', '7', '"words"', '[]', '{}', '[null]', '[7]', '{"a":1}', '1e999'];
const OPTIONAL: Record<ItemKind, string[]> = {
  tool: ['title', 'description', 'icons', '_meta', 'annotations', 'execution', 'outputSchema'],
  prompt: ['title', 'description', 'icons', '_meta'],
  resource: ['name', 'title', 'description', 'icons', '_meta', 'annotations', 'mimeType', 'size'],
  template: ['name', 'title', 'description', 'icons', '_meta', 'annotations', 'mimeType'],
};
const INNER: Record<string, string[]> = {
  annotations: ['title', 'readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint', 'audience'],
  execution: ['taskSupport'],
  icons: ['src', 'mimeType', 'sizes', 'theme'],
};
const NAMING: Record<ItemKind, string> = {
  tool: '"name":"odd"',
  prompt: '"name":"odd"',
  resource: '"uri":"x://odd","name":"odd"',
  template: '"uriTemplate":"x://{odd}","name":"odd"',
};

/** Every optional member of every kind with every wrong value, one item each. */
function oddMembers(kind: ItemKind): string[] {
  const inner = kind === 'resource' || kind === 'template' ? ['audience', 'priority', 'lastModified'] : [];
  return OPTIONAL[kind].flatMap((member) =>
    WRONG.flatMap((value) => {
      const within = [...(INNER[member] ?? []), ...(member === 'annotations' ? inner : [])].map((name) =>
        member === 'icons' ? `[{"src":"https://x.example/y","${name}":${value}}]` : `{"${name}":${value}}`,
      );
      return [value, ...within].map((odd) => `{${NAMING[kind]},"${member}":${odd}}`);
    }),
  );
}

const TOOLS: [what: string, item: string, listed: string | RegExp][] = [
  ['no inputSchema', tool(''), tool('"inputSchema":{"type":"object"}')],
  ['inputSchema null', tool('"inputSchema":null'), tool('"inputSchema":{"type":"object"}')],
  ['inputSchema {}', tool('"inputSchema":{}'), tool('"inputSchema":{"type":"object"}')],
  ['inputSchema []', tool('"inputSchema":[]'), tool('"inputSchema":{"type":"object"}')],
  [
    'no type',
    tool('"inputSchema":{"properties":{}}'),
    tool('"inputSchema":{"properties":{},"type":"object"}'),
  ],
  ['type null', tool('"inputSchema":{"type":null}'), tool('"inputSchema":{"type":"object"}')],
  ['a list of one type', tool('"inputSchema":{"type":["object"]}'), tool('"inputSchema":{"type":"object"}')],
  ['properties null', schema('"properties":null'), schema('"properties":{}')],
  ['properties []', schema('"properties":[]'), schema('"properties":{}')],
  ['required null', schema('"required":null'), tool('"inputSchema":{"type":"object"}')],
  ['required {}', schema('"required":{}'), tool('"inputSchema":{"type":"object"}')],
  [
    'boolean properties',
    schema('"properties":{"a":true,"b":false,"c":null,"d":[]}'),
    schema('"properties":{"a":{},"b":{"not":{}},"c":{},"d":{}}'),
  ],
  ['$schema null', schema('"$schema":null'), tool('"inputSchema":{"type":"object"}')],
  ['null inside a schema', schema('"default":null,"x":null'), schema('"default":null,"x":null')],
  ['null inside _meta', named('"_meta":{"a":null}'), named('"_meta":{"a":null}')],
  ['null of an unknown member', named('"x":null'), named('"x":null')],
  [
    'hints as words',
    named('"annotations":{"readOnlyHint":"true","openWorldHint":false}'),
    named('"annotations":{"openWorldHint":false}'),
  ],
  [
    'an icon without src',
    named('"icons":[{"src":"https://x.example/y"},{},null]'),
    named('"icons":[{"src":"https://x.example/y"}]'),
  ],
  ...[
    'http://x.example/y',
    'javascript:alert(1)',
    'data:text/html,<p>',
    'data:text/html;image/png,x',
    'file:///y',
    'https://',
    '//x.example/y',
    `data:image/png;base64,${'A'.repeat(65_536)}`,
    'https://x.example/\u202e',
  ].map((src): [string, string, string] => [
    `an icon at ${src.slice(0, 30)}`,
    named(`"icons":[${JSON.stringify({ src })},{"src":"data:image/svg+xml,%3Csvg/%3E"}]`),
    named('"icons":[{"src":"data:image/svg+xml,%3Csvg/%3E"}]'),
  ]),
  ['outputSchema null', named('"outputSchema":null'), tool('"inputSchema":{"type":"object"}')],
  ['an open reference', output('"$ref":"#/$defs/a"'), tool('"inputSchema":{"type":"object"}')],
  [
    'another draft',
    output('"$schema":"http://json-schema.org/draft-04/schema#"'),
    tool('"inputSchema":{"type":"object"}'),
  ],
  ['a wrong pattern', output('"properties":{"a":{"pattern":"["}}'), tool('"inputSchema":{"type":"object"}')],
  ['an id of draft 04', output('"id":"Odd"'), tool('"inputSchema":{"type":"object"}')],
  [
    'nullable without a type',
    output('"properties":{"a":{"nullable":true}}'),
    tool('"inputSchema":{"type":"object"}'),
  ],
  ['properties [] of an outputSchema', output('"properties":[]'), output('"properties":{}')],
  ['inputSchema of a string', tool('"inputSchema":{"type":"string"}'), /another type than object/],
  ['inputSchema of two types', tool('"inputSchema":{"type":["object","null"]}'), /another type than object/],
  ['inputSchema "object"', tool('"inputSchema":"object"'), /no JSON Schema object/],
  ['inputSchema a large number', tool('"inputSchema":9223372036854775807'), /no JSON Schema object/],
  ['required true', schema('"required":true'), /required of its inputSchema/],
  ['required of numbers', schema('"required":[7]'), /required of its inputSchema/],
  ['properties a word', schema('"properties":"a"'), /properties of its inputSchema/],
  ['a property that is a word', schema('"properties":{"a":"string"}'), /a property of its inputSchema/],
  ['an x-mcp-header', marked('"type":"string"', '"A"'), marked('"type":"string"', '"A"')],
  ['an x-mcp-header with a space', marked('"type":"string"', '"A b"'), /x-mcp-header is no header name/],
  ['an empty x-mcp-header', marked('"type":"string"', '""'), /x-mcp-header/],
  ['x-mcp-header null', marked('"type":"string"', 'null'), /x-mcp-header/],
  ['an x-mcp-header of a number', marked('"type":"number"', '"A"'), /not on a string/],
  ['an x-mcp-header of no type', marked('"title":"a"', '"A"'), /not on a string/],
  [
    'an x-mcp-header in a list',
    schema(`"properties":{"a":{"items":${MARK}}}`),
    /not on a property of its own/,
  ],
  [
    'an x-mcp-header of a choice',
    schema(`"anyOf":[{"properties":{"a":${MARK}}}]`),
    /not on a property of its own/,
  ],
  ['an x-mcp-header in $defs', schema(`"$defs":{"a":${MARK}}`), /not on a property of its own/],
  ['an x-mcp-header of all arguments', schema('"x-mcp-header":"A"'), /not on a property of its own/],
  ['an x-mcp-header twice', schema(`"properties":{"a":${MARK},"b":${MARK}}`), /there twice/],
  ['no name', '{"inputSchema":{"type":"object"}}', /no name/],
  ['a name that is a number', '{"name":7}', /no name/],
  ['a hidden character', '{"name":"a\\u200b"}', /hidden characters/],
  ['null', 'null', /no name/],
];

const OTHERS: [kind: ItemKind, what: string, item: string, listed: string | RegExp][] = [
  ['prompt', 'arguments null', '{"name":"p","arguments":null}', '{"name":"p"}'],
  ['prompt', 'arguments {}', '{"name":"p","arguments":{}}', '{"name":"p"}'],
  [
    'prompt',
    'odd members of an argument',
    '{"name":"p","arguments":[null,{"name":"a","description":null,"required":"yes"}]}',
    '{"name":"p","arguments":[{"name":"a"}]}',
  ],
  ['prompt', 'an argument without a name', '{"name":"p","arguments":[{"required":true}]}', /has no name/],
  ['prompt', 'arguments that are a schema', '{"name":"p","arguments":{"a":{}}}', /no list/],
  ['prompt', 'no name', '{"title":"p"}', /no name/],
  ['resource', 'no name', '{"uri":"x://a"}', '{"uri":"x://a","name":"x://a"}'],
  ['resource', 'a title alone', '{"uri":"x://a","title":"A"}', '{"uri":"x://a","name":"A","title":"A"}'],
  ['resource', 'a size in words', '{"uri":"x://a","name":"a","size":"1 KB"}', '{"uri":"x://a","name":"a"}'],
  ['resource', 'no uri', '{"name":"a"}', /no uri/],
  [
    'resource',
    'odd annotations',
    '{"uri":"x://a","name":"a","annotations":{"audience":["user","x"],"priority":7,"lastModified":"today"}}',
    '{"uri":"x://a","name":"a","annotations":{"audience":["user"]}}',
  ],
  ['template', 'no name', '{"uriTemplate":"x://{a}"}', '{"uriTemplate":"x://{a}","name":"x://{a}"}'],
  [
    'template',
    'mimeType null',
    '{"uriTemplate":"x://{a}","name":"a","mimeType":null}',
    '{"uriTemplate":"x://{a}","name":"a"}',
  ],
  ['template', 'a uri', '{"uri":"x://{a}"}', /no uriTemplate/],
];

describe('what a server lists, item by item (CONTRACT §6, SECURITY 27)', () => {
  it.each([...TOOLS.map((row) => ['tool', ...row] as const), ...OTHERS])(
    'a %s with %s',
    (kind, _, item, listed) => {
      const checked = checkItem(kind, parseExact(item));

      if (listed instanceof RegExp) expect(checked).toEqual({ leftOut: expect.stringMatching(listed) });
      else expect(JSON.parse((checked as { definition: string }).definition)).toEqual(JSON.parse(listed));
    },
  );

  it.each([
    [
      'tool',
      '{"name":"a","title":null,"annotations":{"readOnlyHint":"true"}}',
      ['title', 'annotations', 'inputSchema'],
    ],
    ['tool', '{"inputSchema":{"properties":{"a":{"minimum":1.0}},"type":"object"},"name":"a","x":null}', []],
    ['tool', schema('"properties":{"a":{"description":"a\\u200b"}}'), ['inputSchema']],
    ['prompt', '{"name":"a","arguments":[{"name":"b","title":null}]}', ['arguments']],
    ['resource', '{"uri":"x://a"}', ['name']],
    ['template', '{"uriTemplate":"x://a","name":"a","mimeType":null}', ['mimeType']],
  ] as [ItemKind, string, string[]][])('says what was repaired of the %s %s', (kind, item, repaired) => {
    expect(checkItem(kind, parseExact(item))).toMatchObject({ repaired });
  });

  it.each([
    ['in a schema', 'tool', schema('"properties":{"a":{"maximum":9223372036854775807,"multipleOf":1e-05}}')],
    ['too small and too large', 'tool', schema('"minimum":-0,"maximum":1E400,"x":[0.10,1.0,5E2]')],
    ['in an output schema', 'tool', output('"properties":{"a":{"maximum":9223372036854775807}}')],
    ['in _meta', 'prompt', '{"name":"p","_meta":{"a":0.10,"b":[1E400]}}'],
    ['of a size', 'resource', '{"uri":"x://a","name":"a","size":9223372036854775807}'],
    ['of a priority', 'template', '{"uriTemplate":"x://{a}","name":"a","annotations":{"priority":0.50}}'],
    [
      'beside __proto__',
      'tool',
      '{"name":"odd","_meta":{"__proto__":{"a":1.0}},"inputSchema":{"type":"object"}}',
    ],
  ] as [string, ItemKind, string][])('keeps the digits of numbers %s', (_, kind, item) => {
    const { definition } = checkItem(kind, parseExact(item)) as { definition: string };

    expect(definition.match(/-?\d[\d.eE+-]*/g)?.sort()).toEqual(item.match(/-?\d[\d.eE+-]*/g)?.sort());
    expect(definition).not.toContain('rawJSON');
  });

  it('lists to clients of 2025 no output schema but of an object, and no number beyond a double', () => {
    const odd = tool(
      '"inputSchema":{"type":"object","properties":{"a":{"maximum":1E400,"minimum":1.0}}},"outputSchema":{"type":"array"}',
    );
    const plain = output('"properties":{"a":{"maximum":1.0}}');

    expect(older(odd)).toBe(schema('"properties":{"a":{"minimum":1.0}}'));
    expect(older(plain)).toBe(plain);
  });
});

describe.each(Object.entries(CLIENTS))('the official client %s', (_, list) => {
  it.each(['tool', 'prompt', 'resource', 'template'] as const)('accepts every list of a %s', async (kind) => {
    const rows =
      kind === 'tool'
        ? TOOLS.map(([, item]) => item)
        : OTHERS.filter((row) => row[0] === kind).map((row) => row[2]);
    const numbers =
      kind === 'tool'
        ? [schema('"properties":{"a":{"maximum":1E400}}'), output('"properties":{"a":{"enum":[1E400]}}')]
        : [];
    const refused: [string, number | string][] = [];
    for (const item of [...rows, ...numbers, ...oddMembers(kind)]) {
      const checked = checkItem(kind, parseExact(item));
      if ('leftOut' in checked) continue;
      const answer = await list(kind, [checked.definition]);
      if (answer !== 1) refused.push([item, answer]);
    }

    expect(refused).toEqual([]);
  });
});

/** Items with something in every member, as good servers list them. */
const GOOD: Record<ItemKind, string[]> = {
  tool: [
    '{"name":"a","title":"A","description":"b","inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer","minimum":1,"default":9007199254740993,"x-mcp-header":"N"},"o":{"type":"object","properties":{"p":{"enum":["a",1.0]}}},"l":{"type":"array","items":{"$ref":"#/$defs/a"}}},"required":["n"],"additionalProperties":false,"$defs":{"a":{"type":"string","pattern":"^a"}}},"outputSchema":{"type":"object","properties":{"r":{"type":["string","null"],"format":"date"},"s":{"$ref":"#/$defs/b"}},"required":["r"],"$defs":{"b":{"anyOf":[{"type":"string"},{"minLength":1}]}}},"annotations":{"title":"A","readOnlyHint":true,"openWorldHint":false},"execution":{"taskSupport":"optional"},"icons":[{"src":"https://x.example/a.png","mimeType":"image/png","sizes":["48x48"],"theme":"light"}],"_meta":{"x.example/a":{"b":[1e400]}}}',
    '{"name":"b","inputSchema":{"type":"object","oneOf":[{"required":["a"]},{"required":["b"]}]},"outputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","items":[{"type":"string"}],"definitions":{"a":{"not":{}}}}}',
  ],
  prompt: [
    '{"name":"a","title":"A","description":"b","arguments":[{"name":"c","title":"C","description":"d","required":true},{"name":"e"}],"icons":[{"src":"https://x.example/y"}],"_meta":{"a":1}}',
  ],
  resource: [
    '{"uri":"x://a","name":"a","title":"A","description":"b","mimeType":"text/plain","size":5,"annotations":{"audience":["user"],"priority":0.5,"lastModified":"2026-01-01T00:00:00Z"},"icons":[{"src":"https://x.example/y"}],"_meta":{}}',
  ],
  template: [
    '{"uriTemplate":"x://{a}","name":"a","title":"A","description":"b","mimeType":"text/plain","annotations":{"audience":["assistant"],"priority":1},"icons":[{"src":"https://x.example/y"}],"_meta":{}}',
  ],
};

const ODD = [
  ...[null, true, false, 0, -1, 1.5, 9007199254740993n, '', 'a', 'true', 'object', '#/$defs/c', '[', [], {}],
  ...[
    [null],
    [{}],
    ['a', 'a'],
    ['object'],
    { type: 'object' },
    { type: null },
    { a: true },
    { a: null },
    { a: 1 },
  ],
  ...[
    { $ref: '#' },
    { $id: 'a' },
    { 'x-mcp-header': 'N' },
    { src: 1 },
    { name: '' },
    '\u202e',
    '1e999',
    [[[[]]]],
  ],
];
const NAMES = [
  'type',
  'properties',
  'required',
  '$ref',
  'enum',
  'x-mcp-header',
  'name',
  'arguments',
  '$schema',
  'size',
];

type Change = { steps: number[]; act: 'set' | 'remove' | 'add'; name: string; odd: unknown };

const change: fc.Arbitrary<Change> = fc.record({
  steps: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
  act: fc.constantFrom('set', 'set', 'set', 'remove', 'add'),
  name: fc.constantFrom(...NAMES),
  odd: fc.oneof(fc.constantFrom(...ODD), fc.jsonValue({ maxDepth: 2 })),
});

/** Does what `change` says somewhere within `value`. */
function changed(value: unknown, { steps: [step = 0, ...steps], ...how }: Change): unknown {
  if (typeof value !== 'object' || value === null) return how.odd;
  const copy = structuredClone(value) as Record<string, unknown>;
  const members = Object.keys(copy);
  const member = members[step % members.length] ?? how.name;
  if (steps.length && members.length) copy[member] = changed(copy[member], { steps, ...how });
  else if (how.act === 'remove') delete copy[member];
  else copy[how.act === 'add' ? how.name : member] = how.odd;
  return copy;
}

/** The JSON of a value, big integers with their digits. */
function jsonOf(value: unknown): string {
  const marked = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `\u0001${one}` : one));
  return (marked ?? 'null').replaceAll(/"\\u0001(\d+)"/g, '$1').replaceAll('"1e999"', '1e999');
}

describe('any list that servers may send (CONTRACT §6, SECURITY 27)', () => {
  it.each(['tool', 'prompt', 'resource', 'template'] as const)(
    'of a %s, as it is listed, is taken by every official client, the good items with it',
    async (kind) => {
      vi.spyOn(console, 'warn').mockImplementation(() => undefined);
      const item = fc
        .tuple(fc.constantFrom(...GOOD[kind]), fc.array(change, { minLength: 1, maxLength: 3 }))
        .map(([good, changes]) => jsonOf(changes.reduce(changed, JSON.parse(good))));
      const listed = (text: string) => {
        const checked = checkItem(kind, parseExact(text));
        return 'definition' in checked ? [checked.definition] : [];
      };
      await fc.assert(
        fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 8 }), async (odd) => {
          const definitions = [...odd, ...GOOD[kind]].flatMap(listed);
          for (const list of Object.values(CLIENTS))
            expect(await list(kind, definitions)).toBe(definitions.length);
          expect(definitions.slice(-GOOD[kind].length)).toEqual(GOOD[kind].flatMap(listed));
        }),
        { numRuns: kind === 'tool' ? 40 : 20, seed: 11 },
      );
    },
  );

  it('keeps good items as they are', () => {
    for (const [kind, items] of Object.entries(GOOD))
      for (const item of items) {
        const checked = checkItem(kind as ItemKind, parseExact(item));
        expect(checked).toMatchObject({ repaired: [] });
        expect(JSON.parse((checked as { definition: string }).definition)).toEqual(JSON.parse(item));
      }
  });
});
