import { describe, expect, it } from 'vitest';
import { McpCaller } from '../support/caller';
import { admin, newKey } from '../support/gate';
import { Upstream } from '../support/upstream';

const inputSchema = { type: 'object' };
const tools = (count: number) => Array.from({ length: count }, (_, at) => ({ name: `t${at}`, inputSchema }));

/** A caller whose key was given all tools of two servers, 2,500 together. */
async function besideTwo() {
  const closed = { registration: { allow_on_all_virtual_keys: false }, pageSize: 2000 };
  const both = [
    await Upstream.start(tools(1500), closed),
    await Upstream.start(tools(1000), closed),
  ] as const;
  const key = await newKey(both.map(({ name }) => name));
  const caller = new McpCaller({ 'x-bf-vk': key.value });
  return { both, key, caller };
}

const pageOf = async (caller: McpCaller, params: Record<string, unknown> = {}) => {
  const { body } = await caller.ask('tools/list', params);
  return {
    names: (body.result?.tools ?? []).map(({ name }) => name),
    next: body.result?.nextCursor as string | undefined,
    error: body.error,
  };
};

describe('pages of a list (PROTOCOL §5)', () => {
  it('hold 2,000 items; a cursor of ours leads on, and none, null or an empty one to the first', async () => {
    const { both, caller } = await besideTwo();

    const first = await pageOf(caller);
    const second = await pageOf(caller, { cursor: first.next });
    const alike = await Promise.all([pageOf(caller, { cursor: null }), pageOf(caller, { cursor: '' })]);

    expect(first.names).toHaveLength(2000);
    expect(second.names).toHaveLength(500);
    expect(second.next).toBeUndefined();
    expect(new Set([...first.names, ...second.names]).size).toBe(2500);
    expect(alike).toEqual([first, first]);
    const [one] = both;
    expect(await pageOf(caller.with({}, `/mcp/${one.slug}`))).toMatchObject({ names: { length: 1500 } });
  });

  it('take no cursor but one of this list as it is: another, an altered, a stale one is −32602', async () => {
    const { both, key, caller } = await besideTwo();
    const [one] = both;
    const { next = '' } = await pageOf(caller);
    const [digest, count] = next.split('.') as [string, string];
    const here = caller.with({}, `/mcp/${one.slug}`);
    const refused = { names: [], error: { code: -32602, message: expect.stringMatching(/^Invalid cursor/) } };

    for (const cursor of [
      '2000',
      'x',
      7,
      {},
      { toString: 1 },
      `${digest}.0`,
      `${digest}.-1`,
      `${digest}.2500`,
      `x${next}`,
    ])
      expect(await pageOf(caller, { cursor })).toMatchObject(refused);
    expect(await pageOf(here, { cursor: next })).toMatchObject(refused);
    expect((await caller.ask('prompts/list', { cursor: next })).body.error?.code).toBe(-32602);
    expect(
      await pageOf(caller.with({ 'x-bf-mcp-include-clients': one.name }), { cursor: next }),
    ).toMatchObject(refused);
    expect(await pageOf(caller, { cursor: `${digest}.${count}` })).toMatchObject({ names: { length: 500 } });

    const mcp_configs = both.map(({ name }) => ({
      mcp_client_name: name,
      tools_to_execute: name === one.name ? ['t1', 't2'] : ['*'],
    }));
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs });
    await one.change({ tool_sync_interval: 9999 });
    await expect.poll(async () => (await pageOf(caller)).names.length).toBe(1002);
    expect(await pageOf(caller, { cursor: next })).toMatchObject(refused);
  });

  it('hold each definition as its server wrote it, whatever is left out or told otherwise between two', async () => {
    const own = [
      { name: 'first', description: 'Prüft „alles“ – 検索 🔎', inputSchema },
      { name: 'hidden', inputSchema },
      { name: 'list of.things', inputSchema, outputSchema: { type: 'array' } },
      { name: 'shown', inputSchema, _meta: { ui: { resourceUri: 'ui://page/one' } } },
      { name: 'for apps', inputSchema, _meta: { ui: { visibility: ['app'] } } },
      { name: 'last', inputSchema, annotations: { readOnlyHint: true } },
    ];
    const left = own.filter(({ name }) => name !== 'hidden' && name !== 'for apps');
    const tools_to_execute = own.map(({ name }) => name).filter((name) => name !== 'hidden');
    const upstream = await Upstream.start(own, { registration: { tools_to_execute } });
    const { name: server, slug } = upstream;
    const narrowed = { 'x-bf-mcp-include-clients': server };
    const definitions = async (era: '2025' | '2026', path?: string) => {
      const caller = (await McpCaller.withKey(era, path)).with(narrowed);
      return (await caller.ask('tools/list')).body.result?.tools;
    };
    const older = left.map(({ outputSchema: _, ...tool }) => tool);
    const joined = (tools: readonly Record<string, unknown>[]) =>
      tools.map((tool) => ({
        ...tool,
        name: expect.stringMatching(new RegExp(`^${server}-${String(tool.name).replace(/\W/g, '_')}`)),
        ...(tool.name === 'shown' && { _meta: { ui: { resourceUri: `ui://${slug}+page/one` } } }),
      }));

    expect(await definitions('2026', `/mcp/${slug}`)).toEqual(left);
    expect(await definitions('2025', `/mcp/${slug}`)).toEqual(older);
    expect(await definitions('2026')).toEqual(joined(left));
    expect(await definitions('2025')).toEqual(joined(older));
  });
});
