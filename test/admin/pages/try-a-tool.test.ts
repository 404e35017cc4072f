import { beforeAll, describe, expect, it, vi } from 'vitest';
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
    expect(refused.html).toMatch(/id="arg.words-error" role="alert"><svg.*?<\/svg>Enter a value\./);
    expect(refused.html).toMatch(/id="arg.most-error" role="alert"><svg.*?<\/svg>Enter a whole number\./);
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

    expect(failed.html).toContain('Reported an error');
    expect(failed.html).toContain('Not today.');
    expect(refused.html).toContain('refused to run it: No such &lt;place&gt;.');
    expect(down.html).toContain('failed (HTTP 500)');
  });

  it('shows pictures and sounds that run nothing, tells of others, and cuts what is long', async () => {
    const server = await Upstream.start([TOOL]);
    const content = [
      { type: 'text', text: 'x'.repeat(40_000) },
      { type: 'image', mimeType: 'image/png', data: 'A'.repeat(4096) },
      { type: 'audio', mimeType: 'audio/mpeg', data: 'AAAA' },
      { type: 'image', mimeType: 'image/svg+xml', data: 'BBBB' },
      { type: 'image', mimeType: 'image/png', data: '"><script>' },
      { type: 'resource_link', name: 'notes', uri: 'javascript:alert(1)' },
    ];
    await server.behave({ results: { find: JSON.stringify({ content, structuredContent: { at: 1 } }) } });

    const page = await open(server);
    const ran = await run(page, { 'arg.words': 'x' });

    expect(ran.html).toMatch(/<img src="data:image\/png;base64,A+" alt="Picture, image\/png, 3 KB"/);
    expect(ran.html).toContain('<audio src="data:audio/mpeg;base64,AAAA" controls');
    expect(ran.html).toContain('Picture, image/svg+xml, 3 bytes');
    expect(ran.html.match(/<img/g)).toHaveLength(1);
    expect(ran.html).not.toMatch(/BBBB|"><script>|href="javascript/);
    expect(ran.html).toContain('and 25,000 more characters');
    expect(ran.html).toContain('&quot;at&quot;: 1');
    expect(ran.html.length).toBeLessThan(60_000);
    const policyOf = ({ headers }: Page) => headers.get('content-security-policy');
    expect(policyOf(page)).not.toContain('data:');
    expect(policyOf(ran)).toBe(
      policyOf(page)?.replace("img-src 'self'", "img-src 'self' data:; media-src data:"),
    );
  });

  it('cuts what the server calls things, in attributes too', async () => {
    const long = 'W'.repeat(100);
    const properties = { [long]: { enum: ['a', 'b'] } };
    const tool = { name: long, inputSchema: { type: 'object', properties } };
    const server = await Upstream.start([tool]);
    const mimeType = `image/${long}`;
    const content = [
      { type: 'image', mimeType, data: 'AAAA' },
      { type: 'resource', resource: { uri: `https://${long}/`, mimeType, blob: 'AAAA' } },
      { type: 'resource', resource: { uri: `https://${long}/`, mimeType: 'image/png', blob: 'AAAA' } },
      { type: 'resource_link', name: long, uri: 'x:y' },
    ];
    await server.behave({ results: { [long]: JSON.stringify({ content }) } });

    const page = await open(server, long);
    const ran = await run(page, {}, browser, '#result');
    const list = shown(await browser.open(`/admin/servers/${server.id}`));

    const whole = / (title|name|value|for|id|href|aria-describedby)="[^"]*"|<input type="hidden"[^>]*>/g;
    const seen = (html: string) =>
      html.replace(whole, '').replace(/<span class="card whole".*?<\/span>/g, '');
    for (const { html } of [page, ran, list]) expect(seen(html)).not.toContain('W'.repeat(61));
    expect(ran.html).toMatch(
      /<img src="data:image\/png;base64,AAAA" alt="Resource https:\/\/W{51}…, image\/png, 3 bytes"/,
    );
  });

  it('asks for nothing where a tool takes nothing, and says what it does', async () => {
    const annotations = { destructiveHint: true, idempotentHint: true, openWorldHint: true };
    const server = await Upstream.start([{ name: 'find', inputSchema: { type: 'object' }, annotations }]);

    const page = await open(server);
    const ran = await run(page, {}, browser, '#result');

    expect(page.html).not.toContain('<textarea');
    expect(page.html).toContain('This tool needs no input.');
    expect(page.html).toMatch(/<\/svg>Can delete/);
    expect(page.html).toContain('changes nothing more');
    expect(page.html).toContain('systems outside the server');
    expect(page.html.indexOf('<form class="card')).toBeLessThan(page.html.indexOf('id="result"'));
    expect(page.html).toMatch(/<form[^>]*action="#result"/);
    expect(ran.status).toBe(200);
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

    expect(off.html).toContain('is off. Turn it on first.');
    expect(await called(server)).toEqual([]);
  });

  it('says calmly that a tool is not there', async () => {
    const page = await open(await Upstream.start([TOOL]), 'gone');

    expect(page.status).toBe(404);
    expect(page.html).toContain('no longer lists this tool.');
  });
});

describe('a tool that asks something before it goes on', () => {
  const NAME = {
    mode: 'form',
    message: 'Which <name>?',
    requestedSchema: {
      type: 'object',
      properties: {
        name: { type: 'string', title: 'Your name' },
        age: { type: 'integer' },
        team: { type: 'string', oneOf: [{ const: 't-1', title: 'The first' }, { const: 't-2' }] },
        pet: { type: 'string', enum: ['p-1'], enumNames: ['A cat'] },
      },
      required: ['name'],
    },
  };
  const ANSWER = 'answer0.name';
  const toolOf = (era: string) => (era === '2026' ? 'more' : 'asks');
  const answersAt = async (server: Upstream) =>
    (await server.seen()).filter(({ message, text }) => text && !message.method).map(({ text }) => text);

  /** A server of either era whose tool asks `params`. */
  const asking = async (era: string, params: object) => {
    const ask = { method: 'elicitation/create', params };
    const inputRequests = { who: ask };
    const required = JSON.stringify({ resultType: 'input_required', inputRequests, requestState: 'state 1' });
    return era === '2026'
      ? Upstream.start([{ ...TOOL, name: 'more' }], { era: '2026', rounds: { more: [required] } })
      : Upstream.start([{ ...TOOL, name: 'asks' }], {
          asks: { asks: [{ text: JSON.stringify({ jsonrpc: '2.0', id: 7, ...ask }) }] },
        });
  };

  it.each(['2025', '2026'])('is answered on the page, and runs on: a server of %s', async (era) => {
    const server = await asking(era, NAME);

    const asked = await run(await open(server, toolOf(era)), { 'arg.words': 'a' });
    const wrong = await run(
      asked,
      { [ANSWER]: 'Ann', 'answer0.age': 'x', action: 'accept' },
      browser,
      ANSWER,
    );
    const ran = await run(wrong, { 'answer0.age': '41', action: 'accept' }, browser, ANSWER);

    expect(asked.html).toContain('Which &lt;name&gt;?');
    expect(asked.html).toContain('Your name');
    for (const word of ['The first', 't-2', 'A cat']) expect(asked.html).toContain(`>${word}</option>`);
    expect(asked.html).not.toContain('state 1');
    expect(wrong.html).toContain('Enter a whole number.');
    expect(wrong.html).toContain('value="Ann"');
    expect(ran.html).toContain(`${toolOf(era)} ran`);
    expect(ran.html).toMatch(/name="arg.words"[^>]*/);
    expect(ran.html).toContain('value="a"');
    const calls = (await server.seen('tools/call')).map(({ message }) => message.params ?? {});
    const content = { name: 'Ann', age: 41 };
    if (era === '2026') {
      const inputResponses = { who: { action: 'accept', content } };
      expect(calls.at(-1)).toMatchObject({
        inputResponses,
        requestState: 'state 1',
        arguments: { words: 'a' },
      });
      expect(calls).toHaveLength(2);
    } else {
      expect(calls).toHaveLength(1);
      expect(await answersAt(server)).toEqual([
        JSON.stringify({ jsonrpc: '2.0', id: 7, result: { action: 'accept', content } }),
      ]);
      const ended = async () => (await server.seen()).filter(({ method }) => method === 'DELETE');
      await vi.waitFor(async () => expect(await ended()).not.toEqual([])); // nothing else shares its session
    }
  });

  it.each(['2025', '2026'])('is told that it is declined: a server of %s', async (era) => {
    const server = await asking(era, NAME);

    const asked = await run(await open(server, toolOf(era)), { 'arg.words': 'a' });
    const ran = await run(asked, { action: 'decline' }, browser, ANSWER);

    expect(ran.html).toContain(`${toolOf(era)} ran`);
    expect(JSON.stringify([await answersAt(server), await server.seen('tools/call')])).toContain('decline');
  });

  it('has an address opened by a link, of the web alone', async () => {
    const url = 'https://login.example/x?a=b';
    const server = await asking('2026', { mode: 'url', message: 'Sign in.', url });
    const bad = await asking('2026', { mode: 'url', message: 'Sign in.', url: 'javascript:alert(1)' });

    const asked = await run(await open(server, 'more'), { 'arg.words': 'a' });
    const refused = await run(await open(bad, 'more'), { 'arg.words': 'a' });
    const ran = await run(asked, { action: 'accept' }, browser, 'run');

    expect(asked.html).toContain(`href="${url}"`);
    expect(asked.html).toContain('Open login.example');
    expect(refused.html).not.toContain('javascript:');
    expect(ran.html).toContain('more ran');
    expect((await server.seen('tools/call')).at(-1)?.message.params).toMatchObject({
      inputResponses: { who: { action: 'accept' } },
    });
  });

  it('is answered for no other tool, nor with what was altered or is late', async () => {
    const [server, other] = [await asking('2026', NAME), await asking('2026', NAME)];
    const asked = await run(await open(server, 'more'), { 'arg.words': 'a' });
    const [, sealed = ''] = /name="run" value="([^"]*)"/.exec(asked.html) ?? [];

    const elsewhere = await run(
      await run(await open(other, 'more'), { 'arg.words': 'a' }),
      { run: sealed, action: 'accept', [ANSWER]: 'Ann' },
      browser,
      ANSWER,
    );
    const altered = await run(
      asked,
      { run: `${sealed}x`, action: 'accept', [ANSWER]: 'Ann' },
      browser,
      ANSWER,
    );

    expect(sealed).not.toBe('');
    for (const page of [elsewhere, altered]) expect(page.html).toContain('Run it again.');
    expect(await called(server)).toHaveLength(1);
    expect(await called(other)).toHaveLength(1);
  });

  it('asks what no page can answer', async () => {
    const sampling = { method: 'sampling/createMessage', params: {} };
    const required = JSON.stringify({ resultType: 'input_required', inputRequests: { s: sampling } });
    const server = await Upstream.start([TOOL], { era: '2026', rounds: { find: [required] } });

    const asked = await run(await open(server), { 'arg.words': 'a' });

    expect(asked.html).toContain('asks something that can’t be answered on this page');
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

    expect(nobody.html).toContain('You are signed in with the administrator token');
    expect(unconnected.html).toContain('href="/me">Connect your account');
    expect(await called(server)).toEqual([]);
  });
});
