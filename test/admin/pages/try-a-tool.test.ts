import { beforeAll, describe, expect, it } from 'vitest';
import { AuthorizationServer } from '../../support/authorization-server';
import { Browser, type Page } from '../../support/browser';
import { admin } from '../../support/gate';
import { Provider } from '../../support/provider';
import { Upstream } from '../../support/upstream';

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
});

const TOOL = {
  name: 'find',
  description: 'Finds <things>.',
  inputSchema: {
    type: 'object',
    properties: {
      words: { type: 'string', description: 'What to look for.' },
      most: { type: 'integer', default: 10 },
      where: { type: 'object', properties: { city: { type: 'string' } } },
    },
    required: ['words'],
  },
};

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};
const open = async ({ id }: Upstream, tool = 'find', who = browser) =>
  shown(await who.open(`/admin/servers/${id}/try?${new URLSearchParams({ tool })}`));
/** Runs the tool of a page with these arguments. */
const run = async (page: Page, answers: Record<string, string>, who = browser, field = 'arg.words') =>
  shown(await who.submit(page, answers, undefined, field));
const called = async (server: Upstream) =>
  (await server.seen('tools/call')).map(({ message }) => message.params?.arguments);

describe('trying a tool', () => {
  it('asks for its arguments, runs it once, and shows what it answered with them still there', async () => {
    const server = await Upstream.start([TOOL]);

    const page = await open(server);
    const ran = await run(page, { 'arg.words': '<b>', 'arg.where.city': 'Bonn' });

    expect(page.html).toContain('Finds &lt;things&gt;.');
    expect(page.html).toMatch(/<input[^>]*name="arg.words"[^>]*required/);
    expect(page.html).toContain('What to look for.');
    expect(await called(server)).toEqual([{ words: '<b>', most: 10, where: { city: 'Bonn' } }]);
    expect(ran.html).toContain('find ran');
    expect(ran.html).toMatch(/\d+ ms/);
    expect(ran.html).toContain('value="Bonn"');
    expect(ran.html).not.toContain('<b>"');
  });

  it('sends a number with all its digits, proposed, chosen or typed', async () => {
    const properties =
      '{"id":{"type":"integer","default":9007199254740993},"of":{"enum":[9007199254740995,1]},"to":{"type":"integer"}}';
    const server = await Upstream.start([]);
    await server.behave({
      lists: {
        'tools/list': [
          `{"tools":[{"name":"find","inputSchema":{"type":"object","properties":${properties}}}]}`,
        ],
      },
    });
    await admin('POST', `/mcp/client/${server.id}/refresh-tools`);

    const page = await open(server);
    await run(page, { 'arg.of': '9007199254740995', 'arg.to': '18446744073709551615' }, browser, 'arg.id');
    const [call] = await server.seen('tools/call');

    expect(page.html).toContain('>9007199254740995</option>');
    expect(call?.text).toContain(
      '"arguments":{"id":9007199254740993,"of":9007199254740995,"to":18446744073709551615}',
    );
  });

  it('runs nothing while something is wrong, and says what', async () => {
    const server = await Upstream.start([TOOL]);

    const refused = await run(await open(server), { 'arg.words': '', 'arg.most': 'ten' });

    expect(refused.status).toBe(400);
    expect(refused.html).toContain('id="arg.words-error" role="alert">Fill this in.');
    expect(refused.html).toContain('id="arg.most-error" role="alert">Write a whole number.');
    expect(refused.html).toContain('value="ten"');
    expect(await called(server)).toEqual([]);
  });

  it('tells a failure of the tool from a refusal and from a server that is down', async () => {
    const server = await Upstream.start([TOOL]);
    const with_ = async (result: object) => {
      await server.behave({ results: { find: JSON.stringify(result) } });
      return run(await open(server), { 'arg.words': 'x' });
    };

    const failed = await with_({ content: [{ type: 'text', text: 'Not today.' }], isError: true });
    const refused = await with_({ error: { code: -32602, message: 'No such <place>.' } });
    await server.behave({ fault: 500 });
    const down = await run(await open(server), { 'arg.words': 'x' });

    expect(failed.html).toContain('it says it failed');
    expect(failed.html).toContain('Not today.');
    expect(refused.html).toContain('refused to run it: No such &lt;place&gt;.');
    expect(down.html).toContain('failed (HTTP 500)');
  });

  it('tells of pictures and sounds, loads none, and cuts what is long', async () => {
    const server = await Upstream.start([TOOL]);
    const content = [
      { type: 'text', text: 'x'.repeat(40_000) },
      { type: 'image', mimeType: 'image/png', data: 'A'.repeat(4096) },
      { type: 'resource_link', name: 'notes', uri: 'javascript:alert(1)' },
    ];
    await server.behave({ results: { find: JSON.stringify({ content, structuredContent: { at: 1 } }) } });

    const ran = await run(await open(server), { 'arg.words': 'x' });

    expect(ran.html).toContain('a picture: image/png, 3 KB');
    expect(ran.html).toContain('and 25,000 characters more');
    expect(ran.html).toContain('&quot;at&quot;: 1');
    expect(ran.html).not.toMatch(/<img|href="javascript/);
    expect(ran.html.length).toBeLessThan(60_000);
  });

  it('sends what a server of 2026-07-28 wants repeated in headers', async () => {
    const inputSchema = {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
    };
    const server = await Upstream.start([{ name: 'find', inputSchema }], { era: '2026' });

    const ran = await run(await open(server), { 'arg.region': 'eu' }, browser, 'arg.region');
    const [call] = await server.seen('tools/call');

    expect(ran.html).toContain('find ran');
    expect(call?.headers).toMatchObject({ 'mcp-name': 'find', 'mcp-param-region': 'eu' });
  });

  it('is in the audit by the tool’s name, without what was entered', async () => {
    const server = await Upstream.start([TOOL]);
    await run(await open(server), { 'arg.words': 'a-private-word' });

    const audit = await admin<{ events: { act: string; detail: { server: string } }[] }>('GET', '/audit');
    const tried = audit.events.filter(({ act }) => act === 'server.tool_tried');

    expect(tried.find(({ detail }) => detail.server === server.id)?.detail).toEqual({
      server: server.id,
      tool: 'find',
    });
    expect(JSON.stringify(audit)).not.toContain('a-private-word');
  });

  it('is not done at a server that is off or waits to be authorized', async () => {
    const server = await Upstream.start([TOOL]);
    const page = await open(server);
    await server.change({ enabled: false });

    const off = await run(page, { 'arg.words': 'x' });

    expect(off.html).toContain('is turned off. Turn it on first.');
    expect(await called(server)).toEqual([]);
  });

  it('says calmly that a tool is not there', async () => {
    const page = await open(await Upstream.start([TOOL]), 'gone');

    expect(page.status).toBe(404);
    expect(page.html).toContain('lists no such tool now.');
  });
});

describe('whose account a try acts with', () => {
  it('is one’s own where everybody has theirs, never the gateway’s', async () => {
    const as = await AuthorizationServer.start();
    const whoami = { name: 'whoami', inputSchema: { type: 'object', properties: { a: { type: 'string' } } } };
    const server = await Upstream.start([whoami], {
      demands: { issuer: as.issuer },
      registration: { auth_type: 'per_user_oauth' },
    });
    const authorize = `/admin/servers/${server.id}/authorize`;
    await browser.submit(shown(await browser.open(`/admin/servers/${server.id}`)), {}, undefined, authorize);
    await as.approve(browser, 'gateway-account');
    const idp = await Provider.start({ admin_emails: ['ann@acme.example'] });
    const ann = new Browser();
    await idp.signIn(ann, 'ann@acme.example');

    const nobody = await run(await open(server, 'whoami'), {}, browser, 'arg.a');
    const unconnected = await run(await open(server, 'whoami', ann), {}, ann, 'arg.a');

    expect(nobody.html).toContain('the administrator token is nobody');
    expect(unconnected.html).toContain('href="/me">Connect your account');
    expect(await called(server)).toEqual([]);
  });
});
