import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formsOf } from '../demo/consent';
import { open } from '../src/crypto/secrets';
import { sweep } from '../src/sweeps';
import { Browser, type Page } from './support/browser';
import { McpCaller } from './support/caller';
import { wait } from './support/clock';
import { faulty } from './support/faults';
import { admin, gate, ISSUER, newKey } from './support/gate';
import { McpClient } from './support/mcp-client';
import { headerServer } from './support/own-accounts';
import { Provider, personOf } from './support/provider';
import { addressOf, Upstream } from './support/upstream';

let browser: Browser;
beforeEach(async () => {
  browser = await Browser.administrator();
});
afterEach(() => void vi.useRealTimers());

const shown = (page: Page | null): Page => {
  if (!page) throw new Error('the browser was sent away');
  return page;
};
const openAt = async (path: string, who = browser) => shown(await who.open(path));
const fresh = (what: string) => `${what} ${crypto.randomUUID().slice(0, 8)}`;

/** The same browser where it stands now, with what the gateway answers it from now on apart. */
function twin(of = browser): Browser {
  const copy = new Browser();
  for (const [name, value] of of.cookies) copy.cookies.set(name, value);
  return copy;
}

/** Submits the form of `page` that has or goes to `field`. */
const send = async (page: Page, field: string, answers = {}, who = browser) =>
  shown(await who.submit(page, answers, undefined, field));

/** A double click: the browser abandons the first answer, with its cookies, and shows the second. */
const sendTwice = (page: Page, field: string, answers = {}) =>
  Promise.all([twin(), twin()].map((who) => send(page, field, answers, who)));

const valueOn = ({ html }: Page) => /<code>(sk-bf-[\w-]{20,})<\/code>/.exec(html)?.[1] ?? '';
const noticeOn = ({ html }: Page) =>
  /role="status"[^>]*>(?:<svg.*?<\/svg><span>)?(.*?)</.exec(html)?.[1] ?? '';
const acts = async (act: string) =>
  (await admin<{ total_count: number }>('GET', `/audit?act=${act}`)).total_count;
const keysNamed = async (name: string) =>
  (await admin<{ total_count: number }>('GET', `/governance/virtual-keys?search=${name}`)).total_count;
const works = async (value: string) =>
  (await new McpCaller({ 'x-bf-vk': value }).ask('tools/list')).status === 200;

/** Posts the form of `page` that has `field`; the answer itself. */
async function post(page: Page, field: string, answers: Record<string, string>): Promise<Response> {
  const form = formsOf(page.html).find(({ controls }) => controls.some(({ name }) => name === field));
  const body = new URLSearchParams();
  for (const { name, value, isSent } of form?.controls ?? [])
    if (isSent && !(name in answers)) body.append(name, value);
  for (const [name, value] of Object.entries(answers)) body.append(name, value);
  const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ');
  return gate(page.url, { method: 'POST', body, headers: { origin: ISSUER, cookie } });
}

describe('a secret that a form makes (SECURITY 32)', () => {
  it.each(['at once', 'one after the other'])('is one, and shown by both answers: %s', async (how) => {
    const name = fresh('key');
    const page = await openAt('/admin/keys/new');

    const [first, second] =
      how === 'at once'
        ? await sendTwice(page, 'description', { name })
        : [
            await send(page, 'description', { name }, twin()),
            await send(page, 'description', { name }, twin()),
          ];

    expect([first?.status, second?.status]).toEqual([200, 200]);
    expect(valueOn(first as Page)).toMatch(/^sk-bf-[\w-]{43}$/);
    expect(valueOn(second as Page)).toBe(valueOn(first as Page));
    expect(await works(valueOn(second as Page))).toBe(true);
    expect(await keysNamed(name)).toBe(1);
  });

  it('is one where a key gets a new value', async () => {
    const key = await newKey();
    const before = await acts('virtual_key.rotated');

    const pages = await sendTwice(await openAt(`/admin/keys/${key.id}/rotate`), 'reason', {
      reason: 'leaked',
    });

    const [first, second] = pages.map(valueOn) as [string, string];
    expect(second).toBe(first);
    expect(await acts('virtual_key.rotated')).toBe(before + 1);
    expect([await works(key.value), await works(first)]).toEqual([false, true]);
    expect(pages[1]?.html).toContain('The old key no longer works');
  });

  it.each([
    ['fails', false],
    ['loses its answer', true],
  ])(
    'is shown by the first answer or by the same form once more, whichever call of storage %s',
    async (_, isLost) => {
      for (let nth = 1, failed = true; failed; nth++) {
        const key = await newKey();
        const page = await openAt(`/admin/keys/${key.id}/rotate`);
        const sent = () => twin().submit(page, { reason: 'leaked' }, undefined, 'reason');
        const first = await faulty({ nth, isOnwards: false, isLost }, () => sent().catch(() => null));
        failed = first.failed;

        const value = (first.value && valueOn(first.value)) || valueOn(shown(await sent()));
        expect([await works(key.value), await works(value)]).toEqual([false, true]);
      }
    },
  );

  it('is of one key, however often its form is sent, whichever call of storage loses its answer', async () => {
    for (let nth = 1, failed = true; failed; nth++) {
      const name = fresh('key');
      const page = await openAt('/admin/keys/new');
      const sent = () => twin().submit(page, { name }, undefined, 'description');
      const first = await faulty({ nth, isOnwards: false, isLost: true }, () => sent().catch(() => null));
      failed = first.failed;

      const value = (first.value && valueOn(first.value)) || valueOn(shown(await sent()));
      expect(await works(value)).toBe(true);
      expect(await keysNamed(name)).toBe(1);
    }
  });

  it('is shown again by a reload within two minutes, each beside the other, and not later', async () => {
    const first = await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });
    const other = await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });
    wait(110);
    const again = [await openAt(first.url), await openAt(other.url)];
    wait(11);
    const late = await openAt(first.url);

    expect(again.map(valueOn)).toEqual([valueOn(first), valueOn(other)]);
    expect(valueOn(late)).toBe('');
    expect(late.html).toContain('was shown for two minutes');
  });

  it('is shown to this session only', async () => {
    const made = await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });
    const other = await Browser.administrator();
    for (const [name, value] of browser.cookies)
      if (name.includes('toolgate-shown')) other.cookies.set(name, value);

    const seen = await openAt(made.url, other);

    expect(valueOn(made)).not.toBe('');
    expect(seen.html).not.toContain(valueOn(made));
  });

  it('is kept in a sealed cookie of the form’s path and nowhere else', async () => {
    const page = await openAt('/admin/keys/new');
    const answer = await post(page, 'description', { name: fresh('key') });
    const cookies = answer.headers.getSetCookie();
    const [cookie = ''] = cookies.filter((one) => one.includes('toolgate-shown'));
    const [pair = ''] = cookie.split(';');
    browser.cookies.set(pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1));
    const value = valueOn(await openAt(answer.headers.get('location') ?? ''));
    const { results } = await env.DB.prepare(
      'SELECT id, answer FROM form_once WHERE answer IS NOT NULL',
    ).all<{
      id: string;
      answer: string;
    }>();
    const kept = await Promise.all(
      results.map(({ id, answer }) => open(env.ENCRYPTION_KEY, `form_once/${id}/answer`, answer)),
    );

    expect(value).toMatch(/^sk-bf-/);
    expect(cookie).toMatch(/^__Secure-toolgate-shown-/);
    expect(cookie.split('; ').slice(1).sort()).toEqual([
      'HttpOnly',
      expect.stringMatching(/^Max-Age=1(20|1\d)$/), // what is left of two minutes
      'Path=/admin/keys/new',
      'SameSite=Lax',
      'Secure',
    ]);
    expect(`${cookies} ${answer.headers.get('location')}`).not.toContain(value.slice(6));
    expect(kept.join()).toContain('/admin/keys/new?made=');
    expect(kept.join()).not.toContain(value.slice(6));
    expect(kept.join()).not.toContain('toolgate-shown');
  });

  it('is not shown where it was brought along', async () => {
    const value = `sk-bf-${crypto.randomUUID()}`;
    const page = await openAt('/admin/keys/new');

    const [first, second] = await sendTwice(page, 'description', { name: fresh('key'), value });

    expect(first?.html).toContain('was imported.');
    expect(second?.html).toContain('was imported.');
    expect(first?.html).not.toContain(value);
    expect(await works(value)).toBe(true);
  });
});

describe('a form that was sent (SECURITY 32)', () => {
  it('can be sent again after a refusal', async () => {
    const name = fresh('key');
    const taken = await admin<{ virtual_key: { id: string } }>('POST', '/governance/virtual-keys', { name });
    const page = await openAt('/admin/keys/new');

    const refused = await send(page, 'description', { name });
    await admin('DELETE', `/governance/virtual-keys/${taken.virtual_key.id}`);
    const made = await send(page, 'description', { name });

    expect(refused.status).toBe(400);
    expect(valueOn(made)).not.toBe('');
  });

  it('does nothing more with other contents, or after two minutes, and says where to look', async () => {
    const page = await openAt('/admin/keys/new');
    const [name, another] = [fresh('key'), fresh('key')];

    await send(page, 'description', { name });
    const other = await send(page, 'description', { name: another });
    wait(121);
    const late = await send(page, 'description', { name });

    for (const { status, html } of [other, late]) {
      expect(status).toBe(409);
      expect(html).toContain('This form was already sent');
      expect(html).toContain('href="/admin/keys"');
    }
    expect([await keysNamed(name), await keysNamed(another)]).toEqual([1, 0]);
  });

  it('says to wait while the first has no answer yet', async () => {
    const page = await openAt('/admin/keys/new');
    await send(page, 'description', { name: fresh('key') });
    await env.DB.prepare('UPDATE form_once SET answer = NULL').run();

    const other = await send(page, 'description', { name: fresh('key') });

    expect([other.status, other.html.includes('It took effect')]).toEqual([409, false]);
    expect(other.html).toContain('This is still running. Wait for the first answer.');
  });

  it('is out of date where another session sends it, without a once-value, and once it is 12 hours old', async () => {
    const page = await openAt('/admin/keys/new');
    const name = fresh('key');

    const foreign = await send(page, 'description', { name }, await Browser.administrator());
    const bare = await send(page, 'description', { name, once: null });
    const made_up = await send(page, 'description', { name, once: 'x'.repeat(40) });
    const seconds = Math.floor(Date.now() / 1000) - 43_200;
    const old = await send(page, 'description', { name, once: `${seconds}.${crypto.randomUUID()}` });

    expect([foreign, bare, made_up, old].map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(old.html).toContain('This form is out of date');
    expect(await keysNamed(name)).toBe(0);
  });

  it('is forgotten once it is out of date, and not before', async () => {
    await send(await openAt('/admin/keys/new'), 'description', { name: fresh('key') });
    const count = async () => env.DB.prepare('SELECT count(*) AS n FROM form_once').first<number>('n');
    const now = Math.floor(Date.now() / 1000);

    await sweep(env, now + 43_000);
    const kept = await count();
    await sweep(env, now + 43_300);

    expect(kept).toBeGreaterThan(0);
    expect(await count()).toBe(0);
  });
});

/** The page of a form, and which form of it. */
type Story = { page: Page; field: string; answers?: Record<string, string | null> };

/** Where something is ended: a page that asks first. */
const confirming = async (path: string): Promise<Story> => ({ page: await openAt(path), field: path });
const grant = async () => {
  const client = await McpClient.register();
  await client.obtainGrant({ key: (await newKey()).value });
  const { sessions } = await admin<{ sessions: { id: string }[] }>(
    'GET',
    `/oauth2/sessions?client_id=${client.clientId}`,
  );
  return { id: sessions[0]?.id, clientId: client.clientId };
};
const person = async () => {
  const email = `${crypto.randomUUID()}@acme.example`;
  await (await Provider.start()).signIn(new Browser(), email);
  return (await personOf(email)).id;
};
const toolset = async () => {
  const body = { name: fresh('set'), tools: [] };
  return (await admin<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', body)).virtual_mcp.id;
};

/** Forms of administration by what they do, each with the act of the audit that happens once. */
const STORIES: Record<string, [act: string, () => Promise<Story>]> = {
  'makes a toolset': [
    'virtual_mcp.created',
    async () => ({
      page: await openAt('/admin/toolsets/new'),
      field: 'endpoint_slug',
      answers: { name: fresh('set') },
    }),
  ],
  'adds a server': [
    'server.created',
    async () => {
      const { name } = await Upstream.start();
      const begun = await openAt('/admin/servers/new');
      const page = await send(begun, 'connection_string', { connection_string: addressOf(name) });
      return { page, field: 'connection_string', answers: { name: `s${crypto.randomUUID().slice(0, 8)}` } };
    },
  ],
  'turns a server off': [
    'server.changed',
    async () => {
      const { id } = await Upstream.start();
      return { page: await openAt(`/admin/servers/${id}/settings`), field: `/admin/servers/${id}/turn` };
    },
  ],
  'changes a key': [
    'virtual_key.changed',
    async () => ({
      page: await openAt(`/admin/keys/${(await newKey()).id}`),
      field: 'description',
      answers: { name: fresh('key') },
    }),
  ],
  'saves a setting': [
    'setting.changed',
    async () => ({
      page: await openAt('/admin/settings/gateway'),
      field: 'display_name',
      answers: { display_name: fresh('Gate') },
    }),
  ],
  'replaces the signing key': [
    'signing_key.rotated',
    async () => ({ page: await openAt('/admin/settings/keys'), field: '/admin/settings/signing-key' }),
  ],
  'deletes a key': [
    'virtual_key.deleted',
    async () => confirming(`/admin/keys/${(await newKey()).id}/delete`),
  ],
  'deletes a server': [
    'server.deleted',
    async () => confirming(`/admin/servers/${(await Upstream.start()).id}/delete`),
  ],
  'deletes a toolset': [
    'virtual_mcp.deleted',
    async () => confirming(`/admin/toolsets/${await toolset()}/delete`),
  ],
  'deletes an app': [
    'client.deleted',
    async () => {
      const page = await openAt(`/admin/apps/delete?app=${(await grant()).clientId}`);
      return { page, field: 'app' };
    },
  ],
  'blocks a person': ['user.blocked', async () => confirming(`/admin/people/${await person()}/block`)],
  'deletes a person': ['user.deleted', async () => confirming(`/admin/people/${await person()}/delete`)],
  'changes an access': [
    'grant.changed',
    async () => ({
      page: await openAt(`/admin/access/${(await grant()).id}/change`),
      field: 'access',
      answers: { access: 'read', save: 'changes' },
    }),
  ],
  'ends an access': ['grant.ended', async () => confirming(`/admin/access/${(await grant()).id}/end`)],
  'ends all access of an app': [
    'grant.ended',
    async () => {
      const page = await openAt(`/admin/access/end?app=${(await grant()).clientId}`);
      return { page, field: 'app' };
    },
  ],
};

describe('a double click in administration has one effect and one answer (SECURITY 32)', () => {
  it.each(Object.keys(STORIES))('%s', async (what) => {
    const [act, given] = STORIES[what] as (typeof STORIES)[string];
    const { page, field, answers } = await given();
    const before = await acts(act);

    const [first, second] = await sendTwice(page, field, answers);
    const third = await send(page, field, answers, twin());

    expect(first?.status).toBe(200);
    expect(noticeOn(first as Page)).not.toBe('');
    expect([second?.url, third.url]).toEqual([first?.url, first?.url]);
    expect([second, third].map((one) => noticeOn(one as Page))).toEqual(
      Array(2).fill(noticeOn(first as Page)),
    );
    expect(await acts(act)).toBe(before + 1);
  });

  it('runs a tool', async () => {
    const inputSchema = { type: 'object', properties: { words: { type: 'string' } } };
    const server = await Upstream.start([{ name: 'find', inputSchema }]);
    const page = await openAt(`/admin/servers/${server.id}/try?tool=find`);

    const [first, second] = await sendTwice(page, 'arg.words');

    expect(first?.html).toContain('find ran');
    expect(second?.html).toBe(first?.html);
    expect(await server.seen('tools/call')).toHaveLength(1);
  });

  it('signs out', async () => {
    const who = await Browser.administrator();
    const page = await openAt('/admin', who);

    const pages = await Promise.all(
      [twin(who), twin(who)].map((one) => send(page, '/admin/sign-out', {}, one)),
    );

    expect(pages.map(({ url, status }) => [url, status])).toEqual(Array(2).fill([`${ISSUER}/`, 200]));
    expect((await openAt('/admin', who)).url).toContain('/admin/sign-in');
  });
});

describe('a double click on one’s own page has one effect and one answer (SECURITY 32)', () => {
  /** Someone who allowed an app with a key, where its page is, and a server that asks for a value of theirs. */
  async function holder() {
    const server = await headerServer({ allow_on_all_virtual_keys: false });
    const key = await newKey([server.name]);
    const client = await McpClient.register({ client_name: fresh('App') });
    const who = new Browser();
    const first = await openAt((await client.authorizeUrl()).toString(), who);
    const proof = { identity: 'virtual_key', virtual_key: key.value, decision: 'continue' };
    await who.submit(shown(await who.submit(first, proof)), { decision: 'allow', expires_in: '0' });
    const mine = await openAt('/me', who);
    const [, app = ''] = /href="(\/me\/apps\/[0-9a-f]+)"/.exec(mine.html) ?? [];
    return { who, app, mine, server, subject: `vk:${key.id}` };
  }
  const twice = (who: Browser, page: Page, field: string, answers = {}) =>
    Promise.all([twin(who), twin(who)].map((one) => send(page, field, answers, one)));

  it('names an app and withdraws its access', async () => {
    const { who, app } = await holder();
    const before = await acts('grant.ended');

    const named = await twice(who, await openAt(app, who), 'name', { name: 'Mine' });
    const asked = await openAt(`${app}/withdraw`, who);
    const ended = await twice(who, asked, `${app}/withdraw`);

    expect(named.map(noticeOn)).toEqual(Array(2).fill('Renamed to Mine.'));
    expect(ended.map(noticeOn)).toEqual(Array(2).fill('Access revoked. Mine can’t use your tools.'));
    expect(await acts('grant.ended')).toBe(before + 1);
  });

  it('connects an account by one link, and disconnects it', async () => {
    const { who, mine, server, subject } = await holder();
    const connected = await acts('credential.connected');

    const links = await twice(who, mine, '/me/accounts');
    const proof = await openAt(links[0]?.url ?? '', who);
    const fields = shown(await who.submit(proof, { decision: 'continue' }));
    const field = `header.${server.id}.x-key`;
    const done = await twice(who, fields, field, { [field]: 'right', decision: 'continue' });
    const row = await env.DB.prepare('SELECT id FROM credential WHERE owner = ?').bind(subject).first('id');
    const disconnect = `/me/accounts/${row}/disconnect`;
    const ended = await twice(who, await openAt(disconnect, who), disconnect);

    expect(links[1]?.url).toBe(links[0]?.url);
    expect(done.map(({ html }) => html.includes('All connected'))).toEqual([true, true]);
    expect(await acts('credential.connected')).toBe(connected + 1);
    expect(ended.map(noticeOn)).toEqual(Array(2).fill('Account disconnected.'));
    expect(await acts('credential.disconnected')).toBe(1);
  });

  it('does nothing for another person of the same browser', async () => {
    const { who, app } = await holder();
    const asked = await openAt(`${app}/withdraw`, who);
    await send(asked, `${app}/withdraw`, {}, twin(who));
    const nobody = twin(who);
    for (const name of [...nobody.cookies.keys()])
      if (!name.includes('toolgate-visit')) nobody.cookies.delete(name);
    const other = twin((await holder()).who);
    for (const [name, value] of nobody.cookies) other.cookies.set(name, value);

    const repeated = [
      await send(asked, `${app}/withdraw`, {}, nobody),
      await send(asked, `${app}/withdraw`, {}, other),
    ];

    expect(repeated.map(({ status }) => status)).toEqual([403, 403]);
  });
});

describe('the address of a form that has no page of its own', () => {
  it('leads to the page it stands on', async () => {
    const { id } = await Upstream.start();
    const server = `/admin/servers/${id}`;
    const forms = ['tools', 'refresh', 'turn', 'authorize', 'verify', 'everyone'].map(
      (form) => `${server}/${form}`,
    );

    const led: string[] = [];
    for (const address of [...forms, '/admin/servers/known', '/me/leave', '/me/accounts'])
      led.push(new URL((await openAt(address)).url).pathname);

    expect(led).toEqual([...forms.map(() => server), '/admin/servers/new', '/me', '/me']);
  });
});
