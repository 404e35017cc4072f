import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Answers } from '../../demo/consent';
import { Browser, type Page, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, gate, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const closed = { registration: { allow_on_all_virtual_keys: false } };
const reads = (name: string) => ({
  name,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
});
const deletes = {
  name: 'wipe',
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: false, destructiveHint: true },
};

/** A person at the services step, with a key that may use `servers`. */
async function atServices(servers: Upstream[], changes: Record<string, string> = {}) {
  const client = await McpClient.register();
  const browser = new Browser();
  const key = await newKey(servers.map(({ name }) => name));
  const page = await client.toServices(browser, { key: key.value, changes });
  const flowId = new URL(page.url).searchParams.get('flow_id') ?? '';
  /** Presses Allow, and calls as the client that was allowed. */
  const allow = async (answers: Answers, from: Page = page) => {
    const stayed = await browser.submit(from, { decision: 'allow', ...answers });
    if (stayed) throw new Error(said(stayed));
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    return { scope: body.scope, caller: new McpCaller({ authorization: `Bearer ${body.access_token}` }) };
  };
  const press = async (answers: Answers, from: Page = page): Promise<Page> => {
    const next = await browser.submit(from, answers);
    if (!next) throw new Error(`the browser was sent to ${browser.callback}`);
    return next;
  };
  const toolsOf = (name: string) =>
    `/oauth/consent/tools?${new URLSearchParams({ flow_id: flowId, server: name })}`;
  /** Gives the key a server more. */
  const give = async (more: Upstream) => {
    const mcp_configs = [...servers, more].map(({ name }) => ({
      mcp_client_name: name,
      tools_to_execute: ['*'],
    }));
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs });
  };
  return { client, browser, page, flowId, allow, press, toolsOf, give };
}

const ticked = ({ html }: Page, name: string) =>
  [...html.matchAll(/<input type="checkbox" name="(\w+)" value="([^"]*)" checked=""/g)]
    .filter(([, field]) => field === name)
    .map(([, , value]) => value);
const grantOf = (clientId: string) =>
  env.DB.prepare('SELECT servers, read_only, scope FROM oauth_grant WHERE client_id = ?')
    .bind(clientId)
    .first<{ servers: string | null; read_only: number; scope: string }>();
const auditOf = async (clientId: string) => {
  const { events } = await admin<{ events: { client_id: string; detail: object }[] }>(
    'GET',
    '/audit?act=consent.allowed',
  );
  return events.find(({ client_id }) => client_id === clientId)?.detail;
};

describe('what an app may use (CONTRACT §4)', () => {
  it('is everything unless chosen otherwise, with servers that are added later', async () => {
    const [first, later] = [await Upstream.start(['one'], closed), await Upstream.start(['two'], closed)];
    const { client, page, allow, give } = await atServices([first]);

    const { caller } = await allow({});
    await give(later);

    expect(page.html).toMatch(/name="access" value="all" checked/);
    expect(await caller.toolNames()).toEqual([`${first.name}-one`, `${later.name}-two`].toSorted());
    expect(await grantOf(client.clientId)).toMatchObject({ servers: null, read_only: 0 });
  });

  it('is everything though boxes were ticked, and what was ticked for a form from before', async () => {
    const [one, two] = [await Upstream.start(['a'], closed), await Upstream.start(['b'], closed)];
    const all = await atServices([one, two]);
    const older = await atServices([one, two]);

    const everything = await all.allow({ access: 'all', services: 'shown', server: one.name });
    const ticks = await older.allow({ access: null, services: 'shown', server: one.name });

    expect(await everything.caller.toolNames()).toHaveLength(2);
    expect(await ticks.caller.toolNames()).toEqual([`${one.name}-a`]);
  });

  it('is what only reads, later tools too', async () => {
    const server = await Upstream.start([reads('look'), 'change'], closed);
    const { client, allow } = await atServices([server]);

    const { scope, caller } = await allow({ access: 'read' });
    await server.behave({ tools: ['look', 'peek'].map(reads) });
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);

    expect(scope).toBe('mcp:read');
    expect(await caller.toolNames()).toEqual([`${server.name}-look`, `${server.name}-peek`]);
    expect(await grantOf(client.clientId)).toEqual({ servers: null, read_only: 1, scope: 'mcp:read' });
  });

  it('is what was chosen, and no server that is added later', async () => {
    const [first, later] = [await Upstream.start(['one'], closed), await Upstream.start(['two'], closed)];
    const { client, allow, give } = await atServices([first]);

    const { caller } = await allow({ access: 'chosen' });
    await give(later);

    expect(await caller.toolNames()).toEqual([`${first.name}-one`]);
    expect(await grantOf(client.clientId)).toMatchObject({
      servers: JSON.stringify([{ id: first.id, tools: null }]),
    });
  });

  it('is narrowed by a word that is none of these', async () => {
    const servers = [await Upstream.start(['a'], closed), await Upstream.start(['b'], closed)];
    const { allow } = await atServices(servers);

    const { caller } = await allow({ access: 'everything', server: servers[1]?.name ?? '' });

    expect(await caller.toolNames()).toEqual([`${servers[1]?.name}-b`]);
  });

  it('is asked for again when no server was ticked, and nothing else is lost', async () => {
    const server = await Upstream.start(['one'], closed);
    const { press } = await atServices([server]);

    const again = await press({ access: 'chosen', server: null, expires_in: '28800', decision: 'allow' });

    expect(again.html).toContain('Select at least one server, or deny the request.');
    expect(again.html).toMatch(/name="access" value="chosen" checked/);
    expect(again.html).toMatch(/value="28800"[^>]*selected/);
    expect(ticked(again, 'server')).toEqual([]);
  });

  it('is said by the audit', async () => {
    const [one, two] = [await Upstream.start(['a', 'b'], closed), await Upstream.start(['c'], closed)];
    const [all, some] = [await atServices([one, two]), await atServices([one, two])];

    await all.allow({ access: 'all' });
    await some.allow({ access: 'chosen', tool: `${one.name}-a` });

    expect(await auditOf(all.client.clientId)).toMatchObject({ access: 'all' });
    expect(await auditOf(some.client.clientId)).toMatchObject({
      access: 'chosen',
      servers: [`${one.name} (1 tool)`, two.name].toSorted().join(', '),
    });
  });
});

describe('the form that asks it (CONTRACT §4)', () => {
  it('begins with how much there is, by how servers describe it', async () => {
    const [one, two] = [
      await Upstream.start([reads('look'), 'change', deletes], closed),
      await Upstream.start(['change'], closed),
    ];
    const { browser, page, toolsOf } = await atServices([one, two]);
    const tools = await browser.open(toolsOf(one.name));

    expect(said(page)).toContain('2 servers 4 tools 3 can change something');
    expect(said(page)).toContain('Read-only tools 1 tool ');
    expect(
      [...(tools?.html ?? '').matchAll(/class="tag[^"]*"><svg.*?<\/svg>([^<]*)</g)].map(([, tag]) => tag),
    ).toEqual(['Read-only', 'Can edit', 'Can delete']);
  });

  it('offers no read-only card to an app that asked for nothing else', async () => {
    const server = await Upstream.start([reads('look'), 'change'], closed);
    const { page, allow } = await atServices([server], { scope: 'mcp:read' });

    expect(page.html).not.toContain('name="access" value="read"');
    expect(page.html).not.toContain('name="read_only"');
    expect(page.html).toContain('asked only for read-only tools');
    expect((await allow({})).scope).toBe('mcp:read');
  });

  it('shows the tools of a server when they are opened without a script, and keeps what was ticked and typed', async () => {
    const one = await Upstream.start(['a', 'b'], closed);
    const two = await Upstream.start(['c'], closed);
    const { page, press, allow } = await atServices([one, two]);

    const opened = await press({ open: one.name, server: one.name, expires_in: '28800' });
    const both = await press({ open: two.name, tool: `${one.name}-b` }, opened);

    expect(page.html).not.toContain('name="tool"');
    expect(opened.html).not.toContain('role="alert"');
    expect(opened.html).toMatch(/name="access" value="chosen" checked/);
    expect([ticked(opened, 'server'), ticked(opened, 'tool')]).toEqual([
      [one.name],
      [`${one.name}-a`, `${one.name}-b`],
    ]);
    expect(both.html).toMatch(/value="28800"[^>]*selected/);
    expect(ticked(both, 'tool')).toEqual([`${one.name}-b`]); // the other server is not ticked
    const { caller } = await allow({}, both);
    expect(await caller.toolNames()).toEqual([`${one.name}-b`]);
  });

  it('ticks all, what reads, or none without a script', async () => {
    const mixed = await Upstream.start([reads('look'), 'change'], closed);
    const shut = await Upstream.start([reads('peek'), 'alter'], closed);
    const writes = await Upstream.start(['write'], closed);
    const { press, allow } = await atServices([mixed, shut, writes]);

    const opened = await press({ open: mixed.name });
    const none = await press({ pick: 'none' }, opened);
    const all = await press({ pick: 'all' }, none);
    const one = await press({ [`tools.${mixed.name}`]: 'none' }, all);
    const read = await press({ pick: 'read' }, none);
    const reopened = await press({ open: shut.name }, read);
    const { caller } = await allow({}, read);

    expect([ticked(none, 'server'), ticked(none, 'tool'), ticked(none, 'allow_prompts')]).toEqual([
      [],
      [],
      [],
    ]);
    expect([ticked(all, 'server').length, ticked(all, 'tool').length]).toEqual([3, 2]);
    expect(ticked(one, 'server')).toEqual([shut.name, writes.name].toSorted());
    expect(ticked(read, 'server')).toEqual([mixed.name, shut.name].toSorted());
    expect(ticked(read, 'tool')).toEqual([`${mixed.name}-look`]);
    expect(read.html).toContain('>1 of 2 tools<');
    expect(ticked(reopened, 'tool').toSorted()).toEqual(
      [`${mixed.name}-look`, `${shut.name}-peek`].toSorted(),
    );
    expect((await caller.toolNames()).toSorted()).toEqual(
      [`${mixed.name}-look`, `${shut.name}-peek`].toSorted(),
    );
  });

  it('gives the tools of a server to the browser of the flow only, and does nothing by that', async () => {
    const [server, other] = [await Upstream.start(['a'], closed), await Upstream.start(['b'], closed)];
    const { client, browser, flowId, toolsOf } = await atServices([server]);
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');

    const mine = await gate(toolsOf(server.name), { headers: { cookie } });
    const early = new Browser();
    await early.open(await client.authorizeUrl());
    const earlyId = [...early.cookies.keys()][0]?.split('flow-')[1] ?? '';

    expect(mine.status).toBe(200);
    expect(mine.headers.get('cache-control')).toBe('no-store');
    expect(mine.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(mine.headers.getSetCookie()).toEqual([]);
    expect(await mine.text()).toContain(`name="tool" value="${server.name}-a" checked`);
    expect((await new Browser().open(toolsOf(server.name)))?.status).toBe(403);
    expect((await browser.open(toolsOf(other.name)))?.status).toBe(404);
    expect((await browser.open(toolsOf(server.name).replace(flowId, 'A'.repeat(22))))?.status).toBe(410);
    expect((await early.open(toolsOf(server.name).replace(flowId, earlyId)))?.status).toBe(404);
  });

  it('stays under 150 KB for 64 servers of 40 tools', async () => {
    const tools = Array.from({ length: 40 }, (_, n) => ({
      ...reads(`tool_with_a_long_name_${n}`),
      description: 'What it does, in a sentence or two. '.repeat(4),
    }));
    const one = await Upstream.start(tools, closed);
    const { results } = await env.DB.prepare("SELECT name FROM pragma_table_info('server')").all<{
      name: string;
    }>();
    const columns = results.map(({ name }) => name);
    const values = columns.map((name) =>
      ['id', 'name', 'endpoint_slug'].includes(name) ? `${name} || '-' || n` : name,
    );
    const many = 'WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 63)';
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO server (${columns}) ${many} SELECT ${values} FROM server, many WHERE id = ?`,
      ).bind(one.id),
      env.DB.prepare(
        `INSERT INTO listing (server_id, kind, position, definition) ${many}
         SELECT server_id || '-' || n, kind, position, definition FROM listing, many WHERE server_id = ?`,
      ).bind(one.id),
    ]);
    const names = [one.name, ...Array.from({ length: 63 }, (_, n) => `${one.name}-${n + 1}`)];
    const key = await newKey(names);
    const client = await McpClient.register();

    const page = await client.toServices(new Browser(), { key: key.value });
    await env.DB.prepare("DELETE FROM server WHERE id LIKE ? || '-%'").bind(one.id).run();

    expect(said(page)).toContain('64 servers 2,560 tools 0 can change something');
    expect(page.html.length).toBeLessThan(150_000);
    expect(page.html.match(/<[a-z]/g)?.length).toBeLessThan(2000);
  });
});
