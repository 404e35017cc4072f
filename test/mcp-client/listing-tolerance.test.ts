import { describe, expect, it, vi } from 'vitest';
import { McpCaller } from '../support/caller';
import { admin } from '../support/gate';
import { addressOf, control, Upstream } from '../support/upstream';

const inputSchema = { type: 'object' };
const tools = [{ name: 'one', inputSchema }];
const prompts = [{ name: 'p' }];
const page = (member: string, items: unknown[], rest = {}) => JSON.stringify({ [member]: items, ...rest });
const greeting = (rest: object) =>
  JSON.stringify({
    protocolVersion: '2025-06-18',
    capabilities: {},
    serverInfo: { name: 'odd', version: '1' },
    ...rest,
  });

type Shown = { state: string; tools: { name: string }[]; left_out: { name: string; reason: string }[] };

async function shown({ id }: Upstream): Promise<Shown> {
  return (await admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;
}

/** What a caller of an odd server and of two healthy ones is listed; each healthy tool is called, too. */
async function listedBeside(odd: Upstream): Promise<{ tools: string[]; prompts: number }> {
  const both = [await Upstream.start(['a']), await Upstream.start(['b'])];
  const open = [...both, odd].map(({ name }) => name).join(',');
  const caller = (await McpCaller.withKey()).with({ 'x-bf-mcp-include-clients': open });
  const names = await caller.toolNames();
  for (const [at, { name }] of both.entries()) {
    const tool = `${name}-${'ab'[at]}`;
    expect(names).toContain(tool);
    expect((await caller.call(tool)).body.result?.isError).toBeUndefined();
  }
  const { result } = (await caller.ask('prompts/list')).body;
  const own = names.filter((name) => name.startsWith(`${odd.name}-`));
  return {
    tools: own.map((name) => name.slice(odd.name.length + 1)),
    prompts: (result?.prompts as object[] | undefined)?.length ?? 0,
  };
}

describe('capabilities are a hint (CONTRACT §6)', () => {
  it.each([
    ['nothing is declared, and all is there', greeting({}), {}, { tools: ['one'], prompts: 1 }],
    ['they are null', greeting({ capabilities: null }), {}, { tools: ['one'], prompts: 1 }],
    [
      'what is not declared is refused as unknown',
      greeting({ capabilities: { tools: {} } }),
      { 'prompts/list': ['{"error":{"code":-32601,"message":"Method not found"}}'] },
      { tools: ['one'], prompts: 0 },
    ],
    [
      'what is not declared is refused otherwise',
      greeting({ capabilities: { tools: {} } }),
      { 'prompts/list': ['{"error":{"code":-32603,"message":"no"}}'] },
      { tools: ['one'], prompts: 0 },
    ],
    [
      'what is not declared is garbage',
      greeting({ capabilities: { tools: {} } }),
      { 'prompts/list': ['garbage'], 'resources/list': ['garbage'] },
      { tools: ['one'], prompts: 0 },
    ],
    [
      'a server of prompts alone refuses its tools',
      greeting({ capabilities: { prompts: {} } }),
      { 'tools/list': ['{"error":{"code":-32603,"message":"no"}}'] },
      { tools: [], prompts: 1 },
    ],
  ])('%s', async (_, initialize, lists, expected) => {
    const odd = await Upstream.start([], {
      tools,
      prompts,
      lists: { initialize: [initialize], ...lists },
    });

    expect(await listedBeside(odd)).toEqual(expected);
    expect((await shown(odd)).state).toBe('healthy');
    expect((await odd.seen('prompts/list')).length).toBe(1);
  });

  it('asks for no more of what is not declared once that went wrong', async () => {
    const odd = await Upstream.start([], {
      tools,
      lists: { initialize: [greeting({ capabilities: { tools: {} } })], 'prompts/list': ['garbage'] },
    });

    expect(await odd.seen('resources/list')).toEqual([]);
    expect(await shown(odd)).toMatchObject({ state: 'healthy', tools: [{ name: 'one' }], left_out: [] });
  });
});

describe('pages (CONTRACT §6)', () => {
  const [first, second] = [
    { name: 'first', inputSchema },
    { name: 'second', inputSchema },
  ];
  const both = ['first', 'second'];

  it.each([
    ['an empty cursor ends', [page('tools', [first], { nextCursor: '' })], ['first'], []],
    ['a null cursor ends', [page('tools', [first], { nextCursor: null })], ['first'], []],
    ['a number is no cursor', [page('tools', [first], { nextCursor: 1 })], ['first'], []],
    [
      'a second page that is refused loses only itself',
      [page('tools', [first], { nextCursor: '1' }), '{"error":{"code":-32602,"message":"bad cursor"}}'],
      ['first'],
      [expect.stringContaining('tools/list failed at page 2, so what follows its first 1 is missing')],
    ],
    [
      'a cursor that comes again ends, and is said',
      [page('tools', [first], { nextCursor: '1' }), page('tools', [second], { nextCursor: '1' })],
      both,
      ['tools/list gives the same cursor again, so what follows its first 2 is missing'],
    ],
    [
      'a tool of another page is listed twice',
      [page('tools', [first], { nextCursor: '1' }), page('tools', [first, second])],
      both,
      ['it is listed twice'],
    ],
    [
      'a list that is null is empty',
      [page('tools', [first], { nextCursor: '1' }), '{"tools":null}'],
      ['first'],
      [],
    ],
    [
      'a list that is no list is a failure',
      [page('tools', [first], { nextCursor: '1' }), '{"tools":{"a":1}}'],
      ['first'],
      [expect.stringContaining('tools/list failed at page 2')],
    ],
  ])('%s', async (_, lists, names, said) => {
    const odd = await Upstream.start([], { prompts, lists: { 'tools/list': lists } });

    expect(await listedBeside(odd)).toEqual({ tools: names, prompts: 1 });
    expect((await shown(odd)).left_out.map(({ reason }) => reason)).toEqual(said);
  });

  it('ends after 200 pages, and says so', async () => {
    const pages = Array.from({ length: 201 }, (_, at) =>
      page('tools', [{ name: `t${at}`, inputSchema }], { nextCursor: String(at + 1) }),
    );
    const odd = await Upstream.start([], { lists: { 'tools/list': pages } });

    expect(await odd.seen('tools/list')).toHaveLength(200);
    expect((await shown(odd)).left_out).toEqual([
      {
        kind: 'tool',
        name: '*',
        reason: 'tools/list goes on after 200 pages, so what follows its first 200 is missing',
      },
    ]);
  });
});

describe('request ids and versions (PROTOCOL §1)', () => {
  it.each(['2025', '2026', 'both', 'stateless'])(
    'are integers to a server of %s that takes no other',
    async (era) => {
      const odd = await Upstream.start(['one'], { era, wantsIntegers: true });

      expect(await listedBeside(odd)).toEqual({ tools: ['one'], prompts: 0 });
      const ids = (await odd.seen()).map(({ message }) => message.id).filter((id) => id !== undefined);
      expect(new Set(ids).size).toBe(ids.length);
    },
  );

  it.each([
    ['a line break', '2025-06-18\nx-evil: 1'],
    ['other characters', '２０２５'],
    ['an empty text', ''],
    ['a number', 20250618],
    ['an object', { a: 1 }],
    ['more than a version', 'v'.repeat(100)],
  ])('a version of %s is refused in words, and nothing is saved', async (_, protocolVersion) => {
    const name = `odd_${crypto.randomUUID().slice(0, 8)}`;
    await control(name, 'set', { tools, lists: { initialize: [greeting({ protocolVersion })] } });
    const registration = { name, connection_type: 'http', connection_string: addressOf(name) };
    const answer = await admin<{ error: { message: string } }>('POST', '/mcp/client', registration);
    const { clients } = await admin<{ clients: object[] }>('GET', `/mcp/clients?search=${name}`);

    expect(answer.status).toBe(422);
    expect(answer.error.message).toContain('speaks a protocol version that no request can name');
    expect(clients).toEqual([]);
  });

  it('a server that begins to name one later says so, and keeps its lists', async () => {
    const odd = await Upstream.start(['one']);
    await odd.forgetSessions();
    await odd.behave({ lists: { initialize: [greeting({ protocolVersion: 'a\nb' })] } });
    await admin('POST', `/mcp/client/${odd.id}/reconnect`);

    expect(await listedBeside(odd)).toEqual({ tools: ['one'], prompts: 0 });
    expect(await shown(odd)).toMatchObject({
      state: 'unstable',
      last_failure: { message: expect.stringContaining('"a\\nb"') },
    });
  });
});

describe('what is declared while a server is listed (PROTOCOL §5)', () => {
  const relayed = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

  it('is everything whose questions reach clients, to a server of either era, and nothing for a caller without', async () => {
    const older = await Upstream.start(['one']);
    const newer = await Upstream.start(['one'], { era: '2026' });
    await (await McpCaller.withKey('2025', `/mcp/${older.slug}`)).call('one');
    const [listing, call] = await older.seen('initialize');
    const [listed] = await newer.seen('tools/list');

    expect(listing?.message.params?.capabilities).toMatchObject(relayed);
    expect(call?.message.params?.capabilities).toEqual({});
    expect(listed?.message.params?._meta).toMatchObject({
      'io.modelcontextprotocol/clientCapabilities': relayed,
    });
  });

  it('is refused when the server asks: there are no roots, and it is listed', async () => {
    const asking = ['roots/list', 'ping', 'elicitation/create'].map((method, at) => ({
      text: `{"jsonrpc":"2.0","id":9007199254740993${at},"method":"${method}"}`,
    }));
    const upstream = await Upstream.start(['one'], { answers: 'events', asks: { 'tools/list': asking } });
    const answers = (await upstream.seen()).filter(({ message }) => message.id && !message.method);

    expect(await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).toolNames()).toEqual(['one']);
    expect(answers.map(({ text }) => text)).toEqual([
      '{"jsonrpc":"2.0","id":90071992547409930,"result":{"roots":[]}}',
      '{"jsonrpc":"2.0","id":90071992547409931,"result":{}}',
      expect.stringContaining('"id":90071992547409932,"error":{"code":-32601'),
    ]);
  });

  it('is answered sixteen times beside a page', async () => {
    const text = (id: number) => `{"jsonrpc":"2.0", "id":${id},"method":"ping"}`; // the server does not wait for it
    const asking = Array.from({ length: 40 }, (_, id) => ({ text: text(id + 1) }));
    const upstream = await Upstream.start(['one'], { answers: 'events', asks: { 'tools/list': asking } });
    const answers = async () =>
      (await upstream.seen()).filter(({ message }) => message.id && !message.method).length;
    await vi.waitFor(async () => expect(await answers()).toBe(16));

    expect(await (await McpCaller.withKey('2025', `/mcp/${upstream.slug}`)).toolNames()).toEqual(['one']);
    expect(await answers()).toBe(16);
  });
});
