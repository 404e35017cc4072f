import type { Behaviour } from '../../support/upstream-setup';

/** How a server of the field is odd, and what callers and the administrator meet of it. */
export type Kind = {
  name: string;
  /** How it is when it is added, and from then on, when it is asked for its lists again. Else it lists the tool `echo`. */
  begins?: Partial<Behaviour>;
  becomes?: Partial<Behaviour>;
  /** True: its calls are never answered. */
  hangs?: boolean;
  /** Words of the refusal to add it. */
  refused?: RegExp;
  /** Some of its tools that are listed; of its prompts, resources and templates. */
  lists?: string[];
  others?: string[];
  /** What each call says. */
  says?: RegExp;
  state?: 'healthy' | 'unstable';
  /** What is said of what is not offered. */
  leftOut?: RegExp;
};

/** How a server meets the calls of one tool, and what their callers get. */
export type CallKind = {
  name: string;
  becomes: Partial<Behaviour>;
  /** True: it has forgotten its sessions. */
  restarts?: boolean;
  /** True: its clients call one after the other. */
  inTurn?: boolean;
  /** How often each client calls; the last call says: */
  times?: number;
  says: RegExp;
  state?: 'healthy' | 'unstable';
};

const object = '"inputSchema":{"type":"object"}';
const ECHO = `{"name":"echo",${object}}`;
const tools = (...items: string[]) => ({ 'tools/list': [`{"tools":[${[ECHO, ...items].join()}]}`] });
const fails = (message: string) => `{"error":{"code":-32603,"message":"${message}"}}`;
const schema = (text: string, at: number) => `{"name":"t${at}","inputSchema":${text}}`;
const output = (text: string, at: number) => `{"name":"t${at}",${object},"outputSchema":${text}}`;
const names = (count: number) => ['echo', ...Array.from({ length: count }, (_, at) => `t${at}`)];
const RAN = /^\w+ ran$/;

/** One odd item, one odd list. */
export const LISTS: Kind[] = [
  {
    name: 'input schemas of every bad kind',
    begins: {
      lists: tools(
        ...[
          ...['{}', 'null', '{"type":["object"]}', '{"oneOf":[{}]}'],
          ...['[]', 'null', '{"x":true}'].map((properties) => `{"type":"object","properties":${properties}}`),
          '{"type":"object","required":null}',
        ].map(schema),
        ...['{"type":"string"}', '7'].map((text, at) => schema(text, at + 100)),
      ),
    },
    lists: names(8),
    says: RAN,
    leftOut: /"t100".*"t101"/,
  },
  {
    name: 'null members, and members of other types',
    begins: {
      lists: tools(
        ...['description', 'title', 'outputSchema', 'annotations', '_meta', 'icons', 'execution'].map(
          (member, at) => `{"name":"t${at}",${object},"${member}":null}`,
        ),
        `{"name":"t7",${object},"annotations":{"readOnlyHint":"true"}}`,
        ...['null', '7', '"tool"', '[]', '{}', '{"name":null}', '{"name":""}'],
      ),
    },
    lists: names(8),
    says: RAN,
    leftOut: /"kind":"tool"/,
  },
  {
    name: 'output schemas that cannot be compiled',
    begins: {
      lists: tools(
        ...[
          '{"type":"object","properties":{"a":{"type":"any"}}}',
          '{"type":"object","$ref":"#/$defs/none"}',
        ].map(output),
        ...['{"$ref":"https://elsewhere.example/schema"}', '{"type":"string","pattern":"(?P<a>["}'].map(
          (text, at) => output(`{"type":"object","properties":{"a":${text}}}`, at + 2),
        ),
      ),
    },
    lists: names(4),
    says: RAN,
  },
  {
    name: 'names that are odd, doubled, or those of every object',
    begins: {
      lists: tools(
        ...['constructor', '__proto__', 'toString', 'constructor'].map(
          (name) => `{"name":"${name}",${object}}`,
        ),
        `{"name":"ünï cödé","__proto__":{"a":1},${object}}`,
        `{"name":"${'long'.repeat(500)}",${object}}`,
      ),
    },
    lists: ['echo', 'constructor', '__proto__', 'toString'],
    says: / ran$/,
    leftOut: /"constructor".*twice/,
  },
  {
    name: 'prompts, resources and templates without names, or with nulls',
    begins: {
      lists: {
        'prompts/list': [
          `{"prompts":[{"name":"good","description":null,"arguments":[{"name":"a","required":null}]},
            {"description":"nameless"},{"name":null},null,{"name":"odd","arguments":[{"description":"nameless"}]}]}`,
        ],
        'resources/list': [
          `{"resources":[{"uri":"x://good","name":"good","mimeType":null,"size":null},{"uri":"x://nameless"},
            {"name":"nowhere"},null,{"uri":"x://big","name":"big","size":"5"}]}`,
        ],
        'resources/templates/list': [
          '{"resourceTemplates":[{"uriTemplate":"x://{a}","name":"good","title":null},{"uriTemplate":null},7]}',
        ],
      },
    },
    others: ['good'],
    says: RAN,
    leftOut: /"prompt".*"resource"/,
  },
  {
    name: 'numbers of more digits than a double holds',
    begins: {
      lists: tools(
        schema('{"type":"object","properties":{"a":{"type":"integer","maximum":9007199254740993}}}', 0),
        schema('{"type":"object","properties":{"a":{"maximum":1e400,"default":-0.10}}}', 1),
      ),
    },
    lists: names(2),
    says: RAN,
  },
  {
    name: 'a schema 3,000 levels deep',
    begins: {
      lists: tools(schema(`${'{"properties":{"a":'.repeat(3000)}{}${'}}'.repeat(3000)}`, 0)),
    },
    says: RAN,
  },
  {
    name: '3,000 tools',
    begins: { lists: tools(...Array.from({ length: 3000 }, (_, at) => schema('{"type":"object"}', at))) },
    lists: names(1999),
    says: RAN,
    leftOut: /2,?000/,
  },
  {
    name: '3 MB of tools',
    begins: {
      lists: tools(
        ...Array.from(
          { length: 30 },
          (_, at) =>
            `{"name":"t${at}","description":"${'d'.repeat(900)}",${object},"_meta":{"a":"${'x'.repeat(100_000)}"}}`,
        ),
      ),
    },
    says: RAN,
    leftOut: /2 MiB/,
  },
  {
    name: '9 MB of prompts',
    begins: {
      lists: { 'prompts/list': [`{"prompts":[{"name":"p","description":"${'d'.repeat(9_000_000)}"}]}`] },
    },
    leftOut: /more at once than|did not answer in time/,
  },
  {
    name: 'tools that are no list',
    begins: { lists: { 'tools/list': ['{"tools":{"echo":{}}}'] } },
    lists: [],
    state: 'unstable',
  },
  {
    name: 'capabilities that leave out everything',
    begins: {
      lists: {
        initialize: [
          '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"odd","version":"1"}}',
        ],
      },
    },
    says: RAN,
  },
  {
    name: 'prompts/list refused',
    begins: { lists: { 'prompts/list': [fails('no prompts today')] } },
    says: RAN,
    leftOut: /"prompt".*no prompts today/,
  },
  {
    name: 'prompts/list that hangs',
    becomes: { lists: { 'prompts/list': ['hang'] } },
    says: RAN,
  },
  {
    name: 'a second page that is refused',
    begins: { lists: { 'tools/list': [`{"tools":[${ECHO}],"nextCursor":"1"}`, fails('no more today')] } },
    says: RAN,
    leftOut: /page 2.*no more today/,
  },
  {
    name: 'a cursor that goes round',
    begins: { lists: { 'tools/list': [`{"tools":[${ECHO}],"nextCursor":"0"}`] } },
    says: RAN,
    leftOut: /same cursor again/,
  },
  ...['""', 'null', '7'].map(
    (cursor): Kind => ({
      name: `nextCursor ${cursor}`,
      begins: { lists: { 'tools/list': [`{"tools":[${ECHO}],"nextCursor":${cursor}}`] } },
      says: RAN,
      state: 'healthy',
    }),
  ),
];

/** Servers that hang, are gone, or are something else: from the start, or once their lists are known. */
export const UNREACHED: Kind[] = [
  {
    name: 'tools/list that hangs from the start',
    begins: { lists: { 'tools/list': ['hang'] } },
    lists: [],
    state: 'unstable',
  },
  {
    name: 'tools/list that begins, and no more, later',
    becomes: { lists: { 'tools/list': ['open'] } },
  },
  { name: 'tools/list that hangs later', becomes: { lists: { 'tools/list': ['hang'] } } },
  {
    name: 'initialize that hangs from the start',
    begins: { lists: { initialize: ['hang'] } },
    lists: [],
    state: 'unstable',
  },
  { name: 'everything hangs later', becomes: { fault: 'hang' }, hangs: true, says: /^error: .*1 seconds/ },
  { name: 'HTML from the start', begins: { fault: 'html' }, lists: [], state: 'unstable' },
  { name: 'HTML later', becomes: { fault: 'html' }, says: /^error: / },
  { name: 'connections closed later', becomes: { fault: 'die' }, says: /^error: / },
  { name: 'tools/list that is no JSON later', becomes: { lists: { 'tools/list': ['garbage'] } } },
  {
    name: 'a protocolVersion that is no header value',
    begins: { lists: { initialize: ['{"protocolVersion":"2025\\n06","capabilities":{}}'] } },
    refused: /version/,
    lists: [],
  },
  {
    name: 'a protocolVersion that is no header value, later',
    becomes: { lists: { initialize: ['{"protocolVersion":"ü\\u0000","capabilities":{}}'] } },
    says: /^(echo ran|error: .*version.*)$/,
  },
  { name: 'ids have to be integers', begins: { wantsIntegers: true }, state: 'healthy' },
  ...[401, 403].map(
    (status): Kind => ({
      name: `a ${status} to all that comes before initialize`,
      begins: { forgetting: { status, body: 'no session' } },
      state: 'healthy',
    }),
  ),
];
