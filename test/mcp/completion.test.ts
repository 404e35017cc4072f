import { describe, expect, it } from 'vitest';
import { McpCaller } from '../support/caller';
import { administer, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Upstream } from '../support/upstream';

const COMPLETION = '{"completion":{"values":["red","rose"],"total":12345678901234567890,"hasMore":true}}';
const argument = { name: 'colour', value: 'r' };
const prompt = (name: string) => ({ ref: { type: 'ref/prompt', name }, argument });
const resource = (uri: string) => ({ ref: { type: 'ref/resource', uri }, argument });

/** A server that completes, and one beside it. */
async function completing(behaviour: Record<string, unknown> = {}) {
  const template = `paint${crypto.randomUUID().slice(0, 8)}://{colour}`;
  const upstream = await Upstream.start(['echo'], {
    prompts: [{ name: 'paint' }],
    resources: [{ uri: 'paint://all', name: 'all' }],
    resourceTemplates: [{ uriTemplate: template, name: 'colours' }],
    lists: { 'completion/complete': [COMPLETION] },
    ...behaviour,
  });
  await Upstream.start(['echo'], { prompts: [{ name: 'paint' }] });
  return { upstream, template };
}

const sent = async (upstream: Upstream) =>
  (await upstream.seen('completion/complete')).map(({ message }) => message.params);

describe('completion/complete (MCP, Completion)', () => {
  it.each(['2025', '2026'] as const)(
    'goes to the server that has the prompt or template, by its own name (%s)',
    async (era) => {
      const { upstream, template: own } = await completing();
      const caller = await McpCaller.withKey(era);
      const context = { arguments: { size: 'big' } };

      const byPrompt = await caller.ask('completion/complete', {
        ...prompt(`${upstream.name}-paint`),
        context,
      });
      const listed = await caller.ask('resources/templates/list');
      const [template] = (
        listed.body.result as { resourceTemplates: { uriTemplate: string }[] }
      ).resourceTemplates.filter(({ uriTemplate }) => uriTemplate.endsWith(own));
      const byTemplate = await caller.ask('completion/complete', resource(template?.uriTemplate ?? ''));

      for (const { body } of [byPrompt, byTemplate])
        expect(body.result?.completion).toMatchObject({ values: ['red', 'rose'], hasMore: true });
      expect(byPrompt.body.result?.resultType).toBe(era === '2026' ? 'complete' : undefined);
      expect(await sent(upstream)).toMatchObject([
        { ref: { type: 'ref/prompt', name: 'paint' }, argument, context },
        { ref: { type: 'ref/resource', uri: own }, argument },
      ]);
    },
  );

  it('passes value for value, and at the server itself by its own names', async () => {
    const { upstream } = await completing();
    const caller = await McpCaller.withKey('2025', `/mcp/${upstream.slug}`);

    const response = await caller.send('completion/complete', prompt('paint'), { id: 7 });

    expect(await response.text()).toBe(`{"jsonrpc":"2.0","id":7,"result":${COMPLETION}}`);
    for (const uri of ['paint://all', 'not://listed/{x}'])
      expect((await caller.ask('completion/complete', resource(uri))).body.result).toBeDefined();
    expect((await sent(upstream)).at(-1)).toMatchObject(resource('not://listed/{x}'));
  });

  it('passes the error of a server that completes nothing', async () => {
    const error = '{"error":{"code":-32601,"message":"Method not found"}}';
    const { upstream } = await completing({ lists: { 'completion/complete': [error] } });
    const caller = await McpCaller.withKey();

    const { body } = await caller.ask('completion/complete', prompt(`${upstream.name}-paint`));

    expect(body.error).toEqual({ code: -32601, message: 'Method not found' });
  });

  it('asks nobody for an account: only three methods may be answered with a question', async () => {
    const server = await headerServer();
    await server.behave({ prompts: [{ name: 'paint' }] });
    await administer('POST', `/mcp/client/${server.id}/refresh-tools`);
    const { value } = await newKey([server.name]);
    const caller = new McpCaller({ 'x-bf-vk': value }, '2026', `/mcp/${server.slug}`);
    const capabilities = { elicitation: { url: {} } };
    const _meta = { 'io.modelcontextprotocol/clientCapabilities': capabilities };

    const { body } = await caller.ask('completion/complete', { ...prompt('paint'), _meta });

    expect(body.result).toBeUndefined();
    expect(body.error).toMatchObject({ code: -32603, data: { type: 'mcp_auth_required' } });
  });

  it('is declared in both eras', async () => {
    const found = await (await McpCaller.withKey('2026')).ask('server/discover');
    const begun = await (await McpCaller.withKey()).ask('initialize', { protocolVersion: '2025-11-25' });

    for (const { body } of [found, begun])
      expect(body.result?.capabilities).toMatchObject({ completions: {} });
  });

  it('reaches no server the caller may not read: what is hidden is told as what is missing', async () => {
    const { upstream: closed } = await completing({ registration: { allow_on_all_virtual_keys: false } });
    const stranger = new McpCaller({ 'x-bf-vk': (await newKey()).value });
    const name = `${closed.name}-paint`;
    const { access_token } = await (await McpClient.register()).obtainGrant({
      key: (await newKey([closed.name])).value,
      changes: { scope: 'mcp:write' },
    });
    const writer = new McpCaller({ authorization: `Bearer ${access_token}` });

    const hidden = await stranger.ask('completion/complete', prompt(name));
    const missing = await stranger.ask('completion/complete', prompt(`${name}x`));
    const challenged = await writer.ask('completion/complete', prompt(name));

    expect(hidden.body.error).toEqual({ code: -32602, message: `Unknown reference: ${name}` });
    expect(missing.body.error).toEqual({ code: -32602, message: `Unknown reference: ${name}x` });
    expect(challenged.status).toBe(403);
    expect(await sent(closed)).toEqual([]);
  });

  it.each([
    {},
    { ref: { type: 'ref/prompt', name: 'x' } },
    { argument },
    { ref: [], argument },
    { ref: { type: 'constructor', name: 'x' }, argument },
    { ref: { type: 'ref/prompt', uri: 'x' }, argument },
    { ref: { type: 'ref/resource', uri: 7 }, argument },
  ])('%j is −32602', async (params) => {
    const { body } = await (await McpCaller.withKey()).ask('completion/complete', params);

    expect(body.error?.code).toBe(-32602);
  });
});
