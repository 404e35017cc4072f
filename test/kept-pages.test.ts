import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answers } from '../demo/consent';
import { open } from '../src/crypto/secrets';
import { sweep } from '../src/sweeps';
import { Browser, type Page, said } from './support/browser';
import { McpCaller } from './support/caller';
import { wait } from './support/clock';
import { faulty } from './support/faults';
import { gate, ISSUER, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { headerServer } from './support/own-accounts';
import { Upstream } from './support/upstream';

const KEPT = /[?&]answer=[\w-]{22}$/;

let browser: Browser;
beforeEach(async () => {
  await env.DB.prepare("DELETE FROM form_once WHERE digest = 'page'")
    .run()
    .catch(() => undefined);
  browser = await administrator();
});
afterEach(() => void vi.useRealTimers());

/** The same browser, without a script. */
function plain(of: Browser): Browser {
  const copy = new Browser(of.site, true);
  for (const [name, value] of of.cookies) copy.cookies.set(name, value);
  return copy;
}
const administrator = async () => plain(await Browser.administrator());

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};
const openAt = async (path: string, who = browser) => shown(await who.open(path));
const send = async (page: Page, field: string, answers: Answers = {}, who = browser) =>
  shown(await who.submit(page, answers, undefined, field));
const fresh = (what: string) => `${what} ${crypto.randomUUID().slice(0, 8)}`;

type Row = { id: string; answer: string };
const rows = async () =>
  (await env.DB.prepare("SELECT id, answer FROM form_once WHERE digest = 'page'").all<Row>()).results;

/** A form of a key that is refused, as the browser is shown it. */
const refused = async (who = browser, description = 'Typed by hand') =>
  send(await openAt('/admin/keys/new', who), 'description', { name: '', description }, who);

describe('a page that answers a form of a browser without a script (decision 0113)', () => {
  it('is shown at an address of its own, as often as someone comes Back to it or reloads it', async () => {
    const page = await refused();

    const again = [await openAt(page.url), await openAt(page.url)];

    expect(page.url).toMatch(KEPT);
    expect([page.status, page.html.includes('Typed by hand')]).toEqual([400, true]);
    expect(again.map(({ status, html }) => [status, html])).toEqual(Array(2).fill([400, page.html]));
    expect(again[0]?.headers.get('cache-control')).toBe('no-store');
    expect(again[0]?.headers.get('content-security-policy')).toBe(
      (await openAt('/admin/keys/new')).headers.get('content-security-policy'),
    );
  });

  it('is the answer itself in a browser with a script', async () => {
    const page = await refused(await Browser.administrator());

    expect([page.status, page.url]).toEqual([400, `${ISSUER}/admin/keys/new`]);
    expect(await rows()).toEqual([]);
  });

  it('can be corrected and sent again', async () => {
    const made = await send(await refused(), 'description', { name: fresh('key') });

    expect(made.url).toMatch(/\/admin\/keys\/new\?made=/);
  });

  it('is there for two minutes; then the page of the form is', async () => {
    const { url } = await refused();
    wait(117);
    const before = await openAt(url);
    wait(4);

    const after = await openAt(url);

    expect(before.url).toBe(url);
    expect([after.status, after.url]).toEqual([200, `${ISSUER}/admin/keys/new`]);
    expect(after.html).not.toContain('Typed by hand');
  });

  it('is shown to this browser and session, at this address, and nowhere else', async () => {
    const { url } = await refused();
    const other = await openAt(url, await administrator());
    const elsewhere = await openAt(url.replace('/keys/', '/toolsets/'));
    const madeUp = await openAt(`/admin/keys/new?answer=${'A'.repeat(22)}`);
    const stranger = await openAt(url, new Browser());
    await send(await openAt('/admin'), '/admin/sign-out');

    const late = await openAt(url);

    expect([other, elsewhere, madeUp].map((page) => new URL(page.url).search)).toEqual(['', '', '']);
    for (const page of [stranger, late]) expect(page.url).toContain('/admin/sign-in?return_to=');
    for (const { html } of [other, elsewhere, madeUp, stranger, late])
      expect(html).not.toContain('Typed by hand');
  });

  it('is sealed with a key that only its address completes', async () => {
    const { url } = await refused();
    const id = new URL(url).searchParams.get('answer') ?? '';

    const [row] = await rows();
    const opened = await open(env.ENCRYPTION_KEY, `form_once/${row?.id}/answer`, row?.answer ?? '');

    expect(row?.answer).toMatch(/^[\w-]{500,}$/);
    expect([opened, JSON.stringify(row).includes(id)]).toEqual([null, false]);
  });

  it('is a step of the picker too, and what a tool answered', async () => {
    const inputSchema = { type: 'object', properties: { words: { type: 'string' } } };
    const server = await Upstream.start([{ name: 'find', inputSchema }]);
    const step = await send(await openAt('/admin/keys/new'), 'description', {
      name: 'Half a key',
      add: server.name,
      again: 'add',
    });
    const form = await openAt(`/admin/servers/${server.id}/try?tool=find`);
    const before = plain(browser);
    const ran = await send(form, 'arg.words');
    const twice = await send(form, 'arg.words', {}, before);

    expect(step.html).toContain('Half a key');
    expect((await openAt(step.url)).html).toBe(step.html);
    expect(ran.html).toContain('find ran');
    expect(ran.url).toMatch(/\/try\?tool=find&answer=[\w-]{22}$/);
    expect((await openAt(ran.url)).html).toBe(ran.html);
    expect([twice.url, twice.html]).toEqual([expect.stringMatching(KEPT), ran.html]);
    expect(await server.seen('tools/call')).toHaveLength(1);
  });

  it('is never one with a secret that a form made', async () => {
    const made = await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });

    expect(made.url).toMatch(/\/admin\/keys\/new\?made=[\w-]+$/);
    expect(made.html).toMatch(/<code>sk-bf-[\w-]{43}<\/code>/);
    expect((await openAt(made.url)).html).toMatch(/<code>sk-bf-[\w-]{43}<\/code>/);
    expect(await rows()).toEqual([]);
  });
});

describe('what is kept of them', () => {
  it('is at most 500 at one time: more are the answer itself', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 500)
       INSERT INTO form_once (id, digest, claimed_at, answer) SELECT 'kept-' || n, 'page', ?1, 'x' FROM number`,
    )
      .bind(Math.floor(Date.now() / 1000))
      .run();

    const full = await refused();
    await sweep(env, Math.floor(Date.now() / 1000) + 121);
    const later = await refused();

    expect([full.status, full.url]).toEqual([400, `${ISSUER}/admin/keys/new`]);
    expect(later.url).toMatch(KEPT);
    expect(await rows()).toHaveLength(1);
  });

  it('is at most 128 KiB a page, compressed', async () => {
    const bytes = () => [...crypto.getRandomValues(new Uint8Array(55_000))];
    const noise = [...bytes(), ...bytes()].map((n) => n.toString(16).padStart(2, '0'));
    const small = await refused(browser, noise.slice(0, 30_000).join(''));

    const large = await refused(browser, noise.join(''));

    expect(small.url).toMatch(KEPT);
    expect([large.status, large.url]).toEqual([400, `${ISSUER}/admin/keys/new`]);
  });

  it('is nothing while D1 does not answer: the page is the answer itself', async () => {
    const answers: string[] = [];
    for (let nth = 1, failed = true; failed; nth++) {
      const page = await openAt('/admin/keys/new');
      const sent = () => send(page, 'description', { name: '', description: 'Typed by hand' });
      const first = await faulty({ nth, isOnwards: false, isLost: false }, sent);
      failed = first.failed;
      if (first.value.html.includes('Typed by hand')) answers.push(first.value.url.replace(KEPT, ' kept'));
    }

    expect(new Set(answers)).toEqual(new Set(['', ' kept'].map((how) => `${ISSUER}/admin/keys/new${how}`)));
  });

  it('is swept two minutes later, and no form with it', async () => {
    await refused();
    await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });
    const count = () => env.DB.prepare('SELECT count(*) AS n FROM form_once').first<number>('n');
    const before = await count();
    const now = Math.floor(Date.now() / 1000);

    await sweep(env, now + 60);
    const soon = await count();
    await sweep(env, now + 130);

    expect(soon).toBe(before);
    expect(await rows()).toEqual([]);
    expect(await count()).toBe((before ?? 0) - 1);
  });
});

describe('a page that answers someone who is not known', () => {
  const stranger = () => new Browser(ISSUER, true);

  it('is kept in a cookie of theirs: nothing is written for them', async () => {
    const who = stranger();
    const page = await send(await openAt('/admin/sign-in', who), 'token', { token: 'wrong' }, who);
    const [again, other] = [await openAt(page.url, who), await openAt(page.url, stranger())];
    wait(121);
    const late = await openAt(page.url, who);

    expect(page.url).toMatch(KEPT);
    expect([page.status, page.html.includes('isn’t the administrator token')]).toEqual([401, true]);
    expect([again.status, again.html]).toEqual([401, page.html]);
    for (const { url, status } of [other, late])
      expect([status, url]).toEqual([200, `${ISSUER}/admin/sign-in`]);
    expect(await rows()).toEqual([]);
  });

  it('is in a sealed cookie of two minutes', async () => {
    const who = stranger();
    const body = new URLSearchParams({ token: 'wrong', plain: 'on' });
    const answer = await gate('/admin/sign-in', { method: 'POST', body, headers: { origin: ISSUER } });

    const [cookie = ''] = answer.headers.getSetCookie();

    expect([answer.status, who.cookies.size]).toEqual([303, 0]);
    expect(cookie).toMatch(
      /^__Host-toolgate-answer=[\w-]{500,3600}; Max-Age=120; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
  });

  it('says on /me that a key is wrong', async () => {
    const who = stranger();
    const page = await send(await openAt('/me', who), 'virtual_key', { virtual_key: 'sk-bf-wrong' }, who);

    expect([page.status, KEPT.test(page.url)]).toEqual([403, true]);
    expect((await openAt(page.url, who)).html).toBe(page.html);
    expect(page.html).not.toContain('sk-bf-wrong');
    expect(await rows()).toEqual([]);
  });

  it('says on the page of a link that a form is out of date', async () => {
    const server = await headerServer({ allow_on_all_virtual_keys: true });
    const key = await newKey([server.name]);
    const app = await new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${server.slug}`).initialized();
    const [link = ''] =
      /https:[^"\\\s]*\/connect\/[\w-]{22}/.exec(JSON.stringify((await app.call('whoami')).body)) ?? [];
    const who = stranger();
    const proof = await openAt(link, who);
    const page = shown(await who.submit(proof, { form: 'of-another-step', decision: 'continue' }));

    expect([page.status, page.url, said(page)]).toEqual([
      403,
      expect.stringMatching(KEPT),
      expect.stringContaining('This form is out of date'),
    ]);
    expect((await openAt(page.url, who)).html).toBe(page.html);
    expect(await rows()).toEqual([]);
  });

  it('is the answer itself where it does not fit into a cookie', async () => {
    const noise = [...crypto.getRandomValues(new Uint8Array(3000))].map((n) => n.toString(16)).join('');
    const who = stranger();
    const form = await openAt('/admin/sign-in', who);

    const page = await send(form, 'token', { token: 'wrong', return_to: `/admin?${noise}` }, who);

    expect([page.status, page.url]).toEqual([401, `${ISSUER}/admin/sign-in`]);
    expect(who.cookies.size).toBe(0);
  });

  it('is never one with a code', async () => {
    const who = stranger();
    const client = await McpClient.register({
      redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
    });
    const changes = { redirect_uri: 'cursor://anysphere.cursor-mcp/oauth/callback' };
    const services = await client.toServices(who, { changes });

    await who.submit(services, { decision: 'allow', expires_in: '0' });

    expect(who.callback?.searchParams.get('code')).toMatch(/^[0-9a-f]{64}\./);
    expect(who.cookies.has('__Host-toolgate-answer')).toBe(false);
    expect(await rows()).toEqual([]);
  });

  it('says at consent that a form is out of date', async () => {
    const who = stranger();
    const first = await openAt((await (await McpClient.register()).authorizeUrl()).toString(), who);
    const page = shown(await who.submit(first, { form: 'of-another-step', decision: 'continue' }));

    const again = await openAt(page.url, who);

    expect([page.status, said(page)]).toEqual([403, expect.stringContaining('This form is out of date')]);
    expect(page.url).toMatch(KEPT);
    expect([again.status, again.html]).toEqual([403, page.html]);
    expect(await rows()).toEqual([]);
  });
});

describe('a page that answers a person', () => {
  /** Someone whose browser knows them by a key, and the page of their app. */
  async function holder() {
    const [server, client, who, key] = [
      await Upstream.start(['find']),
      await McpClient.register(),
      new Browser(),
      await newKey(),
    ];
    await who.submit(await client.toServices(who, { key: key.value }), {
      decision: 'allow',
      access: 'chosen',
      server: server.name,
    });
    const me = plain(who);
    const [, at = ''] = /href="(\/me\/apps\/[0-9a-f]+)"/.exec((await openAt('/me', me)).html) ?? [];
    return { me, at, client };
  }
  /** A browser that knows whom `knows` does, and is `browser` itself by its secret. */
  const withVisitOf = (browser: Browser, knows: Browser) => {
    const copy = plain(knows);
    copy.cookies.set('__Host-toolgate-visit', browser.cookies.get('__Host-toolgate-visit') ?? '');
    return copy;
  };
  const more = async ({ me, at }: Awaited<ReturnType<typeof holder>>) =>
    shown(
      await me.submit(await openAt(at, me), { access: 'all', save: 'changes' }, undefined, `${at}/access`),
    );

  it('is kept for this browser with this person', async () => {
    const person = await holder();
    const page = await more(person);
    const again = await openAt(page.url, person.me);
    const other = (await holder()).me;
    const otherHere = await openAt(page.url, withVisitOf(person.me, other));
    const elsewhere = await openAt(page.url, withVisitOf(other, person.me));
    await person.me.submit(await openAt('/me', person.me), {}, undefined, '/me/leave');

    const left = await openAt(page.url, person.me);

    expect([page.url, said(page)]).toEqual([
      expect.stringMatching(KEPT),
      expect.stringContaining('more access?'),
    ]);
    expect([again.html, again.headers.getSetCookie()]).toEqual([page.html, []]);
    for (const { html } of [otherHere, elsewhere, left]) expect(html).not.toContain('more access?');
  });
});
