import { describe, expect, it } from 'vitest';
import { prefixOf, withPrefix } from '../../src/protocol/json/resource-address';
import { eventsOf, McpCaller } from '../support/caller';
import { administer, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

type Behaviour = Parameters<typeof Upstream.start>[1];

const closed = { registration: { allow_on_all_virtual_keys: false } };

/** Servers, and a caller who may use them all and no other. */
async function serving(...behaviours: NonNullable<Behaviour>[]) {
  const servers = await Promise.all(behaviours.map((one) => Upstream.start(['echo'], { ...closed, ...one })));
  const key = await newKey(servers.map(({ name }) => name));
  const at = (era: '2025' | '2026', path = '/mcp') => new McpCaller({ 'x-bf-vk': key.value }, era, path);
  return { servers: servers as [Upstream, Upstream, ...Upstream[]], at, key, caller: at('2025') };
}

const listing = (...uris: string[]) => ({ resources: uris.map((uri) => ({ uri, name: 'a' })) });
const readsOf = async (server: Upstream) =>
  (await server.seen('resources/read')).map(({ message }) => message.params?.uri);

describe('lists on /mcp (PROTOCOL §6)', () => {
  it('say whose each resource and template is', async () => {
    const offers = {
      ...listing('file:///a', 'ui://page', 'docs+file:///a'),
      resourceTemplates: [
        { uriTemplate: 'note://{id}', name: 'n' },
        { uriTemplate: 'ui://{id}', name: 'u' },
      ],
    };
    const { servers, caller } = await serving(offers, offers);
    const resources = await caller.ask('resources/list');
    const templates = await caller.ask('resources/templates/list');
    const both = (uris: string[]) =>
      servers.flatMap(({ slug }) => uris.map((uri) => withPrefix(slug, uri))).sort();
    const named = (items: unknown, member: string) =>
      (items as Record<string, string>[]).map((item) => item[member]).sort();

    expect(named(resources.body.result?.resources, 'uri')).toEqual(
      both(['file:///a', 'ui://page', 'docs+file:///a']),
    );
    expect(named(templates.body.result?.resourceTemplates, 'uriTemplate')).toEqual(
      both(['note://{id}', 'ui://{id}']),
    );
  });

  it('leave URIs as they are at the address of one server', async () => {
    const { servers, at } = await serving(listing('file:///a', 'ui://page'), {});
    const { body } = await at('2025', `/mcp/${servers[0].slug}`).ask('resources/list');

    expect(body.result?.resources).toEqual([
      { uri: 'file:///a', name: 'a' },
      { uri: 'ui://page', name: 'a' },
    ]);
  });
});

describe.each(['2025', '2026'] as const)('reading, in the %s era (PROTOCOL §6)', (era) => {
  it.each(['file:///a', 'ui://page/view', 'UI://x', 'a+b:c', 'x'])(
    'goes to the server that the prefix of %s names, listed there or not',
    async (uri) => {
      const { servers, at } = await serving(listing(uri), listing(uri));
      for (const [index, server] of servers.entries()) {
        const address = withPrefix(server.slug, uri);
        const { body } = await at(era).ask('resources/read', { uri: address });

        expect(body.result?.contents).toEqual([{ uri: address, text: `read ${uri}` }]);
        expect(await readsOf(servers[0])).toHaveLength(1);
        expect(await readsOf(servers[1])).toHaveLength(index);
      }
      const link = withPrefix(servers[1].slug, `${uri}/just/returned`);

      expect((await at(era).ask('resources/read', { uri: link })).body.result).toBeDefined();
      expect(await readsOf(servers[1])).toEqual([uri, `${uri}/just/returned`]);
    },
  );

  it('takes a prefix as clients write it that encode or normalise', async () => {
    const { servers, at } = await serving(listing(), listing());
    const { slug } = servers[1];
    const addresses = [
      `${slug.toUpperCase()}+file:///A`,
      `${slug}%2Bfile:///A`,
      `ui://${slug.toUpperCase()}%2bpage`,
      new URL(`${slug}+file:///A`).href,
    ];
    for (const uri of addresses) await at(era).ask('resources/read', { uri });

    expect(await readsOf(servers[1])).toEqual(['file:///A', 'file:///A', 'ui://page', 'file:///A']);
    expect(await readsOf(servers[0])).toEqual([]);
  });

  it('gives a slug that begins with a digit a letter before it', async () => {
    const name = `7up_${crypto.randomUUID().slice(0, 8)}`;
    const { servers, at } = await serving(
      { ...listing('file:///a'), registration: { ...closed.registration, name } },
      {},
    );
    const address = `s.${servers[0].slug}+file:///a`;
    const listed = await at(era).ask('resources/list');
    const { body } = await at(era).ask('resources/read', { uri: address });

    expect(prefixOf(servers[0].slug)).toBe(`s.${servers[0].slug}`);
    expect(listed.body.result?.resources).toEqual([{ uri: address, name: 'a' }]);
    expect(body.result?.contents).toMatchObject([{ uri: address, text: 'read file:///a' }]);
  });

  it('takes a URI without prefix where one server lists it word for word', async () => {
    const { servers, at } = await serving(listing('file:///a'), listing('file:///b'));
    const { body } = await at(era).ask('resources/read', { uri: 'file:///b' });

    expect(body.result?.contents).toMatchObject([{ uri: withPrefix(servers[1].slug, 'file:///b') }]);
    expect(await readsOf(servers[0])).toEqual([]);
  });

  it.each([
    ['two servers list it', 'file:///a'],
    ['none does', 'file:///none'],
    ['only a template fits it', 'note://7'],
    ['its prefix names no server', 'nobody+file:///a'],
  ])('refuses a URI without prefix when %s, and says how it is done', async (_, uri) => {
    const offers = {
      ...listing('file:///a'),
      resourceTemplates: [{ uriTemplate: 'note://{id}', name: 'n' }],
    };
    const { servers, at } = await serving(offers, listing('file:///a'));
    const { body } = await at(era).ask('resources/read', { uri });

    expect(body.error).toMatchObject({
      code: era === '2025' ? -32002 : -32602,
      message: expect.stringContaining('<server>+'),
      data: { uri },
    });
    expect([...(await readsOf(servers[0])), ...(await readsOf(servers[1]))]).toEqual([]);
  });

  it('is not led away by what another server lists', async () => {
    const { servers, at } = await serving({}, {});
    const [victim, other] = servers;
    const address = withPrefix(victim.slug, 'file:///a');
    await other.behave({
      ...listing(address),
      resourceTemplates: [{ uriTemplate: '{+all}', name: 'all' }],
    });
    await administer('POST', `/mcp/client/${other.id}/refresh-tools`);
    await at(era).ask('resources/read', { uri: address });

    expect(await readsOf(victim)).toEqual(['file:///a']);
    expect(await readsOf(other)).toEqual([]);
  });

  it('asks at the address of one server that server, listed or not', async () => {
    const { servers, at } = await serving(listing('file:///a'), listing('file:///b'));
    const caller = at(era, `/mcp/${servers[0].slug}`);
    for (const uri of ['file:///b', `${servers[1].slug}+file:///b`, 'ui://x']) {
      const { body } = await caller.ask('resources/read', { uri });

      expect(body.result?.contents).toMatchObject([{ uri, text: `read ${uri}` }]);
    }
    expect(await readsOf(servers[1])).toEqual([]);
  });
});

describe('who may read (CONTRACT §6)', () => {
  it('is who may use the server: another is as one that is not there', async () => {
    const { servers, caller } = await serving({}, {});
    const foreign = await Upstream.start(['echo'], { ...closed, ...listing('file:///secret') });
    const answers = [];
    for (const uri of [withPrefix(foreign.slug, 'file:///secret'), 'nobody+file:///secret', 'file:///secret'])
      answers.push(await caller.ask('resources/read', { uri }));

    const said = answers.map(({ body }) => body.error?.message.replace(/: .*? URIs/, ': … URIs'));
    expect(answers.map(({ body }) => body.error?.code)).toEqual([-32002, -32002, -32002]);
    expect(new Set(said).size).toBe(1);
    expect(await readsOf(foreign)).toEqual([]);
    expect(servers).toHaveLength(2);
  });

  it('reads at a toolset from its servers alone', async () => {
    const { servers, at, key } = await serving(listing('file:///a'), listing('file:///b'));
    const [inside, outside] = servers;
    const name = `set ${crypto.randomUUID().slice(0, 8)}`;
    const { virtual_mcp } = await administer<{ virtual_mcp: { endpoint_slug: string } }>(
      'POST',
      '/mcp/virtual-mcps',
      { name, tools: [{ mcp_client_id: inside.id, tool_names: ['*'] }], virtual_key_ids: [key.id] },
    );
    const caller = at('2025', `/mcp/${virtual_mcp.endpoint_slug}`);
    const read = async (uri: string) => (await caller.ask('resources/read', { uri })).body;

    expect((await read(withPrefix(inside.slug, 'file:///a'))).result).toBeDefined();
    expect((await read(withPrefix(outside.slug, 'file:///b'))).error?.code).toBe(-32002);
    expect((await read('file:///b')).error?.code).toBe(-32002);
    expect(await readsOf(outside)).toEqual([]);
  });

  it('reads the page of a tool they may use, whatever else they may read', async () => {
    const shown = {
      name: 'shown',
      inputSchema: { type: 'object' },
      _meta: { ui: { resourceUri: 'ui://page' } },
    };
    const unusable = {
      ...shown,
      name: 'reads',
      annotations: { readOnlyHint: true },
      _meta: { ui: { resourceUri: 'ui://other' } },
    };
    const server = await Upstream.start([shown, unusable], listing('ui://page', 'ui://other'));
    const { access_token } = await (await McpClient.register()).obtainGrant({
      changes: { scope: 'mcp:write' },
    });
    const caller = new McpCaller({ authorization: `Bearer ${access_token}` });
    const page = await caller.ask('resources/read', { uri: `ui://${server.slug}+page` });
    const other = await caller.ask('resources/read', { uri: `ui://${server.slug}+other` });

    expect(page.body.result?.contents).toMatchObject([{ text: 'read ui://page' }]);
    expect(other.status).toBe(403);
    expect(await readsOf(server)).toEqual(['ui://page']);
  });
});

describe('what a server sends (PROTOCOL §6)', () => {
  const BLOCKS =
    '{"type":"resource_link","uri":"file:///a","name":"file:///a"},{"type":"resource","resource":{"uri":"ui://b","text":"file:///a"}},{"type":"text","text":"file:///a","uri":"file:///a"}';
  const RESULT = `{ "content":[${BLOCKS}], "structuredContent":{"uri":"file:///a","n":1.50},"_meta":{"ui":{"resourceUri":"ui://b","uri":"ui://b"},"openai/outputTemplate":"ui://b","x":"ui://b"},"contents":[{"uri":"x:y"}] }`;
  const prefixed = (text: string, slug: string) =>
    text
      .replace('"uri":"file:///a","name"', `"uri":"${slug}+file:///a","name"`)
      .replace('"resource":{"uri":"ui://b"', `"resource":{"uri":"ui://${slug}+b"`)
      .replace('"resourceUri":"ui://b"', `"resourceUri":"ui://${slug}+b"`)
      .replace('"openai/outputTemplate":"ui://b"', `"openai/outputTemplate":"ui://${slug}+b"`);

  it.each(['json', 'events'])(
    'has its prefix where a result has URIs, and no other byte changes (%s)',
    async (answers) => {
      const { servers, at, caller } = await serving({ answers, results: { echo: RESULT } }, {});
      const { name, slug } = servers[0];
      const joined = await (await caller.send('tools/call', { name: `${name}-echo` })).text();
      const alone = await (await at('2025', `/mcp/${slug}`).send('tools/call', { name: 'echo' })).text();

      expect(joined).toContain(`"result":${prefixed(RESULT, slug)}}`);
      expect(alone).toContain(`"result":${RESULT}}`);
    },
  );

  it('has it wherever lines and chunks of the stream end', async () => {
    const text =
      'data: {"jsonrpc":"2.0","id":$id,\ndata: "result":{"content":[{"uri":\r\ndata: "u\\u0049:\\/\\/b"\ndata: ,"type":\ndata: "resource_link"}]}}\n\n';
    const chunks = text.split(/(?=[\nu/])/);
    const { servers, caller } = await serving({ raw: { echo: { type: 'text/event-stream', chunks } } }, {});
    const { name, slug } = servers[0];
    const response = await caller.send('tools/call', { name: `${name}-echo` });
    const data = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));

    expect(JSON.parse(data.map((line) => line.slice(6)).join('\n'))).toMatchObject({
      result: { content: [{ uri: `uI://${slug}+b`, type: 'resource_link' }] },
    });
  });

  it('has it in prompts', async () => {
    const [first, second] = BLOCKS.split('},{"type":"resource",');
    const link = `{"messages":[{"role":"user","content":${first}}},{"role":"user","content":{"type":"resource",${second?.split(',{"type":"text"')[0]}}]}`;
    const { servers, caller } = await serving({ prompts: [{ name: 'p' }], results: { p: link } }, {});
    const { name, slug } = servers[0];
    const answer = await (await caller.send('prompts/get', { name: `${name}-p` })).text();

    expect(answer).toContain(`"result":${prefixed(link, slug)}}`);
  });

  it.each(['2025', '2026'] as const)('has it in the data of an error, under any status (%s)', async (era) => {
    const missing = '{"error":{"code":-32002,"message":"gone","data":{"uri":"file:///gone"}}}';
    const { servers, at } = await serving({ results: { 'file:///gone': missing } }, {});
    const { slug } = servers[0];
    const uri = `${slug}+file:///gone`;
    const asAnswer = await at(era).ask('resources/read', { uri });
    await servers[0].behave({
      raw: {
        '*': {
          status: 400,
          chunks: [
            '{"jsonrpc":"2.0","id":$id,"error":{"code":-32002,"message":"gone","data":{"uri":"file:///gone"}}}',
          ],
        },
      },
    });
    const asStatus = await at(era).ask('tools/call', { name: `${servers[0].name}-echo` });
    const error = { code: era === '2025' ? -32002 : -32602, message: 'gone', data: { uri } };

    expect(asAnswer.body.error).toEqual(error);
    expect(asStatus.body.error).toEqual(error);
  });

  it('has it in what comes before the answer: a change of a resource, a question for the model', async () => {
    const updated =
      '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///a"}}';
    const other =
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"uri":"file:///a","data":"x"}}';
    const asked =
      '{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"resource_link","uri":"file:///a"}]}]}]}}';
    const chunks = [updated, other, asked, '{"jsonrpc":"2.0","id":$id,"result":{"content":[]}}'].map(
      (message) => `data: ${message}\n\n`,
    );
    const { servers, caller } = await serving({ raw: { echo: { type: 'text/event-stream', chunks } } }, {});
    const { name, slug } = servers[0];
    const client = await caller.initialized({ sampling: {} });
    const text = await (await client.send('tools/call', { name: `${name}-echo` })).text();

    expect(eventsOf(text)).toMatchObject([
      { params: { uri: `${slug}+file:///a` } },
      { params: { uri: 'file:///a' } },
      { params: { messages: [{ content: [{ content: [{ uri: `${slug}+file:///a` }] }] }] } },
      { result: { content: [] } },
    ]);
  });
});

describe('Mcp-Name of a client of 2026-07-28 (PROTOCOL §6)', () => {
  it('says what the body says, and to the server what the server calls it', async () => {
    const { servers, at } = await serving({ era: '2026' }, {});
    const uri = `${servers[0].slug}+file:///a`;
    const read = (name: string) => at('2026').with({ 'mcp-name': name }).ask('resources/read', { uri });

    expect((await read('file:///a')).body.error?.code).toBe(-32020);
    expect(await readsOf(servers[0])).toEqual([]);
    expect((await read(uri)).body.result?.contents).toMatchObject([{ uri }]);
    const [seen] = await servers[0].seen('resources/read');
    expect([seen?.message.params?.uri, seen?.headers['mcp-name']]).toEqual(['file:///a', 'file:///a']);
  });
});
