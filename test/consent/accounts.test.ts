import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { type Answers, formsOf } from '../../demo/consent';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { authorizeAs } from '../support/connected';
import { admin, configure, gate, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { Upstream } from '../support/upstream';

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

/** A server where everyone has their own account with `provider`, authorized by an administrator. */
async function accountServer(provider: AuthorizationServer): Promise<Upstream> {
  const server = await Upstream.start(['whoami', 'other'], {
    demands: { issuer: provider.issuer, scope: 'read' },
    registration: { auth_type: 'per_user_oauth', allow_on_all_virtual_keys: false },
  });
  const begun = await admin<{ authorize_url: string }>(
    'POST',
    `/mcp/client/${server.id}/initiate-verification`,
  );
  const { status } = await authorizeAs(provider, begun);
  if (status !== 200) throw new Error(`the callback answered ${status}`);
  return server;
}

/** A server that everyone gives a header of their own. */
async function headerServer(): Promise<Upstream> {
  return Upstream.start(['whoami'], {
    demandsHeaders: ['x-key'],
    registration: {
      auth_type: 'per_user_headers',
      per_user_header_keys: ['x-key'],
      user_headers: { 'x-key': 'administrators' },
      allow_on_all_virtual_keys: false,
    },
  });
}

const field = ({ id }: Upstream) => `header.${id}.x-key`;

/** A person at the services step, with a key of their own. */
async function atServices(...servers: Upstream[]) {
  const client = await McpClient.register();
  const browser = new Browser();
  const key = await newKey(servers.map(({ name }) => name));
  const page = await client.toServices(browser, { key: key.value });
  const caller = async () => {
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    return new McpCaller({ authorization: `Bearer ${body.access_token}` });
  };
  return { client, key, browser, page, caller };
}

/** Presses the Connect button for `server`, goes to its provider as `user` and comes back. */
async function connectAt(
  browser: Browser,
  page: Page,
  { server, provider, user }: { server: Upstream; provider: AuthorizationServer; user: string },
  answers: Answers = {},
): Promise<Page> {
  const stayed = await browser.submit(page, { mcp_client_id: server.id, ...answers });
  if (stayed) throw new Error(`the browser stayed: ${stayed.status} ${stayed.html}`);
  return shown(await provider.approve(browser, user));
}

const words = async (caller: McpCaller, tool: string) =>
  (await caller.call(tool)).body.result?.content?.[0]?.text;
const badges = ({ html }: Page) =>
  [...html.matchAll(/class="badge [a-z]+">([^<]*)</g)].map(([, word]) => word);

describe("accounts of one's own at consent (CONTRACT §4)", () => {
  it('connects an account on the way and comes back to the same form, ticks and all', async () => {
    const provider = await AuthorizationServer.start();
    const server = await accountServer(provider);
    const person = await atServices(server);
    const { browser, page } = person;

    const back = await connectAt(
      browser,
      page,
      { server, provider, user: 'ada' },
      { tool: [`${server.name}-whoami`], read_only: 'on', expires_in: '28800' },
    );
    await browser.submit(back, { decision: 'allow', read_only: null });
    const caller = await person.caller();

    expect(badges(page)).toEqual(['Not connected']);
    expect(page.html).toContain(`Everyone who holds the key <b>${person.key.name}</b> acts as you`);
    expect(badges(back)).toEqual(['Connected']);
    expect(back.html).not.toContain('acts as you');
    expect(back.html).not.toContain('mcp_client_id');
    expect(back.html).toMatch(/name="read_only"[^>]*checked/);
    expect(back.html).toMatch(/value="28800"[^>]*selected/);
    expect(await caller.toolNames()).toEqual([`${server.name}-whoami`]);
    expect(await words(caller, `${server.name}-whoami`)).toContain('ada');
  });

  it('asks nobody to connect anything: Allow works without', async () => {
    const provider = await AuthorizationServer.start();
    const [server, other] = [await accountServer(provider), await headerServer()];
    const person = await atServices(server, other);

    await person.browser.submit(person.page, { decision: 'allow' });

    expect(await (await person.caller()).toolNames()).toHaveLength(3);
  });

  it('keeps what was connected whatever the answer is', async () => {
    const provider = await AuthorizationServer.start();
    const server = await accountServer(provider);
    const { browser, page, key } = await atServices(server);

    const back = await connectAt(browser, page, { server, provider, user: 'ada' });
    await browser.submit(back, { decision: 'deny' });

    expect(browser.callback?.searchParams.get('error')).toBe('access_denied');
    expect(await words(new McpCaller({ 'x-bf-vk': key.value }), `${server.name}-whoami`)).toContain('ada');
  });

  it('is the address by itself for a script, with the cookie of the flow only', async () => {
    const provider = await AuthorizationServer.start();
    const server = await accountServer(provider);
    const { browser, page } = await atServices(server);
    const flowId = new URL(page.url).searchParams.get('flow_id') ?? '';
    const address = `/api/oauth/per-user/upstream/authorize?mcp_client_id=${server.id}&flow_id=${flowId}`;

    const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
    const begun = () => env.DB.prepare('SELECT count(*) AS n FROM upstream_flow').first('n');
    const before = await begun();

    const looked = await gate(address, { method: 'HEAD', headers: { cookie } });
    const after = await begun();
    const stranger = await new Browser().open(address);
    const away = await browser.open(address);

    expect([looked.status, after]).toEqual([302, before]);
    expect(stranger?.status).toBe(403);
    expect(away).toBeNull();
    expect(badges(shown(await provider.approve(browser, 'ada')))).toEqual(['Connected']);
  });

  it('sends nobody away for a form that is not theirs', async () => {
    const provider = await AuthorizationServer.start();
    const server = await accountServer(provider);
    const { browser, page } = await atServices(server);

    const guessed = await browser.submit(page, { mcp_client_id: server.id, form: 'guess' });
    const foreign = await browser.submit(
      page,
      { mcp_client_id: server.id },
      { origin: 'https://evil.example' },
    );

    expect([guessed?.status, foreign?.status]).toEqual([403, 403]);
  });

  it('says when an account has to be connected again', async () => {
    const provider = await AuthorizationServer.start();
    const server = await accountServer(provider);
    const { browser, page } = await atServices(server);
    await connectAt(browser, page, { server, provider, user: 'ada' });

    await admin('PUT', `/mcp/client/${server.id}`, { oauth_config: { scopes: ['read', 'more'] } });

    expect(badges(shown(await browser.open(page.url)))).toEqual(['Sign-in expired']);
  });

  it('keeps header values its server accepts, typed on the form itself, and shows them never', async () => {
    const [one, other] = [await headerServer(), await headerServer()];
    const person = await atServices(one, other);
    const { browser, page } = person;

    const again = shown(
      await browser.submit(page, { decision: 'continue', [field(one)]: ' adas-key ', server: [one.name] }),
    );
    await browser.submit(again, { decision: 'allow', server: [one.name, other.name] });
    const caller = await person.caller();

    expect(badges(page)).toEqual(['Not connected', 'Not connected']);
    expect(badges(again).sort()).toEqual(['Connected', 'Not connected']);
    expect(again.html).not.toContain('adas-key');
    expect(again.html).toMatch(new RegExp(`value="${one.name}" checked`));
    expect(again.html).not.toMatch(new RegExp(`value="${other.name}" checked`));
    expect(await words(caller, `${one.name}-whoami`)).toContain('adas-key');
    expect(await words(caller, `${other.name}-whoami`)).toContain('Authentication required');
  });

  it('keeps what was typed when Allow is pressed at once', async () => {
    const server = await headerServer();
    const person = await atServices(server);

    await person.browser.submit(person.page, { decision: 'allow', [field(server)]: 'adas-key' });

    expect(await words(await person.caller(), `${server.name}-whoami`)).toContain('adas-key');
  });

  it("allows nothing while a value is refused, says the server's words, and does not echo it", async () => {
    const server = await headerServer();
    const { browser, page } = await atServices(server);

    const again = shown(await browser.submit(page, { decision: 'allow', [field(server)]: 'wrong-key-0815' }));
    const next = shown(await browser.submit(again, { decision: 'allow', server: null }));
    const { events } = await admin<{ events: { detail: unknown }[] }>('GET', '/audit?act=credential.refused');

    expect(browser.callback).toBeNull();
    expect(badges(again)).toEqual(['Not connected']);
    expect(again.html).toMatch(/role="alert"[^>]*><svg.*?<\/svg>[^<]* doesn’t accept this key/);
    expect(page.html).toContain(`>Your ${server.name} key</label>`);
    expect(page.html).toContain('Sent as x-key.');
    expect(again.html.match(/role="alert"/g)).toHaveLength(1);
    expect(next.html).toMatch(
      /class="notice bad" role="alert">.*Select at least one server, or deny the request\./,
    );
    expect(events).toContainEqual(
      expect.objectContaining({ detail: expect.objectContaining({ server: server.id }) }),
    );
    expect(again.html).not.toContain('wrong-key-0815');
    for (const value of browser.cookies.values()) expect(value).not.toContain('wrong-key-0815');
  });

  it('keeps nothing for a key that was switched off while its form was open', async () => {
    const server = await headerServer();
    const { browser, page, key } = await atServices(server);
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { is_active: false });

    const again = shown(await browser.submit(page, { decision: 'continue', [field(server)]: 'adas-key' }));
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { is_active: true });

    expect(again.html).toContain('no longer works here');
    expect(await words(new McpCaller({ 'x-bf-vk': key.value }), `${server.name}-whoami`)).toContain(
      'Authentication required',
    );
  });

  it('offers a shared key nothing, takes nothing from it, and says why', async () => {
    const provider = await AuthorizationServer.start();
    const [server, other] = [await accountServer(provider), await headerServer()];
    const { virtual_key: key } = await admin<{ virtual_key: { name: string; value: string } }>(
      'POST',
      '/governance/virtual-keys',
      {
        name: `shared ${crypto.randomUUID()}`,
        shared: true,
        mcp_configs: [server, other].map(({ name }) => ({ mcp_client_name: name, tools_to_execute: ['*'] })),
      },
    );
    const client = await McpClient.register();
    const browser = new Browser();
    const page = await client.toServices(browser, { key: key.value });

    await browser.submit(page, { decision: 'continue', [field(other)]: 'everyones-key' });
    const again = shown(await browser.open(page.url));
    const { results } = await env.DB.prepare('SELECT owner FROM credential WHERE server_id = ?')
      .bind(other.id)
      .all();

    expect(results).toEqual([{ owner: 'gateway' }]);
    expect(page.html).toContain('is a shared key, so it can’t hold a personal account.');
    expect(page.html).not.toContain('mcp_client_id');
    expect(page.html).not.toContain(field(other));
    expect(badges(again)).toEqual(['Not connected', 'Not connected']);
    await browser.submit(again, { decision: 'allow' });
    expect(browser.callback?.searchParams.has('code')).toBe(true);
  });

  it('gives an anonymous person an account of theirs alone', async () => {
    await configure({ enforce_auth_on_inference: false });
    const server = await headerServer();
    await server.change({ allow_on_all_virtual_keys: true });
    const callers = [];
    for (const value of ['adas-key', 'bens-key']) {
      const client = await McpClient.register();
      const browser = new Browser();
      const identify = shown(await browser.open(await client.authorizeUrl()));
      const services = shown(await browser.submit(identify, { identity: 'session', decision: 'continue' }));
      await browser.submit(services, { decision: 'allow', server: [server.name], [field(server)]: value });
      const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
      callers.push(new McpCaller({ authorization: `Bearer ${body.access_token}` }));
    }

    const said = await Promise.all(callers.map((caller) => words(caller, `${server.name}-whoami`)));
    await configure({ enforce_auth_on_inference: null });

    expect(said).toEqual([expect.stringContaining('adas-key'), expect.stringContaining('bens-key')]);
  });

  it('has Enter keep what was typed, where buttons stand above Allow', async () => {
    const server = await accountServer(await AuthorizationServer.start());
    const { page } = await atServices(server);

    const [first] = (formsOf(page.html)[0]?.controls ?? []).filter(({ isButton }) => isButton);

    expect(first).toMatchObject({ name: 'decision', value: 'keep' });
    expect(first?.formAction).toBeUndefined();
  });
});
