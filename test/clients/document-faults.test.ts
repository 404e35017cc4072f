import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { recordDocumentFault } from '../../src/clients/store';
import { Browser, type Page } from '../support/browser';
import { wait } from '../support/clock';
import { authorize, CALLBACK, Site } from '../support/document-site';
import { configure, gate } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { control } from '../support/upstream';

const DAY = 86_400;
const DOWN = { status: 503, body: '' };

const FAULTS: [string, Parameters<Site['answer']>[0], string][] = [
  ['a redirect', { status: 302, headers: { location: '/other' }, body: '' }, 'redirects to another address'],
  ['a permanent redirect', { status: 308, headers: { location: '/other' }, body: '' }, 'redirects'],
  ['401', { status: 401, body: '' }, 'status 401'],
  ['403', { status: 403, body: '{"error":"bot"}' }, 'status 403'],
  ['429', { status: 429, body: '' }, 'status 429'],
  ['a fault', { status: 500, body: '' }, 'status 500'],
  ['a gateway without an answer', { status: 504, body: '' }, 'status 504'],
  ['no content', { status: 204, body: '' }, 'status 204'],
  ['HTML', { headers: { 'content-type': 'text/html' }, body: '<p>' }, 'is not JSON (its type is text/html)'],
  ['JSON called text', { headers: { 'content-type': 'text/plain' }, body: '{}' }, 'is not JSON'],
  ['broken JSON', { body: '{' }, 'is not valid JSON'],
  ['an empty body', { body: '' }, 'is not valid JSON'],
];

/** Where the "Try again" of a page leads. */
function againOf({ html }: Page): string | undefined {
  return /href="([^"]*)">Try again</.exec(html)?.[1]?.replaceAll('&amp;', '&');
}

/** The day that consent says a description was last checked; undefined: it says nothing. */
function uncheckedSince(page: Page | null): string | undefined {
  return /Not checked since <time datetime="([^"]*)"/.exec(page?.html ?? '')?.[1];
}

const storedRow = (site: Site) =>
  env.DB.prepare('SELECT checked_at, failed_at FROM client WHERE client_id = ?1').bind(site.url).first();

/** A client that was described well until `seconds` ago, when its site went down. */
async function siteDownFor(seconds: number): Promise<Site> {
  const site = await Site.serving();
  await authorize(site.client);
  await site.answer(DOWN);
  wait(seconds);
  return site;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('a first fetch that meets a passing fault (CONTRACT §3)', () => {
  it.each(FAULTS)(
    '%s: the page names host and reason, and offers to try again',
    async (_, answer, reason) => {
      const site = new Site();
      await site.answer(answer);

      const page = await authorize(site.client);
      await site.serve();
      const again = await new Browser().open(againOf(page) ?? '/no-way');

      expect(page.status).toBe(400);
      expect(page.html).toContain(reason);
      expect(page.html).toContain(`is described at ${new URL(site.url).host}`);
      expect(againOf(page)).toMatch(/^\/oauth2\/authorize\?/);
      expect(again?.html).toContain('Described app wants to use your tools');
    },
  );

  it('no connection', async () => {
    const site = await Site.serving();
    const { fetch: real } = globalThis;
    vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) =>
      String(input) === site.url
        ? Promise.reject(new TypeError('Network connection lost'))
        : real(input, init),
    );

    const page = await authorize(site.client);

    expect(page.html).toContain('did not answer');
    expect(againOf(page)).toBeDefined();
  });

  it('the way leads to the same request after a POST too, under the name it was sent to', async () => {
    const site = new Site();
    await site.answer(DOWN);
    const asked = new URL(await site.client.authorizeUrl({ state: 'a&b' }));

    const posted = { method: 'POST', body: asked.searchParams };
    const html = await (await gate('/authorize', posted)).text();
    const way = new URL(againOf({ html } as Page) ?? '', asked);

    expect(way.pathname).toBe('/authorize');
    expect([...way.searchParams]).toEqual([...asked.searchParams]);
  });
});

describe('fetching again meets a passing fault: the stored copy serves (CONTRACT §3)', () => {
  it.each(FAULTS)('%s', async (_, answer) => {
    const site = await Site.serving();
    await authorize(site.client);
    await site.answer(answer);
    wait(301);

    const page = await authorize(site.client);

    expect(page.status).toBe(200);
    expect(uncheckedSince(page)).toBeDefined();
  });

  it('both steps of consent say since when, and it ends in tokens', async () => {
    wait(0);
    const checked = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    const site = await Site.serving();
    const before = await authorize(site.client);
    await site.answer(DOWN);
    wait(301);
    const browser = new Browser();

    const identity = await browser.open(await site.client.authorizeUrl());
    const services = await site.client.toServices(browser);
    const { scope } = await site.client.obtainGrant();

    expect(uncheckedSince(before)).toBeUndefined();
    expect([identity, services].map(uncheckedSince)).toEqual([checked, checked]);
    expect(scope).toBe('mcp');
  });

  it('for 7 days after it was last checked, then the page offers to try again, with its name', async () => {
    const site = await siteDownFor(7 * DAY - 60);

    const served = await authorize(site.client);
    wait(61);
    const over = await authorize(site.client);

    expect(served.status).toBe(200);
    expect(over.status).toBe(400);
    expect(over.html).toContain('Described app couldn’t be checked');
    expect(againOf(over)).toBeDefined();
  });

  it('asks again at most every 5 minutes, behind the answer, one fetch for all who come', async () => {
    const site = await siteDownFor(301);
    await authorize(site.client);
    const atFirst = await site.fetches();

    wait(299);
    await authorize(site.client);
    const within = await site.fetches();
    const clock = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValue(clock.signal);
    await site.answer({ body: null }); // it hangs: consent does not wait for it
    wait(2);
    const pages = await Promise.all(Array.from({ length: 4 }, () => authorize(site.client)));
    await control(site.name, 'until', { method: 'document', count: 3 });
    clock.abort();
    await authorize(site.client);

    expect([atFirst, within, await site.fetches()]).toEqual([2, 2, 3]);
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it('one isolate gets each attempt, and a fresh copy needs none', async () => {
    const site = await Site.serving();
    await authorize(site.client);
    const now = Math.floor(Date.now() / 1000);
    const attempt = (later: number) => recordDocumentFault(env.DB, site.url, 300, now + later);

    const attempts = [await attempt(0), await attempt(400), await attempt(400), await attempt(699)];

    expect(attempts).toEqual([false, true, false, false]);
    expect(await attempt(700)).toBe(true);
  });

  it('a site that answers again is believed from the next request on', async () => {
    const site = await siteDownFor(301);
    await authorize(site.client);
    await site.serve({ client_name: 'Renamed app' });
    wait(301);

    const behind = await authorize(site.client);
    await vi.waitFor(async () => expect(await storedRow(site)).toMatchObject({ failed_at: null }));
    const afterwards = await authorize(site.client);

    expect(uncheckedSince(behind)).toBeDefined();
    expect(uncheckedSince(afterwards)).toBeUndefined();
    expect(afterwards.html).toContain('Renamed app wants to use your tools');
    expect(await site.fetches()).toBe(3);
  });

  it('a site that refuses behind the answer is refused from the next request on', async () => {
    const site = await siteDownFor(301);
    await authorize(site.client);
    await site.answer({ status: 410, body: '' });
    wait(301);

    await authorize(site.client);
    await vi.waitFor(async () => expect(await storedRow(site)).toMatchObject({ checked_at: null }));
    const afterwards = await authorize(site.client);

    expect(afterwards.status).toBe(400);
    expect(afterwards.html).toContain('status 410');
  });

  it('sends people back only where the copy says, and not where the administrator bars it', async () => {
    const site = await siteDownFor(301);

    const elsewhere = await authorize(McpClient.described(site.url, ['https://evil.example/cb']));
    await configure({ oauth2_server_config: { allowed_redirect_uris: ['https://other.example/cb'] } });
    const barred = await authorize(site.client);
    await configure({ oauth2_server_config: { allowed_redirect_uris: null } });

    expect(elsewhere.html).toContain('didn’t register');
    expect(barred.html).toContain('can’t be connected');
  });
});

describe('a document that breaks a rule is refused at once, though a copy is stored (CONTRACT §3)', () => {
  it.each<[string, (site: Site) => Promise<unknown>]>([
    ['404', (site) => site.answer({ status: 404, body: '' })],
    ['410', (site) => site.answer({ status: 410, body: '' })],
    ['another client_id', (site) => site.serve({ client_id: 'https://app.example/client.json' })],
    ['a secret', (site) => site.serve({ client_secret: 'x' })],
    ['a method with a secret', (site) => site.serve({ token_endpoint_auth_method: 'client_secret_post' })],
    ['a bad redirect URI', (site) => site.serve({ redirect_uris: ['http://app.example/cb'] })],
    ['more than 5 KiB', (site) => site.serve({ x: 'x'.repeat(5 * 1024) })],
    ['a list', (site) => site.answer({ body: '[]' })],
  ])('%s; a fault later does not bring it back', async (_, breakRule) => {
    const site = await Site.serving();
    await authorize(site.client);
    await breakRule(site);
    wait(301);

    const refused = await authorize(site.client);
    await site.answer(DOWN);
    const down = await authorize(site.client);
    await site.serve();
    const good = await authorize(site.client);

    expect(refused.status).toBe(400);
    expect(refused.html).toContain('Described app can’t be connected');
    expect(againOf(refused)).toBeUndefined();
    expect([down.status, good.status]).toEqual([400, 200]);
    expect(againOf(down)).toBeDefined();
  });

  it('earlier grants refresh on', async () => {
    const site = await Site.serving();
    const { refresh_token } = await site.client.obtainGrant();
    await site.answer({ status: 410, body: '' });
    wait(301);

    const { status } = await authorize(site.client);
    const refreshed = await site.client.refresh(refresh_token);

    expect([status, refreshed.status]).toEqual([400, 200]);
  });

  it('while an administrator’s removal of it goes on, the page says so and offers to try again', async () => {
    const site = await Site.serving();
    await authorize(site.client);
    await env.DB.prepare('UPDATE client SET deleted_at = 1 WHERE client_id = ?1').bind(site.url).run();

    const page = await authorize(site.client);

    expect(page.html).toContain('is being removed');
    expect(againOf(page)).toBeDefined();
  });
});

describe('oauth2_server_config.client_id_metadata_documents off (CONTRACT §§1, 3)', () => {
  const turn = (client_id_metadata_documents: boolean | null) =>
    configure({ oauth2_server_config: { client_id_metadata_documents } });

  it('refuses documents at authorize without a fetch; what was allowed refreshes on', async () => {
    const site = await Site.serving();
    const { refresh_token } = await site.client.obtainGrant();
    const another = await Site.serving();

    await turn(false);
    const known = await authorize(site.client);
    const unknown = await authorize(another.client);
    const refreshed = await site.client.refresh(refresh_token);
    const registered = await authorize(await McpClient.register({ redirect_uris: [CALLBACK] }));
    await turn(null);
    const again = await authorize(site.client);

    expect([known.status, unknown.status]).toEqual([400, 400]);
    expect(known.html).toContain('Described app can’t connect this way');
    expect(unknown.html).toContain('your administrator turned that off');
    expect(await another.fetches()).toBe(0);
    expect([refreshed.status, registered.status, again.status]).toEqual([200, 200, 200]);
  });
});
