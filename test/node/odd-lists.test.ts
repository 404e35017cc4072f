import { join } from 'node:path';
import { Client as Client2, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestProject } from 'vitest/node';
import { createTestHarness } from 'wrangler';
import { read } from '../journeys/support/app';
import startUpstreams from '../support/upstream-setup';
import { sharedBundle } from './support/shared-bundle';

const inputSchema = '"inputSchema":{"type":"object"}';
const output = (schema: string) => `${inputSchema},"outputSchema":${schema}`;
const property = (schema: string) => `{"type":"object","properties":{"a":${schema}}}`;

/** What is wrong with a tool, a prompt, a resource or a template: one item each, the name aside. */
const ODD = {
  tools: [
    ...['"inputSchema":{}', '"inputSchema":null', '"x":1', '"inputSchema":[]', '"inputSchema":"object"'],
    ...[
      '"inputSchema":{"type":"string"}',
      '"inputSchema":{"type":["object"]}',
      '"inputSchema":{"type":null}',
    ],
    ...['[]', 'null', '"a"', '{"a":true}', '{"a":null}', '{"a":"string"}'].map(
      (properties) => `"inputSchema":{"type":"object","properties":${properties}}`,
    ),
    ...['{"oneOf":[{}]}', '{"type":["object","null"]}', '{"$schema":null}', '{"x-mcp-header":"A"}'].map(
      (schema) => `"inputSchema":${schema}`,
    ),
    ...['""', '"a b"', 'null'].map(
      (header) => `"inputSchema":${property(`{"type":"string","x-mcp-header":${header}}`)}`,
    ),
    ...['null', '{}', 'true', '[7]'].map((names) => `"inputSchema":{"type":"object","required":${names}}`),
    ...['9223372036854775807', '1e-05', '0.10', '1E400'].map(
      (number) => `"inputSchema":${property(`{"maximum":${number}}`)}`,
    ),
    ...['title', 'description', 'outputSchema', 'annotations', '_meta', 'icons', 'execution'].flatMap(
      (member) =>
        ['null', '7', '"a"', '[]', '{}', '[null]'].map((value) => `${inputSchema},"${member}":${value}`),
    ),
    `${inputSchema},"annotations":{"title":null,"readOnlyHint":"true"}`,
    `${inputSchema},"execution":{"taskSupport":null}`,
    `${inputSchema},"icons":[{"src":null},{"src":"x:y","sizes":"any","theme":null}]`,
    ...['{"type":"array"}', '{"type":"object","$ref":"#/$defs/none"}', property('{"pattern":"["}')].map(
      output,
    ),
    ...[property('{"type":"any"}'), property('{"required":true}'), property('{"nullable":true}')].map(output),
    ...[property('{"enum":[]}'), property('{"maximum":1E400}'), '{"type":"object","id":"Odd"}'].map(output),
    ...['"https://x.example/a"', '"#/properties/a"', '"#a"', '7'].map((ref) =>
      output(property(`{"$ref":${ref}}`)),
    ),
    output('{"type":"object","$schema":"http://json-schema.org/draft-04/schema#"}'),
    output('{"type":"object","$defs":{"a":{"$id":"a"},"b":{"$id":"a"}}}'),
  ],
  prompts: [
    ...[
      'null',
      '{}',
      '7',
      '[{}]',
      '[null]',
      '[{"name":null}]',
      '[{"name":"a","title":null}]',
      '[{"name":"a","required":"no"}]',
    ].map((list) => `"arguments":${list}`),
    ...['title', 'description', '_meta', 'icons'].map((member) => `"${member}":null`),
  ],
  resources: [
    ...['"name":null', '"x":1', '"size":9223372036854775807', '"size":"5"', '"size":1E400', '"size":0.10'],
    ...['title', 'description', 'mimeType', 'size', '_meta', 'icons', 'annotations'].map(
      (member) => `"name":"odd","${member}":null`,
    ),
    '"name":"odd","annotations":{"audience":"user","priority":7,"lastModified":"today"}',
  ],
  resourceTemplates: [
    ...['"name":null', '"x":1'],
    ...['title', 'description', 'mimeType', '_meta', 'icons', 'annotations'].map(
      (member) => `"name":"odd","${member}":null`,
    ),
  ],
};

const METHODS: Record<keyof typeof ODD, string> = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
};

/** What names each item. */
const NAMES: Record<keyof typeof ODD, (name: string) => string> = {
  tools: (name) => `"name":"${name}"`,
  prompts: (name) => `"name":"${name}"`,
  resources: (name) => `"uri":"x://${name}"`,
  resourceTemplates: (name) => `"uriTemplate":"x://${name}/{a}"`,
};
const LISTS = Object.keys(METHODS) as (keyof typeof ODD)[];

/** The lists of a server that offers one item of each kind and nothing wrong. */
function healthy(name: string): Record<string, string[]> {
  const rest: Record<string, string> = { tools: `,${inputSchema}`, prompts: '' };
  return Object.fromEntries(
    LISTS.map((list) => [
      METHODS[list],
      [`{"${list}":[{${NAMES[list](name)}${rest[list] ?? ',"name":"fine"'}}]}`],
    ]),
  );
}

function odd(): Record<string, string[]> {
  const listOf = (list: keyof typeof ODD) => {
    const items = ODD[list].map((members, at) => `{${NAMES[list](`odd${at}`)},${members}}`);
    return `{"${list}":[${[...items, 'null', '7', '[]', '{}', '{"name":7}'].join()}]}`;
  };
  return Object.fromEntries(LISTS.map((list) => [METHODS[list], [listOf(list)]]));
}

const clients: Record<string, () => Promise<Client1 | Client2>> = {
  '1.x': async () => {
    const client = new Client1({ name: 'one', version: '1' });
    await client.connect(new Transport1(new URL('/mcp', origin), { requestInit: { headers } }));
    return client;
  },
  '2.x of 2025': () => second('legacy'),
  '2.x of 2026': () => second({ pin: '2026-07-28' }),
};

async function second(mode: 'legacy' | { pin: string }): Promise<Client2> {
  const client = new Client2({ name: 'two', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL('/mcp', origin), { requestInit: { headers } }),
  );
  return client;
}

describe.each(Object.entries(clients))('the official client %s', (_, connect) => {
  it('lists two healthy servers beside one with an item of each bad kind', async () => {
    const client = await connect();
    const { tools } = await client.listTools();
    const { prompts } = await client.listPrompts();
    const { resources } = await client.listResources();
    const { resourceTemplates } = await client.listResourceTemplates();
    await client.close();

    expect(tools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['first-fine', 'second-fine2', 'odd-odd0']),
    );
    expect(prompts.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['first-fine', 'second-fine2', 'odd-odd0']),
    );
    expect(resources.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining(['first+x://fine', 'second+x://fine2', 'odd+x://odd0']),
    );
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(
      expect.arrayContaining(['first+x://fine/{a}', 'second+x://fine2/{a}', 'odd+x://odd0/{a}']),
    );
  });
});

const harness = createTestHarness({
  workers: [
    {
      configPath: join(import.meta.dirname, '../../wrangler.toml'),
      prebuiltWorkerDir: await sharedBundle(),
      vars: { ALLOW_LOOPBACK_UPSTREAMS: true, RATE_LIMITS: 'off' },
      secrets: {
        ENCRYPTION_KEY: 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU',
        ADMIN_TOKEN: 'test-admin-token-of-32-characters',
      },
    },
  ],
});
let origin: string;
let upstreams = '';
let stopUpstreams: () => void;
let headers: Record<string, string>;

beforeAll(async () => {
  const provide = (_: string, address: string) => {
    upstreams = address;
  };
  stopUpstreams = await startUpstreams({ provide } as unknown as TestProject);
  origin = (await harness.listen()).url.origin;
  for (const [name, lists] of Object.entries({
    first: healthy('fine'),
    odd: odd(),
    second: healthy('fine2'),
  })) {
    await fetch(`${upstreams}/${name}/control/set`, { method: 'POST', body: JSON.stringify({ lists }) });
    await admin('/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: `${upstreams}/${name}/mcp`,
      allow_on_all_virtual_keys: true,
    });
  }
  const { virtual_key } = await admin<{ virtual_key: { value: string } }>('/governance/virtual-keys', {
    name: 'k',
  });
  headers = { 'x-bf-vk': virtual_key.value };
});

afterAll(async () => {
  await harness.close();
  stopUpstreams?.();
});

async function admin<T>(path: string, body: object): Promise<T> {
  const response = await fetch(`${origin}/api${path}`, {
    method: 'POST',
    headers: {
      authorization: 'Bearer test-admin-token-of-32-characters',
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  return read<T>(response);
}
