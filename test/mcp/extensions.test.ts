import { describe, expect, it } from 'vitest';
import { McpCaller } from '../support/caller';
import { administer, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const SEARCH = 'com.example/search';
const OFFERED = {
  extensions: { 'com.example/search': { fast: true }, 'com.example/oauth': {} },
  experimental: { 'com.example/beta': {} },
};

async function offering(era: '2025' | '2026', capabilities: object = OFFERED) {
  const upstream = await Upstream.start(['echo'], { era, capabilities });
  await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
  return upstream;
}

/** What a client of `era` is told that it may use beyond MCP itself. */
async function offersTo(caller: McpCaller): Promise<{ extensions?: unknown; experimental?: unknown }> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const { body } =
    caller.era === '2025' ? await caller.ask('initialize', params) : await caller.ask('server/discover');
  const { capabilities } = body.result as { capabilities: Record<string, unknown> };
  return { extensions: capabilities.extensions, experimental: capabilities.experimental };
}

describe.each([
  ['2025', '2025'],
  ['2025', '2026'],
  ['2026', '2025'],
  ['2026', '2026'],
] as const)('what a %s server offers beyond MCP, to a %s client (PROTOCOL §6)', (serverEra, era) => {
  it('is told at its own address, but for authorization, and its methods are forwarded as they are', async () => {
    const upstream = await offering(serverEra);
    const caller = await McpCaller.withKey(era, `/mcp/${upstream.slug}`);

    expect(await offersTo(caller)).toMatchObject({
      extensions: { 'com.example/search': { fast: true } },
      experimental: { 'com.example/beta': {} },
    });
    expect((await offersTo(caller)).extensions).not.toHaveProperty(['com.example/oauth']);

    const { body } = await caller.ask(SEARCH, { for: 9007199254740991, arguments: { a: 1 } });
    expect(body.result).toMatchObject({ structuredContent: { arguments: { a: 1 } } });
    const [seen] = await upstream.seen(SEARCH);
    expect(seen?.message.params).toMatchObject({ for: 9007199254740991, arguments: { a: 1 } });
  });
});

describe('a method that no header holds as it is', () => {
  it.each(['com.example/é', 'com.example/\u0000', ' com.example/x'])(
    '%j reaches its server encoded',
    async (method) => {
      const upstream = await offering('2026');
      const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

      expect((await caller.ask(method)).status).toBe(200);
      const [seen] = await upstream.seen(method);
      expect(seen?.headers['mcp-method']).toMatch(/^=\?base64\?[\w+/=]+\?=$/);
    },
  );
});

describe('a method that MCP does not have', () => {
  const UNKNOWN = { code: -32601 };

  it('is forwarded at the address of one server alone, and only where that offers more than MCP', async () => {
    const upstream = await offering('2025');
    const plain = await Upstream.start(['echo']);
    for (const path of ['/mcp', `/mcp/${plain.slug}`]) {
      const caller = await McpCaller.withKey('2025', path);
      expect((await caller.ask(SEARCH)).body.error).toMatchObject(UNKNOWN);
      expect(await offersTo(caller)).toEqual({});
    }
    for (const at of [upstream, plain]) expect(await at.seen(SEARCH)).toEqual([]);
  });

  it.each([
    'com.example/authorize',
    'auth/token',
    'server/other',
    'tools/other',
    'roots/list',
    'notifications/x',
  ])('%s is never forwarded', async (method) => {
    const upstream = await offering('2025');
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    expect((await caller.ask(method)).body.error).toMatchObject(UNKNOWN);
    expect((await upstream.seen()).filter(({ message }) => message.method === method)).toEqual([]);
  });

  it('is not there for who may use a part of the server, or only read', async () => {
    const name = `s${crypto.randomUUID().slice(0, 8)}`;
    const registration = { name, allow_on_all_virtual_keys: false };
    const upstream = await Upstream.start(['echo'], { capabilities: OFFERED, registration });
    await administer('POST', `/mcp/client/${upstream.id}/refresh-tools`);
    const key = await newKey([name]);
    const whole = new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${upstream.slug}`);
    expect((await whole.ask(SEARCH)).body.error).toBeUndefined();

    const client = await McpClient.register();
    const tokens = await client.obtainGrant({ key: key.value, changes: { scope: 'mcp:read' } });
    const reader = new McpCaller({ authorization: `Bearer ${tokens.access_token}` }, '2025', whole.path);
    expect((await reader.ask(SEARCH)).body.error).toMatchObject(UNKNOWN);
    for (const part of [
      { tools_to_execute: ['echo'] },
      { tools_to_execute: ['*'], allow_resources: false },
      { tools_to_execute: ['*'], allow_prompts: false },
    ]) {
      const mcp_configs = [{ mcp_client_name: name, ...part }];
      await administer('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs });
      expect((await whole.ask(SEARCH)).body.error).toMatchObject(UNKNOWN);
    }
  });
});
