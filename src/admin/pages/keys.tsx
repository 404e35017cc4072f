import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import type { App } from '../../config';
import { Badge, Copy, Empty, Pager, Search, Table, type Tone, When } from '../../ui/parts';
import type { ShownKey } from '../virtual-keys';
import { type Acted, act, type Form, read, readForm } from './api';
import { adminPage, Confirm, Csrf, csrfOf, goTo } from './frame';
import { KeyForm, keyOf } from './key-form';
import { pickableServers } from './tool-picker';

/** A key as the API shows it. */
export type Key = z.infer<typeof ShownKey>;
type Keys = { virtual_keys: Key[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/keys';

/** Access keys: what apps show to get in. A value is shown once, by the answer that makes it. */
export const keyPages = new Hono<App>()
  .get('/', async (c) => {
    const { search = '', offset = '0' } = c.req.query();
    const list = await read<Keys>(c, `/governance/virtual-keys?${new URLSearchParams({ search, offset })}`);
    return adminPage(c, { title: 'Access keys', at: AT, body: <KeyList {...list} search={search} /> });
  })

  .get('/new', (c) => showNew(c))
  .post('/new', async (c) => {
    const form = await readForm(c);
    const made = await act<{ virtual_key: Key }>(c, form, 'POST', '/governance/virtual-keys', keyOf(form));
    if (!made.ok) return showNew(c, form, made);
    return showValue(c, made.body.virtual_key, 'The key was made');
  })

  .get('/:id', (c) => showKey(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const change = { ...keyOf(form), is_active: form.get('is_active') === 'on' };
    const changed = await act(c, form, 'PUT', `/governance/virtual-keys/${id}`, change);
    return changed.ok ? goTo(c, `${AT}/${id}`, 'The key was changed.') : showKey(c, id, form, changed);
  })

  .get('/:id/rotate', async (c) => {
    const { virtual_key: key } = await read<{ virtual_key: Key }>(
      c,
      `/governance/virtual-keys/${c.req.param('id')}`,
    );
    return adminPage(c, {
      title: 'New value for a key',
      at: AT,
      body: <Rotate id={key.id} name={key.name} csrf={await csrfOf(c)} />,
    });
  })
  .post('/:id/rotate', async (c) => {
    const form = await readForm(c);
    const path = `/governance/virtual-keys/${c.req.param('id')}/rotate`;
    const rotated = await act<{ virtual_key: Key; message: string }>(c, form, 'POST', path, {
      reason: form.get('reason'),
    });
    if (!rotated.ok) return goTo(c, `${AT}/${c.req.param('id')}`, rotated.message);
    return showValue(c, rotated.body.virtual_key, 'The key has a new value', rotated.body.message);
  })

  .get('/:id/delete', async (c) => {
    const { virtual_key: key } = await read<{ virtual_key: Key }>(
      c,
      `/governance/virtual-keys/${c.req.param('id')}`,
    );
    const csrf = await csrfOf(c);
    const body = (
      <Confirm
        title={`Delete the key ${key.name}?`}
        action={`${AT}/${key.id}/delete`}
        button="Delete it"
        back={`${AT}/${key.id}`}
        csrf={csrf}
      >
        <p>
          Apps that use it are refused within seconds, access that was allowed with it ends, and accounts
          connected with it are forgotten. This cannot be undone.
        </p>
      </Confirm>
    );
    return adminPage(c, { title: 'Delete a key', at: AT, body });
  })
  .post('/:id/delete', async (c) => {
    const deleted = await act<{ message: string }>(
      c,
      await readForm(c),
      'DELETE',
      `/governance/virtual-keys/${c.req.param('id')}`,
    );
    return goTo(c, AT, deleted.ok ? deleted.body.message : deleted.message);
  });

function KeyList({ virtual_keys, search, ...page }: Keys & { search: string }) {
  return (
    <>
      <div class="row spread">
        <h1>Access keys</h1>
        <div class="row">
          <Search label="Name of the key" value={search} />
          <a class="button primary" href={`${AT}/new`}>
            Make a key
          </a>
        </div>
      </div>
      {virtual_keys.length ? (
        <>
          <Table
            label="Access keys"
            columns={[
              { name: 'Key' },
              { name: 'May use' },
              { name: 'Limit' },
              { name: 'Expires' },
              { name: 'State' },
            ]}
          >
            {virtual_keys.map((key) => (
              <tr>
                <td>
                  <a href={`${AT}/${key.id}`}>
                    <b>{key.name}</b>
                  </a>
                  <br />
                  <small class="mono">{key.value}</small>
                </td>
                <td data-label="May use">{mayUse(key)}</td>
                <td data-label="Limit">
                  {key.limits.length
                    ? key.limits.map(({ calls }) => calls.toLocaleString('en')).join(', ')
                    : 'none'}
                </td>
                <td data-label="Expires">
                  <When at={key.expires_at} />
                </td>
                <td data-label="State">
                  <Badge tone={stateOf(key).tone}>{stateOf(key).word}</Badge>
                </td>
              </tr>
            ))}
          </Table>
          <Pager
            {...page}
            total={page.total_count}
            href={(offset) => `${AT}?${new URLSearchParams({ search, offset: String(offset) })}`}
          />
        </>
      ) : search ? (
        <Empty title={`No key begins with “${search}”`}>
          <a href={AT}>Show all keys</a>
        </Empty>
      ) : (
        <Empty title="There is no access key yet">
          <p>
            A key lets an app in and says which servers and tools it gets.{' '}
            <a href={`${AT}/new`}>Make the first one</a>.
          </p>
        </Empty>
      )}
    </>
  );
}

type Problem = Exclude<Acted<unknown>, { ok: true }>;

async function showNew(c: Context<App>, sent?: Form, refused?: Problem): Promise<Response> {
  const [servers, csrf, { users }] = await Promise.all([
    pickableServers(c),
    csrfOf(c),
    read<People>(c, '/users?limit=500'),
  ]);
  const body = (
    <>
      <h1>Make an access key</h1>
      <KeyForm key_={null} servers={servers} people={users} csrf={csrf} sent={sent} refused={refused} />
    </>
  );
  return adminPage(c, { title: 'Make an access key', at: AT, refusal: refused?.message, body });
}

async function showKey(c: Context<App>, id: string, sent?: Form, refused?: Problem): Promise<Response> {
  const [{ virtual_key: key }, servers, csrf, { users }] = await Promise.all([
    read<{ virtual_key: Key }>(c, `/governance/virtual-keys/${id}`),
    pickableServers(c),
    csrfOf(c),
    read<People>(c, '/users?limit=500'),
  ]);
  const state = stateOf(key);
  const body = (
    <>
      <div class="row spread">
        <h1>{key.name}</h1>
        <Badge tone={state.tone}>{state.word}</Badge>
      </div>
      <dl class="facts">
        <dt>Key</dt>
        <dd class="mono">{key.value}</dd>
        <dt>Made</dt>
        <dd>
          <When at={key.created_at} />
        </dd>
      </dl>
      <KeyForm key_={key} servers={servers} people={users} csrf={csrf} sent={sent} refused={refused} />
      <section class="stack apart">
        <h2>Give it a new value, or end it</h2>
        <div class="row">
          <a class="button" href={`${AT}/${key.id}/rotate`}>
            New value
          </a>
          <a class="button danger" href={`${AT}/${key.id}/delete`}>
            Delete
          </a>
        </div>
      </section>
    </>
  );
  return adminPage(c, { title: 'An access key', at: AT, refusal: refused?.message, body });
}

/** The one time a value is shown. */
async function showValue(c: Context<App>, key: Key, title: string, message?: string): Promise<Response> {
  const body = (
    <>
      <h1>{title}</h1>
      <div class="card stack">
        <p>
          This is the value of <b>{key.name}</b>. Copy it now: it is not shown again.
        </p>
        <Copy text={key.value} label="the key" />
        {message && <p class="muted">{message}</p>}
        <div class="actions">
          <a class="button primary" href={`${AT}/${key.id}`}>
            I have copied it
          </a>
          <a class="button" href="/">
            How to connect an app
          </a>
        </div>
      </div>
    </>
  );
  return adminPage(c, { title, at: AT, body });
}

function Rotate({ id, name, csrf }: { id: string; name: string; csrf: string }) {
  return (
    <form class="card stack wide" method="post" action={`${AT}/${id}/rotate`}>
      <h1>Give {name} a new value</h1>
      <Csrf value={csrf} />
      <fieldset>
        <legend>Why?</legend>
        <label class="choice">
          <input type="radio" name="reason" value="routine" checked />
          <span>In the course of time</span>
          <small>
            Apps that were allowed with it go on. The old value works for as long as the settings say.
          </small>
        </label>
        <label class="choice">
          <input type="radio" name="reason" value="leaked" />
          <span>Somebody else may have it</span>
          <small>
            The old value is refused at once, and everything it allowed ends: apps, links, browsers.
          </small>
        </label>
      </fieldset>
      <div class="actions">
        <button type="submit" class="button primary">
          Make the new value
        </button>
        <a class="button" href={`${AT}/${id}`}>
          Cancel
        </a>
      </div>
    </form>
  );
}

type People = { users: { id: string; name: string; email: string }[] };

function stateOf({ is_active, expires_at }: Key): { tone: Tone; word: string } {
  if (!is_active) return { tone: 'off', word: 'inactive' };
  if (expires_at && Date.parse(expires_at) <= Date.now()) return { tone: 'bad', word: 'expired' };
  return { tone: 'good', word: 'active' };
}

function mayUse({ mcp_configs }: Key): string {
  const open = mcp_configs.filter(({ tools_to_execute }) => tools_to_execute.length);
  if (!open.length) return 'what everyone may';
  const [first, ...more] = open.map(({ mcp_client_name, tools_to_execute }) =>
    tools_to_execute.includes('*') ? mcp_client_name : `${tools_to_execute.length} of ${mcp_client_name}`,
  );
  return more.length > 1 ? `${first} and ${more.length} more servers` : [first, ...more].join(', ');
}
