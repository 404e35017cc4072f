import { beforeAll, describe, expect, it } from 'vitest';
import type { Answers } from '../../demo/consent';
import { Browser } from '../support/browser';
import { McpCaller } from '../support/caller';
import { administer, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

/** What a list says of a server, and what follows from it for its resources and prompts. */
type State = { tools: string[]; allow_resources?: boolean; allow_prompts?: boolean };
const STATES: Record<string, State> = {
  all: { tools: ['*'] },
  'all but resources': { tools: ['*'], allow_resources: false },
  some: { tools: ['one', 'two'] },
  'some and prompts': { tools: ['one', 'two'], allow_prompts: true },
  'resources alone': { tools: [], allow_resources: true },
};
const NAMES = Object.keys(STATES);
const GIVES: Record<string, string> = {
  all: 'resources prompts',
  'all but resources': 'prompts',
  some: '',
  'some and prompts': 'prompts',
  'resources alone': 'resources',
};
/** What consent's boxes can say; null: nothing was narrowed. */
const TICKS: Record<string, string | null> = {
  'not narrowed': null,
  all: 'all',
  some: 'some',
  'some and prompts': 'some and prompts',
  'resources alone': 'resources alone',
};

type Listed = { uri?: string; uriTemplate?: string; name?: string };
const LISTS = {
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
} as const;

const listIn = (result: Record<string, unknown> | undefined, method: keyof typeof LISTS) => {
  const list = result?.[LISTS[method]];
  if (!Array.isArray(list)) throw new Error(`${method} answered ${JSON.stringify(result)}`);
  return list as Listed[];
};

const HIDDEN = [-32002, -32602];

/** A server that lists something of every kind, its name in each. */
async function serverWith(
  registration: Record<string, unknown> = {},
  tools: unknown[] = ['one', 'two', 'three'],
) {
  const name = `s${crypto.randomUUID().slice(0, 8)}`;
  return Upstream.start(tools as string[], {
    registration: { name, allow_on_all_virtual_keys: false, ...registration },
    resources: [{ uri: `file:///${name}/a`, name: 'a' }],
    resourceTemplates: [{ uriTemplate: `file:///${name}/of/{id}`, name: 'of' }],
    prompts: [{ name: 'ask' }],
  });
}

const registered = ({ tools, ...reading }: State) => ({ tools_to_execute: tools, ...reading });
const configured = (servers: readonly Upstream[], { tools, ...reading }: State) =>
  servers.map(({ name }) => ({ mcp_client_name: name, tools_to_execute: tools, ...reading }));

async function keyWith(mcp_configs: unknown[]): Promise<{ id: string; value: string }> {
  const body = { name: `key ${crypto.randomUUID()}`, mcp_configs };
  const { virtual_key } = await administer<{ virtual_key: { id: string; value: string } }>(
    'POST',
    '/governance/virtual-keys',
    body,
  );
  return virtual_key;
}
const byKey = ({ value }: { value: string }) => new McpCaller({ 'x-bf-vk': value });

/** Who holds a grant that a key allowed with these answers at consent. */
async function granted(key: { value: string }, answers: Answers): Promise<McpCaller> {
  const client = await McpClient.register();
  const browser = new Browser();
  const page = await client.toServices(browser, { key: key.value });
  await browser.submit(page, { decision: 'allow', ...answers });
  const code = browser.callback?.searchParams.get('code') ?? '';
  const { body } = await client.redeem(code);
  return new McpCaller({ authorization: `Bearer ${body.access_token}` });
}

/**
 * The answers that leave each of these servers in as `state` says: of the tools that a form shows, those of a part are fewer; of
 * `shown` servers they are none. A server that is shown without tools has no boxes.
 */
function ticking(
  servers: readonly Upstream[],
  state: string,
  isBare: (server: Upstream) => boolean,
): Answers {
  const sent: Answers = { server: servers.map(({ name }) => name) };
  const names = servers.filter((server) => !isBare(server)).map(({ name }) => name);
  if (state === 'some' || state === 'some and prompts') sent.tool = names.map((name) => `${name}-one`);
  if (state === 'some and prompts') sent.allow_prompts = names;
  if (state === 'resources alone') Object.assign(sent, { tool: [], shown: names, allow_resources: names });
  return sent;
}

/** What a caller sees of a server and may read of it, where it is alone. Every method has to say the same. */
async function reached(caller: McpCaller, { slug, name }: Upstream): Promise<string> {
  const here = caller.with({}, `/mcp/${slug}`);
  const count = async (method: keyof typeof LISTS) =>
    listIn((await here.ask(method)).body.result, method).length;
  const answers = async (method: string, params: Record<string, unknown>) => {
    const { body } = await here.ask(method, params);
    if (body.error && !HIDDEN.includes(body.error.code)) throw new Error(JSON.stringify(body.error));
    return body.result ? 1 : 0;
  };
  const resources = [
    await count('resources/list'),
    await count('resources/templates/list'),
    await answers('resources/read', { uri: `file:///${name}/a` }),
    await answers('resources/read', { uri: `file:///${name}/of/7` }),
  ];
  const prompts = [await count('prompts/list'), await answers('prompts/get', { name: 'ask' })];
  const all = { resources, prompts };
  for (const [what, seen] of Object.entries(all))
    if (new Set(seen).size > 1) throw new Error(`not one word on ${what} of ${slug}: ${seen}`);
  return Object.entries(all)
    .filter(([, [first]]) => first)
    .map(([what]) => what)
    .join(' ');
}

/** What it sees of each server on a joined address, as `resources prompts` by the server's name. */
async function reachedTogether(caller: McpCaller, servers: readonly Upstream[]) {
  const list = async (method: keyof typeof LISTS) => listIn((await caller.ask(method)).body.result, method);
  const [resources, templates, prompts] = [
    await list('resources/list'),
    await list('resources/templates/list'),
    await list('prompts/list'),
  ];
  return servers.map(({ name }) => {
    const parts = [
      resources.some(({ uri }) => uri?.includes(`file:///${name}/a`)) && 'resources',
      templates.some(({ uriTemplate }) => uriTemplate?.includes(name)) !==
        resources.some(({ uri }) => uri?.includes(name)) && 'not one word',
      prompts.some((prompt) => prompt.name === `${name}-ask`) && 'prompts',
    ];
    return parts.filter(Boolean).join(' ');
  });
}

/** What all of these lists allow. */
function both(...given: string[]): string {
  return ['resources', 'prompts'].filter((what) => given.every((one) => one.includes(what))).join(' ');
}

/** The address of a toolset that a key may use. */
async function toolsetOf(key: { id: string }, tools: object[]): Promise<string> {
  const { virtual_mcp } = await administer<{ virtual_mcp: { endpoint_slug: string } }>(
    'POST',
    '/mcp/virtual-mcps',
    { name: `t ${crypto.randomUUID()}`, tools, virtual_key_ids: [key.id] },
  );
  return `/mcp/${virtual_mcp.endpoint_slug}`;
}

let servers: Upstream[];
const at = (state: string) => servers[NAMES.indexOf(state)] as Upstream;

beforeAll(async () => {
  servers = [];
  for (const state of Object.values(STATES)) servers.push(await serverWith(registered(state)));
});

describe('resources and prompts of a server of which there is only a part (PROTOCOL §5)', () => {
  describe.each(NAMES)('with a key that has %s', (ofKey) => {
    it.each(Object.keys(TICKS))('and consent that left in: %s', async (ofConsent) => {
      const key = await keyWith(configured(servers, STATES[ofKey] as State));
      const left = TICKS[ofConsent] ?? null;
      const hasTools = (state: string) => Boolean(STATES[state]?.tools.length);
      const isBare = (server: Upstream) => !hasTools(ofKey) || server === at('resources alone');
      const caller = left === null ? byKey(key) : await granted(key, ticking(servers, left, isBare));
      const expected = NAMES.map((ofServer) => {
        const ofBoxes = left === null || isBare(at(ofServer)) ? 'all' : left;
        return both(...[ofServer, ofKey, ofBoxes].map((state) => GIVES[state] ?? ''));
      });

      const seen: string[] = [];
      for (const server of servers) seen.push(await reached(caller, server));

      expect(seen).toEqual(expected);
      expect(await reachedTogether(caller, servers)).toEqual(expected);
    });
  });

  it.each(NAMES)('at a toolset that has %s', async (ofToolset) => {
    const { tools, ...reading } = STATES[ofToolset] as State;
    const key = await keyWith([]);
    const held = servers.map(({ id }) => ({ mcp_client_id: id, tool_names: tools, ...reading }));
    const address = await toolsetOf(key, held);
    const expected = NAMES.map((ofServer) => both(GIVES[ofServer] ?? '', GIVES[ofToolset] ?? ''));
    const caller = byKey(key);

    const there = await reachedTogether(caller.with({}, address), servers);
    const joined = await reachedTogether(caller, servers);

    expect(there).toEqual(expected);
    expect(joined).toEqual(expected);
  });

  it('at the address of a toolset, whatever the key has beside it', async () => {
    const server = at('all');
    const key = await keyWith(configured([server], { tools: ['*'] }));
    const address = await toolsetOf(key, [{ mcp_client_id: server.id, tool_names: ['one'] }]);
    const caller = byKey(key);

    expect(await reachedTogether(caller.with({}, address), [server])).toEqual(['']);
    expect(await reachedTogether(caller, [server])).toEqual(['resources prompts']);
  });

  it('are in where one of the lists of an identity has them', async () => {
    const server = at('all');
    const key = await keyWith(configured([server], { tools: ['one'], allow_prompts: true }));
    await toolsetOf(key, [{ mcp_client_id: server.id, tool_names: ['two'], allow_resources: true }]);

    expect(await reached(byKey(key), server)).toBe('resources prompts');
  });

  it('are in where a list says null, as far as its tools are', async () => {
    const server = at('all');
    const said = { allow_resources: null, allow_prompts: null };
    const configs = (tools: string[]) => [{ mcp_client_name: server.name, tools_to_execute: tools, ...said }];

    expect(await reached(byKey(await keyWith(configs(['*']))), server)).toBe('resources prompts');
    expect(await reached(byKey(await keyWith(configs(['one']))), server)).toBe('');
  });

  it('are in where the server has no tools, so that no list has a part of it only', async () => {
    const server = await serverWith({ tools_to_execute: ['gone'] }, []);
    const never = await serverWith({ tools_to_execute: [] }, []);
    const key = await keyWith(configured([server, never], { tools: ['gone'] }));

    expect(await reached(byKey(key), server)).toBe('resources prompts');
    expect(await reached(byKey(key), never)).toBe('resources prompts');
  });

  it('stay out where the server has tools, but none that can be offered', async () => {
    const server = await serverWith({}, [{ name: 'odd', inputSchema: 7 }]);
    const key = await keyWith(configured([server], { tools: ['odd'] }));

    expect(await reached(byKey(key), server)).toBe('');
  });

  it.each(['key', 'server'])('stay out of a server never listed of which the %s has a part', async (part) => {
    const tools = ['one'];
    const registration = { allow_on_all_virtual_keys: false };
    const own = part === 'server' ? { ...registration, tools_to_execute: tools } : registration;
    const upstream = await Upstream.start(['one', 'two'], {
      registration: own,
      fault: 503,
      resources: [{ uri: 'file:///secret', name: 'secret' }],
      prompts: [{ name: 'ask' }],
    });
    const key = await keyWith(configured([upstream], { tools: part === 'key' ? tools : ['*'] }));
    const caller = byKey(key);
    const here = caller.with({}, `/mcp/${upstream.slug}`);
    const tries = async () => [
      await caller.ask('resources/read', { uri: `${upstream.slug}+file:///secret` }),
      await here.ask('resources/read', { uri: 'file:///secret' }),
      await here.ask('prompts/get', { name: 'ask' }),
    ];
    const down = await tries();
    await upstream.behave({ fault: null });
    const up = await tries();

    for (const { body } of [...down, ...up]) expect(HIDDEN).toContain(body.error?.code);
    expect(await upstream.seen('resources/read')).toEqual([]);
  });

  it('are in at the first request of a server never listed, once it says that it has no tools', async () => {
    const resources = [{ uri: 'file:///open', name: 'open' }];
    const upstream = await Upstream.start([], {
      registration: { allow_on_all_virtual_keys: false },
      fault: 'die',
      resources,
    });
    const caller = byKey(await keyWith(configured([upstream], { tools: ['gone'] })));
    await upstream.behave({ fault: null });
    const { body } = await caller.ask('resources/read', { uri: `${upstream.slug}+file:///open` });

    expect(body.result?.contents).toMatchObject([{ text: 'read file:///open' }]);
  });

  it('are in whatever tools a request or its scope narrows to', async () => {
    const server = at('all');
    const key = await keyWith(configured([server], { tools: ['*'] }));
    const narrowed = byKey(key).with({ 'x-bf-mcp-include-tools': `${server.name}-one` });
    const reading = await granted(key, { read_only: 'on' });

    expect(await reached(narrowed, server)).toBe('resources prompts');
    expect(await reached(reading, server)).toBe('resources prompts');
  });

  it('follow the server at once, and its tools again when it says null', async () => {
    const server = await serverWith();
    const caller = byKey(await newKey([server.name]));
    const seen: string[] = [];
    for (const change of [
      { tools_to_execute: ['one'] },
      { allow_resources: true },
      { tools_to_execute: ['*'], allow_resources: false },
      { allow_resources: null },
    ]) {
      await server.change(change);
      seen.push(await reached(caller, server));
    }

    expect(seen).toEqual(['', 'resources', 'prompts', 'resources prompts']);
  });
});

describe('what a tool shows itself with (CONTRACT §6)', () => {
  const shown = (tool: string, _meta: object) => ({ name: tool, inputSchema: { type: 'object' }, _meta });

  it('is readable where the tool may be used, and only there', async () => {
    const server = await Upstream.start(
      [
        shown('one', { ui: { resourceUri: 'ui://one/app' } }),
        shown('older', { 'ui/resourceUri': 'ui://older/app' }),
        shown('host', { 'openai/outputTemplate': 'ui://host/app' }),
        shown('two', { ui: { resourceUri: 'ui://two/app' } }),
        shown('file', { ui: { resourceUri: 'file:///secret' } }),
      ],
      {
        registration: { allow_on_all_virtual_keys: false },
        resources: ['ui://one/app', 'ui://older/app', 'ui://two/app', 'ui://other/app', 'file:///secret'].map(
          (uri) => ({ uri, name: uri }),
        ),
        resourceTemplates: [{ uriTemplate: 'ui://host/{page}', name: 'pages' }],
      },
    );
    const key = await keyWith(configured([server], { tools: ['one', 'older', 'host', 'file'] }));
    const caller = byKey(key).with({}, `/mcp/${server.slug}`);

    const { body } = await caller.ask('resources/list');
    const read = async (uri: string) =>
      (await caller.ask('resources/read', { uri })).body.result ? 'read' : 'hidden';

    expect(listIn(body.result, 'resources/list').map(({ uri }) => uri)).toEqual([
      'ui://one/app',
      'ui://older/app',
    ]);
    expect(await read('ui://one/app')).toBe('read');
    expect(await read('ui://host/app')).toBe('read');
    expect(await read('ui://host/other')).toBe('hidden');
    expect(await read('ui://two/app')).toBe('hidden');
    expect(await read('ui://other/app')).toBe('hidden');
    expect(await read('file:///secret')).toBe('hidden');
  });
});
