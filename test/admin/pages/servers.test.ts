import { beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationServer } from '../../support/authorization-server';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { admin, gate, ISSUER, newKey } from '../../support/gate';
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
const idOf = ({ url }: Page) => /\/admin\/servers\/([0-9a-f-]{36})$/.exec(new URL(url).pathname)?.[1] ?? '';

/** A server the gateway does not know. */
async function unknown(behaviour: object = {}): Promise<string> {
  const name = fresh();
  await control(name, 'set', { tools: [{ name: 'echo', inputSchema: { type: 'object' } }], ...behaviour });
  return addressOf(name);
}

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

    expect(checked.html).toContain('It lists 1 tool to whoever asks: <code>echo</code>');
    expect(checked.html).toMatch(/name="auth_type" value="none" checked/);
    expect(before.some(({ connection_string }) => connection_string === url)).toBe(false);
    expect(saved.html).toContain('The server was saved and lists 1 tool.');
    expect(await find(idOf(saved))).toMatchObject({ name, auth_type: 'none', state: 'healthy' });
  });

  it('finds a sign-in, and whether the gateway can introduce itself there', async () => {
    const open = await AuthorizationServer.start();
    const closed = await AuthorizationServer.start({ registers: false });

    const one = await check(await unknown({ demands: { issuer: open.issuer } }));
    const other = await check(await unknown({ demands: { issuer: closed.issuer } }));

    expect(one.html).toContain('The gateway introduces itself there');
    expect(one.html).toMatch(/name="auth_type" value="per_user_oauth" checked/);
    expect(other.html).toContain('It takes no apps that introduce themselves');
    expect(other.html).toContain('https://gate.example/api/oauth/callback');
    expect(await open.asked('register')).toEqual([]);
  });

  it('finds that something in a header is wanted, or that nobody answers', async () => {
    const wants = await check(await unknown({ demandsHeaders: ['x-key'] }));
    const nobody = await check('http://127.0.0.1:1/mcp');
    const page = await check(await unknown({ fault: 'html' }));

    expect(wants.html).toContain('It answers, and wants credentials');
    expect(wants.html).toMatch(/name="auth_type" value="headers" checked/);
    expect(nobody.html).toContain('It does not answer');
    expect(page.html).toContain('something that is not MCP');
  });

  it.each([
    ['an address within', 'https://10.0.0.1/mcp'],
    ['another scheme', 'ftp://files.example/mcp'],
    ['no address', 'https://'],
  ])('asks nobody at %s', async (_, address) => {
    const refused = await check(address);

    expect(refused.status).toBe(400);
    expect(refused.html).toMatch(/role="alert">The address (must|is)/);
  });

  it('loses nothing that was typed when it is refused, but no secret is shown again', async () => {
    const url = await unknown({ demandsHeaders: ['x-key'] });
    const taken = (await Upstream.start()).name;

    const again = await send(await check(url), {
      name: taken,
      header_name: ['x-key', 'x-team'],
      header_value: ['a-secret-value', 'env.TEAM'],
      tool_execution_timeout: '12',
      open: 'on',
    });

    expect(again.status).toBe(400);
    expect(again.html).toContain(`id="name-error" role="alert">Another server has the name ${taken}`);
    expect(again.html).toContain('value="x-key"');
    expect(again.html).toContain('value="env.TEAM"');
    expect(again.html).toContain('value="12"');
    expect(again.html).toMatch(/name="open" value="on" checked/);
    expect(again.html).not.toContain('a-secret-value');
  });

  it('goes on from where the server is, and says so', async () => {
    const url = await unknown();

    const checked = await check(url.replace(/\/mcp$/, ''));

    expect(checked.html).toContain(`It was found at <span class="mono">${url}</span>`);
    expect(checked.html).toContain(`value="${url}"`);
    expect(checked.html).toContain('It lists 1 tool to whoever asks');
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
    expect(checked.html).toMatch(/name="auth_type" value="headers" checked/);
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
    expect(refused.html).toContain('npx starts a program on one computer');
    expect(refused.html).toContain('a bridge that speaks Streamable HTTP');
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

    expect((await check(addressOf(page))).html).toContain(
      'is a website: it answers with something that is not MCP',
    );
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
    expect(changed.html).toContain('lists 1 tool');
    expect(await find(id)).toMatchObject({ state: 'healthy', headers: { 'x-key': '••••alue' } });
  });
});

describe('well-known servers', () => {
  it('are offered where there is no server yet, each in its own way', async () => {
    const page = await open('/new');

    expect(page.html).toContain('<span class="unseen"> Linear</span>');
    expect(page.html).toContain('href="/admin/servers/new?preset=github"');
  });

  it('are set up with an app of one’s own where they need one', async () => {
    const page = await open('/new?preset=github');
    const incomplete = await send(page, { client_id: 'two words' });

    expect(page.html).toContain('https://github.com/settings/developers');
    expect(page.html).toContain('<code>https://gate.example/api/oauth/callback</code>');
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

    expect(page.html).toContain(`Authorize ${server.name}`);
    expect(away).toBeNull();
    expect(new URL(back.url).pathname).toBe(`/admin/servers/${server.id}`);
    expect(back.html).toContain('It is authorized');
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
    expect(other.html).toContain('This belongs to another browser');
    expect(await find(server.id)).toMatchObject({ state: 'pending_verification' });
  });

  it('says on its page why it was not finished', async () => {
    const { as, server, page } = await pending();
    await as.behave({ answer: { code: null, error: 'access_denied' } });
    await authorize(page, server.id);

    const refused = shown(await as.approve(browser, 'ann'));
    const afterwards = await open(`/${server.id}`);

    expect(refused.html).toContain(`href="/admin/servers/${server.id}"`);
    expect(afterwards.html).toContain('Its sign-in was not finished');
  });

  it('registers again where the provider has forgotten the gateway, when that is confirmed', async () => {
    const { as, server, page } = await pending('per_user_oauth');
    await authorize(page, server.id);
    await as.approve(browser, 'ann');
    await as.lose('forget-clients');

    const confirm = await open(`/${server.id}/register-again`);
    await browser.submit(confirm, {}, undefined, `/admin/servers/${server.id}/register-again`);
    const back = shown(await as.approve(browser, 'ann'));

    expect(confirm.html).toContain('Nobody has connected an account of their own there.');
    expect(back.html).toContain('It is authorized');
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
    expect(right.html).toContain('Your values list its tools');
    expect(await find(server.id)).toMatchObject({ state: 'healthy' });
  });
});

describe('the page of a server', () => {
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

    expect(some.html).toContain('50 of its tools may be used.');
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
    expect(page.html.match(/only reads/g)).toHaveLength(1);
    expect(page.html).toContain(
      'The tool <code>broken</code>: its inputSchema is of another type than object.',
    );
    expect(page.html).toContain('<li>Prompts: prompts/list failed: ');
  });

  it('says what went wrong last, and that it is over once it answers', async () => {
    const server = await Upstream.start();
    await server.behave({ fault: 500 });
    const page = await open(`/${server.id}`);

    const failed = await send(page, {}, `/admin/servers/${server.id}/refresh`);
    await server.behave({ fault: null });
    const mended = await send(failed, {}, `/admin/servers/${server.id}/refresh`);

    expect(failed.html).toContain('does not answer');
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

    expect(confirm.html).toContain('Its 2 tools are gone from every app');
    expect(confirm.html).toContain('Whatever was given it stays, without it: 1 access key');
    expect(gone.html).toContain(`The server ${name} was deleted`);
    expect((await admin('GET', `/mcp/client/${id}`)).status).toBe(404);
  });

  it('says calmly that a server is gone', async () => {
    const page = await open(`/${crypto.randomUUID()}`);

    expect(page.status).toBe(404);
    expect(page.html).toContain('There is no server at this address.');
  });
});

describe('who gets in', () => {
  it.each([
    '/new',
    '/known',
    '/x/tools',
    '/x/refresh',
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
