import { describe, expect, it } from 'vitest';
import { Browser, type Page } from '../../support/browser';
import { admin, newKey } from '../../support/gate';
import { McpClient } from '../../support/mcp-client';
import { Provider, personOf, sessionOf } from '../../support/provider';
import { Upstream } from '../../support/upstream';

let browser: Browser;
let provider: Provider;

async function open(path: string): Promise<Page> {
  const page = await browser.open(`/admin${path}`);
  if (!page) throw new Error(`${path} led elsewhere`);
  return page;
}

/** Someone who signed in, in a browser of theirs. */
async function somebody() {
  const email = `p${crypto.randomUUID().slice(0, 8)}@acme.example`;
  const theirs = new Browser();
  await provider.signIn(theirs, email);
  return { email, theirs, id: (await personOf(email)).id };
}

const find = async (id: string) =>
  (await admin<{ user: { is_active: boolean; mcp_configs: object[] } }>('GET', `/users/${id}`)).user;

it('says how people appear while nobody can sign in, and once they can', async () => {
  browser = await Browser.administrator();
  const before = await open('/people');
  provider = await Provider.start();
  const after = await open('/people');

  expect(before.html).toContain('Sign-in isn’t set up');
  expect(before.html).toContain('href="/admin/settings/sign-in"');
  expect(after.html).toContain('No people yet');
});

describe('a person', () => {
  it('may use what was picked for them, and nothing typed is lost on the way', async () => {
    const files = await Upstream.start(['read', 'write'], {
      registration: { allow_on_all_virtual_keys: false },
    });
    const { id } = await somebody();
    const pick = `pick.${files.name}`;

    const none = await browser.submit(await open(`/people/${id}`), { [pick]: 'some' }, undefined, 'add');
    await browser.submit(none as Page, { [pick]: 'some', [`tool.${files.name}`]: 'write' }, undefined, pick);

    expect(none?.html).toContain(`Select at least one tool of ${files.name}`);
    expect(none?.html).toMatch(/<option value="some" selected/);
    expect((await find(id)).mcp_configs).toEqual([
      { mcp_client_name: files.name, tools_to_execute: ['write'] },
    ]);
  });

  it('is shown with their keys and apps', async () => {
    const { id } = await somebody();
    const key = await newKey();
    await admin('PUT', `/governance/virtual-keys/${key.id}`, { owner_user_id: id });

    const { html } = await open(`/people/${id}`);

    expect(html).toContain(`<a href="/admin/keys/${key.id}">${key.name}</a>`);
    expect(html).toContain('None with access');
  });

  it('is blocked after a page that says what happens, and let in again', async () => {
    const { id, theirs, email } = await somebody();
    const asked = await open(`/people/${id}/block`);
    const blocked = await browser.submit(asked, {}, undefined, `/admin/people/${id}/block`);
    const signedIn = await sessionOf(theirs);
    const unblocked = await browser.submit(blocked as Page, {}, undefined, `/admin/people/${id}/unblock`);
    await provider.signIn(theirs, email);

    expect(asked.html).not.toContain('turned off.'); // of no key
    expect(blocked?.html).toContain('Blocked. This applies everywhere within seconds.');
    expect(signedIn).toBeNull();
    expect(unblocked?.html).toContain('They can sign in again.');
    expect(await sessionOf(theirs)).not.toBeNull();
  });

  it('stays as they are without the value of the form', async () => {
    const { id } = await somebody();
    const asked = await open(`/people/${id}/block`);
    const deletion = await open(`/people/${id}/delete`);

    await browser.submit(asked, { csrf: null }, undefined, `/admin/people/${id}/block`);
    await browser.submit(deletion, { csrf: null }, undefined, `/admin/people/${id}/delete`);

    expect((await find(id)).is_active).toBe(true);
  });

  it('is deleted, and the page of who is gone says so', async () => {
    const { id } = await somebody();
    await browser.submit(await open(`/people/${id}/delete`), {}, undefined, `/admin/people/${id}/delete`);
    const gone = await open(`/people/${id}`);

    expect(gone.status).toBe(404);
    expect(gone.html).toContain('This person was deleted, or never signed in.');
  });
});

describe('the list of people', () => {
  it('finds any part of a name or address, by state, in the order asked for', async () => {
    const mark = crypto.randomUUID().slice(0, 8);
    for (const email of [`a.${mark}@acme.example`, `b.${mark}@acme.example`])
      await provider.signIn(new Browser(), email, { claims: { name: `Ms ${email[0]} ${mark}` } });
    await admin('PUT', `/users/${(await personOf(`b.${mark}@acme.example`)).id}`, { is_active: false });
    const asked = async (query: string) => {
      const { html } = await open(`/people?${query}`);
      return [...html.matchAll(/<a class="name cut" href="[^"]+"[^>]*>Ms (.) /g)].map(([, letter]) => letter);
    };

    expect(await asked(`search=${mark}`)).toEqual(['a', 'b']);
    expect(await asked(`search=S+B+${mark.toUpperCase()}`)).toEqual(['b']);
    expect(await asked(`search=.${mark}@acme&state=blocked`)).toEqual(['b']);
    expect(await asked(`search=${mark}&state=active`)).toEqual(['a']);
    expect(await asked(`search=${mark}&sort=-name`)).toEqual(['b', 'a']);
    expect(await asked(`search=${mark}&sort=-last_sign_in`)).toHaveLength(2);
    expect((await open('/people?search=nobody-at-all')).html).toContain('No people match “nobody-at-all”');
  });
});

describe('the apps', () => {
  it('say where they lead and how much access they have; deleting one ends it', async () => {
    const client_name = `App ${crypto.randomUUID().slice(0, 8)}`;
    const client = await McpClient.register({ client_name });
    const tokens = await client.obtainGrant();

    const list = await open(`/apps?search=${encodeURIComponent(client_name)}`);
    const asked = await open(`/apps/delete?app=${client.clientId}`);
    const kept = await browser.submit(asked, { csrf: null }, undefined, 'app');
    const stillThere = (await admin('GET', `/oauth2/clients/${client.clientId}`)).status;
    const after = await browser.submit(asked, {}, undefined, 'app');

    expect(list.html).toContain('a computer, a device (com.example.test)');
    expect(list.html).toMatch(/href="\/admin\/access\?app=[^"]+">1</);
    expect(asked.html).toContain('It was allowed <b>1 time</b>.');
    expect(kept?.html).not.toContain('App deleted');
    expect(stillThere).toBe(200);
    expect(after?.html).toContain('App deleted.');
    expect((await client.refresh(tokens.refresh_token)).status).toBe(401);
  });
});
