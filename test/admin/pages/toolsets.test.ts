import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page } from '../../support/browser';
import { McpCaller } from '../../support/caller';
import { admin, configure, gate, ISSUER, newKey } from '../../support/gate';
import { Upstream } from '../../support/upstream';

const API = '/mcp/virtual-mcps';
type Toolset = {
  id: string;
  name: string;
  endpoint_slug: string;
  enabled: boolean;
  virtual_key_ids: string[];
};
type One = { virtual_mcp: Toolset };

let browser: Browser;
let wiki: Upstream;
beforeAll(async () => {
  browser = await Browser.administrator();
  wiki = await Upstream.start(['read', 'write'], {
    registration: { name: 'Wiki', allow_on_all_virtual_keys: false },
  });
});

const fresh = () => `Set ${crypto.randomUUID().slice(0, 8)}`;
const make = async (terms: object = {}) =>
  (await admin<One>('POST', API, { name: fresh(), tools: [], ...terms })).virtual_mcp;
const find = async (id: string) => (await admin<One>('GET', `${API}/${id}`)).virtual_mcp;
const count = async () => (await admin<{ total_count: number }>('GET', API)).total_count;

async function open(path: string): Promise<Page> {
  const page = await browser.open(`/admin/toolsets${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

/** Sends the form of `page` that has `field`. */
async function send(
  page: Page,
  answers: Record<string, string | string[] | null>,
  field: string,
): Promise<Page> {
  const next = await browser.submit(page, answers, undefined, field);
  if (!next) throw new Error('the form led elsewhere');
  return next;
}

describe('making a toolset', () => {
  it('goes on to the keys that may use it, and then opens the tools picked for them', async () => {
    const key = await newKey();
    const name = fresh();

    const made = await send(
      await open('/new'),
      { name, 'pick.Wiki': 'some', 'tool.Wiki': 'read' },
      'description',
    );
    const attached = await send(made, { key: key.id }, 'shown');
    const slug = name.toLowerCase().replace(' ', '-');
    const tools = await new McpCaller({ 'x-bf-vk': key.value }, '2025', `/mcp/${slug}`).toolNames();

    expect(made.url).toMatch(/\/admin\/toolsets\/[0-9a-f-]{36}\/keys$/);
    expect(made.html).toContain('Select the keys that can use it.');
    expect(attached.html).toContain(`1 key can now use ${name}.`);
    expect(tools).toEqual(['Wiki-read']);
  });

  it('shows again what was refused, beside the field', async () => {
    const { endpoint_slug } = await make();
    const before = await count();
    const answers = { name: 'kept', endpoint_slug, 'pick.Wiki': 'all' };

    const taken = await send(await open('/new'), answers, 'description');
    const odd = await send(taken, { endpoint_slug: 'No Spaces' }, 'description');
    const empty = await send(taken, { 'pick.Wiki': 'some' }, 'description');

    expect(taken.status).toBe(400);
    expect(taken.html).toContain('</svg>Another toolset, or a server, has this address.');
    expect(taken.html).toMatch(/name="pick.Wiki".*?<option value="all" selected/);
    expect(odd.html).toContain('</svg>The address must be lower-case letters, digits and inner hyphens');
    expect(odd.html.match(/The address must be/g)).toHaveLength(1); // at its field alone
    expect(empty.html).toContain('Select at least one tool of Wiki, or remove Wiki.');
    expect(await count()).toBe(before);
  });
});

describe('a toolset', () => {
  it('keeps its address under another name, and loses nothing the form does not touch', async () => {
    const tools = [{ mcp_client_id: wiki.id, tool_names: ['write', 'one that is gone'] }];
    const key = await newKey();
    const toolset = await make({ tools, description: 'for nights', virtual_key_ids: [key.id] });

    await send(await open(`/${toolset.id}`), { name: `${toolset.name} again` }, 'description');
    const page = await open(`/${toolset.id}`);

    expect(await find(toolset.id)).toEqual({
      ...toolset,
      name: `${toolset.name} again`,
      updated_at: expect.any(String),
    });
    expect(page.html).toContain(`data-copy="${ISSUER}/mcp/${toolset.endpoint_slug}"`);
    expect(page.html).not.toContain('name="endpoint_slug"');
  });

  it('is turned off and on', async () => {
    const toolset = await make();

    const off = await send(await open(`/${toolset.id}`), { enabled: null }, 'enabled');
    const whileOff = await find(toolset.id);
    await send(off, { enabled: 'on' }, 'enabled');

    expect(off.html).toContain('class="badge off">Off');
    expect([whileOff.enabled, (await find(toolset.id)).enabled]).toEqual([false, true]);
  });

  it('is taken from keys that are unticked, and stays with keys the page does not show', async () => {
    const [gone, elsewhere] = [await newKey(), await newKey()];
    const toolset = await make({ virtual_key_ids: [gone.id, elsewhere.id] });
    const page = await open(`/${toolset.id}/keys?search=${encodeURIComponent(gone.name)}`);

    const saved = await send(page, { key: null }, 'shown');

    expect(saved.html).toContain(`1 key can no longer use ${toolset.name}.`);
    expect((await find(toolset.id)).virtual_key_ids).toEqual([elsewhere.id]);
  });

  it('says how each app is connected: links without a secret, lines for signing in and for keys', async () => {
    const toolset = await make();
    const url = `${ISSUER}/mcp/${toolset.endpoint_slug}`;
    const hrefs = (html: string) =>
      [...html.matchAll(/href="((?:cursor|vscode|https):[^"]+)"/g)].map(([, href = '']) =>
        href.replaceAll('&amp;', '&'),
      );

    const { html } = await open(`/${toolset.id}/connect`);
    const cursor = new URL(hrefs(html).find((href) => href.startsWith('cursor:')) ?? '').searchParams;
    const [bySignIn, byKey] = hrefs(html)
      .filter((href) => href.startsWith('vscode:mcp/install?'))
      .map((href) => JSON.parse(decodeURIComponent(href.split('?')[1] ?? '')));

    expect(html).toContain(`data-copy="claude mcp add --transport http ${toolset.endpoint_slug} ${url}"`);
    expect(html).toContain('No key can use it yet.');
    expect(cursor.get('name')).toBe(toolset.endpoint_slug);
    expect(JSON.parse(atob(cursor.get('config') ?? ''))).toEqual({ url });
    expect(bySignIn).toEqual({ name: toolset.endpoint_slug, type: 'http', url });
    expect(byKey).toMatchObject({ url, inputs: [{ id: 'key', password: true }] });
  });

  it('offers only the ways in that the gateway takes', async () => {
    const { id } = await make();
    const connect = async (mcp_server_auth_mode: string) => {
      await configure({ mcp_server_auth_mode });
      const { html } = await open(`/${id}/connect`);
      return [/claude mcp add [^<"]*\/mcp\/[\w-]+"/.test(html), html.includes('YOUR_ACCESS_KEY')];
    };

    const ways = [await connect('headers'), await connect('oauth'), await connect('both')];

    expect(ways).toEqual([
      [false, true],
      [true, false],
      [true, true],
    ]);
  });

  it('is deleted once that was confirmed', async () => {
    const toolset = await make();
    const asked = await open(`/${toolset.id}/delete`);
    const stillThere = await find(toolset.id);

    const done = await send(asked, {}, `/admin/toolsets/${toolset.id}/delete`);

    expect(stillThere.id).toBe(toolset.id);
    expect(done.html).toContain(`The toolset ${toolset.name} was deleted.`);
    expect((await open(`/${toolset.id}`)).status).toBe(404);
  });
});

describe('the list of toolsets', () => {
  const names = ({ html }: Page) =>
    [...html.matchAll(/<a class="name cut" href="[^"]+"[^>]*>([^<]+)</g)].map(([, name]) => name);

  it('finds any part of a name or an address, by state, in the order asked for', async () => {
    const key = await newKey();
    const mark = crypto.randomUUID().slice(0, 8);
    await make({ name: `A ${mark} one`, endpoint_slug: `first-${mark}` });
    await make({ name: `B ${mark} two`, enabled: false, virtual_key_ids: [key.id] });
    const asked = async (query: string) => names(await open(`?${query}`));

    expect(await asked(`search=${mark.toUpperCase()}`)).toEqual([`A ${mark} one`, `B ${mark} two`]);
    expect(await asked(`search=irst-${mark}`)).toEqual([`A ${mark} one`]);
    expect(await asked(`search=${mark}&state=off`)).toEqual([`B ${mark} two`]);
    expect(await asked(`search=${mark}&sort=-name`)).toEqual([`B ${mark} two`, `A ${mark} one`]);
    expect(await asked(`search=${mark}&sort=-keys`)).toEqual([`B ${mark} two`, `A ${mark} one`]);
    expect(await asked(`search=${mark}&sort=nonsense&state=nonsense`)).toHaveLength(2);
  });

  it('keeps search and filter in what sorts it, and says what was searched', async () => {
    const { html } = await open('?search=Set&state=on&sort=-name');
    const none = await open('?search=%3Cb%3Enothing');

    expect(html).toContain('href="?search=Set&amp;state=on&amp;sort=name"');
    expect(html).toMatch(/aria-sort="descending"[^>]*><a href="[^"]+">Name/);
    expect(none.html).toContain('No toolsets match “&lt;b&gt;nothing”');
  });
});

describe('who may (SECURITY 21)', () => {
  it('sends whoever is not signed in to sign in', async () => {
    const response = await gate('/admin/toolsets');

    expect(response.headers.get('location')).toBe(`${ISSUER}/admin/sign-in?return_to=%2Fadmin%2Ftoolsets`);
  });

  it.each([
    ['without the value of the form', { csrf: null }, { origin: ISSUER }],
    ['from another site', {}, { origin: 'https://evil.example' }],
  ])('changes nothing %s', async (_, answers, headers) => {
    const key = await newKey();
    const toolset = await make();
    const before = [await count(), await find(toolset.id)];
    const form = async (path: string, more: Record<string, string>, field: string) =>
      browser.submit(await open(path), { ...answers, ...more }, headers, field);

    await form('/new', { name: fresh() }, 'description');
    await form(`/${toolset.id}`, { name: fresh() }, 'description');
    await form(`/${toolset.id}/keys`, { key: key.id }, 'shown');
    await form(`/${toolset.id}/delete`, {}, `/admin/toolsets/${toolset.id}/delete`);

    expect([await count(), await find(toolset.id)]).toEqual(before);
  });
});
