import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuthorizationServer } from '../support/authorization-server';
import { Browser, type Page } from '../support/browser';
import { McpCaller } from '../support/caller';
import { wait } from '../support/clock';
import { admin, configure, gate, ISSUER, newKey } from '../support/gate';
import { McpClient } from '../support/mcp-client';
import { accountServer, authorize, headerServer } from '../support/own-accounts';
import { Provider } from '../support/provider';
import { Upstream } from '../support/upstream';

afterEach(() => vi.useRealTimers());

type Key = { id: string; name: string; value: string };

let provider: AuthorizationServer;
let linear: Upstream;

beforeAll(async () => {
  provider = await AuthorizationServer.start();
  linear = await accountServer(provider);
});

/** Someone with a key of their own, the app that calls for them, and their browser. */
class Person {
  readonly browser = new Browser();

  private constructor(
    readonly key: Key,
    readonly app: McpCaller,
  ) {}

  static async with(key?: Key, path = `/mcp/${linear.slug}`): Promise<Person> {
    const own = key ?? (await newKey());
    return new Person(own, await new McpCaller({ 'x-bf-vk': own.value }, '2025', path).initialized());
  }

  /** What a call answers: whose account was used, or why none was. */
  async whoami(name = 'whoami'): Promise<string> {
    const { body } = await this.app.call(name);
    return body.result?.content?.[0]?.text ?? JSON.stringify(body.error);
  }

  /** The link that a call is answered with. */
  async link(name = 'whoami'): Promise<string> {
    return linkIn(await this.whoami(name));
  }

  /** Opens a link in `browser` and proves to be the holder of the key. */
  async prove(link: string, browser = this.browser): Promise<Page> {
    const page = await opened(browser, link);
    return shown(await browser.submit(page, { virtual_key: this.key.value, decision: 'continue' }));
  }

  /** Goes from a call to the provider. */
  async toProvider(): Promise<void> {
    const page = await this.prove(await this.link());
    await this.browser.submit(page, { decision: 'continue' });
  }

  /** Connects an account as `user` of the provider. */
  async connectAs(user: string): Promise<Page> {
    await this.toProvider();
    return shown(await provider.approve(this.browser, user));
  }
}

function linkIn(text: string): string {
  const [link] = /https:\/\/\S+\/connect\/[A-Za-z0-9_-]{22}/.exec(text) ?? [];
  if (!link) throw new Error(`no link: ${text}`);
  return link;
}

function shown(page: Page | null): Page {
  if (!page) throw new Error('the browser was led away');
  return page;
}

async function opened(browser: Browser, url: string | URL): Promise<Page> {
  return shown(await browser.open(url));
}

const used = async (link: string) => {
  const id = link.slice(-22);
  const row = await env.DB.prepare('SELECT used_at FROM connect_link WHERE id = ?1').bind(id).first();
  return row?.used_at !== null;
};

const flows = async () =>
  (
    await env.DB.prepare("SELECT count(*) AS n FROM upstream_flow WHERE owner <> 'gateway'").first<{
      n: number;
    }>()
  )?.n;

describe('a connect link (CONTRACT §6, SECURITY 16)', () => {
  it('connects an account, and the same call succeeds', async () => {
    const ann = await Person.with();

    const asked = await opened(ann.browser, await ann.link());
    const accounts = await ann.prove(await ann.link());
    await ann.browser.submit(accounts, { decision: 'continue' });
    const done = shown(await provider.approve(ann.browser, 'ann'));

    expect(asked.html).toContain(linear.name);
    expect(asked.html).toContain(`the key <b>${ann.key.name}</b>`);
    expect(asked.html).toContain('<b>test</b>'); // the app, as it calls itself
    expect(asked.html).toContain(`Everyone who holds the key <b>${ann.key.name}</b> acts as you`);
    expect(accounts.html).toContain('Not connected');
    expect(done.html).toContain('All connected');
    expect(done.html).toContain(
      'Go back to test. If it doesn’t continue by itself, repeat what you asked for.',
    );
    expect(await ann.whoami()).toBe('ann');
  });

  it('says of an app without a name that it is theirs, and not that any app can use the name', async () => {
    const { value } = await newKey();
    const { body } = await new McpCaller({ 'x-bf-vk': value }, '2025', `/mcp/${linear.slug}`).call('whoami');

    const { html } = await opened(new Browser(), linkIn(body.result?.content?.[0]?.text ?? ''));

    expect(html).toContain('Your app needs this for what you asked.');
    expect(html).not.toContain('any app can use this name');
  });

  it('does nothing when it is looked at, by whatever looks', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    const before = await flows();

    const looked = await gate(link);
    await gate(link, { method: 'HEAD' });
    await gate(link, { headers: { 'user-agent': 'Slackbot-LinkExpanding 1.0' } });

    expect(looked.status).toBe(200);
    expect(await used(link)).toBe(false);
    expect(await flows()).toBe(before);
    await expect(ann.connectAs('ann')).resolves.toMatchObject({ status: 200 });
  });

  it('is refused to whoever is not the one it is for', async () => {
    const [ann, bob] = [await Person.with(), await Person.with()];
    const link = await ann.link();

    const wrong = await bob.prove(link);
    const unknown = await opened(bob.browser, link).then((page) =>
      bob.browser.submit(page, { virtual_key: 'sk-bf-nobody', decision: 'continue' }),
    );

    expect(wrong.html).toContain('This key doesn’t work for this link');
    expect(shown(unknown).html).toContain('This key doesn’t work for this link');
    expect(await used(link)).toBe(false);
    await ann.prove(link);
    expect(await used(link)).toBe(true);
  });

  it('is used once: another browser, with the right key even, is told so calmly', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    await ann.prove(link);
    const second = new Browser();

    const looked = await opened(second, link);
    const again = await opened(ann.browser, link);

    expect(looked.status).toBe(409);
    expect(looked.html).toContain('used in another browser');
    expect(looked.html).toMatch(/F-[2-9A-Z]{4}/);
    expect(again.html).toContain('Connect your');
  });

  it('is used once when two browsers prove themselves at the same moment', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    const browsers = [new Browser(), new Browser(), new Browser()];
    const pages = await Promise.all(browsers.map((browser) => opened(browser, link)));

    const answers = await Promise.all(
      browsers.map((browser, at) =>
        browser.submit(pages[at] as Page, { virtual_key: ann.key.value, decision: 'continue' }),
      ),
    );

    expect(answers.map((page) => page?.status).sort()).toEqual([200, 409, 409]);
    const knowing = browsers.filter(({ cookies }) => cookies.has('__Host-toolgate-identity'));
    expect(knowing).toEqual(browsers.filter((_, at) => answers[at]?.status === 200));
    const { events } = await admin<{ events: unknown[] }>(
      'GET',
      `/audit?act=credential.link_used&actor=vk:${ann.key.id}`,
    );
    expect(events).toHaveLength(1);
  });

  it('goes on in the same browser when the answer was lost, for whoever proves it again', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    const page = await opened(ann.browser, link);
    const proof = { virtual_key: ann.key.value, decision: 'continue' };
    const cookies = new Map(ann.browser.cookies);
    await ann.browser.submit(page, proof);
    ann.browser.cookies.clear();
    for (const [name, value] of cookies) ann.browser.cookies.set(name, value);

    const unproved = shown(await ann.browser.submit(page, { ...proof, virtual_key: 'sk-bf-nobody' }));
    const again = shown(await ann.browser.submit(page, proof));

    expect(unproved.html).not.toContain('Not connected');
    expect(again.html).toContain('Not connected');
  });

  it('works for 15 minutes; the browser that used it hears that what it connected stays', async () => {
    const [ann, bob] = [await Person.with(), await Person.with()];
    const link = await ann.link();
    const unused = await bob.link();
    await ann.prove(link);
    wait(901);

    const late = await opened(bob.browser, unused);
    const over = await opened(ann.browser, link);
    const unknown = await opened(ann.browser, '/connect/AAAAAAAAAAAAAAAAAAAAAA');
    const nonsense = await opened(ann.browser, '/connect/x');

    expect([late, over, unknown, nonsense].map(({ status }) => status)).toEqual([410, 410, 410, 410]);
    expect(late.html).toContain('has expired');
    expect(over.html).toContain('What you connected stays connected');
  });

  it.each([
    [
      'a leak of its key',
      ({ id }: Key) => admin('POST', `/governance/virtual-keys/${id}/rotate`, { reason: 'leaked' }),
    ],
    [
      'its deactivation',
      ({ id }: Key) => admin('PUT', `/governance/virtual-keys/${id}`, { is_active: false }),
    ],
  ])('ends with %s, used or not', async (_, happen) => {
    const [ann, bob] = [await Person.with(), await Person.with()];
    const link = await ann.link();
    const atPage = await bob.prove(await bob.link());
    await happen(ann.key);
    await happen(bob.key);

    const unused = await opened(ann.browser, link);
    const used = await bob.browser.submit(atPage, { decision: 'continue' });

    expect(unused.status).toBe(410);
    expect(used?.status).toBe(410);
    expect(bob.browser.callback).toBeNull();
  });

  it('sends nobody to a server that is not open to them any more', async () => {
    const own = await accountServer(provider, { registration: { allow_on_all_virtual_keys: false } });
    const key = await newKey([own.name]);
    const ann = await Person.with(key, `/mcp/${own.slug}`);
    const page = await ann.prove(await ann.link());
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs: [] });

    const refused = await ann.browser.submit(page, { decision: 'continue' });

    expect(refused?.status).toBe(403);
    expect(ann.browser.callback).toBeNull();
  });

  it('has nothing judged by a server that is not open to them any more', async () => {
    const sentry = await headerServer({ allow_on_all_virtual_keys: false });
    const key = await newKey([sentry.name]);
    const ann = await Person.with(key, `/mcp/${sentry.slug}`);
    const page = await ann.prove(await ann.link());
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs: [] });
    const before = (await sentry.seen()).length;

    const refused = await ann.browser.submit(page, { [`header.${sentry.id}.x-key`]: 'key of ann' });

    expect(refused?.status).toBe(403);
    expect((await sentry.seen()).length).toBe(before);
  });

  it('counts attempts at the key (SECURITY 7)', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    env.RATE_LIMITS = 'on';
    let last: Page | null = null;
    try {
      for (let attempt = 0; attempt <= 20 && last?.status !== 429; attempt++) {
        // 21, for a minute may end between them
        const page = await opened(ann.browser, link);
        last = await ann.browser.submit(page, { virtual_key: 'sk-bf-guess', decision: 'continue' });
      }
    } finally {
      env.RATE_LIMITS = 'off';
    }

    expect(last?.status).toBe(429);
  });

  it('takes no form but the one this browser was shown, from a page of ours', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    const page = await opened(ann.browser, link);
    const proof = { virtual_key: ann.key.value, decision: 'continue' };

    const foreign = await ann.browser.submit(page, proof, { origin: 'https://evil.example' });
    const crossSite = await ann.browser.submit(page, proof, { 'sec-fetch-site': 'cross-site' });
    const mutated = await ann.browser.submit(page, { ...proof, form: 'x' });
    const planted = await new Browser().submit(page, proof);

    expect([foreign, crossSite, mutated, planted].map((one) => one?.status)).toEqual([403, 403, 403, 403]);
    expect(await used(link)).toBe(false);
  });

  it('is never known by a secret the browser had before it proved itself', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    await opened(ann.browser, link);
    const planted = new Browser();
    for (const [name, value] of ann.browser.cookies) planted.cookies.set(name, value);

    await ann.prove(link);

    expect((await opened(planted, link)).status).toBe(409);
  });

  it('stands by itself: a page without script, that nobody frames and that keeps no opener away (SECURITY 6)', async () => {
    const ann = await Person.with();

    const { headers } = await gate(await ann.link());

    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cross-origin-opener-policy')).toBeNull();
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(
      headers.getSetCookie().every((cookie) => /^__Host-.*HttpOnly.*Secure.*SameSite=Lax/.test(cookie)),
    ).toBe(true);
  });

  it('sends a browser on another of our hosts to the issuer’s, before anything acts', async () => {
    const ann = await Person.with();
    await configure({ mcp_external_server_url: 'https://links.example' });
    const link = await ann.link();
    const moved = await gate(new Request(link));
    await configure({ mcp_external_server_url: null });

    expect(link).toMatch(/^https:\/\/links\.example\/connect\//);
    expect(moved.status).toBe(302);
    expect(moved.headers.get('location')).toBe(link.replace('https://links.example', ISSUER));
  });
});

describe('who may prove to be the one', () => {
  it('is whoever this browser remembers, with one button', async () => {
    const ann = await Person.with();
    await ann.connectAs('ann');
    const notion = await accountServer(provider);
    const app = new McpCaller({ 'x-bf-vk': ann.key.value }, '2025', `/mcp/${notion.slug}`);
    const { body } = await app.call('whoami');

    const page = await opened(ann.browser, linkIn(body.result?.content?.[0]?.text ?? ''));
    const accounts = shown(await ann.browser.submit(page, { decision: 'continue' }));

    expect(page.html).toContain(`Continue as ${ann.key.name}`);
    expect(page.html).not.toContain('virtual_key');
    expect(accounts.html).toContain('Not connected');
  });

  it('is not whom a browser remembers when that is somebody else', async () => {
    const [ann, bob] = [await Person.with(), await Person.with()];
    await bob.connectAs('bob');

    const page = await opened(bob.browser, await ann.link());
    const refused = shown(await bob.browser.submit(page, { decision: 'continue' }));

    expect(page.html).toContain('virtual_key');
    expect(page.html).not.toContain('Continue as');
    expect(refused.html).toContain('This key doesn’t work for this link');
  });

  it('is the person who signed in, and nobody else who did', async () => {
    const people = await Provider.start();
    const [ann, bob] = [new Browser(), new Browser()];
    await people.signIn(ann, 'ann@acme.example');
    await people.signIn(bob, 'bob@acme.example');
    const client = await McpClient.register();
    const services = shown(
      await ann
        .open(await client.authorizeUrl())
        .then((page) => ann.submit(shown(page), { identity: 'user', decision: 'continue' }))
        .then(async (page) => page ?? people.approve(ann, 'ann@acme.example')),
    );
    await ann.submit(services, { decision: 'allow' });
    const { body: tokens } = await client.redeem(ann.callback?.searchParams.get('code') ?? '');
    const app = new McpCaller(
      { authorization: `Bearer ${tokens.access_token}` },
      '2025',
      `/mcp/${linear.slug}`,
    );
    const call = async () => (await app.call('whoami')).body.result?.content?.[0]?.text ?? '';
    const link = linkIn(await call());

    const refused = await opened(bob, link);
    const stranger = await opened(new Browser(), link);
    const page = await opened(ann, link);
    const accounts = shown(await ann.submit(page, { decision: 'continue' }));
    await ann.submit(accounts, { decision: 'continue' });
    await provider.approve(ann, 'ann at linear');

    for (const { html } of [refused, stranger]) {
      expect(html).toContain('Sign in as ann to continue');
      expect(html).toContain(`/oauth/sign-in?return_to=${encodeURIComponent(new URL(link).pathname)}`);
      expect(html).not.toContain('name="decision"');
    }
    expect(page.html).toContain('<dt>For</dt><dd><b>ann</b>');
    expect(await call()).toBe('ann at linear');
  });

  it('is, of an anonymous connection, only the browser it was allowed in', async () => {
    await configure({ enforce_auth_on_inference: false });
    const browser = new Browser();
    const client = await McpClient.register();
    const identify = shown(await browser.open(await client.authorizeUrl()));
    const services = shown(await browser.submit(identify, { identity: 'session', decision: 'continue' }));
    await browser.submit(services, { decision: 'allow' });
    const { body: tokens } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    const app = new McpCaller(
      { authorization: `Bearer ${tokens.access_token}` },
      '2025',
      `/mcp/${linear.slug}`,
    );
    const { body } = await app.call('whoami');
    const link = linkIn(body.result?.content?.[0]?.text ?? '');

    const elsewhere = await opened(new Browser(), link);
    const page = await opened(browser, link);
    const accounts = shown(await browser.submit(page, { decision: 'continue' }));
    await configure({ enforce_auth_on_inference: true });

    expect(elsewhere.html).toContain('belongs to the browser it was allowed in');
    expect(elsewhere.html).not.toContain('name="decision"');
    expect(accounts.html).toContain('Not connected');
  });

  it('is, of an anonymous session by header, whoever has its value', async () => {
    await configure({ enforce_auth_on_inference: false });
    const { session } = await admin<{ session: { id: string } }>('POST', '/mcp/session');
    const { session: another } = await admin<{ session: { id: string } }>('POST', '/mcp/session');
    const app = new McpCaller({ 'x-bf-mcp-session-id': session.id }, '2025', `/mcp/${linear.slug}`);
    const { body } = await app.call('whoami');
    const browser = new Browser();
    const page = await opened(browser, linkIn(body.result?.content?.[0]?.text ?? ''));

    const wrong = shown(await browser.submit(page, { session_value: another.id, decision: 'continue' }));
    const accounts = shown(await browser.submit(wrong, { session_value: session.id, decision: 'continue' }));
    await configure({ enforce_auth_on_inference: true });

    expect(wrong.html).toContain('This key doesn’t work for this link');
    expect(accounts.html).toContain('Not connected');
  });

  it('is anybody with the link where mcp_enable_temp_token_auth says so', async () => {
    const ann = await Person.with();
    const link = await ann.link();
    await configure({ mcp_enable_temp_token_auth: true });
    const browser = new Browser();
    const page = await opened(browser, link);
    const accounts = shown(await browser.submit(page, { decision: 'continue' }));
    await configure({ mcp_enable_temp_token_auth: false });

    expect(accounts.html).toContain('Not connected');
  });
});

describe('coming back from a server’s provider (SECURITY 5, 8)', () => {
  it('is refused in any other browser, and still possible in the right one', async () => {
    const [ann, bob] = [await Person.with(), await Person.with()];
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'bob');

    const elsewhere = await opened(bob.browser, answer);
    await bob.prove(await bob.link());
    const withOwnCookies = await opened(bob.browser, answer);
    const right = shown(await provider.approve(ann.browser, 'ann'));

    expect([elsewhere.status, withOwnCookies.status]).toEqual([403, 403]);
    expect(elsewhere.html).toContain('in the browser where you started');
    expect(right.html).toContain('All connected');
    expect(await ann.whoami()).toBe('ann');
    expect(await bob.whoami()).toContain('Authentication required');
  });

  it('is not taken up by HEAD, which keeps nothing', async () => {
    const ann = await Person.with();
    const page = await ann.prove(await ann.link());
    const flows = async () => env.DB.prepare('SELECT count(*) AS n FROM upstream_flow').first('n');
    await ann.browser.submit(page, { decision: 'continue' });
    const begun = await flows();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    const cookie = [...ann.browser.cookies].map((pair) => pair.join('=')).join('; ');

    const looked = await gate(answer.href, { method: 'HEAD', headers: { cookie } });
    const right = await opened(ann.browser, answer);

    expect(looked.status).toBe(302);
    expect(looked.headers.getSetCookie()).toEqual([]);
    expect(right.html).toContain('All connected');
    expect(await flows()).toBe(begun);
  });

  it('works once: replayed, it is calm and changes nothing', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    const cookies = new Map(ann.browser.cookies);

    const first = await opened(ann.browser, answer);
    for (const [name, value] of cookies) ann.browser.cookies.set(name, value);
    const replayed = await opened(ann.browser, answer);
    const sideBySide = await provider.tokenRequests('authorization_code');

    expect(first.html).toContain('All connected');
    expect(replayed.status).toBe(409);
    expect(sideBySide.filter(({ form }) => form.code === answer.searchParams.get('code'))).toHaveLength(1);
    expect(await ann.whoami()).toBe('ann');
  });

  it('is redeemed once when the answer comes several times at the same moment', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    const cookie = [...ann.browser.cookies].map((pair) => pair.join('=')).join('; ');

    const answers = await Promise.all(
      [1, 2, 3].map(() => gate(new Request(answer, { headers: { cookie } }))),
    );

    expect(answers.map(({ status }) => status).sort()).toEqual([302, 409, 409]);
    const redeemed = await provider.tokenRequests('authorization_code');
    expect(redeemed.filter(({ form }) => form.code === answer.searchParams.get('code'))).toHaveLength(1);
  });

  it.each([
    ['state', 'connect.AAAAAAAAAAAAAAAAAAAAAA', 410],
    ['state', 'connect.short', 400],
    ['state', 'other.AAAAAAAAAAAAAAAAAAAAAA', 400],
    ['iss', 'https://mixed-up.example', 403],
    ['code', 'never-issued', 403],
  ])('is refused with another %s (%s)', async (name, value, status) => {
    const ann = await Person.with();
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    answer.searchParams.set(name, value);

    const page = await opened(ann.browser, answer);

    expect(page.status).toBe(status);
    expect(await ann.whoami()).toContain('Authentication required');
  });

  it('is not taken up with two states', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    const twice = new URL(answer);
    twice.searchParams.append('state', answer.searchParams.get('state') ?? '');

    const refused = await opened(ann.browser, twice);
    await ann.browser.open(answer);

    expect(refused.status).toBe(400);
    expect(await ann.whoami()).toBe('ann');
  });

  it('is too late after 15 minutes', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const answer = await provider.answer(ann.browser.callback ?? '', 'ann');
    wait(901);

    expect((await opened(ann.browser, answer)).status).toBe(410);
  });

  it('shows what the provider says in words of ours, and leads back', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const refused = new URL(ann.browser.callback?.searchParams.get('redirect_uri') ?? '');
    refused.searchParams.set('state', ann.browser.callback?.searchParams.get('state') ?? '');
    refused.searchParams.set('error', 'access_denied');
    refused.searchParams.set('error_description', '<b>call 555-0100 now</b>');
    refused.searchParams.set('iss', provider.issuer);

    const page = await opened(ann.browser, refused);

    expect(page.status).toBe(403);
    expect(page.html).toContain(`${linear.name} isn’t connected`);
    expect(page.html).not.toContain('555-0100');
    const [, back = ''] = /href="(\/connect\/[^"]+)"/.exec(page.html) ?? [];
    expect((await opened(ann.browser, back)).html).toContain('Not connected');
  });

  it('passes over a provider that does not answer: nothing is lost, and it can be begun again', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    await provider.behave({ fault: 503 });
    const page = await provider.approve(ann.browser, 'ann');
    await provider.behave({ fault: null });

    expect(page?.status).toBe(503);
    expect(page?.headers.get('retry-after')).toBe('10');
    const [, back = ''] = /href="(\/connect\/[^"]+)"/.exec(page?.html ?? '') ?? [];
    await ann.browser.submit(await opened(ann.browser, back), { decision: 'continue' });
    expect(shown(await provider.approve(ann.browser, 'ann')).html).toContain('All connected');
  });

  it('keeps nothing for an identity that has lost the server meanwhile', async () => {
    const own = await accountServer(provider, { registration: { allow_on_all_virtual_keys: false } });
    const key = await newKey([own.name]);
    const ann = await Person.with(key, `/mcp/${own.slug}`);
    await ann.toProvider();
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { mcp_configs: [] });

    const page = await provider.approve(ann.browser, 'ann');
    await admin('PUT', `/governance/virtual-keys/${key.id}`, {
      mcp_configs: [{ mcp_client_name: own.name, tools_to_execute: ['*'] }],
    });

    expect(page?.status).toBe(403);
    expect(await ann.whoami()).toContain('Authentication required');
  });

  it('keeps nothing for a key that leaked meanwhile', async () => {
    const ann = await Person.with();
    await ann.toProvider();
    const { virtual_key } = await admin<{ virtual_key: Key }>(
      'POST',
      `/governance/virtual-keys/${ann.key.id}/rotate`,
      { reason: 'leaked' },
    );

    const page = await provider.approve(ann.browser, 'ann');

    expect([403, 410]).toContain(page?.status);
    expect(await (await Person.with(virtual_key)).whoami()).toContain('Authentication required');
  });
});

describe('an administrator comes back from a server’s provider (CONTRACT §8)', () => {
  it('has authorized the server: callers see it, with its tools', async () => {
    const waiting = await Upstream.start(['whoami'], {
      demands: { issuer: provider.issuer, scope: 'read' },
      registration: { auth_type: 'per_user_oauth' },
    });
    const ann = await Person.with(undefined, '/mcp');
    const before = await ann.app.toolNames();

    const page = await authorize(provider, waiting);

    expect(before).not.toContain(`${waiting.name}-whoami`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('The account was kept');
    expect(await ann.app.toolNames()).toContain(`${waiting.name}-whoami`);
  });
});

describe('the page of the browser that proved itself', () => {
  it('connects every server that is missing, each by its own form', async () => {
    const [notion, sentry] = [await accountServer(provider), await headerServer()];
    const ann = await Person.with(undefined, '/mcp');
    ann.app.headers['x-bf-mcp-include-clients'] = `${notion.name},${sentry.name}`;

    const accounts = await ann.prove(await ann.link(`${notion.name}-whoami`));
    const half = shown(
      await ann.browser.submitOne(
        accounts,
        { name: 'server', value: sentry.id },
        { [`header.${sentry.id}.x-key`]: 'key of ann' },
      ),
    );
    await ann.browser.submitOne(half, { name: 'server', value: notion.id }, { decision: 'continue' });
    const done = shown(await provider.approve(ann.browser, 'ann'));

    expect(accounts.html.match(/Not connected/g)).toHaveLength(2);
    expect(half.html.match(/Not connected/g)).toHaveLength(1);
    expect(done.html).toContain('All connected');
    expect(await ann.whoami(`${notion.name}-whoami`)).toBe('ann');
    expect(await ann.whoami(`${sentry.name}-whoami`)).toBe('key of ann');
  });

  it('has the server judge header values, shows its words, and never shows a value', async () => {
    const sentry = await headerServer({}, ['x-key', 'x-team']);
    await sentry.behave({ says: 'no such <b>key & name' });
    const ann = await Person.with(undefined, `/mcp/${sentry.slug}`);
    const accounts = await ann.prove(await ann.link());
    const [key, team] = [`header.${sentry.id}.x-key`, `header.${sentry.id}.x-team`];

    const partly = shown(await ann.browser.submit(accounts, { [key]: 'secret of ann' }));
    const wrong = shown(await ann.browser.submit(partly, { [key]: 'wrong secret', [team]: 'blue' }));
    const callsBefore = await ann.whoami();
    const done = shown(
      await ann.browser.submit(wrong, { [key]: 'secret of ann', [team]: 'blue', 'header.other.x': 'y' }),
    );

    expect(accounts.html).toContain('type="password"');
    expect(partly.html).toContain('Enter x-team.');
    expect(wrong.html).toContain(`${sentry.name} doesn’t accept these values: “no such key &amp; name”.`);
    for (const { html } of [partly, wrong, done]) expect(html).not.toMatch(/secret/);
    expect(callsBefore).toContain('Authentication required');
    expect(done.html).toContain('All connected');
    expect(await ann.whoami()).toBe('secret of ann blue');
  });

  it('tells before the first use when the provider issues its tokens on another host', async () => {
    const split = await AuthorizationServer.start();
    const elsewhere = `${split.issuer.replace('127.0.0.1', 'localhost')}/token`;
    await split.behave({ metadata: { token_endpoint: elsewhere } });
    const server = await accountServer(split);
    const ann = await Person.with(undefined, `/mcp/${server.slug}`);

    const accounts = await ann.prove(await ann.link());

    expect(accounts.html).toContain(new URL(elsewhere).host);
  });
});

describe('GET /api/oauth/per-user/upstream/authorize (CONTRACT §4)', () => {
  const path = (query: Record<string, string>) =>
    `/api/oauth/per-user/upstream/authorize?${new URLSearchParams(query)}`;

  it('sends the browser of a flow to the provider, and back to consent with the account connected', async () => {
    const key = await newKey();
    const client = await McpClient.register();
    const browser = new Browser();
    const services = await client.toServices(browser, { key: key.value });
    const flow_id = new URL(services.url).searchParams.get('flow_id') ?? '';

    await browser.open(path({ mcp_client_id: linear.id, flow_id }));
    const back = shown(await provider.approve(browser, 'ann'));
    await browser.submit(back, { decision: 'allow' });
    const { body } = await client.redeem(browser.callback?.searchParams.get('code') ?? '');
    const app = new McpCaller(
      { authorization: `Bearer ${body.access_token}` },
      '2025',
      `/mcp/${linear.slug}`,
    );

    expect(new URL(back.url).pathname).toBe('/oauth/consent');
    expect((await app.call('whoami')).body.result?.content?.[0]?.text).toBe('ann');
  });

  it('is for the browser of the flow alone, once it is known who it is', async () => {
    const client = await McpClient.register();
    const browser = new Browser();
    const identify = shown(await browser.open(await client.authorizeUrl()));
    const flow_id = new URL(identify.url).searchParams.get('flow_id') ?? '';
    const url = path({ mcp_client_id: linear.id, flow_id });

    const elsewhere = await opened(new Browser(), url);
    const tooEarly = await opened(browser, url);

    expect(elsewhere.status).toBe(403);
    expect(new URL(tooEarly.url).pathname).toBe('/oauth/consent');
  });

  it('shows a link’s page, and does nothing', async () => {
    const ann = await Person.with();
    const link = await ann.link();

    const response = await gate(path({ mcp_client_id: linear.id, handoff_id: link.slice(-22) }));

    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(link);
    expect(await used(link)).toBe(false);
    const sentry = await headerServer(); // a link may also be for header values
    const headers = await gate(path({ mcp_client_id: sentry.id, handoff_id: link.slice(-22) }));
    expect(headers.status).toBe(302);
  });

  it('takes exactly one of flow_id and handoff_id, no session, and servers of everyone’s own account only', async () => {
    const plain = await Upstream.start();
    const id = 'AAAAAAAAAAAAAAAAAAAAAA';
    const status = async (query: string | Record<string, string>) =>
      (await gate(typeof query === 'string' ? query : path(query))).status;
    const whole = { mcp_client_id: linear.id, handoff_id: id };

    expect(await status({ mcp_client_id: linear.id })).toBe(400);
    expect(await status({ ...whole, flow_id: id })).toBe(400);
    expect(await status(`${path(whole)}&handoff_id=${id}`)).toBe(400);
    expect(await status({ handoff_id: id })).toBe(400);
    expect(await status({ ...whole, session: 'x' })).toBe(400);
    expect(await status({ ...whole, session: '' })).toBe(400);
    for (const unknown of ['nothing', plain.id])
      expect(await status({ ...whole, mcp_client_id: unknown })).toBe(404);
  });
});
