import { beforeAll, describe, expect, it } from 'vitest';
import { Browser, type Page, said } from '../../support/browser';
import { admin, administer, configure, newKey } from '../../support/gate';
import { Provider, personOf, sessionOf } from '../../support/provider';
import { addressOf, control, Upstream } from '../../support/upstream';

const TOKEN = 'test-admin-token-of-32-characters';
const closed = { registration: { allow_on_all_virtual_keys: false } };

let browser: Browser;
let docs: Upstream;
let files: Upstream;
beforeAll(async () => {
  browser = await Browser.administrator();
  docs = await Upstream.start(['read', 'write'], closed);
  files = await Upstream.start(['list'], closed);
});

const open = async (path: string) => (await browser.open(path)) as Page;
/** Sends the form of `page` that has `field`. */
const send = async (page: Page, answers: Record<string, string | string[] | null>, field: string) =>
  (await browser.submit(page, answers as never, undefined, field)) as Page;
const whole = ({ name }: Upstream) => ({ mcp_client_name: name, tools_to_execute: ['*'] });

/** A form with what it changes, what someone changes meanwhile, and what is to hold then. */
type Case = {
  path: string;
  change: () => Promise<unknown>;
  edit: (page: Page) => Promise<Page>;
  now: () => Promise<unknown>;
};

type Key = { virtual_key: { is_active: boolean; mcp_configs: unknown[]; description: string } };
type Shown = { client: Record<string, unknown> };

const CASES: Record<string, () => Promise<Case>> = {
  async 'an access key'() {
    const { id } = await newKey([docs.name]);
    const at = `/governance/virtual-keys/${id}`;
    return {
      path: `/admin/keys/${id}`,
      change: () => administer('PUT', at, { is_active: false, mcp_configs: [] }),
      edit: (page) => send(page, { description: 'a note' }, 'description'),
      async now() {
        const { virtual_key } = await administer<Key>('GET', at);
        return [virtual_key.is_active, virtual_key.mcp_configs.length, virtual_key.description];
      },
    };
  },
  async 'a server'() {
    const { id } = await Upstream.start(['read']);
    return {
      path: `/admin/servers/${id}/settings`,
      change: () => administer('PUT', `/mcp/client/${id}`, { allow_on_all_virtual_keys: false }),
      edit: (page) => send(page, { tool_execution_timeout: '20' }, 'tool_execution_timeout'),
      async now() {
        const { client } = await administer<Shown>('GET', `/mcp/client/${id}`);
        return [client.allow_on_all_virtual_keys, client.tool_execution_timeout];
      },
    };
  },
  async "a server's tools"() {
    const { id } = await Upstream.start(['read', 'write']);
    return {
      path: `/admin/servers/${id}`,
      change: () => administer('PUT', `/mcp/client/${id}`, { tools_to_execute: ['read'] }),
      edit: (page) => send(page, { allow_prompts: null }, 'which'),
      now: async () => (await administer<Shown>('GET', `/mcp/client/${id}`)).client.tools_to_execute,
    };
  },
  async 'a group of settings'() {
    await Provider.start({ admin_emails: ['root@acme.example', 'gone@acme.example'] });
    return {
      path: '/admin/settings/sign-in',
      change: () => configure({ oidc: { admin_emails: ['root@acme.example'] } }),
      edit: (page) => send(page, { 'oidc.allowed_domains': 'acme.example' }, 'oidc.allowed_domains'),
      async now() {
        const { oidc } = await administer<{ oidc: Record<string, unknown> }>('GET', '/config');
        return oidc.admin_emails;
      },
    };
  },
  async 'a person'() {
    const email = `${crypto.randomUUID().slice(0, 8)}@acme.example`;
    await (await Provider.start()).signIn(new Browser(), email);
    const { id } = await personOf(email);
    await administer('PUT', `/users/${id}`, { mcp_configs: [whole(docs)] });
    return {
      path: `/admin/people/${id}`,
      change: () => administer('PUT', `/users/${id}`, { mcp_configs: [] }),
      edit: (page) => send(page, { [`pick.${files.name}`]: 'all' }, `/admin/people/${id}`),
      now: async () =>
        (await administer<{ user: { mcp_configs: unknown[] } }>('GET', `/users/${id}`)).user.mcp_configs,
    };
  },
  async 'a toolset'() {
    const made = await administer<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
      name: `set ${crypto.randomUUID()}`,
      tools: [],
    });
    const at = `/mcp/virtual-mcps/${made.virtual_mcp.id}`;
    return {
      path: `/admin/toolsets/${made.virtual_mcp.id}`,
      change: () => administer('PUT', at, { enabled: false }),
      edit: (page) => send(page, { description: 'a note' }, 'description'),
      now: async () =>
        (await administer<{ virtual_mcp: { enabled: boolean } }>('GET', at)).virtual_mcp.enabled,
    };
  },
  async 'the keys of a toolset'() {
    const [one, two] = [await newKey(), await newKey()];
    const made = await administer<{ virtual_mcp: { id: string } }>('POST', '/mcp/virtual-mcps', {
      name: `set ${crypto.randomUUID()}`,
      tools: [],
      virtual_key_ids: [one.id],
    });
    const at = `/mcp/virtual-mcps/${made.virtual_mcp.id}`;
    return {
      path: `/admin/toolsets/${made.virtual_mcp.id}/keys?search=${two.name}`,
      change: () => administer('DELETE', `${at}/virtual-keys/${one.id}`),
      edit: (page) => send(page, { key: two.id }, 'shown'),
      now: async () =>
        (await administer<{ virtual_mcp: { virtual_key_ids: string[] } }>('GET', at)).virtual_mcp
          .virtual_key_ids,
    };
  },
};

const caseOf = (name: string) => (CASES[name] as () => Promise<Case>)();

describe('a form that is out of date', () => {
  it.each(Object.keys(CASES))('replaces nothing in silence: %s', async (name) => {
    const { path, change, edit, now } = await caseOf(name);
    const old = await open(path);
    await change();
    const held = await now();

    const refused = await edit(old);
    const after = await now();
    const fresh = await edit(await open(path));

    expect(said(refused)).toContain('This was changed after you opened the page, so nothing was saved now.');
    expect(after).toEqual(held);
    expect(said(fresh)).not.toContain('This was changed after');
    expect(fresh.status).toBe(200);
  });

  it('can be saved on purpose, as it is shown again', async () => {
    const { path, change, edit, now } = await caseOf('an access key');
    const old = await open(path);
    await change();
    const again = await edit(old);

    const saved = await send(again, {}, 'description');

    expect(said(saved)).toContain('was changed');
    expect(await now()).toEqual([true, 1, 'a note']);
  });
});

describe('a form of a session that is over', () => {
  it.each([
    ['/admin/keys/new', { name: 'typed' }, 'description'],
    [`/admin/settings/keys`, {}, '/admin/settings/signing-key'],
  ])('of %s leads back to its page, which says that nothing was changed', async (path, answers, field) => {
    const own = await Browser.administrator();
    const page = (await own.open(path)) as Page;
    own.cookies.clear();
    const referer = { origin: own.site, referer: page.url };
    const signIn = (await own.submit(page, answers, referer, field)) as Page;

    const back = (await own.submit(signIn, { token: TOKEN }, undefined, 'token')) as Page;

    expect([back.status, new URL(back.url).pathname]).toEqual([200, path]);
    expect(said(back)).toContain('Your session had ended, so nothing was changed.');
  });

  it('does not pretend to sign out a later one', async () => {
    const own = await Browser.administrator();
    const old = (await own.open('/admin')) as Page;
    const again = (await own.open('/admin/sign-in?as=another')) as Page;
    await own.submit(again, { token: TOKEN }, undefined, 'token');

    const left = (await own.submit(old, {}, undefined, '/admin/sign-out')) as Page;

    expect(left.status).toBe(403);
    expect(said(left)).toContain('You’re still signed in');
    expect(await sessionOf(own)).not.toBeNull();
  });
});

describe('what a form of a server says', () => {
  it.each([
    ['abc', '1', null],
    ['1e999', '1', null],
    ['30', 'x', null],
    ['30', '', null],
    ['1.5', '60', 90],
  ])('of a time limit is saved as it is, or refused there: %s %s', async (amount, unit, saved) => {
    const { id } = await Upstream.start(['read'], { registration: { tool_execution_timeout: 20 } });
    const answers = { tool_execution_timeout: amount, tool_execution_timeout_unit: unit };

    const answer = await send(await open(`/admin/servers/${id}/settings`), answers, 'tool_execution_timeout');
    const { client } = await administer<Shown>('GET', `/mcp/client/${id}`);

    expect(client.tool_execution_timeout).toBe(saved ?? 20);
    expect(answer.status).toBe(saved ? 200 : 400);
  });

  it.each(['1.5', '1e300', 'Infinity', '-1', '99999999999999999999'])(
    'of the part of its tools may be anything: %s',
    async (offset) => {
      const answer = await send(await open(`/admin/servers/${docs.id}`), { offset, pick: 'All' }, 'which');

      expect(answer.status).toBe(200);
    },
  );

  it('of resources stays as it was entered, when tools are picked', async () => {
    const { id } = await Upstream.start(['read'], {
      registration: { tools_to_execute: ['read'], allow_resources: true },
    });
    const picked = await send(
      await open(`/admin/servers/${id}`),
      { allow_resources: null, pick: 'All' },
      'which',
    );

    await send(picked, {}, 'which');

    const { client } = await administer<Shown>('GET', `/mcp/client/${id}`);
    expect(client.allow_resources).not.toBe(true);
  });

  it('of header values goes to the headers they were entered for, whatever their order is by then', async () => {
    const upstream = await Upstream.start(['read'], {
      demandsHeaders: ['x-a', 'x-b'],
      registration: { auth_type: 'per_user_headers', per_user_header_keys: ['x-a', 'x-b'] },
    });
    const page = await open(`/admin/servers/${upstream.id}`);
    await admin('PUT', `/mcp/client/${upstream.id}`, { per_user_header_keys: ['x-b', 'x-a'] });

    await send(page, { 'value.0': 'of a', 'value.1': 'of b' }, 'value.0');

    const sent = (await upstream.seen('tools/list')).at(-1)?.headers;
    expect([sent?.['x-a'], sent?.['x-b']]).toEqual(['of a', 'of b']);
  });

  it('of a header that is not shown again is asked for again', async () => {
    const name = `up_${crypto.randomUUID().slice(0, 8)}`;
    await control(name, 'set', { demandsHeaders: ['x-key'] });
    const start = await open('/admin/servers/new');
    const page = await send(start, { connection_string: addressOf(name) }, 'connection_string');
    const answers = { name: 'bad name!', header_name: ['x-key'], header_value: ['typed'] };

    const refused = await send(page, answers, 'name');

    expect(refused.html).toContain('Enter the header values again.');
  });
});
