import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { APPS } from '../../src/ui/connect-apps';
import { Browser, type Page } from '../support/browser';
import { admin, configure, gate, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Provider } from '../support/provider';
import { Upstream } from '../support/upstream';

const open = async (path: string, browser = new Browser()): Promise<Page> => {
  const page = await browser.open(path);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
};

/** What the page asks while it waits, in this browser. */
async function waiting(browser: Browser, since: number): Promise<{ state: string; words: string }> {
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  const response = await gate(`/waiting?app=claude-code&since=${since}`, { headers: { cookie } });
  expect(response.headers.get('cache-control')).toBe('no-store');
  return response.json();
}

const seconds = () => Math.floor(Date.now() / 1000);

/** Allows an app in `browser`; the code it gets. */
async function allow(browser: Browser, client: McpClient, key: string): Promise<string> {
  const services = await client.toServices(browser, { key });
  await browser.submit(services, { decision: 'allow' });
  return browser.callback?.searchParams.get('code') ?? '';
}

async function toolset(name: string, keyIds: string[], changes = {}): Promise<void> {
  await admin('POST', '/mcp/virtual-mcps', { name, tools: [], virtual_key_ids: keyIds, ...changes });
}

/** What a page says, in one line. */
const textOf = ({ html }: Page) => html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

let docs: Upstream;

describe('the front page (CONTRACT §8, Pages)', () => {
  it('says what is missing and whose turn it is: an administrator’s, while there is no server', async () => {
    const before = await open('/');
    docs = await Upstream.start(['read', 'write']);
    const after = await open('/');

    expect(before.html).toContain('tools appear when an administrator adds a server');
    expect(after.html).not.toContain('class="notice');
    expect(after.html).toContain('every tool your team has set up: 1 server.');
    expect(after.html).toContain('https://gate.example/mcp');
    expect(after.html).toContain('<a href="/admin">Administration</a>');
  });

  it('names the servers and counts the tools for a person it knows, and only counts servers for a stranger', async () => {
    const closed = await Upstream.start(['secret'], { registration: { allow_on_all_virtual_keys: false } });
    const browser = new Browser();
    await allow(browser, await McpClient.register(), (await newKey()).value);

    const [known, stranger] = [await open('/', browser), await open('/')];

    expect(textOf(known)).toMatch(new RegExp(`What you get.*${docs.name} 2 tools`));
    expect(textOf(known)).toContain('Your app opens this browser, and you allow it here.');
    expect(known.html).not.toContain(closed.name);
    expect(known.html).not.toContain('>Administration<');
    expect(stranger.html).not.toContain(docs.name);
    expect(textOf(stranger)).toMatch(/What you get Tools of 2 servers\./);
  });

  it('says how to get access: where to sign in, whom to ask, and what needs neither', async () => {
    await configure({ support_text: 'Ask in #ai-tools.' });
    const byKey = await open('/');
    await configure({ enforce_auth_on_inference: false });
    await Provider.start();
    const bySignIn = await open('/');
    await configure({ enforce_auth_on_inference: true, support_text: '', oidc: {} });

    expect(textOf(byKey)).toContain(
      'You need an access key. Ask your administrator. Ask in #ai-tools. Enter your key',
    );
    expect(textOf(bySignIn)).toMatch(/Sign in with [\w.:-]+ ?\. Scripts and jobs use an access key/);
    expect(textOf(bySignIn)).toContain(
      'Anyone who knows the address can use tools that are open to everyone.',
    );
    expect(bySignIn.html).toContain('href="/oauth/sign-in?return_to=/"');
  });

  it('tells anybody how to connect each app, by links that work without a script', async () => {
    const { html } = await open('/');
    const apps = [...html.matchAll(/href="(\/\?app=[a-z-]+)#app"/g)].map(([, href = '']) => href);

    const [cursor, code, claude] = await Promise.all(
      ['cursor', 'vscode', 'claude-code'].map((app) => open(`/?app=${app}`)),
    );

    expect(apps).toHaveLength(16);
    expect(cursor?.html).toMatch(
      /aria-current="true"[\s\S]*Add to Cursor[\s\S]*Add it by hand[\s\S]*mcpServers/,
    );
    expect(cursor?.html).toContain('cursor://anysphere.cursor-deeplink/mcp/install?');
    expect(code?.html).toContain('vscode:mcp/install?');
    expect(claude?.html).toContain('claude mcp add --transport http toolgate https://gate.example/mcp');
    expect(claude?.html).toContain('Waiting for Claude Code…');
  });

  it('has a way in for each app, none of which has a key in a link', async () => {
    for (const { glyph, byKey } of APPS) {
      const page = await open(`/?app=${glyph}&by=key`);

      expect([glyph, page.html.includes('YOUR_ACCESS_KEY') || glyph === 'vscode']).toEqual([
        glyph,
        byKey !== null,
      ]);
      for (const [, href = ''] of page.html.matchAll(/href="([^"]*)"/g))
        expect(href).not.toContain('YOUR_ACCESS_KEY');
      expect(page.html.includes('Waiting for')).toBe(byKey === null);
    }
  });

  it('leads to the address of a toolset that somebody was told of, without saying whether there is one', async () => {
    await toolset('Secret plans', []);

    const [there, nowhere] = [
      await open('/?app=codex&at=secret-plans'),
      await open('/?app=codex&at=no-such-set'),
    ];
    const malformed = await open('/?app=codex&at=%22%3E%3Cscript%3E');

    const words = ({ html }: Page) =>
      html.replace(/secret-plans|no-such-set|name="csrf" value="[^"]*"|since=\d+/g, '');
    expect(there.html).toContain(
      'data-copy="codex mcp add secret-plans --url https://gate.example/mcp/secret-plans"',
    );
    expect(words(there)).toBe(words(nowhere));
    expect(there.html).not.toContain('Secret plans');
    expect(there.html).toContain('the tools of one toolset or server.');
    expect(there.html).not.toContain('What you get');
    expect(malformed.html).not.toContain('&gt;&lt;script');
    expect(malformed.html).toContain('data-copy="codex mcp add toolgate --url https://gate.example/mcp"');
  });

  it('names toolsets only to whom they were given, in a browser that knows them', async () => {
    const [mine, theirs] = [await newKey(), await newKey()];
    await toolset('For me', [mine.id]);
    await toolset('Of others', [theirs.id]);
    await toolset('At rest', [mine.id], { enabled: false });
    const browser = new Browser();
    await allow(browser, await McpClient.register(), mine.value);

    const known = await open('/', browser);
    const stranger = await open('/');
    await admin('POST', `/governance/virtual-keys/${mine.id}/rotate`, { reason: 'leaked' });
    const leaked = await open('/', browser);

    expect(known.html).toContain('For me');
    expect(known.html).not.toMatch(/Of others|At rest/);
    expect(stranger.html).not.toMatch(/For me|Of others/);
    expect(leaked.html).not.toContain('For me');
  });

  it('tells only of the ways in that there are', async () => {
    await configure({ mcp_server_auth_mode: 'headers' });
    const [byKey, claude] = [await open('/?app=codex'), await open('/?app=claude')];
    await configure({ mcp_server_auth_mode: 'oauth' });
    const bySignIn = await open('/?app=codex');
    await configure({ mcp_server_auth_mode: null });

    expect(byKey.html).toContain('TOOLGATE_KEY');
    expect(byKey.html).not.toMatch(/codex mcp login|Waiting for/);
    expect(claude.html).toContain('connects by signing in, and this gateway takes access keys only');
    expect(bySignIn.html).toContain('codex mcp login');
    expect(bySignIn.html).not.toContain('TOOLGATE_KEY');
  });
});

describe('waiting for an app', () => {
  it('tells the browser that allowed it how far it is, and with how many tools it came in the end', async () => {
    const since = seconds();
    const browser = new Browser();
    const client = await McpClient.register({ client_name: 'Claude Code' });
    const before = await waiting(browser, since);

    const code = await allow(browser, client, (await newKey()).value);
    const allowed = await waiting(browser, since);
    await client.redeem(code);
    const arrived = await waiting(browser, since);
    const page = await open(`/?app=claude-code&since=${since}`, browser);

    expect(before).toEqual({ state: 'waiting', words: 'Waiting for Claude Code…' });
    expect(allowed.state).toBe('allowed');
    expect(arrived).toEqual({ state: 'connected', words: 'Claude Code is connected: 2 tools.' });
    expect(page.html).toContain('Claude Code is connected: 2 tools.');
    expect(page.html).not.toContain('data-wait');
  });

  it('tells strangers nothing, and nobody of what they allowed before', async () => {
    const browser = new Browser();
    const client = await McpClient.register();
    const since = seconds();
    await client.redeem(await allow(browser, client, (await newKey()).value));

    const stranger = await waiting(new Browser(), since);
    const other = new Browser();
    await allow(other, await McpClient.register(), (await newKey()).value);
    await other.open('/');
    const own = await waiting(browser, since); // whatever others allowed since
    await env.DB.prepare('UPDATE oauth_grant SET created_at = created_at - 60 WHERE client_id = ?1')
      .bind(client.clientId)
      .run();
    const later = await waiting(browser, since);

    expect(stranger.state).toBe('waiting');
    expect((await waiting(other, since)).state).toBe('allowed'); // its own, which no one has redeemed
    expect(own.state).toBe('connected');
    expect(later.state).toBe('waiting');
  });

  it('waits on when what was allowed has ended', async () => {
    const browser = new Browser();
    const client = await McpClient.register();
    const since = seconds();
    const { body } = await client.redeem(await allow(browser, client, (await newKey()).value));
    await client.revoke(body.refresh_token);

    expect((await waiting(browser, since)).state).toBe('waiting');
  });
});
