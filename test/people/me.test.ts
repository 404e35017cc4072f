import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { admin, configure, ISSUER, newKey } from '../support/gate';
import { McpClient, type Tokens } from '../support/mcp-client';
import { headerServer } from '../support/own-accounts';
import { Provider, personOf } from '../support/provider';
import { Upstream } from '../support/upstream';

let files: Upstream;
beforeAll(async () => {
  files = await Upstream.start(['read', 'write']);
});

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};

/** Someone who allowed an app with a key of theirs, in a browser that knows them since. */
type Holder = {
  browser: Browser;
  key: { id: string; name: string; value: string };
  client: McpClient;
  tokens: Tokens;
  /** The address of the app among theirs. */
  app: string;
};

async function holder(key = newKey(), identity: Record<string, string> = {}): Promise<Holder> {
  const { id, name, value } = await key;
  const client = await McpClient.register({ client_name: `App ${crypto.randomUUID().slice(0, 8)}` });
  const browser = new Browser();
  const first = shown(await browser.open(await client.authorizeUrl()));
  const proof = { identity: 'virtual_key', virtual_key: value, decision: 'continue', ...identity };
  const services = shown(await browser.submit(first, proof));
  await browser.submit(services, { decision: 'allow', access: 'chosen', expires_in: '0' });
  const { body: tokens } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
  const [, app = ''] = /href="(\/me\/apps\/[0-9a-f]+)"/.exec((await me(browser)).html) ?? [];
  return { browser, key: { id, name, value }, client, tokens, app };
}

const me = async (browser: Browser, query = '') => shown(await browser.open(`/me${query}`));
const pageAt = async (browser: Browser, path: string) => shown(await browser.open(path));
const press = (
  browser: Browser,
  page: Page,
  action: string,
  answers = {},
  headers?: Record<string, string>,
) => browser.submit(page, answers, headers, action);
const stands = async ({ tokens }: Holder) =>
  (await new McpCaller({ authorization: `Bearer ${tokens.access_token}` }).ask('tools/list')).status === 200;
const enterKey = async (browser: Browser, virtual_key: string) =>
  shown(await browser.submit(await me(browser, '?as=another'), { virtual_key }, undefined, 'virtual_key'));

describe('my apps (CONTRACT §8, Pages)', () => {
  it('shows, in the browser that consented, what was allowed and with what', async () => {
    const { browser, client, key } = await holder();

    const { html } = await me(browser);

    expect(html).toContain((client.registration as unknown as { client_name: string }).client_name);
    expect(html).toContain(`the access key ${key.name}`);
    expect(html).toContain(files.name);
    expect(html).toContain('when you revoke it');
    expect(html).not.toContain(key.value);
  });

  it('says as whom and since when each is connected, and leads to its edit and its end', async () => {
    const { browser, key, app } = await holder();

    const list = await me(browser);
    const one = await pageAt(browser, app);

    expect(list.html).toContain(`Signed in as <b>the access key ${key.name}</b>`);
    expect(list.html).toMatch(/data-label="Allowed"[^>]*><time [^>]*>just now</);
    expect(list.html).toContain(`href="${app}">Edit<`);
    expect(list.html).toContain(`href="${app}/withdraw">Revoke…<`);
    expect(one.html).toContain(`<dt>Acts as</dt><dd>the access key ${key.name}</dd>`);
    expect(one.html).toMatch(/<dt>Allowed<\/dt><dd><time /);
    expect(one.html).toMatch(/<dt>Returns to<\/dt><dd>this computer<small class="mono">127\.0\.0\.1/);
  });

  it('tells apart apps that are called the same: by where they return to, and when they were registered', async () => {
    const key = await newKey();
    const browser = new Browser();
    const alike = [
      await McpClient.register({ client_name: 'Claude Code' }),
      await McpClient.register({ client_name: 'Claude code', redirect_uris: ['evil://claude.ai/callback'] }),
      await McpClient.register({ client_name: 'Only one' }),
    ];
    for (const client of alike) {
      const services = await client.toServices(browser, { key: key.value });
      await browser.submit(services, { decision: 'allow' });
    }
    await env.DB.prepare('UPDATE client SET created_at = 1700000000 WHERE client_id = ?1')
      .bind(alike[0]?.clientId)
      .run();

    const { html } = await me(browser);
    const rows = [...html.matchAll(/<tr><td>.*?<\/tr>/gs)].map(([row]) => row.replace(/<[^>]*>/g, ' '));

    expect(rows).toHaveLength(3);
    expect(html).not.toContain('claude.ai'); // what follows a private-use scheme is no host
    expect(rows.join()).toMatch(/this computer \(127\.0\.0\.1:\d+\) · registered 14 Nov 2023/);
    expect(rows.join()).toMatch(/this device \(evil:\) · registered \d+ \w{3}/);
    expect(rows.find((row) => row.includes('Only one'))).not.toContain('registered');
  });

  it('withdraws one after a page that says what will happen; it is refused, and the audit knows by whom', async () => {
    const mine = await holder();
    const before = await stands(mine);

    const confirm = await pageAt(mine.browser, `${mine.app}/withdraw`);
    const standing = await stands(mine); // a GET changes nothing
    const after = shown(await press(mine.browser, confirm, `${mine.app}/withdraw`));

    expect([before, standing, await stands(mine)]).toEqual([true, true, false]);
    expect(after.html).toContain('can’t use your tools.');
    expect(after.html).toContain('Revoked by you');
    expect((await mine.client.refresh(mine.tokens.refresh_token)).body.error).toBe('invalid_grant');
    const acts = await admin<{ events: { actor: string; act: string }[] }>('GET', '/audit?act=grant.ended');
    expect(acts.events[0]).toMatchObject({ actor: `vk:${mine.key.id}` });
  });

  it('gives one a name of its person’s own, without what nobody sees, which administrators see too', async () => {
    const { browser, app, key } = await holder();
    const page = await pageAt(browser, app);

    const named = shown(await press(browser, page, 'name', { name: ' Claude\u202e on my laptop ' }));
    const { sessions } = await admin<{ sessions: object[] }>(
      'GET',
      `/oauth2/sessions?virtual_key_id=${key.id}`,
    );
    const unnamed = shown(await press(browser, named, 'name', { name: '' }));

    expect(named.html).toContain('<h1>Claude on my laptop</h1>');
    expect(sessions).toMatchObject([{ given_name: 'Claude on my laptop' }]);
    expect(unnamed.html).not.toContain('laptop</h1>');
  });

  it('has nobody else’s: 404 to look, to name and to withdraw, whatever form is sent', async () => {
    const [mine, theirs] = [await holder(), await holder()];
    const form = await pageAt(mine.browser, mine.app);

    const looked = await pageAt(mine.browser, theirs.app);
    const asked = await pageAt(mine.browser, `${theirs.app}/withdraw`);
    const moved = (to: string) => ({ ...form, html: form.html.replaceAll(mine.app, to) });
    const named = shown(await press(mine.browser, moved(theirs.app), 'name', { name: 'mine now' }));
    const confirm = await pageAt(mine.browser, `${mine.app}/withdraw`);
    const withdrawn = shown(
      await press(
        mine.browser,
        { ...confirm, html: confirm.html.replaceAll(mine.app, theirs.app) },
        `${theirs.app}/withdraw`,
      ),
    );

    expect([looked, asked, named, withdrawn].map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect(await stands(theirs)).toBe(true);
    expect((await pageAt(theirs.browser, theirs.app)).html).not.toContain('mine now');
  });

  it.each([
    ['from another site', {}, { origin: 'https://evil.example' }],
    ['from another site, as the browser says', {}, { 'sec-fetch-site': 'cross-site' }],
    ['without its value', { csrf: null }, undefined],
    ['with a value of nobody’s', { csrf: 'A'.repeat(43) }, undefined],
  ])('refuses a form %s, and withdraws nothing', async (_, answers, headers) => {
    const mine = await holder();
    const confirm = await pageAt(mine.browser, `${mine.app}/withdraw`);

    const refused = shown(await press(mine.browser, confirm, `${mine.app}/withdraw`, answers, headers));

    expect(refused.status).toBe(403);
    expect(await stands(mine)).toBe(true);
  });

  it('refuses the form of one browser in another that is the same person’s', async () => {
    const mine = await holder();
    const elsewhere = new Browser();
    await enterKey(elsewhere, mine.key.value);
    const confirm = await pageAt(mine.browser, `${mine.app}/withdraw`);

    const refused = shown(await press(elsewhere, confirm, `${mine.app}/withdraw`));

    expect(refused.status).toBe(403);
    expect(await stands(mine)).toBe(true);
  });

  it('is known to nobody else: a browser that consented to nothing is asked who it is', async () => {
    const { app } = await holder();
    const stranger = new Browser();

    const pages = await Promise.all(['/me', app, `${app}/withdraw`].map((path) => stranger.open(path)));

    expect(pages.map((page) => new URL(shown(page).url).pathname)).toEqual(['/me', '/me', '/me']);
    for (const page of pages) expect(shown(page).html).toContain('to see the apps you allowed');
  });

  it('comes to the app it asked for, once it has said who it is', async () => {
    const { app, key } = await holder();
    const browser = new Browser();
    const enter = async (page: Page, virtual_key: string) =>
      shown(await browser.submit(page, { virtual_key }, undefined, 'virtual_key'));

    const refused = await enter(shown(await browser.open(app)), 'sk-bf-unknown');
    const page = await enter(refused, key.value);

    expect([refused.status, page.status]).toEqual([403, 200]);
    expect(new URL(page.url).pathname).toBe(app);
  });

  it.each(['https://evil.example/', '//evil.example/me/apps', '/admin', '/me/apps/..'])(
    'comes to nothing else that a link names: %s',
    async (path) => {
      const { key } = await holder();
      const browser = new Browser();

      const asked = shown(await browser.open(`/me?return_to=${encodeURIComponent(path)}`));
      const page = shown(await browser.submit(asked, { virtual_key: key.value }, undefined, 'virtual_key'));

      expect(asked.html).not.toContain('name="return_to"');
      expect(new URL(page.url).pathname).toBe('/me');
    },
  );

  it('does not know a browser any more whose key has leaked since', async () => {
    const { browser, key, app } = await holder();
    await admin('POST', `/governance/virtual-keys/${key.id}/rotate`, { reason: 'leaked' });

    expect((await me(browser)).html).toContain('to see the apps you allowed');
    expect(new URL((await pageAt(browser, app)).url).pathname).toBe('/me');
  });

  it('knows somebody anonymous in the browser they allowed their app in', async () => {
    await configure({ enforce_auth_on_inference: false });
    const mine = await holder(newKey(), { identity: 'session', virtual_key: '' });

    const { html } = await me(mine.browser);
    const confirm = await pageAt(mine.browser, `${mine.app}/withdraw`);
    await press(mine.browser, confirm, `${mine.app}/withdraw`);

    expect(html).toContain('Not signed in: <b>anonymous</b>');
    expect(await stands(mine)).toBe(false);
    await configure({ enforce_auth_on_inference: true });
  });

  it('forgets the browser when asked to', async () => {
    const { browser } = await holder();

    await press(browser, await me(browser), '/me/leave');

    expect((await me(browser)).html).toContain('to see the apps you allowed');
  });
});

describe('showing who one is', () => {
  it('takes a key, which the browser then remembers and no page repeats', async () => {
    const { key, app } = await holder();
    const elsewhere = new Browser();

    const entered = await enterKey(elsewhere, key.value);

    expect(entered.html).toContain(app);
    expect((await me(elsewhere)).html).toContain(app);
    expect(entered.html + entered.url).not.toContain(key.value);
  });

  it('answers the same to a key that is unknown and to one that is switched off, and remembers neither', async () => {
    const key = await newKey();
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { is_active: false });
    const browser = new Browser();

    const [unknown, off] = [await enterKey(browser, 'sk-bf-nobodys'), await enterKey(browser, key.value)];

    const words = ({ html }: Page) => html.replace(/name="(csrf|once)" value="[^"]*"/g, '');
    expect([unknown.status, off.status]).toEqual([403, 403]);
    expect(words(off)).toBe(words(unknown));
    expect(unknown.html).toContain('This key doesn’t work here');
    expect(unknown.html).not.toContain('nobodys');
    expect((await me(browser)).html).toContain('to see the apps you allowed');
  });

  it('counts attempts, whoever makes them', async () => {
    env.RATE_LIMITS = 'on';
    try {
      const browser = new Browser();
      let last = 0;
      for (
        let attempt = 0;
        attempt <= 20 && last !== 429;
        attempt++ // a minute may end between them
      )
        last = (await enterKey(browser, 'sk-bf-nobodys')).status;

      expect(last).toBe(429);
    } finally {
      env.RATE_LIMITS = 'off';
    }
  });

  it('counts the attempts of an address, in however many browsers', async () => {
    env.RATE_LIMITS = 'on';
    try {
      let last = 0;
      for (let attempt = 0; attempt <= 60 && last !== 429; attempt++)
        last = (await enterKey(new Browser(), 'sk-bf-nobodys')).status;

      expect(last).toBe(429);
    } finally {
      env.RATE_LIMITS = 'off';
    }
  });

  it.each([
    ['from another site', {}, { origin: 'https://evil.example' }],
    ['without its value', { csrf: null }, undefined],
  ])('takes no key that was sent %s: nobody is made somebody else', async (_, answers, headers) => {
    const key = await newKey();
    const browser = new Browser();
    const page = await me(browser);

    const refused = shown(
      await browser.submit(page, { virtual_key: key.value, ...answers }, headers, 'virtual_key'),
    );

    expect(refused.status).toBe(403);
    expect((await me(browser)).html).toContain('to see the apps you allowed');
  });

  it('sends whoever owns a key to sign in, and shows them their own, and the key they used beside it', async () => {
    const provider = await Provider.start();
    const { browser, app } = await holder();
    const person = new Browser();
    await provider.signIn(person, 'gil@acme.example');
    const { id } = await personOf('gil@acme.example');
    const { virtual_key: owned } = await admin<{ virtual_key: { value: string } }>(
      'POST',
      '/governance/virtual-keys',
      { name: `of gil ${id}`, owner_user_id: id },
    );

    const page = await me(browser, '?as=another');
    await browser.submit(page, { virtual_key: owned.value }, undefined, 'virtual_key');
    const own = shown(await provider.approve(browser, 'gil@acme.example'));
    const beside = await me(browser, '?as=key');

    expect(own.html).toContain('Signed in as <b>gil</b>');
    expect(own.html).not.toContain(app);
    expect(own.html).toContain('href="/me?as=key"');
    expect(beside.html).toContain(app);
  });
});

describe('my connected accounts', () => {
  const rows = async (subject: string) =>
    (await env.DB.prepare('SELECT id FROM credential WHERE owner = ?1').bind(subject).all<{ id: string }>())
      .results;

  /** Someone who entered what a server wants of everyone, by way of their page. */
  async function connected() {
    const server = await headerServer();
    const mine = await holder();
    const before = await me(mine.browser);
    const [id = ''] = new RegExp(`${server.id}`).exec(before.html) ?? [];
    const only = before.html.replace(/<form method="post" action="\/me\/accounts">.*?<\/form>/gs, (form) =>
      form.includes(id) ? form : '',
    );
    const proof = shown(await press(mine.browser, { ...before, html: only }, '/me/accounts'));
    const fields = shown(await mine.browser.submit(proof, { decision: 'continue' }));
    const done = shown(
      await mine.browser.submit(fields, { [`header.${server.id}.x-key`]: 'right', decision: 'continue' }),
    );
    const subject = `vk:${mine.key.id}`;
    const [row] = await rows(subject);
    return {
      ...mine,
      server,
      before,
      proof,
      done,
      subject,
      disconnect: `/me/accounts/${row?.id}/disconnect`,
    };
  }

  it('connects one through a link of the same identity, and shows that it is', async () => {
    const { browser, server, before, proof, done, key, subject } = await connected();

    expect(before.html).toContain('Not connected');
    expect(proof.url).toMatch(/\/connect\/[A-Za-z0-9_-]{22}$/);
    expect(proof.html).toContain('<dd>this gateway</dd>');
    expect(proof.html).toContain(`Continue as ${key.name}`);
    expect(done.html).toContain('All connected');
    expect(done.html).toContain('Go to Your apps');
    expect(done.html).not.toContain('<p class="muted"></p>');
    expect(await rows(subject)).toHaveLength(1);
    const after = await me(browser);
    expect(after.html).toContain('Use another key');
    expect(after.html).toContain(server.name);
  });

  it('disconnects one after a page that says what will happen', async () => {
    const { browser, disconnect, subject, server } = await connected();

    const confirm = await pageAt(browser, disconnect);
    const held = await rows(subject);
    const after = shown(await press(browser, confirm, disconnect));

    expect(confirm.html).toContain(`Disconnect your account at ${server.name}?`);
    expect(held).toHaveLength(1);
    expect(await rows(subject)).toEqual([]);
    expect(after.html).toContain('Account disconnected.');
  });

  it('has nobody else’s: 404 to look and to disconnect', async () => {
    const theirs = await connected();
    const mine = await holder();
    const form = await pageAt(mine.browser, `${mine.app}/withdraw`);

    const looked = await pageAt(mine.browser, theirs.disconnect);
    const sent = { ...form, html: form.html.replaceAll(`${mine.app}/withdraw`, theirs.disconnect) };
    const refused = shown(await press(mine.browser, sent, theirs.disconnect));

    expect([looked.status, refused.status]).toEqual([404, 404]);
    expect(await rows(theirs.subject)).toHaveLength(1);
  });

  it('refuses a form from another site, and disconnects nothing', async () => {
    const { browser, disconnect, subject } = await connected();
    const confirm = await pageAt(browser, disconnect);

    const foreign = shown(await press(browser, confirm, disconnect, {}, { origin: 'https://evil.example' }));
    const bare = shown(await press(browser, confirm, disconnect, { csrf: null }));

    expect([foreign.status, bare.status]).toEqual([403, 403]);
    expect(await rows(subject)).toHaveLength(1);
  });

  it('makes a link for no server that is closed to the person, nor for a key that several share', async () => {
    const closed = await headerServer({ allow_on_all_virtual_keys: false });
    const open = await headerServer();
    const mine = await holder();
    const page = await me(mine.browser);

    const refused = shown(await press(mine.browser, page, '/me/accounts', { server: closed.id }));
    await admin('PUT', `/governance/virtual-keys/${mine.key.id}`, { shared: true });
    const shared = shown(await press(mine.browser, page, '/me/accounts', { server: open.id }));

    expect(page.html).not.toContain(closed.name);
    expect([refused.status, shared.status]).toEqual([404, 404]);
    const links = await env.DB.prepare('SELECT 1 FROM connect_link WHERE subject = ?1')
      .bind(`vk:${mine.key.id}`)
      .all();
    expect(links.results).toEqual([]);
  });
});

it('names our own origin in every form of these pages', async () => {
  const { browser } = await holder();
  const { html } = await me(browser);

  for (const [, action = ''] of html.matchAll(/<form[^>]* action="([^"]*)"/g))
    expect(new URL(action, ISSUER).origin).toBe(ISSUER);
});
