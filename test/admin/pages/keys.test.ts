import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { recordSignIn } from '../../../src/governance/users';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { admin, configure, gate, ISSUER } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { Provider, personOf } from '../../support/provider';
import { roundTripsOf } from '../../support/round-trips';
import { Upstream } from '../../support/upstream';

const API = '/governance/virtual-keys';
type Key = {
  id: string;
  name: string;
  value: string;
  is_active: boolean;
  owner_user_id: string | null;
  expires_at: string | null;
  mcp_configs: { tools_to_execute: string[] }[];
};
type One = { virtual_key: Key };

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.administrator();
  await Upstream.start(['read', 'write', 'erase'], {
    registration: { name: 'Docs', allow_on_all_virtual_keys: false },
  });
});

const fresh = () => `key ${crypto.randomUUID().slice(0, 8)}`;
const make = async (terms: object = {}) =>
  (await admin<One>('POST', API, { name: fresh(), ...terms })).virtual_key;
const find = async (id: string) => (await admin<One>('GET', `${API}/${id}`)).virtual_key;
const named = async (name: string) =>
  (await admin<{ virtual_keys: Key[] }>('GET', `${API}?${new URLSearchParams({ search: name })}`))
    .virtual_keys;

async function open(path: string, who = browser): Promise<Page> {
  const page = await who.open(`/admin/keys${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

/** Sends the form for a key's terms on `page`. */
async function send(page: Page, answers: Record<string, string | string[] | null>): Promise<Page> {
  const next = await browser.submit(page, answers, undefined, 'description');
  if (!next) throw new Error('the form led elsewhere');
  return next;
}

/** The values of the boxes that a page has of one name. */
const boxes = ({ html }: Page, name: string) =>
  [...html.matchAll(/<input type="checkbox" name="([^"]+)" value="([^"]+)"/g)].flatMap(([, of, value]) =>
    of === name ? [value ?? ''] : [],
  );

/** The value a page shows this once. */
const valueOn = ({ html }: Page) => /<code>(sk-bf-[\w-]{20,})<\/code>/.exec(html)?.[1] ?? '';

describe('making a key', () => {
  it('opens what was picked and nothing else, and shows the value this once', async () => {
    const name = fresh();
    const made = await send(await open('/new'), {
      name,
      'pick.Docs': 'some',
      'tool.Docs': ['read', 'write'],
    });
    const value = valueOn(made);
    const [key] = await named(name);
    const tools = await new McpCaller({ 'x-bf-vk': value }).toolNames();
    const afterwards = await open(`/${key?.id}`);

    expect(made.status).toBe(200);
    expect(tools.sort()).toEqual(['Docs-read', 'Docs-write']);
    expect(afterwards.html).toContain(name);
    expect(afterwards.html).not.toContain(value);
  });

  it('shows again what was refused, beside the field, but no secret', async () => {
    const { name } = await make();
    const value = `sk-bf-${crypto.randomUUID()}`;

    const again = await send(await open('/new'), {
      name,
      value,
      description: 'for the wiki',
      'pick.Docs': 'some',
      'tool.Docs': 'erase',
      limit_calls: '7',
      limit_window: '604800',
    });

    expect(again.status).toBe(400);
    expect(again.html).toMatch(
      new RegExp(`id="name-error" role="alert"><svg.*</svg>Another key is named ${name}.`),
    );
    expect(again.html).toContain('value="for the wiki"');
    expect(again.html).toMatch(/name="tool.Docs" value="erase" checked/);
    expect(again.html).toMatch(/name="limit_calls"[^>]* value="7"/);
    expect(again.html).toContain('value="604800" selected');
    expect(again.html).not.toContain(value);
  });

  it.each([
    ['a refusal', async () => ({ name: (await make()).name })],
    ['a step', async () => ({ again: 'limit' })],
  ])('asks again after %s for a value to import, and makes nothing without it', async (_, shownAgain) => {
    const name = fresh();
    const value = `sk-bf-${crypto.randomUUID()}`;

    const again = await send(await open('/new'), { name, value, ...(await shownAgain()) });
    const without = await send(again, { name });
    const made = await named(name);
    const imported = await send(without, { value });

    for (const page of [again, without]) {
      expect(page.html).not.toContain(value);
      expect(page.html).toMatch(/<details[^>]* open[^>]*><summary>Import a key/);
      expect(page.html).toMatch(/<input[^>]* required[^>]* id="value"/);
      expect(page.html).toMatch(/id="value-error" role="alert"><svg.*<\/svg>Enter the key again\./);
    }
    expect(without.status).toBe(400);
    expect(made).toEqual([]);
    expect(imported.html).toContain(`The key ${name} was imported.`);
  });

  it.each([
    ['a name of nothing', { name: ' ' }, 'The name must not be empty.'],
    ['no calls at all', { limit_calls: '0' }, 'The number of calls must be at least 1.'],
    ['a time that is over', { expires: 'date', expires_on: '2001-01-01' }, 'Choose a date in the future.'],
    ['deleting it never', { delete_after_expire: 'on' }, 'Choose when the key expires, or keep it.'],
    [
      'two limits for one time',
      { limit_calls: ['1', '2'], limit_window: ['60', '60'] },
      'each for another period',
    ],
    [
      'some tools, and none of them',
      { 'pick.Docs': 'some' },
      'Select at least one tool of Docs, or remove Docs.',
    ],
  ])('refuses %s in plain words', async (_, answers, words) => {
    const name = fresh();

    const again = await send(await open('/new'), { name, ...answers });

    expect(again.status).toBe(400);
    expect(again.html).toContain(words);
    expect(await named(name)).toEqual([]);
  });

  it('adds a row for a limit without making anything', async () => {
    const name = fresh();

    const again = await send(await open('/new'), { name, limit_calls: '5', again: 'limit' });

    expect(again.status).toBe(200);
    expect(again.html.match(/name="limit_calls"/g)).toHaveLength(2);
    expect(again.html).toContain(`value="${name}"`);
    expect(await named(name)).toEqual([]);
  });

  it('keeps a page small: long lists of tools wait behind a button that loses nothing', async () => {
    const tools = Array.from({ length: 400 }, (_, at) => ({
      name: `a_tool_with_some_name_${at}`,
      description: 'Does what it says. '.repeat(8),
      inputSchema: { type: 'object' },
    }));
    const large = await Upstream.start(tools, { registration: { allow_on_all_virtual_keys: false } });
    const page = await open('/new');
    const opened = await send(page, { name: 'kept', again: `open.${large.name}` });
    const whole = await send(opened, { again: `more.${large.name}` });

    expect(page.html.length).toBeLessThan(60_000);
    expect(page.html).not.toContain('a_tool_with_some_name_7');
    expect(opened.html).toContain('a_tool_with_some_name_39"');
    expect(opened.html).not.toContain('a_tool_with_some_name_40"');
    expect(whole.html).toContain('a_tool_with_some_name_99"');
    expect(opened.html).toMatch(/<option value="some" selected/);
    expect(opened.html).toContain('value="kept"');
    await admin('DELETE', `/mcp/client/${large.id}`);
  });

  it.each([
    ['400 tools', 400, 'Does it. '.repeat(20), 100],
    ['1,000 tools', 1_000, 'Does it. '.repeat(20), 100],
    ['400 tools in words that HTML writes long', 400, '"&<'.repeat(50), 60],
    ['400 tools in words of three bytes a letter', 400, '工具'.repeat(80), 100],
  ])(
    'has an end at a server of %s: those there is no room for are said, found by name, and saved',
    async (_, n, description, least) => {
      const names = Array.from({ length: n }, (_, at) => `a_tool_with_some_name_${at}`);
      const tools = names.map((name) => ({
        name,
        description,
        inputSchema: { type: 'object' },
      }));
      const large = await Upstream.start(tools, { registration: { allow_on_all_virtual_keys: false } });
      const name = fresh();
      const last = names.at(-1) ?? '';
      const field = `tool.${large.name}`;

      const opened = await send(await open('/new'), { name, again: `open.${large.name}` });
      const whole = await send(opened, { again: `more.${large.name}` });
      const all = await send(whole, { again: `all.${large.name}` });
      const none = await send(all, { again: `none.${large.name}` });
      const added = await send(none, { add: last });
      const saved = await send(all, { [field]: boxes(all, field).slice(1) });

      for (const { html } of [opened, whole, all, none, added])
        expect(new TextEncoder().encode(html).length).toBeLessThan(130_000);
      const shown = boxes(whole, field);
      expect(shown.length).toBeGreaterThan(least);
      expect(boxes(all, field)).toEqual(shown);
      const left = (n - shown.length).toLocaleString('en');
      expect(whole.html).toContain(`${left} more tools are not shown. To find one`);
      expect(all.html).toContain(`${left} more tools are not shown; ${left} of them are selected.`);
      expect(all.html).toContain(`data-more="${n - shown.length}">${n.toLocaleString('en')} of`);
      expect(none.html).toContain(`>0 of ${n.toLocaleString('en')} tools<`);
      expect(added.html).toMatch(new RegExp(`value="${last}" checked`));
      expect(saved.status).toBe(200);
      const [key] = await named(name);
      expect(new Set(key?.mcp_configs[0]?.tools_to_execute)).toEqual(
        new Set(names.filter((one) => one !== shown[0])),
      );
      await admin('DELETE', `/mcp/client/${large.id}`);
    },
  );
});

describe('changing a key', () => {
  it('loses nothing the form does not show as it is', async () => {
    const open_ = await Upstream.start(['list']);
    const key = await make({
      description: 'said by hand',
      shared: true,
      delete_after_expire: true,
      expires_at: new Date(Date.now() + 9_999_000).toISOString(),
      limits: [60, 90, 7200, 86_400, 31_622_400].map((window_seconds, at) => ({
        calls: at + 1,
        window_seconds,
      })),
      mcp_configs: [
        { mcp_client_name: 'Docs', tools_to_execute: ['read', 'one that is gone'] },
        { mcp_client_name: open_.name, tools_to_execute: [] },
      ],
    });
    const before = await find(key.id);

    await send(await open(`/${key.id}`), {});

    expect(await find(key.id)).toEqual({ ...before, updated_at: expect.any(String) });
  });

  it('expires never, in 30 days or on a date; a time that no one touched stays to the second', async () => {
    const expires_at = '2031-03-04T05:06:07Z';
    const key = await make({ expires_at });
    const page = await open(`/${key.id}`);

    const save = async (answers: Record<string, string>) => {
      await send(await open(`/${key.id}`), answers);
      return (await find(key.id)).expires_at;
    };
    const untouched = await save({});
    const onDate = await save({ expires_on: '2031-05-01' });
    const month = await save({ expires: 'month' });
    const never = await save({ expires: 'never' });

    expect(page.html).toContain('at 05:06 UTC');
    expect([untouched, onDate, never]).toEqual([expires_at, '2031-05-01T05:06:00Z', null]);
    expect(Date.parse(month ?? '') / 86_400_000 - Date.now() / 86_400_000).toBeCloseTo(30, 1);
  });

  it('stops a key and starts it again', async () => {
    const key = await make();
    const called = async () => (await new McpCaller({ 'x-bf-vk': key.value }).ask('tools/list')).status;

    const stopped = await send(await open(`/${key.id}`), { is_active: null });
    const whileStopped = await called();
    await send(stopped, { is_active: 'on' });

    expect(stopped.html).toContain('class="badge off">Off');
    expect([whileStopped, await called()]).toEqual([403, 200]);
  });

  it('gives it to whoever signs in with the address, and to nobody it is not sure of', async () => {
    const provider = await Provider.start();
    for (const claims of [{}, { sub: 'another account' }])
      await provider.signIn(new Browser(), 'ada@acme.example', { claims });
    await provider.signIn(new Browser(), 'bea@acme.example');
    const bea = await personOf('bea@acme.example');
    const key = await make();

    const nobody = await send(await open(`/${key.id}`), { owner: 'carl@acme.example' });
    const either = await send(nobody, { owner: 'ada@acme.example' });
    const [, one = ''] = /ada@acme\.example #([0-9a-f]{8}),/.exec(either.html) ?? [];
    const given = await send(either, { owner: 'Bea@acme.example' });
    const kept = await find(key.id);
    await send(given, { owner: `ada@acme.example #${one}` });
    const ada = await find(key.id);
    await send(await open(`/${key.id}`), {});

    expect(nobody.html).toContain('carl@acme.example hasn’t signed in here yet.');
    expect(either.html).toContain('Several people sign in with ada@acme.example.');
    expect(kept.owner_user_id).toBe(bea.id);
    expect(ada.owner_user_id?.startsWith(one)).toBe(true);
    expect((await find(key.id)).owner_user_id).toBe(ada.owner_user_id);
  });
});

describe('a new value', () => {
  const rotate = async (page: Page, answers: Record<string, string>) =>
    (await browser.submit(page, answers, undefined, 'reason')) as Page;

  it('is shown once; the one before works on for as long as the page says', async () => {
    await configure({ vk_rotation_cooldown: 3600 });
    const key = await make();
    const page = await open(`/${key.id}/rotate`);

    const rotated = await rotate(page, { reason: 'routine' });
    const value = valueOn(rotated);
    const statuses = await Promise.all(
      [key.value, value].map(
        async (sent) => (await new McpCaller({ 'x-bf-vk': sent }).ask('tools/list')).status,
      ),
    );

    expect(page.html).toContain('The old key works for 1 hour');
    expect(value).not.toBe(key.value);
    expect(statuses).toEqual([200, 200]);
    expect((await open(`/${key.id}`)).html).toContain('The old key stops working');
  });

  it('ends what was allowed with a value that leaked', async () => {
    const key = await make();
    const client = await McpClient.register();
    const grant = await client.obtainGrant({ key: key.value });
    const before = await open(`/${key.id}`);

    await rotate(await open(`/${key.id}/rotate`), { reason: 'leaked' });
    const refreshed = await client.refresh(grant.refresh_token);

    expect(before.html).toContain(`/admin/access?key=${key.id}">1 has access</a>`);
    expect(refreshed).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it('is not made by a page that was open before there was another', async () => {
    const key = await make();
    const [page, open_] = [await open(`/${key.id}/rotate`), await open(`/${key.id}/rotate`)];
    const value = valueOn(await rotate(page, { reason: 'leaked' }));

    const second = await rotate(open_, { reason: 'leaked' });

    expect(second.html).toMatch(/class="notice bad" role="alert"><svg.*?Nothing was changed now\./);
    expect((await new McpCaller({ 'x-bf-vk': value }).ask('tools/list')).status).toBe(200);
  });
});

describe('where a key is used, and its end', () => {
  it('names its toolsets, and what its deletion does, before it does it', async () => {
    const key = await make();
    await admin('POST', '/mcp/virtual-mcps', {
      name: `set of ${key.name}`,
      tools: [],
      virtual_key_ids: [key.id],
    });

    const page = await open(`/${key.id}`);
    const asked = await open(`/${key.id}/delete`);
    const stillThere = await find(key.id);
    const done = await browser.submit(asked, {}, undefined, `/admin/keys/${key.id}/delete`);

    expect(page.html).toContain(`set of ${key.name}</a>`);
    expect(asked.html).toContain('You can’t undo this.');
    expect(stillThere.id).toBe(key.id);
    expect(done?.html).toContain(`The key ${key.name} was deleted.`);
    expect((await open(`/${key.id}`)).status).toBe(404);
  });
});

describe('the list of keys', () => {
  const rows = ({ html }: Page) =>
    [...html.matchAll(/class="name cut"[^>]*>([^<]*)</g)].map(([, name]) => name);
  const used = (id: string, at: number) =>
    env.DB.prepare('UPDATE virtual_key SET last_used_at = ?2 WHERE id = ?1').bind(id, at).run();
  const now = () => Math.floor(Date.now() / 1000);

  it('finds keys by any part of their names, owners and last four characters', async () => {
    const owner = await recordSignIn(
      env.DB,
      { issuer: 'https://i.example', subject: 's', email: 'zoe@zebra.example', name: 'Zoë Quill' },
      now(),
    );
    const { name, value } = await make({ name: `${fresh()} 50%_of it`, owner_user_id: owner.id });

    for (const search of ['50%_OF', 'quill', 'zebra.EXAMPLE', value.slice(-4)])
      expect(rows(await open(`?${new URLSearchParams({ search })}`)), search).toContain(name);
    const none = await open('?search=sk-bf');
    const odd = await open('?offset=minus-one&state=odd&sort=odd');

    expect(none.html).toContain('No keys match “sk-bf”');
    expect(none.html).toContain('Clear search');
    expect(odd.status).toBe(200);
  });

  it('is filtered by status and last use, sorted, and counts; what is chosen stays', async () => {
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map((end) => make({ name: `mix ${end}` })));
    const soon = now() + 3 * 86_400;
    await env.DB.batch([
      env.DB.prepare('UPDATE virtual_key SET expires_at = ?2 WHERE id = ?1').bind(b?.id, soon),
      env.DB.prepare('UPDATE virtual_key SET expires_at = 1 WHERE id = ?1').bind(c?.id),
      env.DB.prepare('UPDATE virtual_key SET is_active = 0 WHERE id = ?1').bind(d?.id),
    ]);
    await used(a?.id ?? '', now() - 40 * 86_400);
    await used(b?.id ?? '', now() - 60);
    const shown = async (query: string) => rows(await open(`?search=mix+&${query}`));

    const page = await open('?search=mix+&state=expiring&sort=-last_used');

    expect(rows(page)).toEqual(['mix b']);
    for (const words of [
      'Active (1)',
      'Expires soon (1)',
      'Expired (1)',
      'Off (1)',
      'Not in 30 days (1)',
      'Never used (2)',
    ])
      expect(page.html).toContain(words);
    expect(page.html).toContain('Expires <time');
    expect(page.html).toContain('in the last hour');
    expect(page.html).toMatch(
      /aria-sort="descending"><a href="[^"]*state=expiring&amp;sort=last_used">Last used/,
    );
    expect(page.html).toContain('1–1 of 1 key');
    expect(await shown('state=inactive')).toEqual(['mix d']);
    expect(await shown('used=never')).toEqual(['mix c', 'mix d']);
    expect(await shown('used=not_30_days')).toEqual(['mix a']);
    expect(await shown('sort=-name')).toEqual(['mix d', 'mix c', 'mix b', 'mix a']);
    expect(await shown('sort=-last_used')).toEqual(['mix b', 'mix a', 'mix c', 'mix d']);
  });

  it('says of a key from before uses were noted since when it was not used, not that it never was', async () => {
    const { id, name } = await make({});
    const noted = (at: number) =>
      env.DB.prepare('UPDATE virtual_key SET use_noted_since = ?2, created_at = 1 WHERE id = ?1')
        .bind(id, at)
        .run();
    const list = (query: string) => open(`?${query}&search=${name}`);
    await noted(now());
    const young = await list('used=not_30_days');
    await noted(1_700_000_000);

    expect(rows(young)).toEqual([]);
    expect(rows(await list('used=not_30_days'))).toEqual([name]);
    expect(rows(await list('used=never'))).toEqual([]);
    expect((await list('')).html).toContain('not since 14 Nov 2023');
    expect((await open(`/${id}`)).html).toContain('not since 14 Nov 2023');
  });

  it('of 1,000 keys is found in three round trips at most, under 30 KB', async () => {
    const name = "printf('crowd of keys, number %04d', value)";
    await env.DB.prepare(
      `INSERT INTO virtual_key (id, name, description, value_hash, value_mask, generation, is_active, shared, mcp_configs,
         limits, created_at, updated_at, last_used_at)
       SELECT printf('00000000-0000-4000-8000-%012d', value), ${name}, '', 'hash ' || value, printf('sk-bf-••••%04d', value), 1, 1, 0,
         '[{"mcp_client_name":"Docs","tools_to_execute":["read"]},{"mcp_client_name":"Wiki","tools_to_execute":["*"]}]', '[]', 1, 1, 1
       FROM generate_series(1, 1000)`.replace('generate_series(1, 1000)', 'json_each(?1)'),
    )
      .bind(JSON.stringify(Array.from({ length: 1000 }, (_, at) => at)))
      .run();
    for (const query of [
      '?search=crowd',
      '?search=crowd&sort=-last_used&offset=40',
      '?search=07&used=not_30_days',
    ]) {
      const { html } = await open(query);
      expect(new TextEncoder().encode(html).length).toBeLessThan(30_000);
    }
    const trips = await roundTripsOf(() => open('?search=crowd'));

    expect(trips).toBeLessThanOrEqual(3);
    expect((await open('?search=crowd')).html).toContain('1–40 of 1,000 keys');
    await env.DB.prepare("DELETE FROM virtual_key WHERE name LIKE 'crowd of%'").run();
  });
});

describe('who may (SECURITY 21)', () => {
  it('sends whoever is not signed in to sign in, and brings them back', async () => {
    const response = await gate('/admin/keys/new');

    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(`${ISSUER}/admin/sign-in?return_to=%2Fadmin%2Fkeys%2Fnew`);
  });

  it('refuses a person who is no administrator', async () => {
    const provider = await Provider.start();
    const person = new Browser();
    await provider.signIn(person, 'dora@acme.example');

    expect((await open('', person)).status).toBe(403);
    expect((await open('/new', person)).html).not.toContain('name="csrf"');
  });

  it.each([
    ['without the value of the form', { csrf: null }, { origin: ISSUER }],
    ['with another value', { csrf: 'x'.repeat(43) }, { origin: ISSUER }],
    ['from another site', {}, { origin: 'https://evil.example' }],
    ['from another site of ours', {}, { origin: ISSUER, 'sec-fetch-site': 'cross-site' }],
  ])('changes nothing %s', async (_, answers, headers) => {
    const key = await make();
    const before = await find(key.id);
    const form = async (path: string, more: object, field: string) =>
      browser.submit(await open(path), { ...answers, ...more }, headers, field);
    const name = fresh();

    await form('/new', { name }, 'description');
    await form(`/${key.id}`, { name }, 'description');
    await form(`/${key.id}/rotate`, {}, 'reason');
    await form(`/${key.id}/delete`, {}, `/admin/keys/${key.id}/delete`);

    expect(await find(key.id)).toEqual(before);
    expect(await named(name)).toEqual([]);
  });
});
