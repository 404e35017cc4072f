import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readListing } from '../../src/mcp-client/listing';
import { STEPS } from '../../src/schema/steps';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin } from '../support/gate';
import { addressOf, control, Upstream } from '../support/upstream';

const inputSchema = { type: 'object' };
const text = (member: string, items: unknown[], rest = {}) => JSON.stringify({ [member]: items, ...rest });

type Shown = {
  state: string;
  last_failure: object | null;
  tools: { name: string }[];
  left_out: { kind: string; name: string; reason: string }[];
};

async function shown({ id }: Upstream): Promise<Shown> {
  return (await admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;
}

/** Has the gateway ask again, as its page does. */
async function askAgain({ id }: Upstream): Promise<void> {
  await admin('POST', `/mcp/client/${id}/reconnect`);
}

/** The text of a list, as the gateway sends it. */
async function listText(caller: McpCaller, method: string): Promise<string> {
  return (await caller.send(method)).text();
}

/** What the step of the schema does to lists that an earlier version stored. */
async function upgradeLists(): Promise<void> {
  const sql = STEPS.find(({ name }) => name === 'listing_stamp')?.sql ?? '';
  const statements = sql.replace(/--.*$/gm, '').split(';');
  const changes = statements.filter((one) => one.trim() && !one.includes('ALTER TABLE'));
  await env.DB.batch(changes.map((one) => env.DB.prepare(one)));
}

afterEach(() => {
  vi.useRealTimers();
});

describe('numbers keep their digits (CONTRACT §6, SECURITY 27)', () => {
  const DIGITS = '9223372036854775807,1e-05,0.10,1E400,-0,5.0,12345678901234567890.5';
  const inner = `"_meta":{"x.example/n":[${DIGITS}]}`;
  const LISTS: Record<string, string> = {
    'tools/list': `{"tools":[{"name":"one","inputSchema":{"type":"object","properties":{"a":{"maximum":9223372036854775807}}},${inner}}]}`,
    'prompts/list': `{"prompts":[{"name":"one",${inner}}]}`,
    'resources/list': `{"resources":[{"uri":"x://one","name":"one","size":9223372036854775807,${inner}}]}`,
    'resources/templates/list': `{"resourceTemplates":[{"uriTemplate":"x://{one}","name":"one",${inner}}]}`,
  };

  it.each(['2025', '2026'] as const)('in every list, on every address, to clients of %s', async (era) => {
    const lists = Object.fromEntries(Object.entries(LISTS).map(([method, list]) => [method, [list]]));
    const upstream = await Upstream.start([], { lists });
    const everywhere = (await McpCaller.withKey(era)).with({ 'x-bf-mcp-include-clients': upstream.name });

    for (const caller of [everywhere, everywhere.with({}, `/mcp/${upstream.slug}`)]) {
      for (const [method, list] of Object.entries(LISTS)) {
        const answer = await listText(caller, method);

        expect(answer).toContain(inner);
        expect(answer).not.toContain('rawJSON');
        if (list.includes('807}}')) expect(answer).toContain('{"maximum":9223372036854775807}');
        if (list.includes('size')) expect(answer).toContain('"size":9223372036854775807');
      }
    }
  });

  it('asks again for what an earlier version stored wrongly, and serves the rest meanwhile', async () => {
    const lists = { 'tools/list': [LISTS['tools/list']?.replace('[{', '[{"name":"other"},{') ?? ''] };
    const upstream = await Upstream.start([], { lists });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    await env.DB.prepare(
      `UPDATE listing SET definition = replace(definition, '9223372036854775807', '{"rawJSON":"9223372036854775807"}')
       WHERE server_id = ?1`,
    )
      .bind(upstream.id)
      .run();
    await upgradeLists();
    await upstream.behave({ fault: 'html' });
    await upstream.change({ tool_sync_interval: 9999 }); // the catalogue is read again
    const whileDown = await caller.toolNames();
    await upstream.behave({ fault: null });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });

    expect(whileDown).toEqual(['other']);
    expect(await caller.toolNames()).toEqual(['other', 'one']);
    expect(await listText(caller, 'tools/list')).toContain('{"maximum":9223372036854775807}');
  });

  it('takes a server’s own member of that name for no such mistake', async () => {
    const upstream = await Upstream.start([{ name: 'one', inputSchema, _meta: { a: { rawJSON: '5' } } }]);
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const { body } = await caller.ask('tools/list');

    expect(body.result?.tools).toEqual([{ name: 'one', inputSchema, _meta: { a: { rawJSON: '5' } } }]);
    expect(await upstream.seen('tools/list')).toHaveLength(1);
  });

  it('in the arguments a server gets', async () => {
    const upstream = await Upstream.start(['one']);
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const args = `{"a":[${DIGITS},9007199254740993,1e2],"b":{"c":-0}}`;
    await caller.post(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one","arguments":${args}}}`,
    );
    const [call] = await upstream.seen('tools/call');

    expect(call?.text).toContain(`"arguments":${args}`);
  });
});

describe('one odd item costs that item alone (CONTRACT §6)', () => {
  it('repairs what is plain, and names the rest with its reason', async () => {
    const upstream = await Upstream.start([], {
      tools: [
        { name: 'bare' },
        { name: 'text', inputSchema: { type: 'string' } },
        { name: 'good', inputSchema },
        null,
      ],
      prompts: [
        { name: 'p', arguments: [{}] },
        { name: 'q', arguments: null, title: null },
      ],
      resources: [{ uri: 'x://a', mimeType: null, size: '5' }, { name: 'no uri' }],
      resourceTemplates: [{ uriTemplate: 'x://{a}', annotations: [] }, 7],
    });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const listed = async (method: string) => (await caller.ask(method)).body.result;

    expect(await listed('tools/list')).toEqual({
      tools: [
        { name: 'bare', inputSchema },
        { name: 'good', inputSchema },
      ],
    });
    expect(await listed('prompts/list')).toEqual({ prompts: [{ name: 'q' }] });
    expect(await listed('resources/list')).toEqual({ resources: [{ uri: 'x://a', name: 'x://a' }] });
    expect(await listed('resources/templates/list')).toEqual({
      resourceTemplates: [{ uriTemplate: 'x://{a}', name: 'x://{a}' }],
    });
    expect(await shown(upstream)).toMatchObject({
      state: 'healthy',
      left_out: [
        { kind: 'tool', name: 'text', reason: 'its inputSchema is of another type than object' },
        { kind: 'tool', name: '', reason: 'it has no name' },
        { kind: 'prompt', name: 'p', reason: 'one of its arguments has no name' },
        { kind: 'resource', name: '', reason: 'it has no uri' },
        { kind: 'template', name: '', reason: 'it has no uriTemplate' },
      ],
    });
  });

  it('shows on the server’s page what was corrected, member by member, and in left_out none of it', async () => {
    const upstream = await Upstream.start([], {
      tools: [
        { name: 'plain', inputSchema },
        { name: 'odd', inputSchema: {}, title: null, annotations: { readOnlyHint: 'true' } },
        { name: 'text', inputSchema: { type: 'string' } },
      ],
      prompts: [{ name: 'p', arguments: [{ name: 'a', required: null }] }],
    });
    const browser = await Browser.administrator();
    const page = await browser.open(`/admin/servers/${upstream.id}`);
    const words = page?.html.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ');

    expect(words).toContain('2 items were corrected');
    expect(words).toContain('Tool odd: inputSchema, title, annotations.');
    expect(words).toContain('Prompt p: arguments.');
    expect(words).not.toContain('Tool plain:');
    expect(await shown(upstream)).toMatchObject({ left_out: [{ kind: 'tool', name: 'text' }] });
  });

  it('drops for clients of 2025 an output schema that describes no object', async () => {
    const outputSchema = { type: 'array' };
    const upstream = await Upstream.start([{ name: 'one', inputSchema, outputSchema }]);
    const tools = async (era: '2025' | '2026') => {
      const caller = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);
      return (await caller.ask('tools/list')).body.result?.tools;
    };

    expect(await tools('2025')).toEqual([{ name: 'one', inputSchema }]);
    expect(await tools('2026')).toEqual([{ name: 'one', inputSchema, outputSchema }]);
  });
});

describe('one list that fails leaves the others (CONTRACT §6, SECURITY 27)', () => {
  const KNOWN = {
    prompts: [{ name: 'p' }],
    resources: [{ uri: 'x://a', name: 'a' }],
    resourceTemplates: [{ uriTemplate: 'x://{a}', name: 'a' }],
  };
  const METHODS = [
    ['prompts/list', 'prompt'],
    ['resources/list', 'resource'],
    ['resources/templates/list', 'template'],
  ] as const;

  it.each([
    [...METHODS[0], '{"error":{"code":-32603,"message":"out of order"}}'],
    [...METHODS[1], 'garbage'],
    [...METHODS[2], '{"error":7}'],
  ] as const)('%s of the kind %s answered with %s', async (method, kind, failure) => {
    const upstream = await Upstream.start(['one'], KNOWN);
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    await upstream.behave({
      tools: [{ name: 'two', inputSchema }],
      lists: { [method]: [failure] },
      ...Object.fromEntries(Object.keys(KNOWN).map((member) => [member, []])),
    });
    await askAgain(upstream);
    const { state, last_failure, tools, left_out } = await shown(upstream);
    const counts = await Promise.all(
      METHODS.map(async ([each]) => Object.values((await caller.ask(each)).body.result ?? {}).flat().length),
    );

    expect({ state, last_failure, tools }).toEqual({
      state: 'healthy',
      last_failure: null,
      tools: [{ name: 'two' }],
    });
    expect(left_out).toEqual([{ kind, name: '*', reason: expect.stringContaining(`${method} failed: `) }]);
    expect(counts).toEqual(METHODS.map(([each]) => Number(each === method))); // what was known of it holds
    expect(await caller.toolNames()).toEqual(['two']);
  });

  it.each(['hang', 'open'])(
    'does not wait for one beyond its time, and has the tools (%s)',
    async (answer) => {
      const name = `up_${crypto.randomUUID().slice(0, 8)}`;
      await control(name, 'set', {
        tools: [{ name: 'one', inputSchema }],
        lists: { 'prompts/list': [answer] },
      });
      const connectionType = 'http';
      const server = { id: name, name, connectionType, connectionString: addressOf(name), authType: 'none' };
      const credentials = { headers: new Headers(), version: '' };
      const peer = { server, credentials, owner: null, sharer: null } as unknown as Parameters<
        typeof readListing
      >[0];
      const giveUp = new AbortController();
      const reading = readListing(peer, giveUp.signal);
      await control(name, 'until', { method: 'prompts/list', count: 1 });
      giveUp.abort();
      const { listing, leftOut } = await reading;

      expect(listing.tool).toHaveLength(1);
      expect(leftOut[0]).toMatchObject({
        kind: 'prompt',
        name: '*',
        reason: expect.stringContaining('in time'),
      });
    },
  );

  it('takes a method the server does not know for an empty list', async () => {
    const unknown = ['{"error":{"code":-32601,"message":"Method not found"}}'];
    const lists = Object.fromEntries(METHODS.map(([method]) => [method, unknown]));
    const upstream = await Upstream.start(['one'], { lists });

    expect(await shown(upstream)).toMatchObject({ state: 'healthy', tools: [{ name: 'one' }], left_out: [] });
  });

  it('keeps the pages before one that fails, and says what is missing', async () => {
    const page = text('tools', [{ name: 'one', inputSchema }], { nextCursor: '1' });
    const upstream = await Upstream.start([], { lists: { 'tools/list': [page, 'garbage'] } });

    expect(await shown(upstream)).toMatchObject({
      state: 'healthy',
      tools: [{ name: 'one' }],
      left_out: [
        {
          kind: 'tool',
          name: '*',
          reason: expect.stringContaining('failed at page 2, so what follows its first 1 is'),
        },
      ],
    });
  });

  it('leaves the tools as they were when these do not come, shows that, and has the others', async () => {
    const upstream = await Upstream.start(['one'], KNOWN);
    await upstream.behave({ lists: { 'tools/list': ['garbage'] }, prompts: [{ name: 'new' }] });
    const { status } = await admin<{ status: number }>('POST', `/mcp/client/${upstream.id}/reconnect`);
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect(status).toBe(422);
    expect(await shown(upstream)).toMatchObject({
      state: 'unstable',
      last_failure: { stage: 'list' },
      tools: [{ name: 'one' }],
      left_out: [{ kind: 'tool', name: '*', reason: expect.stringContaining('tools/list failed: ') }],
    });
    expect((await caller.ask('prompts/list')).body.result).toEqual({ prompts: [{ name: 'new' }] });
    expect(await caller.toolNames()).toEqual(['one']);
  });

  it('counts a server as not listed yet whose tools never came, and has its prompts', async () => {
    const upstream = await Upstream.start(['one'], { ...KNOWN, lists: { 'tools/list': ['garbage'] } });
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);
    const { result } = (await caller.ask('tools/list')).body;
    const prompts = await caller.ask('prompts/list');
    await upstream.behave({ lists: {} });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });

    expect(result).toMatchObject({
      tools: [],
      _meta: { 'toolgate/unavailable': [{ server: upstream.name }] },
    });
    expect(prompts.body.result).toMatchObject({ prompts: [{ name: 'p' }] });
    expect(await caller.toolNames()).toEqual(['one']);
    expect(await shown(upstream)).toMatchObject({ state: 'healthy', last_failure: null, left_out: [] });
  });

  it('is a failure of the server when nothing comes, and leaves everything as it was', async () => {
    const upstream = await Upstream.start(['one'], KNOWN);
    const all = ['tools/list', ...METHODS.map(([method]) => method)];
    await upstream.behave({ lists: Object.fromEntries(all.map((method) => [method, ['garbage']])) });
    await askAgain(upstream);
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect(await shown(upstream)).toMatchObject({
      state: 'unstable',
      tools: [{ name: 'one' }],
      left_out: [],
    });
    expect((await caller.ask('prompts/list')).body.result).toEqual({ prompts: [{ name: 'p' }] });
  });

  it('is about the credentials where the server refuses them for its tools: nothing else is asked', async () => {
    const registration = { auth_type: 'headers', headers: { 'x-key': 'right' } };
    const upstream = await Upstream.start(['one'], { ...KNOWN, demandsHeaders: ['x-key'], registration });
    const before = await upstream.seen('prompts/list');
    await upstream.behave({ lists: { 'tools/list': ['401'] } });
    await askAgain(upstream);

    expect(await shown(upstream)).toMatchObject({ state: 'needs_reauth', tools: [{ name: 'one' }] });
    expect(await upstream.seen('prompts/list')).toHaveLength(before.length);
  });
});

describe('a server never listed (CONTRACT §6)', () => {
  it('is asked once for all callers who come at the same time', async () => {
    const upstream = await Upstream.start(['one'], { fault: 'die' });
    const callers = await Promise.all(
      Array.from({ length: 5 }, () => McpCaller.withKey('2025', `/mcp/${upstream.slug}`)),
    );
    await upstream.behave({ fault: null });
    const names = await Promise.all(callers.map((caller) => caller.toolNames()));

    expect(names).toEqual(callers.map(() => ['one']));
    expect(await upstream.seen('tools/list')).toHaveLength(1);
  });
});
