import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { admin, configure, gate, ISSUER, newKey } from '../../support/gate';
import { McpClient, type Tokens } from '../../support/mcp-client';
import { Provider } from '../../support/provider';
import { Upstream } from '../../support/upstream';

let browser: Browser;
let files: Upstream;
beforeAll(async () => {
  browser = await Browser.administrator();
  files = await Upstream.start(['read', 'write']);
});

async function open(path: string, who = browser): Promise<Page> {
  const page = await who.open(`/admin/access${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

type Allowed = {
  id: string;
  name: string;
  client: McpClient;
  key: { id: string; name: string };
  tokens: Tokens;
};

/** An app that someone allowed with a key, and what the gateway calls that. */
async function allowed(
  options: { key?: Awaited<ReturnType<typeof newKey>>; client?: McpClient } = {},
): Promise<Allowed> {
  const name = `App ${crypto.randomUUID().slice(0, 8)}`;
  const client = options.client ?? (await McpClient.register({ client_name: name }));
  const key = options.key ?? (await newKey());
  const tokens = await client.obtainGrant({ key: key.value });
  const query = new URLSearchParams({ client_id: client.clientId, virtual_key_id: key.id });
  const { sessions } = await admin<{ sessions: { id: string }[] }>('GET', `/oauth2/sessions?${query}`);
  return { id: sessions[0]?.id as string, name, client, key, tokens };
}

const stands = async ({ client, tokens }: Allowed) =>
  (await client.refresh(tokens.refresh_token)).status === 200;

describe('the apps with access', () => {
  it('are found by the app, the key and the person', async () => {
    const mine = await allowed();
    const other = await allowed();
    const provider = await Provider.start();
    const somebody = new Browser();
    await provider.signIn(somebody, 'dora@acme.example');
    const { users } = await admin<{ users: { id: string }[] }>('GET', '/users?search=dora');
    await env.DB.prepare('UPDATE oauth_grant SET subject = ?2 WHERE grant_id = ?1')
      .bind(other.id, `user:${users[0]?.id}`)
      .run();

    await env.DB.prepare('UPDATE oauth_grant SET given_name = ?2 WHERE grant_id = ?1')
      .bind(mine.id, 'Night shift')
      .run();
    const byApp = await open(`?search=${encodeURIComponent(mine.name.slice(2).toUpperCase())}`);
    const byOurName = await open('?search=ht+SHIFT');
    const byKey = await open(`?search=${encodeURIComponent(mine.key.name.slice(3))}`);
    const byPerson = await open('?search=RA@acme');
    const nothing = await open('?search=nobody-is-called-so');

    for (const page of [byApp, byOurName, byKey]) {
      expect(page.html).toContain('Night shift');
      expect(page.html).not.toContain(other.name);
    }
    expect(byPerson.html).toContain(other.name);
    expect(byPerson.html).not.toContain('Night shift');
    expect(nothing.html).toContain('No apps match “nobody-is-called-so”');
  });

  it('say that what had ended is no success', async () => {
    const mine = await allowed();
    const asked = await open(`/${mine.id}/end`);
    await admin('DELETE', `/oauth2/sessions/${mine.id}`);

    const again = await browser.submit(asked, {}, undefined, `/admin/access/${mine.id}/end`);

    expect(again?.html).toMatch(
      /<div class="notice" role="status"><svg.*?<span>This access had ended already\./,
    );
  });

  it('get no glyph for a name that they gave themselves (SECURITY 4)', async () => {
    const client = await McpClient.register({ client_name: 'Claude' });
    const { id } = await allowed({ client });

    const pages = [await open(''), await open(`/${id}`), await browser.open('/admin/apps?search=Claude')];

    for (const page of pages)
      expect(page?.html).toMatch(/<span class="avatar( large)?" aria-hidden="true">C</);
  });

  it('are one place with what ended and what is registered; a search stays in its tab', async () => {
    const gone = await allowed();
    await admin('DELETE', `/oauth2/sessions/${gone.id}`);

    const active = await open('');
    const ended = await open(`?state=ended&search=${encodeURIComponent(gone.name)}`);
    const registered = await browser.open('/admin/apps');

    for (const { html } of [active, ended]) expect(html).toMatch(/name="search".*?>Search<\/button>/s);
    const tabs = (page: Page | null) =>
      [
        ...(page?.html.matchAll(
          /<a href="(\/admin\/a[^"]*)"( aria-current="page")?>(Has access|Access ended|All registered)</g,
        ) ?? []),
      ].map(([, href, current, text]) => [href, text, Boolean(current)]);
    const all = [
      ['/admin/access', 'Has access'],
      ['/admin/access?state=ended', 'Access ended'],
      ['/admin/apps', 'All registered'],
    ];
    expect([active, ended, registered].map(tabs)).toEqual(
      [0, 1, 2].map((here) => all.map((tab, at) => [...tab, at === here])),
    );
    expect(ended.html).toContain('<input type="hidden" name="state" value="ended"/>');
    expect(ended.html).toContain(gone.name);
    expect(active.html).not.toContain(gone.name);
  });

  it('say what each may use, from which browser it was allowed, and the code of its story', async () => {
    const client = await McpClient.register({ client_name: 'Reader' });
    const person = new Browser();
    const services = await client.toServices(person);
    const answers = { decision: 'allow', read_only: 'on', tool: [`${files.name}-read`] };
    const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';
    await person.submit(services, answers, { origin: ISSUER, 'user-agent': firefox });

    const list = await open(`?app=${client.clientId}`);
    const [, id = ''] = /href="\/admin\/access\/([0-9a-f]{64})"/.exec(list.html) ?? [];
    const { html } = await open(`/${id}`);
    const [, code = ''] = /href="\/admin\/audit\?code=(F-[2-9A-Z]{4})"/.exec(html) ?? [];

    expect(html).toContain('Of these servers, only read-only tools.');
    expect(list.html).toContain('read-only</td>');
    expect(html).toContain('<code>read</code>');
    expect(html).not.toContain('<code>write</code>');
    expect(html).toContain('Firefox on Linux');
    expect((await browser.open(`/admin/audit?code=${code}`))?.html).toContain('Reader was allowed access<');
  });
});

describe('ending access', () => {
  it('asks on a page of its own, then the app is refused, and the list says why', async () => {
    const mine = await allowed();
    const caller = new McpCaller({ authorization: `Bearer ${mine.tokens.access_token}` });
    const asked = await open(`/${mine.id}/end`);

    expect((await caller.ask('tools/list')).status).toBe(200);
    const after = await browser.submit(asked, {}, undefined, `/admin/access/${mine.id}/end`);

    expect(asked.html).toContain(`Revoke ${mine.name}’s access?`);
    expect(after?.html).toContain('Access revoked.');
    expect((await caller.ask('tools/list')).status).toBe(401);
    expect(await stands(mine)).toBe(false);
    expect((await open('?state=ended')).html).toContain('Revoked by an administrator');
  });

  it.each([
    ['a key', 'key', ({ key }: Allowed) => key.id],
    ['an app', 'app', ({ client }: Allowed) => client.clientId],
  ] as const)('ends all of %s and no other, with the number named before', async (_, field, idOf) => {
    const first = await allowed();
    const second = await allowed(
      field === 'key' ? { key: first.key as Awaited<ReturnType<typeof newKey>> } : { client: first.client },
    );
    const other = await allowed();

    const asked = await open(`/end?${field}=${encodeURIComponent(idOf(first))}`);
    const after = await browser.submit(asked, {}, undefined, field);

    expect(asked.html).toContain('Revoke access of 2 apps');
    expect(after?.html).toContain('Access of 2 apps was revoked.');
    expect([await stands(first), await stands(second), await stands(other)]).toEqual([false, false, true]);
    const { events } = await admin<{ events: object[] }>(
      'GET',
      `/audit?act=grant.ended&grant_id=${first.id}`,
    );
    expect(events).toMatchObject([
      { actor: 'administrator', detail: { reason: 'revoked_by_administrator' } },
    ]);
  });

  it('ends all that nobody used for 30 days, and leaves what is new or was used', async () => {
    const [unused, used, young] = [await allowed(), await allowed(), await allowed()];
    const now = Math.floor(Date.now() / 1000);
    const age = (id: string, lastUsed: number | null) =>
      env.DB.prepare('UPDATE oauth_grant SET created_at = ?2, last_used_at = ?3 WHERE grant_id = ?1')
        .bind(id, now - 40 * 86_400, lastUsed)
        .run();
    await age(unused.id, null);
    await age(used.id, now - 29 * 86_400);

    const asked = await open('/end?unused=30');
    await browser.submit(asked, {}, undefined, 'unused');

    expect(asked.html).toContain('Revoke all access unused for 30 days?');
    expect([await stands(unused), await stands(used), await stands(young)]).toEqual([false, true, true]);
    expect((await open('/end?unused=30')).html).toContain('Every app was used in the last 30 days');
  });

  it.each([
    ['without the value of the form', { csrf: null }, { origin: ISSUER }],
    ['with another value', { csrf: 'x'.repeat(43) }, { origin: ISSUER }],
    ['from another site', {}, { origin: 'https://evil.example' }],
  ])('ends nothing %s', async (_, answers, headers) => {
    const mine = await allowed();
    const one = await open(`/${mine.id}/end`);
    const all = await open(`/end?key=${mine.key.id}`);

    await browser.submit(one, answers, headers, `/admin/access/${mine.id}/end`);
    const refused = await browser.submit(all, answers, headers, 'key');

    expect(refused?.status).toBe(403);
    expect(await stands(mine)).toBe(true);
  });
});

it('sends whoever is not signed in to sign in, and refuses a person who is no administrator', async () => {
  const provider = await Provider.start();
  const person = new Browser();
  await provider.signIn(person, 'erin@acme.example');

  const pages = ['', '/access', '/access/end', '/apps', '/people', '/audit', '/settings', '/settings/apps'];
  for (const path of pages) {
    const nobody = await gate(`/admin${path}`);
    expect([path, nobody.status]).toEqual([path, 303]);
    expect(nobody.headers.get('location')).toBe(
      `${ISSUER}/admin/sign-in?return_to=${encodeURIComponent(`/admin${path}`)}`,
    );
    expect([path, (await person.open(`/admin${path}`))?.status]).toEqual([path, 403]);
  }
  for (const path of ['/access/end', '/settings/signing-key', '/settings/apps', '/apps/delete']) {
    const body = new URLSearchParams({ app: 'x', csrf: 'x' });
    const refused = await gate(`/admin${path}`, { method: 'POST', body, headers: { origin: ISSUER } });
    expect([path, refused.status]).toEqual([path, 303]);
  }
});

describe('changing what an app may use', () => {
  const tools = async ({ tokens }: Allowed) =>
    (await new McpCaller({ authorization: `Bearer ${tokens.access_token}` }).toolNames()).filter((name) =>
      name.startsWith(files.name),
    );
  const save = async ({ id }: Allowed, answers: Record<string, string | string[]>, page?: Page) =>
    (await browser.submit(
      page ?? (await open(`/${id}/change`)),
      answers,
      undefined,
      `/admin/access/${id}/change`,
    )) as Page;

  it('narrows at once and names it; gives more after a page that says which app gets what', async () => {
    await configure({ revocation_lag: 0 });
    const mine = await allowed();
    const only = { access: 'chosen', server: files.name, save: 'changes' };

    const changed = await save(mine, { ...only, given_name: 'On the build machine' });
    const opened = await save(mine, { open: files.name });
    const narrower = await save(mine, { ...only, tool: `${files.name}-read` }, opened);
    const seen = await tools(mine);
    const asked = await save(mine, { access: 'all', save: 'changes' });
    const before = await tools(mine);
    const given = await save(mine, {}, asked);

    expect(changed.html).toContain('On the build machine');
    expect(narrower.html).toContain('Saved.');
    expect(seen).toEqual([`${files.name}-read`]);
    expect(asked.html).toContain('everything on all servers');
    expect(asked.html).toContain('127.0.0.1');
    expect(before).toEqual(seen);
    expect(given.html).toContain('Saved.');
    expect((await tools(mine)).length).toBe(2);
  });

  it('gives the app of a person nothing more, and says whose that is', async () => {
    const mine = await allowed();
    await save(mine, { access: 'read', save: 'changes' });
    await env.DB.prepare("UPDATE oauth_grant SET subject = 'user:somebody' WHERE grant_id = ?1")
      .bind(mine.id)
      .run();

    const refused = await save(mine, { access: 'all', save: 'changes' });

    const { session } = await admin<{ session: object }>('GET', `/oauth2/sessions/${mine.id}`);
    expect(refused.html).toContain('Only the person it acts for can do that');
    expect(session).toMatchObject({ read_only: true });
  });

  it('is not there for access that has ended', async () => {
    const mine = await allowed();
    await admin('DELETE', `/oauth2/sessions/${mine.id}`);

    expect((await open(`/${mine.id}/change`)).status).toBe(404);
    expect((await open(`/${mine.id}/tools?server=${files.name}`)).status).toBe(404);
  });
});
