import { describe, expect, it } from 'vitest';
import type { Answers } from '../../demo/consent';
import { exposedNameOf } from '../../src/protocol/exposed-name';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const closed = { registration: { allow_on_all_virtual_keys: false } };
const unknownTool = { body: { error: { code: -32602, message: expect.stringMatching(/^Unknown tool/) } } };

/** A person at the services step, with a key that may use `servers`. */
async function atServices(...servers: Upstream[]) {
  const client = await McpClient.register();
  const browser = new Browser();
  const key = await newKey(servers.map(({ name }) => name));
  const page = await opened(browser, await client.toServices(browser, { key: key.value }), servers);
  const submit = (answers: Answers) => browser.submit(page, { decision: 'allow', ...answers });
  const caller = async () => {
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    return new McpCaller({ authorization: `Bearer ${body.access_token}` });
  };
  return { client, key, browser, page, submit, caller };
}

/** The page once the tools of these servers were loaded into it, as its script does. */
async function opened(browser: Browser, page: Page, servers: Upstream[]): Promise<Page> {
  const flowId = new URL(page.url).searchParams.get('flow_id') ?? '';
  const lists: string[] = [];
  for (const { name } of servers) {
    const query = new URLSearchParams({ flow_id: flowId, server: name });
    lists.push((await browser.open(`/oauth/consent/tools?${query}`))?.html ?? '');
  }
  return { ...page, html: page.html.replace('</form>', `${lists.join('')}</form>`) };
}

const exposed = (server: Upstream, ...tools: string[]) => tools.map((tool) => `${server.name}-${tool}`);
const boxes = (page: Page | null) =>
  [
    ...(page?.html ?? '').matchAll(/<input type="checkbox"[^>]*name="tool" value="([^"]*)"( checked="")?/g),
  ].map(([, name, checked]) => `${checked ? '+' : '-'}${name}`);

describe('a box for every tool (CONTRACT §4)', () => {
  it('shows each tool that is open by its exposed name, ticked, over-long names too', async () => {
    const registration = { ...closed.registration, tools_to_execute: ['one', 'x'.repeat(61)] };
    const server = await Upstream.start(['one', 'two', 'x'.repeat(61)], { registration });
    const { page } = await atServices(server);

    expect(boxes(page)).toEqual([
      `+${server.name}-one`,
      `+${await exposedNameOf(server.name, 'x'.repeat(61))}`,
    ]);
  });

  it('lets in the tools that were ticked, on list and on call, and no other', async () => {
    const long = 'y'.repeat(70);
    const server = await Upstream.start(['one', 'two', long], closed);
    const person = await atServices(server);
    const hashed = await exposedNameOf(server.name, long);

    await person.submit({ server: server.name, tool: [...exposed(server, 'one'), hashed] });
    const caller = await person.caller();

    expect(await caller.toolNames()).toEqual([...exposed(server, 'one'), hashed]);
    expect(await caller.call(`${server.name}-two`)).toMatchObject(unknownTool);
    expect(await caller.call(hashed)).toMatchObject({
      body: { result: { content: [{ text: `${long} ran` }] } },
    });
    expect(await caller.with({}, `/mcp/${server.slug}`).call('two')).toMatchObject(unknownTool);
  });

  it('lets later tools in where all were ticked, and only there', async () => {
    const [whole, part] = [
      await Upstream.start(['one', 'two'], closed),
      await Upstream.start(['one', 'two'], closed),
    ];
    const person = await atServices(whole, part);

    await person.submit({ tool: [...exposed(whole, 'two', 'one'), ...exposed(part, 'one')] });
    const caller = await person.caller();
    for (const server of [whole, part]) {
      await server.behave({
        tools: ['one', 'two', 'three'].map((name) => ({ name, inputSchema: { type: 'object' } })),
      });
      await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
    }

    expect((await caller.toolNames()).sort()).toEqual(
      [...exposed(whole, 'one', 'two', 'three'), ...exposed(part, 'one')].sort(),
    );
    expect(await caller.call(`${part.name}-three`)).toMatchObject(unknownTool);
  });

  it('keeps out a tool that was unticked while the server did not list it', async () => {
    const tools = ['one', 'two'].map((name) => ({ name, inputSchema: { type: 'object' } }));
    const server = await Upstream.start(tools, closed);
    const person = await atServices(server);

    await server.behave({ tools: tools.slice(0, 1) });
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
    await person.submit({ tool: exposed(server, 'one') });
    await server.behave({ tools });
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);

    expect(await (await person.caller()).toolNames()).toEqual(exposed(server, 'one'));
  });

  it('takes a server for whole whose ticked tools were all it showed, whatever it lists by now', async () => {
    const tools = ['one', 'two'].map((name) => ({ name, inputSchema: { type: 'object' } }));
    const server = await Upstream.start(tools.slice(0, 1), closed);
    const person = await atServices(server);

    await server.behave({ tools });
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
    await person.submit({ access: 'chosen' });

    expect(await (await person.caller()).toolNames()).toEqual(exposed(server, 'one', 'two'));
  });

  it('does so while one of them is away, and for servers with the longest names', async () => {
    const tools = ['one', 'two'].map((name) => ({ name, inputSchema: { type: 'object' } }));
    const name = `long_${crypto.randomUUID().replaceAll('-', '')}`.padEnd(64, 'x');
    const registration = { ...closed.registration, name };
    for (const server of [
      await Upstream.start(tools, closed),
      await Upstream.start(tools, { registration }),
    ]) {
      const person = await atServices(server);

      if (server.name !== name) await server.behave({ tools: tools.slice(0, 1) });
      await admin('POST', `/mcp/client/${server.id}/refresh-tools`);
      await person.submit({ access: 'chosen' });
      await server.behave({ tools });
      await admin('POST', `/mcp/client/${server.id}/refresh-tools`);

      expect(await (await person.caller()).toolNames()).toHaveLength(2);
      const { sessions } = await admin<{ sessions: { mcp_configs: unknown }[] }>(
        'GET',
        `/oauth2/sessions?client_id=${person.client.clientId}`,
      );
      expect(sessions[0]?.mcp_configs).toEqual([{ mcp_client_name: server.name, tools_to_execute: ['*'] }]);
    }
  });

  it('counts no name it did not show towards the whole', async () => {
    const server = await Upstream.start(['one', 'two'], closed);
    const person = await atServices(server);

    await person.submit({ tool: exposed(server, 'one', 'never-shown') });

    expect(await (await person.caller()).toolNames()).toEqual(exposed(server, 'one'));
  });

  it('judges a form without what it showed by the tools of now', async () => {
    const server = await Upstream.start(['one', 'two'], closed);
    const [all, some] = [await atServices(server), await atServices(server)];

    const bare = { shown: null, shown_boxes: null, allow_resources: null, allow_prompts: null };
    await all.submit({ ...bare, tool: exposed(server, 'one', 'two') });
    await some.submit({ ...bare, tool: exposed(server, 'two') });
    const { sessions } = await admin<{ sessions: unknown[] }>(
      'GET',
      `/oauth2/sessions?client_id=${all.client.clientId},${some.client.clientId}`,
    );

    expect(await (await all.caller()).toolNames()).toEqual(exposed(server, 'one', 'two'));
    expect(await (await some.caller()).toolNames()).toEqual(exposed(server, 'two'));
    expect(sessions).toHaveLength(2);
    for (const tools_to_execute of [['*'], ['two']]) {
      const narrowed = { mcp_client_name: server.name, tools_to_execute };
      expect(sessions).toContainEqual(
        expect.objectContaining({ services: [server.name], mcp_configs: [narrowed] }),
      );
    }
  });

  it('knows a form from before it was asked how much, which showed the tools of every server', async () => {
    const [some, none] = [
      await Upstream.start(['one', 'two'], closed),
      await Upstream.start(['one', 'two'], closed),
    ];
    const person = await atServices(some, none);
    const shown = [...person.page.html.matchAll(/name="shown" value="[^"]*:([\w-]{43})"/g)].map(
      ([, digest = '']) => digest,
    );
    const older = { access: null, services: 'shown', shown, shown_boxes: null };
    const boxless = { allow_resources: null, allow_prompts: null };

    const nothing = await person.submit({ ...older, ...boxless, tool: null });
    await person.submit({ ...older, ...boxless, tool: exposed(some, 'one', 'two') });

    expect(shown).toHaveLength(2);
    expect(nothing?.html).toContain('Select at least one tool, or deny the request.');
    expect(await (await person.caller()).toolNames()).toEqual(exposed(some, 'one', 'two'));
  });

  it('leaves out the tools of a server that was not sent', async () => {
    const [kept, out] = [await Upstream.start(['one'], closed), await Upstream.start(['one'], closed)];
    const person = await atServices(kept, out);

    await person.submit({ server: kept.name, tool: [...exposed(kept, 'one'), ...exposed(out, 'one')] });
    const caller = await person.caller();

    expect(await caller.toolNames()).toEqual(exposed(kept, 'one'));
    expect(await caller.call(`${out.name}-one`)).toMatchObject(unknownTool);
  });

  describe('and for its resources and prompts', () => {
    const offers = { prompts: [{ name: 'greet' }], resources: [{ uri: 'note://a', name: 'a' }] };
    const reached = async (caller: McpCaller) => {
      const { body: prompts } = await caller.ask('prompts/list');
      const { body: resources } = await caller.ask('resources/list');
      return [prompts.result?.prompts, resources.result?.resources].map((list) => (list as object[]).length);
    };

    const none = { allow_resources: null, allow_prompts: null };
    it.each([
      ['come with all tools', { access: 'chosen' }, [1, 1]],
      ['stay out of all tools where they are unticked', { access: 'chosen', allow_resources: null }, [1, 0]],
      ['stay out with some where they are unticked', { tool: 'one', ...none }, [0, 0]],
      ['come with some where they are ticked', { tool: 'one', allow_prompts: null }, [0, 1]],
      ['come without any where they are ticked', { tool: null, allow_resources: null }, [1, 0]],
      ['stay out with a server that is out', { server: 'other' }, [0, 0]],
      ['come with all of a form that does not ask', { access: 'chosen', shown_boxes: null, ...none }, [1, 1]],
      ['stay out with some of a form that does not ask', { tool: 'one', shown_boxes: null, ...none }, [0, 0]],
    ] as [string, Answers, number[]][])('%s', async (_, answers, expected) => {
      const server = await Upstream.start(['one', 'two'], { ...closed, ...offers });
      const other = await Upstream.start(['one'], closed);
      const person = await atServices(server, other);
      const sent: Answers = { ...answers };
      if (answers.tool !== undefined) sent.tool = answers.tool === null ? [] : exposed(server, 'one');
      if (answers.server) sent.server = other.name;

      await person.submit(sent);

      expect(await reached(await person.caller())).toEqual(expected);
    });

    it('are shown again as they were ticked', async () => {
      const [one, two] = [await Upstream.start(['a', 'b'], closed), await Upstream.start(['c'], closed)];
      const person = await atServices(one, two);
      const ticked = (page: Page | null) =>
        [...(page?.html ?? '').matchAll(/name="(allow_\w+)" value="([^"]*)" checked/g)].map(
          ([, name, server]) => `${name} ${server}`,
        );

      const again = await person.submit({ server: null, allow_resources: one.name, allow_prompts: two.name });

      expect(ticked(person.page)).toHaveLength(4);
      expect(ticked(again).sort()).toEqual(
        [`allow_prompts ${two.name}`, `allow_resources ${one.name}`].sort(),
      );
    });
  });

  it('follows a server to its new name', async () => {
    const server = await Upstream.start(['one', 'two'], closed);
    const person = await atServices(server);

    await person.submit({ tool: exposed(server, 'two') });
    const name = `renamed_${crypto.randomUUID().slice(0, 8)}`;
    await server.change({ name });

    expect(await (await person.caller()).toolNames()).toEqual([`${name}-two`]);
  });

  it('asks for one tick at least, and shows again what was ticked', async () => {
    const [one, other] = [await Upstream.start(['a', 'b'], closed), await Upstream.start(['c'], closed)];
    const person = await atServices(one, other);

    const boxless = { allow_resources: null, allow_prompts: null };
    const noTool = await person.submit({ server: one.name, tool: exposed(other, 'c'), ...boxless });
    const noServer = await person.submit({ server: null, tool: exposed(one, 'b') });

    expect(noTool?.html).toContain('Select at least one tool, or deny the request.');
    expect(boxes(noTool).sort()).toEqual([`+${other.name}-c`, `-${one.name}-a`, `-${one.name}-b`].sort());
    expect(noTool?.html).toMatch(/<details open[^>]*>/);
    expect(noServer?.html).toContain('Select at least one server, or deny the request.');
    expect(boxes(noServer).sort()).toEqual([`+${one.name}-b`, `-${one.name}-a`, `-${other.name}-c`].sort());
  });

  it('keeps every tick in its cookie, of however many tools, while something else is asked', async () => {
    const names = Array.from({ length: 1000 }, (_, n) => `tool_${n}_${'x'.repeat(30)}`);
    const server = await Upstream.start(names, closed);
    const person = await atServices(server);
    const some = exposed(server, ...names.filter((_, n) => n % 3 === 0));

    const again = await person.submit({ tool: some, expires_in: '7' });
    const reloaded = await person.browser.open(person.page.url);

    expect(again?.html).toContain('Choose when access ends.');
    expect(again?.html).toMatch(/<form [^>]*autocomplete="off"/); // a browser would tick the server alone
    const kept = boxes(reloaded).filter((box) => box.startsWith('+'));
    expect(kept.toSorted()).toEqual(some.map((tool) => `+${tool}`).toSorted());
    for (const value of person.browser.cookies.values()) expect(value.length).toBeLessThan(3600);
    if (reloaded) await person.browser.submit(reloaded, { decision: 'allow' });
    expect((await (await person.caller()).toolNames()).toSorted()).toEqual(some.toSorted());
  });

  it('lets in nothing of a server that lists other tools by then, nor of one that is new, and says so', async () => {
    const [one, other] = [await Upstream.start(['a', 'b'], closed), await Upstream.start(['c', 'd'], closed)];
    const person = await atServices(one, other);

    const tool = [...exposed(one, 'a'), ...exposed(other, 'c')];
    await person.submit({ server: [one.name, other.name], tool, expires_in: '7' });
    await other.behave({ tools: ['c', 'd', 'e'].map((name) => ({ name, inputSchema: { type: 'object' } })) });
    await admin('POST', `/mcp/client/${other.id}/refresh-tools`);
    const added = await Upstream.start(['f']);
    const reloaded = await person.browser.open(person.page.url);

    expect(reloaded?.html).toMatch(new RegExp(`name="server" value="${one.name}" checked`));
    for (const { name } of [other, added])
      expect(reloaded?.html).not.toMatch(new RegExp(`name="server" value="${name}" checked`));
    expect(reloaded?.html).toContain('Choose when access ends. Some of what you chose couldn’t be kept');
  });
});
