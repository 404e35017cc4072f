import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Answers } from '../../demo/consent';
import { Browser, type Page, said } from '../support/browser';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { admin, configure, newKey } from '../support/gate';
import { McpClient, type Tokens } from '../support/mcp-client';
import { Provider } from '../support/provider';
import { Upstream } from '../support/upstream';

let docs: Upstream;
let mail: Upstream;
let provider: Provider;
beforeAll(async () => {
  provider = await Provider.start();
  await configure({ revocation_lag: 0 });
  const reads = { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
  [docs, mail] = await Promise.all([Upstream.start([reads, 'write']), Upstream.start(['send'])]);
});
afterEach(() => vi.useRealTimers());

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

/** An app that acts for someone whose browser knows them. */
type Mine = { browser: Browser; client: McpClient; tokens: Tokens; id: string; key: string; at: string };

async function mine(browser: Browser, client: McpClient, key: string): Promise<Mine> {
  const { body: tokens } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  const id = tokens.refresh_token.slice(0, 64);
  return { browser, client, tokens, id, key, at: `/me/apps/${id}` };
}

async function byKey(answers: Answers = {}): Promise<Mine> {
  const [client, browser, key] = [await McpClient.register(), new Browser(), await newKey()];
  const services = await client.toServices(browser, { key: key.value });
  await browser.submit(services, { decision: 'allow', expires_in: '0', ...answers });
  return mine(browser, client, key.value);
}

async function byPerson(answers: Answers = {}): Promise<Mine> {
  const [client, browser] = [await McpClient.register(), new Browser()];
  const first = shown(await browser.open(await client.authorizeUrl()));
  await browser.submit(first, { identity: 'user', decision: 'continue' });
  const services = shown(await provider.approve(browser, `p${crypto.randomUUID().slice(0, 8)}@acme.example`));
  await browser.submit(services, { decision: 'allow', expires_in: '0', ...answers });
  return mine(browser, client, '');
}

const onlyDocs = () => ({ access: 'chosen', server: docs.name });
const open = async ({ browser, at }: Mine) => shown(await browser.open(at));
/** Sends the form of what the app can use, by a button: that which saves, unless another is named. */
const send = async (mine: Mine, answers: Answers, page?: Page) =>
  shown(await mine.browser.submit(page ?? (await open(mine)), answers, undefined, `${mine.at}/access`));
const save = (mine: Mine, answers: Answers, page?: Page) => send(mine, { save: 'changes', ...answers }, page);
const toolsOf = async ({ tokens }: Mine) =>
  (await new McpCaller({ authorization: `Bearer ${tokens.access_token}` }).toolNames()).filter((name) =>
    [docs.name, mail.name].includes(name.split('-')[0] ?? ''),
  );
const of = (server: Upstream, ...tools: string[]) => tools.map((tool) => `${server.name}-${tool}`);
const everything = () => [...of(docs, 'read', 'write'), ...of(mail, 'send')].sort();
const put = (id: string, change: Record<string, unknown>) =>
  admin<{ error?: { type: string; message: string } }>('PUT', `/oauth2/sessions/${id}`, change);

describe('narrowing an app of one’s own (CONTRACT §8, Pages)', () => {
  it('takes servers and tools away, with no proof but that of the page, and gives an earlier end', async () => {
    const my = await byKey();
    const before = await toolsOf(my);

    const fewer = await save(my, { ...onlyDocs(), ends: '28800' });
    const after = await toolsOf(my);
    const opened = await send(my, { open: docs.name }, fewer);
    const saved = await save(my, { ...onlyDocs(), tool: of(docs, 'read') }, opened);

    expect(before.sort()).toEqual(everything());
    expect(said(fewer)).toContain('Saved. Changes apply within seconds.');
    expect(after).toEqual(of(docs, 'read', 'write'));
    expect(said(opened)).not.toContain('Saved');
    expect(await toolsOf(my)).toEqual(of(docs, 'read'));
    expect(saved.html).toMatch(/<dt>Ends<\/dt><dd><time [^>]*>in 8 hours</);
    const { results } = await env.DB.prepare(
      "SELECT actor FROM audit WHERE act = 'grant.changed' AND grant_id = ?1",
    )
      .bind(my.id)
      .all();
    expect(results).toHaveLength(2);
  });

  it('lets it only read, and shows so', async () => {
    const my = await byKey();

    const page = await save(my, { access: 'read' });

    expect(await toolsOf(my)).toEqual(of(docs, 'read'));
    expect(page.html).toMatch(/value="read" checked/);
  });

  it('is told to tick something', async () => {
    const my = await byKey();

    const page = await save(my, { access: 'chosen', server: null });

    expect(page.html).toContain('Select at least one server or tool. To remove all access, revoke it.');
    expect((await toolsOf(my)).sort()).toEqual(everything());
  });

  it('keeps what the form cannot show: a server and a tool that are away for the moment', async () => {
    const [away, part] = await Promise.all([Upstream.start(['one']), Upstream.start(['one', 'two'])]);
    const my = await byKey();
    const access = [away, part].map(({ name }) => ({ mcp_client_name: name, tools_to_execute: ['one'] }));
    await put(my.id, { access });
    await away.change({ enabled: false });
    await env.DB.prepare("DELETE FROM listing WHERE server_id = ?1 AND definition ->> 'name' = 'one'")
      .bind(part.id)
      .run();

    await save(my, { ends: '28800' });

    const { session } = await admin<{ session: { access: unknown } }>('GET', `/oauth2/sessions/${my.id}`);
    expect(session.access).toEqual(expect.arrayContaining(access));
  });

  it('is nobody else’s: not the form, not a list of tools', async () => {
    const [my, theirs] = [await byKey(), await byKey()];
    const form = await open(my);
    const moved = { ...form, html: form.html.replaceAll(my.at, theirs.at) };

    const page = await save({ ...theirs, browser: my.browser }, onlyDocs(), moved);
    const own = await my.browser.open(`${my.at}/tools?server=${docs.name}`);
    const others = await my.browser.open(`${theirs.at}/tools?server=${docs.name}`);
    const strangers = shown(await new Browser().open(`${theirs.at}/tools?server=${docs.name}`));

    expect([page.status, own?.status, others?.status, strangers.status]).toEqual([404, 200, 404, 404]);
    expect(own?.html).toContain(`value="${docs.name}-write"`);
    expect((await toolsOf(theirs)).sort()).toEqual(everything());
  });
});

describe('giving an app of one’s own more', () => {
  it('says first what is added to which app, and wants the key, typed there', async () => {
    const my = await byKey();
    await save(my, onlyDocs());

    const asked = await save(my, { access: 'all' });
    const notTyped = await send(my, { virtual_key: '' }, asked);
    const wrong = await send(my, { virtual_key: (await newKey()).value }, asked);
    const before = await toolsOf(my);
    const given = await send(my, { virtual_key: my.key }, asked);

    expect(said(asked)).toMatch(/Give Test client more access\?/);
    expect(said(asked)).toContain('127.0.0.1');
    expect(said(asked)).toContain('everything on all servers');
    expect(asked.html).not.toContain(my.key);
    expect([notTyped, wrong].map((page) => said(page).includes('This key doesn’t work here'))).toEqual([
      true,
      true,
    ]);
    expect(before).toEqual(of(docs, 'read', 'write'));
    expect(said(given)).toContain('Saved');
    expect((await toolsOf(my)).sort()).toEqual(everything());
  });

  it('is not done by a form that was not told what would be added, though the key is right', async () => {
    const my = await byKey();
    await save(my, onlyDocs());

    const page = await save(my, { access: 'all', virtual_key: my.key });

    expect(said(page)).toContain('Give Test client more access?');
    expect(await toolsOf(my)).toEqual(of(docs, 'read', 'write'));
  });

  it('says it again when the access was changed meanwhile', async () => {
    const my = await byKey();
    await save(my, onlyDocs());
    const asked = await save(my, { access: 'all' });
    await put(my.id, { access: [{ mcp_client_name: mail.name, tools_to_execute: ['*'] }] });

    const again = await send(my, { virtual_key: my.key }, asked);
    const kept = await toolsOf(my);
    await send(my, { virtual_key: my.key }, again);

    expect(said(again)).toContain('Give Test client more access?');
    expect(kept).toEqual(of(mail, 'send'));
    expect((await toolsOf(my)).sort()).toEqual(everything());
  });

  it('is a person’s who signed in lately: after 15 minutes the page leads to the sign-in, and narrowing goes on', async () => {
    const my = await byPerson();
    await save(my, onlyDocs());
    const asked = await save(my, { access: 'all' });

    wait(901);
    const late = await send(my, {}, asked);
    const narrower = await save(my, { ...onlyDocs(), read_only: 'on' });
    await my.browser.open(`/oauth/sign-in?return_to=${my.at}`);
    const { email } = (await env.DB.prepare('SELECT email FROM person ORDER BY rowid DESC LIMIT 1').first<{
      email: string;
    }>()) ?? { email: '' };
    await provider.approve(my.browser, email);
    const again = await save(my, { access: 'all', read_only: null });
    const given = await send(my, {}, again);

    expect(asked.html).toContain('Give more access<');
    expect(said(late)).toContain('sign in again: your last sign-in is more than 15 minutes old');
    expect(late.html).not.toContain('Give more access<');
    expect(said(narrower)).toContain('Saved');
    expect(said(again)).toContain('tools that can change something');
    expect(said(given)).toContain('Saved');
  });

  it('is not an administrator’s for a person’s app: 403 by the API, who may narrow it', async () => {
    const my = await byPerson();

    const narrowed = await put(my.id, {
      access: [{ mcp_client_name: docs.name, tools_to_execute: ['read'] }],
    });
    const refused = [
      await put(my.id, { access: 'all' }),
      await put(my.id, { access: [{ mcp_client_name: docs.name, tools_to_execute: ['*'] }] }),
    ];

    expect(narrowed.status).toBe(200);
    expect(refused.map(({ status, error }) => [status, error?.type])).toEqual(
      refused.map(() => [403, 'forbidden']),
    );
    expect(refused[0]?.error?.message).toMatch(/only that person can/);
    expect(await toolsOf(my)).toEqual(of(docs, 'read'));
  });

  it('has one effect however often its form is sent', async () => {
    const my = await byKey();
    const page = await open(my);

    const [first, second] = await Promise.all([save(my, onlyDocs(), page), save(my, onlyDocs(), page)]);
    const { results } = await env.DB.prepare(
      "SELECT id FROM audit WHERE act = 'grant.changed' AND grant_id = ?1",
    )
      .bind(my.id)
      .all();

    expect([first.url, second.url]).toEqual([first.url, first.url]);
    expect(results).toHaveLength(1);
  });
});
