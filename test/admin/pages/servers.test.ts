import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationServer } from '../../support/authorization-server';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { enterHeaders } from '../../support/connected';
import { admin, gate, ISSUER, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { headerServer } from '../../support/own-accounts';
import { roundTripsOf } from '../../support/round-trips';
import { SseServer } from '../../support/sse-server';
import { addressOf, control, Upstream } from '../../support/upstream';

type Client = {
  id: string;
  name: string;
  auth_type: string;
  state: string;
  headers: Record<string, string>;
  oauth_config: Record<string, unknown> | null;
  tools_to_execute: string[];
  enabled: boolean;
  connection_string: string;
};

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};
const open = async (path = '', who = browser) => shown(await who.open(`/admin/servers${path}`));
/** Sends the form of a page that has this field, or is sent to this address. */
const send = async (page: Page, answers: Record<string, string | string[] | null>, field = 'auth_type') =>
  shown(await browser.submit(page, answers, undefined, field));
const named = async (name: string) =>
  (await admin<{ clients: Client[] }>('GET', `/mcp/clients?search=${name}`)).clients[0];
const find = async (id: string) => (await admin<{ client: Client }>('GET', `/mcp/client/${id}`)).client;
const fresh = () => `s_${crypto.randomUUID().slice(0, 8)}`;
/** What an element of a page says. */
const said = ({ html }: Page, id: string) =>
  new RegExp(`id="${id}"[^>]*>(.*?)</span>`, 's').exec(html)?.[1]?.replace(/<[^>]*>/g, '') ?? '';
const idOf = ({ url }: Page) => /\/admin\/servers\/([0-9a-f-]{36})$/.exec(new URL(url).pathname)?.[1] ?? '';

/** A server the gateway does not know. */
async function unknown(behaviour: object = {}): Promise<string> {
  const name = fresh();
  await control(name, 'set', { tools: [{ name: 'echo', inputSchema: { type: 'object' } }], ...behaviour });
  return addressOf(name);
}

/** The option of a chosen way to authenticate. */
const chosen = (type: string) => `<option value="${type}" selected`;

/** What a check finds at an address. */
const check = async (connection_string: string) =>
  send(await open('/new'), { connection_string }, 'connection_string');

describe('adding a server by its address', () => {
  it('asks it first and saves nothing by that', async () => {
    const url = await unknown();

    const checked = await check(url);
    const before = (await admin<{ clients: Client[] }>('GET', '/mcp/clients')).clients;
    const name = fresh();
    const saved = await send(checked, { name });

    expect(checked.html).toMatch(/1 tool found.*<code>echo<\/code>/s);
    expect(checked.html).toContain(chosen('none'));
    expect(before.some(({ connection_string }) => connection_string === url)).toBe(false);
    expect(saved.html).toContain(`${name} was added with 1 tool. No one can use it yet.`);
    expect(await find(idOf(saved))).toMatchObject({ name, auth_type: 'none', state: 'healthy' });
  });

  it('finds a sign-in, and whether the gateway can introduce itself there', async () => {
    const open = await AuthorizationServer.start();
    const closed = await AuthorizationServer.start({ registers: false });

    const one = await check(await unknown({ demands: { issuer: open.issuer } }));
    const other = await check(await unknown({ demands: { issuer: closed.issuer } }));

    expect(one.html).toContain('The gateway registers itself there');
    expect(one.html).toContain(chosen('per_user_oauth'));
    expect(other.html).toContain('Register an app by hand');
    expect(other.html).toContain('https://gate.example/api/oauth/callback');
    expect(await open.asked('register')).toEqual([]);
  });

  it('says which of the two it proposes, where a header was pasted for a server with a sign-in', async () => {
    const { issuer } = await AuthorizationServer.start();
    const url = await unknown({ demands: { issuer } });

    const { html } = await check(
      JSON.stringify({ mcpServers: { mine: { url, headers: { Authorization: 'Bearer mine' } } } }),
    );

    expect(html).toContain('Needs a sign-in or a header');
    expect(html).toContain('You pasted a header, so that is selected below. With a sign-in instead: ');
    expect(html).toContain(chosen('headers'));
  });

  it('finds that something in a header is wanted, or that nobody answers', async () => {
    const wants = await check(await unknown({ demandsHeaders: ['x-key'] }));
    const nobody = await check('http://127.0.0.1:1/mcp');
    const page = await check(await unknown({ fault: 'html' }));

    expect(wants.html).toContain('Needs an API key or header');
    expect(wants.html).toContain(chosen('headers'));
    expect(nobody.html).toContain('Not responding');
    expect(page.html).toContain('This is a website, not an MCP server.');
  });

  it.each([
    ['an address within', 'https://10.0.0.1/mcp'],
    ['another scheme', 'ftp://files.example/mcp'],
    ['no address', 'https://'],
  ])('asks nobody at %s', async (_, address) => {
    const refused = await check(address);

    expect(refused.status).toBe(400);
    expect(refused.html).toMatch(/role="alert"><svg.*?<\/svg>The address (must|is)/);
  });

  it('loses nothing that was typed when it is refused, but no secret is shown again', async () => {
    const url = await unknown({ demandsHeaders: ['x-key'] });
    const taken = (await Upstream.start()).name;

    const again = await send(await check(url), {
      name: taken,
      header_name: ['x-key', 'x-team'],
      header_value: ['a-secret-value', 'env.TEAM'],
      tool_execution_timeout: '2',
      tool_execution_timeout_unit: '60',
      open: 'on',
    });

    expect(again.status).toBe(400);
    expect(said(again, 'name-error')).toContain(`Another server or toolset has the name ${taken}`);
    expect(again.html.match(/Another server or toolset has the name/g)).toHaveLength(1);
    expect(again.html).toMatch(/<input[^>]*id="name"[^>]* autofocus/);
    expect(again.html).toContain('Needs an API key or header');
    expect(again.html).toContain('Header or API key');
    expect(again.html).toContain('value="x-key"');
    expect(again.html).toContain('value="env.TEAM"');
    expect(again.html).toMatch(/value="2"[^>]*name="tool_execution_timeout"/);
    expect(again.html).toContain('<option value="60" selected="">minutes');
    expect(again.html).toMatch(/name="open" value="on" checked/);
    expect(again.html).not.toContain('a-secret-value');
  });

  it('goes on from where the server is, and says so', async () => {
    const url = await unknown();

    const checked = await check(url.replace(/\/mcp$/, ''));

    expect(checked.html).toContain(`<span class="mono">${url}</span>`);
    expect(checked.html).toContain(
      `We found it here, not at <span class="mono">${url.replace(/\/mcp$/, '')}</span>`,
    );
    expect(checked.html).toContain(`value="${url}"`);
    expect(checked.html).toContain('1 tool found');
  });

  it('takes the configuration another app has, and shows no secret of it', async () => {
    const url = await unknown({ demandsHeaders: ['x-key'] });
    const headers = { 'x-key': 'a-secret-value', 'x-short': 'ab', 'x-team': '<YOUR_TEAM>' };
    const configuration = JSON.stringify({ mcpServers: { 'my docs': { type: 'http', url, headers } } });

    const checked = await check(configuration);
    const elsewhere = await send(checked, { name: fresh(), connection_string: await unknown() });
    const rest = { header_name: ['x-key', 'x-short'], header_value: ['••••alue', '••••'] };
    const moved = await send(checked, {
      ...rest,
      name: fresh(),
      connection_string: 'https://other.example/mcp',
    });
    const taken = await send(checked, { ...rest, name: (await Upstream.start()).name });
    const saved = await send(taken, { ...rest, name: fresh() });

    for (const { html } of [checked, elsewhere, moved, taken])
      expect(html).not.toMatch(/a-secret-value|"ab"/);
    expect(checked.html).toContain(chosen('headers'));
    expect(checked.html).toContain('value="my_docs"');
    expect(checked.html).toContain('value="••••alue"');
    expect(checked.html).toContain('value="x-team"');
    expect(moved.html).toContain('enter it again');
    expect(await find(idOf(saved))).toMatchObject({
      state: 'healthy',
      connection_string: url,
      headers: { 'x-key': '••••alue', 'x-short': '••••' },
    });
  });

  it('tells what works where a command is pasted, and repeats nothing of it', async () => {
    const command = JSON.stringify({ command: 'npx', args: ['a-server'], env: { KEY: 'a-secret-value' } });

    const refused = await check(command);

    expect(refused.status).toBe(400);
    expect(refused.html).toContain('starts a program on your own computer, with npx');
    expect(refused.html).toContain('behind a bridge');
    expect(refused.html).not.toContain('a-secret-value');
  });

  it('tells a website from a server, and says which speaks the older transport', async () => {
    const answers = (name: string, get: object) => ({
      paths: {
        [`POST /${name}/mcp`]: { status: 405 },
        [`GET /${name}/mcp`]: { status: 200, ...get },
      },
    });
    const page = fresh();
    await control(page, 'set', answers(page, { headers: { 'content-type': 'text/html' }, body: '<p>' }));

    const website = await check(addressOf(page));
    const own = await check(JSON.stringify({ mcpServers: { a: { url: `${ISSUER}/mcp/docs` } } }));
    expect(own.status).toBe(400);
    expect(own.html).toContain('This is the address of this gateway itself.');
    expect(website.status).toBe(400);
    expect(website.html).toContain('This is a website, not an MCP server.');
    expect(website.html).toContain(`>${addressOf(page)}</textarea>`);
    const older = await SseServer.start();
    const checked = await check(older.site);
    const saved = await send(checked, { name: fresh(), auth_type: 'none' });
    expect(checked.html).toContain('It speaks the older HTTP+SSE transport');
    expect(checked.html).toContain('name="connection_type" value="sse"');
    expect(saved.html).toContain('HTTP+SSE, the older one (MCP 2024-11-05)');
  });

  it('keeps header values sealed, shows masks, and keeps what a mask stands for', async () => {
    const url = await unknown({ demandsHeaders: ['x-key'] });
    const saved = await send(await check(url), {
      name: fresh(),
      header_name: 'x-key',
      header_value: 'a-secret-value',
    });
    const id = idOf(saved);

    const settings = await open(`/${id}/settings`);
    const changed = await send(settings, { tool_sync_interval: '30' }, 'connection_string');

    expect(settings.html).toContain('value="••••alue"');
    expect(settings.html).not.toContain('a-secret-value');
    expect(changed.html).toContain('The settings were saved with 1 tool.');
    expect(await find(id)).toMatchObject({ state: 'healthy', headers: { 'x-key': '••••alue' } });
  });
});

describe('what an administrator reads of a new server', () => {
  it('is how many of its tools change something, and what it calls itself, which proposes a name', async () => {
    const inputSchema = { type: 'object' };
    const kinds = [{ readOnlyHint: true }, { destructiveHint: true }, undefined, { readOnlyHint: true }];
    const tools = [...kinds, undefined, undefined].map((annotations, n) => ({
      name: `tool_${n}`,
      description: 'Finds <b>pages</b>.',
      inputSchema,
      annotations,
    }));
    const greeting = { serverInfo: { name: 'acme-wiki-mcp-server', version: '2.4.1' } };
    const { html } = await check(await unknown({ tools, greeting }));

    expect(html).toContain('6 tools found');
    expect(html).toContain('2 read-only, 3 can edit, 1 can delete');
    expect(html).toContain('Finds &lt;b&gt;pages&lt;/b&gt;.');
    expect(html).toContain('and 1 more');
    expect(html).toContain('acme-wiki-mcp-server 2.4.1');
    expect(html).toMatch(/value="acme_wiki"[^>]*name="name"/);
    expect(html).toContain('<code>acme_wiki-tool_0</code>');
  });

  it('stays when saving is refused, for the address that was checked alone', async () => {
    const taken = (await Upstream.start()).name;
    const checked = await check(await unknown());

    const again = await send(checked, { name: taken });
    const other = await send(checked, { name: taken, connection_string: await unknown() });
    const saved = await send(again, { name: fresh() });

    expect([again.status, other.status]).toEqual([400, 400]);
    expect(again.html).toContain('1 tool found');
    expect(other.html).not.toContain('1 tool found');
    expect(saved.html).toContain('was added with 1 tool');
  });

  it('is shown again where no secret can be in it', async () => {
    const command = await check('npx -y @modelcontextprotocol/server-everything');
    const secret = await check('npx -y a-server --key a-secret-value');

    expect(command.html).toContain('>npx -y @modelcontextprotocol/server-everything</textarea>');
    expect(command.html).toMatch(/<textarea[^>]* autofocus/);
    expect(secret.html).not.toContain('a-secret-value');
    const broken = await check('{"mcpServers": {"a": {"headers": {"Authorization": "a-secret-value"');
    expect(broken.html).toContain('We don’t show it again, because it can hold a key.');
    expect(broken.html).not.toContain('a-secret-value');
    expect((await check('hello there')).html).not.toContain('We don’t show it again');
  });

  it('leads on to who can use it, a tool to try, and an app', async () => {
    const added = await send(await check(await unknown()), { name: fresh() });
    const id = idOf(added);
    const open = await send(await check(await unknown()), { name: fresh(), open: 'on' });

    for (const way of [`/admin/servers/${id}/used-by`, `/admin/servers/${id}/try?tool=echo`, '/'])
      expect(added.html).toContain(`href="${way}"`);
    expect(added.html).toContain('No one yet. Choose keys, people or toolsets.');
    expect(open.html).not.toContain('No one');
  });
});

describe('well-known servers', () => {
  it('are offered where there is no server yet, each in its own way', async () => {
    const page = await open('/new');

    expect(page.html).toContain('<b>Linear</b> <small>Issues, projects, cycles</small>');
    expect(page.html).toContain('<span class="unseen"> Linear</span>');
    expect(page.html).toContain('href="/admin/servers/new?preset=github"');
  });

  it('are set up with an app of one’s own where they need one', async () => {
    const page = await open('/new?preset=github');
    const incomplete = await send(page, { client_id: 'two words' });

    expect(page.html).toContain('https://github.com/settings/developers');
    expect(page.html).toContain('data-copy="https://gate.example/api/oauth/callback"');
    expect(page.html).toContain('value="https://github.com/login/oauth/authorize"');
    expect(page.html.replace(/<[^>]*>/g, ' ')).not.toMatch(/oauth_config|per_user_oauth|client_id/);
    expect(incomplete.status).toBe(400);
    expect(incomplete.html).toContain('The client ID must be visible ASCII without blanks.');
    expect(incomplete.html).toContain('Register an app at GitHub');
    expect(await named('GitHub')).toBeUndefined();
  });
});

/** A server that waits to be authorized, and its page. */
async function pending(auth_type = 'oauth') {
  const as = await AuthorizationServer.start();
  const server = await Upstream.start(['whoami'], {
    demands: { issuer: as.issuer },
    registration: { auth_type },
  });
  return { as, server, page: await open(`/${server.id}`) };
}

const authorize = (page: Page, id: string, answers = {}, who = browser) =>
  who.submit(page, answers, undefined, `/admin/servers/${id}/authorize`);

describe('authorizing a server', () => {
  it('leads to its provider and back to its page', async () => {
    const { as, server, page } = await pending();

    const away = await authorize(page, server.id);
    const back = shown(await as.approve(browser, 'ann'));
    const { value } = await newKey();
    const called = await new McpCaller({ 'x-bf-vk': value }).call(`${server.name}-whoami`, {});

    expect(page.html).toContain(`Sign in to ${server.name}`);
    expect(page.html).toContain('No one can use it until you do.');
    expect(away).toBeNull();
    expect(new URL(back.url).pathname).toBe(`/admin/servers/${server.id}`);
    expect(back.html).not.toContain(`Sign in to ${server.name}`);
    expect((await open(`/${server.id}/account`)).html).toContain('Shared account');
    expect(JSON.stringify(called)).toContain('ann');
  });

  it('ends in a window that closes itself when it was begun in one', async () => {
    const { as, server, page } = await pending();

    await authorize(page, server.id, { popup: 'on' });
    const back = shown(await as.approve(browser, 'ann'));

    expect(back.html).toContain('data-done');
    expect(back.html).toContain(`href="/admin/servers/${server.id}"`);
    expect(back.headers.get('cross-origin-opener-policy')).toBeNull();
  });

  it('works in the browser that was sent alone', async () => {
    const { as, server, page } = await pending();
    await authorize(page, server.id);
    const answer = await as.answer(browser.callback ?? '', 'mallory');

    const other = shown(await (await Browser.administrator()).open(answer));

    expect(other.status).toBe(403);
    expect(other.html).toContain('in the browser where you started');
    expect(await find(server.id)).toMatchObject({ state: 'pending_verification' });
  });

  it('says on its page why it was not finished', async () => {
    const { as, server, page } = await pending();
    await as.behave({ answer: { code: null, error: 'access_denied' } });
    await authorize(page, server.id);

    const refused = shown(await as.approve(browser, 'ann'));
    const afterwards = await open(`/${server.id}`);

    expect(refused.html).toContain(`href="/admin/servers/${server.id}"`);
    expect(afterwards.html).toContain('The sign-in wasn’t finished');
  });

  it('registers again where the provider has forgotten the gateway, when that is confirmed', async () => {
    const { as, server, page } = await pending('per_user_oauth');
    await authorize(page, server.id);
    await as.approve(browser, 'ann');
    await as.lose('forget-clients');

    const confirm = await open(`/${server.id}/register-again`);
    await browser.submit(confirm, {}, undefined, `/admin/servers/${server.id}/register-again`);
    const back = shown(await as.approve(browser, 'ann'));

    expect(confirm.html).toContain('No one has connected an account there.');
    expect(back.html).not.toContain(`Sign in to ${server.name}`);
    expect((await open(`/${server.id}/account`)).html).toContain('Administrator’s account');
    expect((await as.asked('register')).length).toBeGreaterThan(1);
  });

  it('tries header values of an administrator’s where everyone has their own', async () => {
    const server = await Upstream.start(['echo'], {
      demandsHeaders: ['x-key'],
      says: 'Unknown key.',
      registration: { auth_type: 'per_user_headers', per_user_header_keys: ['x-key'] },
    });
    const page = await open(`/${server.id}`);

    const wrong = await send(page, { 'value.0': 'wrong-one' }, 'value.0');
    const right = await send(page, { 'value.0': 'a-good-key' }, 'value.0');

    expect(wrong.html).toContain('Unknown key.');
    expect(wrong.html).not.toContain('wrong-one');
    expect(page.html).toContain('Connect with your key');
    expect(right.html).not.toContain('Connect with your key');
    expect((await open(`/${server.id}/account`)).html).toContain('Connected with your key');
    expect(await find(server.id)).toMatchObject({ state: 'healthy' });
  });
});

describe('the list of servers', () => {
  const list = async (query: Record<string, string>) => open(`?${new URLSearchParams(query)}`);
  const order = ({ html }: Page, names: string[]) =>
    [...html.matchAll(/class="name cut"[^>]*title="([^"]*)"/g)]
      .map(([, name]) => name ?? '')
      .filter((name) => names.includes(name));

  it('finds any part of a name or address, and begins with what is troubled', async () => {
    const mark = fresh();
    const start = (name: string) => Upstream.start(['echo', 'other'], { registration: { name } });
    const [well, off, down] = [await start(`a_${mark}`), await start(`b_${mark}`), await start(`c_${mark}`)];
    await off.change({ enabled: false });
    await down.behave({ fault: 500 });
    await admin('POST', `/mcp/client/${down.id}/refresh-tools`);
    await well.change({ tools_to_execute: ['echo'] });
    const names = [well.name, off.name, down.name];

    const found = await list({ search: mark.slice(1).toUpperCase() });
    const byName = await list({ search: mark, sort: '-name' });
    const troubled = await list({ search: mark, state: 'attention' });
    const none = await list({ search: 'nothing-is-called-so' });

    expect(order(found, names)).toEqual([down.name, well.name, off.name]);
    expect(found.html).toMatch(/<tr class="is-bad">.*?Not responding/s);
    expect(found.html).toContain('1 of 2');
    expect(found.html).toContain('1–3 of 3 servers');
    expect(found.html).toMatch(/Needs attention \([1-9]\d*\)/);
    expect(order(byName, names)).toEqual([down.name, off.name, well.name]);
    expect(byName.html).toContain('aria-sort="descending"');
    expect(order(troubled, names)).toEqual([down.name]);
    expect(none.html).toContain('No servers match “nothing-is-called-so”');
  });
});

describe('who uses a server', () => {
  const closed = () => Upstream.start(['one', 'two'], { registration: { allow_on_all_virtual_keys: false } });
  const key = async (mcp_configs: object[], more: object = {}) => {
    const name = `k ${fresh()}`;
    const made = await admin<{ virtual_key: { id: string } }>('POST', '/governance/virtual-keys', {
      ...{ name, mcp_configs },
      ...more,
    });
    return { name, id: made.virtual_key.id };
  };
  const all = ({ name }: Upstream, tools = ['*']) => ({ mcp_client_name: name, tools_to_execute: tools });

  it('is said while no one may, until it is given to a key, a toolset or everyone', async () => {
    const server = await closed();
    const { name, id } = await key([]);
    const toolset = `t ${fresh()}`;
    const { virtual_mcp } = await admin<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
      name: toolset,
      tools: [],
    });
    const usedBy = `/${server.id}/used-by`;

    const unused = await open(`/${server.id}`);
    const page = await open(usedBy);
    const given = await send(page, { to: name.toUpperCase() }, 'to');
    const again = await send(given, { to: name }, 'to');
    await send(given, { to: toolset }, 'to');
    const opened = await send(
      await open(usedBy),
      {},
      `/admin/servers${usedBy.replace('used-by', 'everyone')}`,
    );

    expect(unused.html).toContain(`No one can use ${server.name} yet.`);
    expect(unused.html).toContain(`href="/admin/servers${usedBy}"`);
    expect(page.html).toContain('Used by 0');
    expect(given.html).toContain('Used by 1');
    expect(given.html).toContain(`href="/admin/keys/${id}"`);
    expect(again.status).toBe(400);
    expect(again.html).toContain('can use');
    expect(again.html).toContain(`value="${name}"`);
    expect(opened.html).toContain('Access for everyone: on');
    expect(opened.html).toContain('Toolset, 0 keys');
    expect((await open(`?search=${server.name}`)).html).toContain('1 key, 1 toolset, everyone');
    expect((await open(`/${server.id}`)).html).not.toContain('No one can use');
    await admin('POST', `/mcp/virtual-mcps/${virtual_mcp.id}/virtual-keys/${id}`);
    expect((await open(usedBy)).html).toContain('Toolset, 1 key<');
    const { virtual_key } = await admin<{ virtual_key: object }>('GET', `/governance/virtual-keys/${id}`);
    expect(virtual_key).toMatchObject({ mcp_configs: [all(server)] });
    expect(await find(server.id)).toMatchObject({ allow_on_all_virtual_keys: true });
  });

  it('counts what may use it, with how much, and leaves out what is closed to it', async () => {
    const server = await closed();
    const part = await key([all(server, ['one'])]);
    const shut = await key([all(server, [])]);
    const off = await key([all(server)], { is_active: false });

    const page = await open(`/${server.id}/used-by`);

    expect(page.html).toContain('Used by 2');
    expect(page.html).toMatch(new RegExp(`title="${part.name}".*?1 of 2 tools`, 's'));
    expect(page.html).toMatch(new RegExp(`class="is-off".*?title="${off.name}"`, 's'));
    expect(page.html).not.toContain(`title="${shut.name}"`);
  });

  it('has the apps whose key may use it, and none that was left without it', async () => {
    const server = await closed();
    const other = await closed();
    const { name, value } = await newKey([server.name]);
    const stranger = await newKey([other.name]);
    const client = await McpClient.register();
    await client.obtainGrant({ key: value });
    await client.obtainGrant({ key: stranger.value });
    await env.DB.prepare(
      'UPDATE oauth_grant SET servers = ?1 WHERE subject = (SELECT ?2 || id FROM virtual_key WHERE name = ?3)',
    )
      .bind(JSON.stringify([{ id: server.id, tools: ['one'] }]), 'vk:', name)
      .run();

    const apps = await open(`/${server.id}/used-by?kind=app`);

    expect(apps.html.match(/acts as /g)).toHaveLength(1);
    expect(apps.html).toContain(`acts as ${name}`);
    expect(apps.html).toContain('1 of 2 tools');
    expect(apps.html).toContain('1–1 of 1 app');
    expect(apps.html).toContain('Used by 2');
  });

  it('says of apps that look alike where each returns to', async () => {
    const server = await closed();
    const { value } = await newKey([server.name]);
    for (const host of ['one.example', 'two.example', null]) {
      const metadata = host ? { redirect_uris: [`https://${host}/cb`] } : { client_name: 'Another app' };
      await (await McpClient.register(metadata)).obtainGrant({ key: value });
    }

    const { html } = await open(`/${server.id}/used-by?kind=app`);

    expect(html.match(/Returns to [\w.]+/g)?.sort()).toEqual([
      'Returns to one.example',
      'Returns to two.example',
    ]);
  });

  it.each([true, false])(
    'has no app of someone blocked, nor of a key that is off; open to everyone: %s',
    async (isOpen) => {
      const server = await Upstream.start(['one'], { registration: { allow_on_all_virtual_keys: isOpen } });
      const holders = [await key([all(server)]), await key([all(server)], { is_active: false })];
      const person = async (isActive: number) => {
        const id = crypto.randomUUID();
        await env.DB.prepare(
          `INSERT INTO person (id, issuer, provider_subject, email, name, generation, is_active, mcp_configs, last_signed_in_at, created_at, updated_at)
         VALUES (?1, 'https://provider.example', ?1, ?1, ?1, 0, ?2, '[]', 0, 0, 0)`,
        )
          .bind(id, isActive)
          .run();
        await env.DB.prepare('UPDATE virtual_key SET owner_user_id = ?2 WHERE id = ?1')
          .bind((await key([all(server)])).id, id)
          .run();
        return id;
      };
      const people = [await person(1), await person(0)];
      const subjects = [...holders.map(({ id }) => `vk:${id}`), ...people.map((id) => `user:${id}`)];
      for (const [at, subject] of subjects.entries()) {
        await env.DB.prepare(
          `INSERT INTO oauth_grant (grant_id, client_id, client_name, subject, generation, scope, resource, read_only, redirect_host, created_at)
         VALUES (?1, 'x', ?2, ?3, 0, 'mcp', ?4, 0, 'app.example', 0)`,
        )
          .bind(crypto.randomUUID(), `App ${at}`, subject, `${ISSUER}/mcp/${server.slug}`)
          .run();
      }

      const { html } = await open(`/${server.id}/used-by?kind=app`);

      expect([...html.matchAll(/title="(App \d)"/g)].map(([, name]) => name)).toEqual(['App 0', 'App 2']);
      expect(html).toContain(`acts as ${people[0]}`);
    },
  );

  it('fits 30 KB with a thousand keys, and asks D1 once for all of it', async () => {
    const server = await closed();
    const { id } = await key([all(server, ['one'])]);
    await env.DB.prepare(
      `WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 999)
       INSERT INTO virtual_key (id, name, description, value_hash, value_mask, generation, is_active, shared, mcp_configs, limits, created_at, updated_at)
       SELECT substr(id, 1, 24) || printf('%012d', n), 'Nightly build of team ' || n, '', 'hash ' || n, value_mask, 0, 1, 0, mcp_configs, '[]', 0, 0
       FROM virtual_key, copies WHERE id = ?1`,
    )
      .bind(id)
      .run();

    let html = '';
    const roundTrips = await roundTripsOf(async () => {
      ({ html } = await open(`/${server.id}/used-by?offset=950`));
    });

    expect(html).toContain('Used by 1,000');
    expect(html).toContain('951–1,000 of 1,000');
    expect(html.match(/1 of 2 tools/g)).toHaveLength(50);
    expect(new TextEncoder().encode(html).length).toBeLessThan(30_000);
    expect(roundTrips).toBeLessThanOrEqual(3);
  });

  it('finds names beyond ASCII', async () => {
    const server = await closed();
    const name = `Équipe Été ${fresh()}`;
    await admin('POST', '/governance/virtual-keys', { name, mcp_configs: [] });
    const page = await open(`/${server.id}/used-by`);

    const given = await send(page, { to: name.slice(0, -1) }, 'to');
    const found = await open(`/${server.id}/used-by?search=${encodeURIComponent('ÉQUIPE Été')}`);

    expect(given.html).toContain(`title="${name}"`);
    expect(found.html).toContain(`title="${name}"`);
  });

  it('asks which one where several are meant', async () => {
    const server = await closed();
    const [one, two] = [await key([]), await key([])];

    const page = await open(`/${server.id}/used-by`);
    const several = await send(page, { to: 'k s_' }, 'to');
    const chosen = await send(several, { one: `key ${two.id}` }, 'one');
    const unknown = await send(page, { to: 'no one of this name' }, 'to');

    expect(several.html).toContain('More than one matches');
    expect(several.html).toContain(`value="key ${one.id}"`);
    expect(chosen.html).toContain(`title="${two.name}"`);
    expect(unknown.html).toContain('No key, person or toolset has this name.');
  });
});

describe('the page of a server', () => {
  it('finds tools anywhere in many, and picks those that only read', async () => {
    const tools = Array.from({ length: 60 }, (_, n) => ({
      name: `tool_${n}`,
      ...(n === 57 && { description: 'Weighs an ELEPHANT, en Été.' }),
      inputSchema: { type: 'object' },
      annotations: { readOnlyHint: n % 2 === 1 },
    }));
    const server = await Upstream.start(tools);

    const found = await open(`/${server.id}?search=elephant`);
    const beyond = await open(`/${server.id}?search=${encodeURIComponent('en Été')}`);
    const picked = await send(found, { pick: 'None' }, 'which');
    const before = await find(server.id);
    await send(picked, {}, 'which');
    const reading = await send(await open(`/${server.id}`), { pick: 'Read-only' }, 'which');

    expect(found.html).toMatch(/value="None"[^>]*>None on this page</);
    expect(found.html.match(/name="tool"/g)).toHaveLength(1);
    expect(beyond.html.match(/name="tool"/g)).toHaveLength(1);
    expect(before.tools_to_execute).toEqual(['*']);
    expect((await find(server.id)).tools_to_execute).toEqual(
      tools.map(({ name }) => name).filter((name) => name !== 'tool_57'),
    );
    expect(reading.html.match(/name="tool"[^>]*checked/g)).toHaveLength(25);
  });

  it('turns tools off and on, and leaves those on other pages as they are', async () => {
    const names = Array.from({ length: 52 }, (_, n) => `tool_${n}`);
    const server = await Upstream.start(names);
    const first = await open(`/${server.id}`);

    const kept = names.slice(2, 50);
    const some = await send(first, { which: 'some', tool: kept }, 'which');
    const { tools_to_execute } = await find(server.id);
    const { value } = await newKey();
    const listed = await new McpCaller({ 'x-bf-vk': value }).toolNames();
    const second = await open(`/${server.id}?offset=50`);
    await send(second, { which: 'all' }, 'which');

    expect(some.html).toContain('50 tools are on.');
    expect(tools_to_execute).toEqual(names.slice(2));
    expect(listed.filter((name) => name.startsWith(`${server.name}-`))).toHaveLength(50);
    expect((await find(server.id)).tools_to_execute).toEqual(['*']);
  });

  it('says what the server says of its tools as plain text, cut to what a page holds', async () => {
    const description = `<b>Bold</b> ${'and so on '.repeat(1500)}`;
    const tools = Array.from({ length: 100 }, (_, n) => ({
      name: `tool_${n}`,
      description,
      inputSchema: { type: 'object' },
      annotations: n ? { destructiveHint: true } : { readOnlyHint: true },
    }));
    const broken = { name: 'broken', inputSchema: { type: 'string' } };
    const lists = { 'prompts/list': ['garbage'] };
    const server = await Upstream.start([...tools, broken], { lists });

    const page = await open(`/${server.id}`);

    expect(page.html).toContain('&lt;b&gt;Bold&lt;/b&gt;');
    expect(page.html.length).toBeLessThan(80_000);
    expect(page.html.match(/<\/svg>Read-only/g)).toHaveLength(1);
    expect(page.html.match(/<\/svg>Can delete/g)).toHaveLength(49);
    expect(page.html).toContain('Tool <code>broken</code>: its inputSchema is of another type than object.');
    expect(page.html).toContain('<li>Prompts: prompts/list failed: ');
  });

  it('says what went wrong last, and that it is over once it answers', async () => {
    const server = await Upstream.start();
    await server.behave({ fault: 500 });
    const page = await open(`/${server.id}`);

    const failed = await send(page, {}, `/admin/servers/${server.id}/refresh`);
    await server.behave({ fault: null });
    const mended = await send(failed, {}, `/admin/servers/${server.id}/refresh`);

    expect(failed.html).toContain('Not responding');
    expect(failed.html).toContain('failed (HTTP 500)');
    expect(mended.html).toContain('lists 1 tool');
    expect(mended.html).not.toContain('HTTP 500');
  });

  it('turns it off and on', async () => {
    const { id } = await Upstream.start();

    const off = await send(await open(`/${id}/settings`), {}, `/admin/servers/${id}/turn`);
    const isOff = !(await find(id)).enabled;
    await send(off, {}, `/admin/servers/${id}/turn`);

    expect(isOff).toBe(true);
    expect((await find(id)).enabled).toBe(true);
  });

  it('deletes it after naming what goes with it', async () => {
    const { id, name } = await Upstream.start(['one', 'two']);
    await newKey([name]);

    const confirm = await open(`/${id}/delete`);
    const gone = await send(confirm, {}, `/admin/servers/${id}/delete`);

    expect(confirm.html).toContain('We remove its 2 tools from <b>1 access key</b>.');
    expect(confirm.html).toContain('You can’t undo this.');
    expect(gone.html).toContain(`Server “${name}” was deleted.`);
    expect((await admin('GET', `/mcp/client/${id}`)).status).toBe(404);
  });

  it('says calmly that a server is gone', async () => {
    const page = await open(`/${crypto.randomUUID()}`);

    expect(page.status).toBe(404);
    expect(page.html).toContain('This server was deleted, or never existed.');
  });

  it('has no page of accounts where none is connected', async () => {
    const { id } = await Upstream.start(['one']);

    const page = await open(`/${id}/account`);

    expect(page.status).toBe(404);
    expect(page.html).toContain('No account is connected at this server.');
    expect((await open(`/${id}`)).html).not.toContain('/account');
  });
});

describe('the settings of a server', () => {
  it('state times with their unit, and what is the default', async () => {
    const { id } = await Upstream.start();
    const settings = await open(`/${id}/settings`);

    const units = { tool_execution_timeout_unit: '60', tool_sync_interval_unit: '60' };
    const hours = { tool_execution_timeout: '2', tool_sync_interval: '6', ...units };
    await send(settings, hours, 'connection_string');
    const stored = await find(id);
    const later = await open(`/${id}/settings`);
    const long = await send(later, { tool_execution_timeout: '6' }, 'connection_string');
    await send(later, { tool_execution_timeout: '', tool_sync_interval: '' }, 'connection_string');

    expect(settings.html).toContain('without a response. Default: 1 minute.');
    expect(settings.html).toContain('Default: 10 minutes.');
    expect(stored).toMatchObject({ tool_execution_timeout: 120, tool_sync_interval: 360 });
    expect(later.html).toMatch(/value="2"[^>]*name="tool_execution_timeout"/);
    expect(later.html).toContain('<option value="60" selected="">hours');
    expect(said(long, 'tool_execution_timeout-error')).toContain('must be at most 300');
    expect(await find(id)).toMatchObject({ tool_execution_timeout: null, tool_sync_interval: null });
  });

  it.each([
    ['per_user_oauth', 'oauth_config', 'client_secret'],
    ['token_exchange', 'token_exchange', 'exchange_client_secret'],
  ])('of %s keep the stored secret when a new one was refused, and ask for that again', async (...of) => {
    const [auth_type, member, field] = of;
    const as = await AuthorizationServer.start();
    const client = { client_id: 'ours', client_secret: 'the-stored-one' };
    const registration = {
      auth_type,
      [member]: { ...client, ...(member === 'token_exchange' && { audience: 'api' }) },
    };
    const { id } = await Upstream.start([], { demands: { issuer: as.issuer }, registration });
    const taken = (await Upstream.start()).name;
    const secret = async () =>
      ((await find(id)) as unknown as Record<string, Record<string, unknown>>)[member]?.client_secret;

    const refuse = async () =>
      send(await open(`/${id}/settings`), { name: taken, [field]: 'a-new-secret' }, 'connection_string');
    const again = await refuse();
    await send(again, { name: fresh() }, 'connection_string');
    const untouched = await secret();
    const retyped = { name: fresh(), [field]: 'a-new-secret' };
    const saved = await send(await refuse(), retyped, 'connection_string');

    expect(again.status).toBe(400);
    expect(again.html).not.toContain('a-new-secret');
    expect(said(again, `${field}-error`)).toBe('Enter the new secret again.');
    expect(untouched).toBe('••••-one');
    expect(saved.html).toContain('The settings were saved');
    expect(await secret()).toBe('••••cret');
  });

  it('of a server that is new are not saved without the secret that was typed', async () => {
    const taken = (await Upstream.start()).name;
    const name = fresh();
    const typed = { name: taken, client_id: 'ours', client_secret: 'a-new-secret' };

    const refused = await send(await open('/new?preset=github'), typed);
    const again = await send(refused, { name });
    const made = await named(name);
    await send(again, { client_secret: 'a-new-secret' });

    for (const page of [refused, again]) {
      expect(page.status).toBe(400);
      expect(page.html).not.toContain('a-new-secret');
      expect(said(page, 'client_secret-error')).toBe('Enter the secret again.');
    }
    expect(made).toBeUndefined();
    expect((await named(name))?.oauth_config).toMatchObject({ client_secret: '••••cret' });
  });

  it('say who loses what before a server is deleted', async () => {
    const { id, name } = await Upstream.start();
    await newKey([name]);

    const { html } = await open(`/${id}/settings`);

    expect(html).not.toContain('/account');
    expect(html).toContain('Removes it from 1 access key.');
    expect(html).toContain('Updated automatically: 1 access key.');
    expect(html).toMatch(/href="[^"]*\/delete">Delete…/);
  });
});

describe('the accounts at a server', () => {
  it('are listed by whose they are, and disconnected by an administrator once that is confirmed', async () => {
    const [server, key] = [await headerServer(), await newKey()];
    await enterHeaders(server.id, `vk:${key.id}`, { 'x-key': 'of the key' });
    const other = await Upstream.start();

    const page = await open(`/${server.id}/account`);
    const [, path = ''] = /href="\/admin\/servers(\/[^"]*\/disconnect)"/.exec(page.html) ?? [];
    const elsewhere = await open(path.replace(server.id, other.id));
    const confirm = await open(path);
    const after = await send(confirm, {}, `/admin/servers${path}`);

    expect(page.html).toContain('1 connected account');
    expect(page.html).toMatch(/<span class="name cut" title="key [0-9a-f-]{36}">/);
    expect(page.html).toContain('Connected');
    expect(elsewhere.status).toBe(404);
    expect(confirm.html).toContain('Disconnect the account of');
    expect(after.html).toContain('The account was disconnected.');
    expect(after.html).toContain('0 connected accounts');
  });
});

describe('who gets in', () => {
  it.each([
    '/new',
    '/known',
    '/x/tools',
    '/x/refresh',
    '/x/everyone',
    '/x/used-by',
    '/x/turn',
    '/x/authorize',
    '/x/register-again',
    '/x/verify',
    '/x/settings',
    '/x/delete',
    '/x/try?tool=echo',
  ])('changes nothing by a form of another’s: %s', async (path) => {
    const server = await Upstream.start();
    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    const before = JSON.stringify(await find(server.id));
    const body = new URLSearchParams({ preset: 'linear', step: path === '/new' ? 'check' : '' });
    body.set('connection_string', addressOf(server.name));
    const post = (headers: Record<string, string>, csrf = '') => {
      body.set('csrf', csrf);
      return gate(`/admin/servers${path.replace('x', server.id)}`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: body.toString(),
      });
    };
    const seen = (await server.seen()).length;

    const forged = await post({ origin: 'https://gate.example' }, 'forged');
    const foreign = await post({ origin: 'https://evil.example' });
    const stranger = await gate(`/admin/servers${path.replace('x', server.id)}`, { method: 'POST' });

    expect([forged.status, foreign.status]).toEqual([403, 403]);
    expect(stranger.headers.get('location')).toContain(`${ISSUER}/admin/sign-in?`);
    expect(JSON.stringify(await find(server.id))).toBe(before);
    expect((await server.seen()).length).toBe(seen);
    expect(await named('Linear')).toBeUndefined();
  });
});
