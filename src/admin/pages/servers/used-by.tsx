import { type Context, Hono } from 'hono';
import type { App } from '../../../config';
import { ask } from '../../../database';
import {
  type Recipient,
  recipientsQuestion,
  type ServerUser,
  serverUsersQuestion,
  USER_KINDS,
  type UserKind,
} from '../../../governance/server-use';
import { serverQuestion } from '../../../servers/find';
import { type Server, stateOf } from '../../../servers/server';
import { Avatar } from '../../../ui/avatar';
import { countOf } from '../../../ui/english';
import { Csrf } from '../../../ui/forms';
import { Rows } from '../../../ui/list-page';
import { Cut, cut } from '../../../ui/name';
import { described, Empty, Field, Search } from '../../../ui/parts';
import { act, type FormFields, listPage, type Refused, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { Ask, noServer, ServerHead } from './head';
import { givenToPeople, isForPeople } from './state';

const AT = '/admin/servers';
/** Names that are offered at once, and of those several that were meant. */
const MOST_OFFERED = 50;
const MOST_MEANT = 20;

/** Who may use a server, and the way to give it to a key, a person, a toolset or everyone. */
export const usedByPages = new Hono<App>()
  .get('/:id/used-by', (c) => showUsers(c))
  .post('/:id/everyone', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const isOpen = form.get('on') === 'on';
    const changed = await act(c, form, 'PUT', `/mcp/client/${id}`, { allow_on_all_virtual_keys: isOpen });
    if (!changed.ok) return showUsers(c, form, { refused: changed });
    const said = isOpen ? 'Everyone can use it now.' : 'It is no longer open to everyone.';
    return goTo(c, `${AT}/${id}/used-by`, said);
  })
  .post('/:id/used-by', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    const to = form.get('to')?.trim() ?? '';
    const [server, found] = await ask(
      c.env.DB,
      serverQuestion(c.env.DB, id),
      recipientsQuestion(c.env.DB, to, MOST_MEANT + 1),
    );
    if (!server) throw noServer();
    const named = found.filter(({ name }) => name.toLowerCase() === to.toLowerCase());
    const chosen = form.get('one');
    const meant = found.filter(({ kind, id }) => `${kind} ${id}` === chosen);
    const [one, another] = meant.length ? meant : named.length ? named : found;
    const wrong = (message: string) => ({ ok: false, status: 400, field: 'to', message }) as const;
    if (!to) return showUsers(c, form, { refused: wrong('Enter a name.') });
    if (!one) return showUsers(c, form, { refused: wrong('No key, person or toolset has this name.') });
    if (another) {
      const refused = wrong('More than one matches. Choose which.');
      return showUsers(c, form, { refused, meant: (named.length ? named : found).slice(0, MOST_MEANT) });
    }
    const given = await give(c, form, server, one);
    if (!given.ok) return showUsers(c, form, { refused: { ...given, field: 'to' } });
    return goTo(c, `${AT}/${id}/used-by`, `${cut(one.name)} can use all tools of ${server.name} now.`);
  });

type Given = { mcp_client_name: string; tools_to_execute: string[] };
type Held = { mcp_client_id: string; tool_names: string[] };

/** Gives all of a server to one that has nothing of it. */
async function give(c: Context<App>, form: FormFields, server: Server, to: Recipient) {
  const [path, member] = {
    key: [`/governance/virtual-keys/${to.id}`, 'virtual_key'],
    person: [`/users/${to.id}`, 'user'],
    toolset: [`/mcp/virtual-mcps/${to.id}`, 'virtual_mcp'],
  }[to.kind] as [string, string];
  const { [member]: shown } = await read<Record<string, { mcp_configs?: Given[]; tools?: Held[] }>>(c, path);
  const { mcp_configs = [], tools = [] } = shown ?? {};
  const isHere = (one: Given) => one.mcp_client_name.toLowerCase() === server.name.toLowerCase();
  const had = [...mcp_configs.filter(isHere), ...tools.filter((one) => one.mcp_client_id === server.id)];
  if (had.some((one) => ('tool_names' in one ? one.tool_names : one.tools_to_execute).length)) {
    const message = `${cut(to.name)} can use ${server.name} already. Edit it in the list.`;
    return { ok: false, status: 400, field: 'to', message } as const;
  }
  const body =
    to.kind === 'toolset'
      ? {
          tools: [
            ...tools.filter((one) => one.mcp_client_id !== server.id),
            { mcp_client_id: server.id, tool_names: ['*'] },
          ],
        }
      : {
          mcp_configs: [
            ...mcp_configs.filter((one) => !isHere(one)),
            { mcp_client_name: server.name, tools_to_execute: ['*'] },
          ],
        };
  return act(c, form, 'PUT', path, body);
}

type Asked = { refused?: Refused; meant?: Recipient[] };

async function showUsers(c: Context<App>, sent?: FormFields, asked: Asked = {}): Promise<Response> {
  const { env, var: circumstances } = c;
  const { settings, issuer } = circumstances;
  const id = c.req.param('id') ?? '';
  const page = listPage(c, 50);
  const kind = USER_KINDS.find((one) => one === c.req.query('kind'));
  const now = Math.floor(Date.now() / 1000);
  const forPeople = givenToPeople(settings);
  const [server, offered, list] = await ask(
    env.DB,
    serverQuestion(env.DB, id),
    recipientsQuestion(env.DB, '', MOST_OFFERED),
    serverUsersQuestion(env.DB, id, { ...page, kind, forPeople, issuer, now }),
  );
  if (!server) throw noServer();
  const csrf = await csrfOf(c);
  const body = (
    <>
      <ServerHead server={{ ...server, state: stateOf(server) }} tab="used-by" csrf={csrf} />
      <div class="cols">
        <div class="stack wide">
          <Everyone server={server} isForPeople={isForPeople(server, settings)} csrf={csrf} />
          <Users {...list} {...{ server, page, kind }} />
        </div>
        <Giving {...asked} {...{ server, offered, sent, csrf }} />
      </div>
    </>
  );
  const isAlone = asked.refused?.field === 'to';
  return adminPage(c, {
    title: `${cut(server.name)} · Used by`,
    at: AT,
    body,
    ...(asked.refused && { status: 400 }),
    refusal: isAlone ? undefined : asked.refused?.message,
  });
}

function Everyone({ server, isForPeople, csrf }: { server: Server; isForPeople: boolean; csrf: string }) {
  const { id, name, allowOnAllVirtualKeys: isOpen } = server;
  const action = `${AT}/${id}/everyone`;
  return (
    <section class="card stack">
      <div class="row spread">
        <h2>Access for everyone: {isOpen ? 'on' : 'off'}</h2>
        {isOpen ? (
          <Ask action={action} csrf={csrf} label="Stop access for everyone" busy="Closing…" />
        ) : (
          <Ask {...{ action, csrf, label: 'Open to everyone', busy: 'Opening…' }} values={{ on: 'on' }} />
        )}
      </div>
      <p class="muted">
        {isOpen
          ? `All keys and people can use ${name}, unless it is blocked for them.`
          : `Only the keys, people and toolsets below can use ${name}.`}
        {!isOpen && isForPeople && (
          <>
            {' '}
            Everyone who signs in can use it too. Change that in{' '}
            <a href="/admin/settings/everyone">Settings, Access for people</a>.
          </>
        )}
      </p>
    </section>
  );
}

/** Each kind: what one and many are called, and where it is edited. */
const KINDS: Readonly<Record<UserKind, readonly [one: string, many: string, at: string]>> = {
  key: ['Access key', 'Access keys', '/admin/keys'],
  person: ['Person', 'People', '/admin/people'],
  toolset: ['Toolset', 'Toolsets', '/admin/toolsets'],
  app: ['App', 'Apps', '/admin/access'],
};

type UsersProps = {
  server: Server;
  users: readonly ServerUser[];
  counts: Record<UserKind, number>;
  page: { search: string; offset: number; limit: number };
  kind: UserKind | undefined;
  tools: number;
};

function Users({ server, users, counts, page, kind, tools }: UsersProps) {
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const at = `${AT}/${server.id}/used-by`;
  const alike = amongAlike(users);
  const query = { ...(page.search && { search: page.search }), ...(kind && { kind }) };
  return (
    <section class="stack" aria-labelledby="used">
      <h2 id="used">Used by {all.toLocaleString('en')}</h2>
      {(all > 8 || page.search || kind) && (
        <Search label="Find by name" value={page.search}>
          <select class="input" name="kind" aria-label="Kind">
            <option value="">All kinds</option>
            {USER_KINDS.map((one) => (
              <option value={one} selected={one === kind}>
                {KINDS[one][1]} ({counts[one].toLocaleString('en')})
              </option>
            ))}
          </select>
        </Search>
      )}
      <Rows
        label="Used by"
        columns={[{ name: 'Name' }, { name: 'Can use' }]}
        rows={users}
        row={(user) => <UserRow {...{ user, tools }} isAlike={alike(user)} />}
        total={kind ? counts[kind] : all}
        one={kind ? KINDS[kind][0].toLowerCase() : 'name'}
        {...page}
        href={(offset) => `${at}?${new URLSearchParams({ ...query, offset: String(offset) })}`}
      >
        {page.search || kind ? (
          <Empty title="Nothing matches" glyph="search">
            <div class="row">
              <a class="button" href={at}>
                Clear search
              </a>
            </div>
          </Empty>
        ) : (
          <Empty title={server.allowOnAllVirtualKeys ? 'No apps yet' : 'No one can use it yet'} glyph="key">
            <p>Give it to a key, a person or a toolset, or open it to everyone.</p>
          </Empty>
        )}
      </Rows>
    </section>
  );
}

/** Which apps of this page have another's name and act for the same one. */
function amongAlike(users: readonly ServerUser[]): (user: ServerUser) => boolean {
  const looks = users.map(lookOf);
  return (user) => user.kind === 'app' && looks.indexOf(lookOf(user)) !== looks.lastIndexOf(lookOf(user));
}

const lookOf = ({ kind, name, more }: ServerUser) => JSON.stringify([kind, name, more]);

function UserRow({ user, tools, isAlike }: { user: ServerUser; tools: number; isAlike: boolean }) {
  const { kind, id, more, isOff, returnsTo } = user;
  const name = user.name || 'App without a name';
  const [one, , at] = KINDS[kind];
  const beside = {
    key: one,
    person: more && more !== name ? `${one}, ${more}` : one,
    toolset: `${one}, ${countOf(Number(more), 'key')}`,
    app: more ? `${one}, acts as ${cut(more)}` : `${one}, anonymous`,
  }[kind];
  return (
    <tr class={isOff ? 'is-off' : undefined}>
      <td>
        <span class="thing">
          <Avatar name={name} isPerson={kind === 'person'} />
          <span>
            <a class="name cut" href={`${at}/${id}`} title={name}>
              <Cut of={name} />
            </a>
            <small>
              {beside}
              {isOff && ', off'}
            </small>
            {isAlike && <small class="cut">Returns to {cut(returnsTo ?? '')}</small>}
          </span>
        </span>
      </td>
      <td data-label="Can use">{toolWords(user.tools, tools)}</td>
    </tr>
  );
}

function toolWords(tools: readonly string[], all: number): string {
  if (tools.includes('*')) return 'All tools';
  return tools.length ? `${tools.length} of ${countOf(all, 'tool')}` : 'Resources or prompts only';
}

type GivingProps = Asked & {
  server: Server;
  offered: readonly Recipient[];
  sent: FormFields | undefined;
  csrf: string;
};

function Giving({ server, offered, sent, refused, meant, csrf }: GivingProps) {
  const error = refused?.field === 'to' ? refused.message : undefined;
  return (
    <aside class="card stack">
      <h2>Give access</h2>
      <form class="stack" method="post" action={`${AT}/${server.id}/used-by`}>
        <Csrf value={csrf} />
        <Field name="to" label="Key, person or toolset" error={meant ? undefined : error}>
          <input
            class="input"
            list="to-list"
            autocomplete="off"
            required
            maxlength={320}
            placeholder="Start typing a name"
            value={sent?.get('to') ?? ''}
            {...described('to', { error: meant ? undefined : error })}
          />
          <datalist id="to-list">
            {offered.map(({ kind, name }) => (
              <option value={name}>{KINDS[kind][0]}</option>
            ))}
          </datalist>
        </Field>
        {meant && (
          <Field name="one" label="Which one" error={error}>
            <select class="input" {...described('one', { error })}>
              {meant.map(({ kind, id, name, more }) => (
                <option value={`${kind} ${id}`}>
                  {cut(name)} ({[KINDS[kind][0], more].filter(Boolean).join(', ')})
                </option>
              ))}
            </select>
          </Field>
        )}
        <div class="actions">
          <button type="submit" class="button" data-busy="Adding…">
            Give access
          </button>
        </div>
        <small>All tools of {server.name}. Edit it afterwards to select some.</small>
      </form>
      <hr class="rule" />
      <a href="/admin/keys/new">Create an access key</a>
    </aside>
  );
}
