import { describe, expect, it } from 'vitest';
import { McpCaller, modern } from '../support/caller';
import { newKey } from '../support/gate';
import { Upstream } from '../support/upstream';

const closed = { registration: { allow_on_all_virtual_keys: false } };
const SHOWS_APPS = {
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
};

const tool = (name: string, ui?: Record<string, unknown>) => ({
  name,
  inputSchema: { type: 'object' },
  ...(ui && { _meta: { ui, 'x/y': 1.5 } }),
});

const shown = tool('show', { resourceUri: 'ui://page' });

/** Servers with these tools and pages, and a caller who may use them and no other. */
async function serving(...lists: { tools: Record<string, unknown>[]; page?: string }[]) {
  const servers = await Promise.all(
    lists.map(({ tools, page }) =>
      Upstream.start(tools, { ...closed, resources: page ? [{ uri: page, name: 'page' }] : [] }),
    ),
  );
  const { value } = await newKey(servers.map(({ name }) => name));
  return { servers: servers as [Upstream, Upstream], caller: new McpCaller({ 'x-bf-vk': value }) };
}

const metaOf = (tools: unknown) =>
  Object.fromEntries((tools as { name: string; _meta?: unknown }[]).map(({ name, _meta }) => [name, _meta]));

describe('tools of MCP Apps, in lists (PROTOCOL §§5, 6)', () => {
  it('name their page with their server’s prefix on /mcp, and as it is at the address of their server', async () => {
    const { servers, caller } = await serving({ tools: [shown, tool('plain')] }, { tools: [] });
    const { name, slug } = servers[0];
    const joined = await caller.ask('tools/list');
    const alone = await caller.with({}, `/mcp/${slug}`).ask('tools/list');

    expect(metaOf(joined.body.result?.tools)).toEqual({
      [`${name}-show`]: { ui: { resourceUri: `ui://${slug}+page` }, 'x/y': 1.5 },
      [`${name}-plain`]: undefined,
    });
    expect(alone.body.result?.tools).toEqual([shown, tool('plain')]);
  });

  it.each(['2025', '2026'] as const)(
    'that only apps call are listed at the address of their server, to clients that show apps (%s)',
    async (era) => {
      const hidden = [tool('own', { visibility: ['app'] }), tool('none', { visibility: [] })];
      const { servers, caller } = await serving(
        { tools: [tool('both', { visibility: ['model', 'app'] }), ...hidden] },
        { tools: [] },
      );
      const { name, slug } = servers[0];
      const names = async (path: string, capabilities: Record<string, unknown>) => {
        const plain = new McpCaller(caller.headers, era, path);
        const asking = era === '2025' ? await plain.initialized(capabilities) : plain;
        const meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };
        const params = era === '2025' ? {} : modern({}, meta);
        const { body } = await asking.ask('tools/list', params);
        return body.result?.tools?.map((one) => one.name);
      };

      expect(await names('/mcp', SHOWS_APPS)).toEqual([`${name}-both`]);
      expect(await names('/mcp', {})).toEqual([`${name}-both`]);
      expect(await names(`/mcp/${slug}`, {})).toEqual(['both']);
      expect(await names(`/mcp/${slug}`, SHOWS_APPS)).toEqual(['both', 'own', 'none']);
    },
  );

  it('of servers without an app are for models alone, to clients that show apps', async () => {
    const { servers, caller } = await serving(
      { tools: [tool('a'), tool('b', { visibility: ['model', 'app'] }), tool('c', { x: 1 })] },
      { tools: [shown, tool('d')] },
      { tools: [tool('e')], page: 'UI://page' },
    );
    const [first, second, third] = servers.map(({ name }) => name);
    const plain = await caller.ask('tools/list');
    const shows = await caller.initialized(SHOWS_APPS);
    const apps = metaOf((await shows.ask('tools/list')).body.result?.tools);
    const alone = await shows.with({}, `/mcp/${servers[0].slug}`).ask('tools/list');

    expect(metaOf(plain.body.result?.tools)).toHaveProperty(`${first}-a`, undefined);
    expect(apps[`${first}-a`]).toEqual({ ui: { visibility: ['model'] } });
    expect(apps[`${first}-b`]).toEqual({ ui: { visibility: ['model', 'app'] }, 'x/y': 1.5 });
    expect(apps[`${first}-c`]).toEqual({ ui: { x: 1, visibility: ['model'] }, 'x/y': 1.5 });
    expect([apps[`${second}-d`], apps[`${third}-e`]]).toEqual([undefined, undefined]);
    expect(metaOf(alone.body.result?.tools)).toHaveProperty('a', undefined);
  });
});

describe('a tool as its app calls it, on /mcp (PROTOCOL §6)', () => {
  it('is found by its own name, also one that is not listed', async () => {
    const own = tool('own', { visibility: ['app'] });
    const { servers, caller } = await serving(
      { tools: [shown, own] },
      { tools: [tool('other'), tool('own')] },
    );

    expect((await caller.call('show')).body.result?.content).toEqual([{ type: 'text', text: 'show ran' }]);
    expect((await caller.call('own')).body.result?.content).toEqual([{ type: 'text', text: 'own ran' }]);
    expect(await servers[1].seen('tools/call')).toEqual([]);
  });

  it('is not found where its server has no app, nor where the caller may not use it', async () => {
    const { servers, caller } = await serving({ tools: [shown] }, { tools: [tool('other')] });
    await servers[0].change({ tools_to_execute: ['nothing'] });

    for (const name of ['other', 'show', 'constructor'])
      expect((await caller.call(name)).body.error).toEqual({
        code: -32602,
        message: `Unknown tool: ${name}`,
      });
  });

  it('is that of the one server where the caller may use it, and names no other', async () => {
    const { servers, caller } = await serving({ tools: [shown] }, { tools: [tool('show')], page: 'ui://x' });
    await servers[0].change({ tools_to_execute: ['nothing'] });

    expect((await caller.call('show')).body.result?.content).toEqual([{ type: 'text', text: 'show ran' }]);
    expect(await servers[0].seen('tools/call')).toEqual([]);
  });

  it('is refused where two servers have it, with the names that tell them apart', async () => {
    const { servers, caller } = await serving({ tools: [shown] }, { tools: [tool('show')], page: 'ui://x' });
    const { body } = await caller.call('show');

    expect(body.error?.code).toBe(-32602);
    for (const { name } of servers) expect(body.error?.message).toContain(`${name}-show`);
    for (const server of servers) expect(await server.seen('tools/call')).toEqual([]);
  });
});
