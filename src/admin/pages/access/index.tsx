import { Hono } from 'hono';
import type { App } from '../../../config';
import { Confirm } from '../../../ui/forms';
import { Rows } from '../../../ui/list-page';
import { Cut, cut, Name } from '../../../ui/name';
import { Badge, Empty, Head, LastUse, Search, Tabs } from '../../../ui/parts';
import { act, listPage, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { changePages } from './change';
import { AccessDetail, nameOf, returnHostOf } from './detail';
import { bulkPages } from './end';
import { type GrantView, holderOf, isReadOnly, mayUse, stateOf } from './words';

type List = { sessions: GrantView[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/access';

/** What a list may be narrowed to besides a search, by the name in our address, each as the API calls it. */
const NARROWED = { app: 'client_id', key: 'virtual_key_id', person: 'user_id' } as const;
type Narrowed = keyof typeof NARROWED;
const STATES = [
  ['active', 'With access'],
  ['ended', 'Ended'],
] as const;
type State = (typeof STATES)[number][0];

/** What people allowed apps to do, and its end. */
export const accessPages = new Hono<App>()
  .get('/', async (c) => {
    const { search, limit, offset } = listPage(c);
    const query = c.req.query();
    const state: State = query.state === 'ended' ? 'ended' : 'active';
    const [narrowed] = (Object.keys(NARROWED) as Narrowed[]).flatMap((name) =>
      query[name] ? [{ name, id: query[name] }] : [],
    );
    const asked = new URLSearchParams({
      search,
      limit: String(limit),
      offset: String(offset),
      status: state,
    });
    if (narrowed) asked.set(NARROWED[narrowed.name], narrowed.id);
    const list = await read<List>(c, `/oauth2/sessions?${asked}`);
    const body = <AccessList list={list} search={search} state={state} narrowed={narrowed} />;
    return adminPage(c, { title: 'Apps with access', at: AT, body });
  })

  .route('/', bulkPages)
  .route('/', changePages)

  .get('/:id', async (c) => {
    const { session } = await read<{ session: GrantView }>(c, `/oauth2/sessions/${c.req.param('id')}`);
    return adminPage(c, { title: 'What an app may do', at: AT, body: <AccessDetail access={session} /> });
  })

  .get('/:id/end', async (c) => {
    const { session } = await read<{ session: GrantView }>(c, `/oauth2/sessions/${c.req.param('id')}`);
    const { name } = holderOf(session);
    const body = (
      <Confirm
        title={
          <>
            End the access of <Name of={nameOf(session)} />?
          </>
        }
        action={`${AT}/${session.id}/end`}
        button="End it"
        back={`${AT}/${session.id}`}
        csrf={await csrfOf(c)}
      >
        <p>
          It acts for{' '}
          <b>
            <Name of={name} />
          </b>
          , and is refused within seconds. What it is doing at this moment may still finish. To use it again,
          somebody has to allow it again.
        </p>
      </Confirm>
    );
    return adminPage(c, { title: 'End access', at: AT, body });
  })
  .post('/:id/end', async (c) => {
    const ended = await act(c, await readForm(c), 'DELETE', `/oauth2/sessions/${c.req.param('id')}`);
    if (ended.ok) return goTo(c, AT, 'Its access has ended. It is refused within seconds.');
    return goTo(c, AT, ended.status === 404 ? 'That access has ended already.' : ended.message);
  });

type Narrowing = { name: Narrowed; id: string } | undefined;
type ListProps = { list: List; search: string; state: State; narrowed: Narrowing };

function AccessList({ list, search, state, narrowed }: ListProps) {
  const { sessions, ...page } = list;
  const href = (changes: Record<string, string>) => {
    const given = { search, state, ...(narrowed && { [narrowed.name]: narrowed.id }), ...changes };
    const said = Object.entries(given).filter(
      ([name, value]) => value && !(name === 'state' && value === 'active'),
    );
    const query = new URLSearchParams(said);
    return said.length ? `${AT}?${query}` : AT;
  };
  return (
    <>
      <Head title="Apps with access" />
      <Search label="App, key or person" value={search} />
      <Tabs
        label="Which"
        ways={STATES.map(([value, text]) => ({
          href: href({ state: value }),
          text,
          isHere: value === state,
        }))}
      />
      {narrowed && <Narrowed {...narrowed} first={sessions[0]} state={state} />}
      <Rows
        label="Apps with access"
        columns={COLUMNS}
        rows={sessions}
        row={(access) => <AccessRow access={access} />}
        total={page.total_count}
        offset={page.offset}
        limit={page.limit}
        href={(offset) => href({ offset: String(offset) })}
      >
        <Nothing search={search} state={state} isNarrowed={Boolean(narrowed)} />
      </Rows>
      {state === 'active' && !narrowed && sessions.length > 0 && (
        <section class="stack tight apart">
          <h2>Tidy up</h2>
          <p class="muted">Access that nobody used for 30 days is rarely missed, and can be given again.</p>
          <div class="row">
            <a class="button danger" href={`${AT}/end?unused=30`}>
              End all unused for 30 days
            </a>
          </div>
        </section>
      )}
    </>
  );
}

const ALLOWED = {
  app: 'Allowed to',
  key: 'Allowed with',
  person: 'Allowed by',
} as const;
const THIS = { app: 'this app', key: 'this key', person: 'this person' } as const;

function Narrowed({
  name,
  id,
  first,
  state,
}: {
  name: Narrowed;
  id: string;
  first?: GrantView;
  state: State;
}) {
  const called = first && (name === 'app' ? first.client_name : holderOf(first).name);
  const holder = called ?? THIS[name];
  return (
    <div class="row spread">
      <p>
        {ALLOWED[name]}{' '}
        <b>
          <Name of={holder} />
        </b>
        . <a href={AT}>Show all</a>
      </p>
      {state === 'active' && first && (
        <a class="button danger small" href={`${AT}/end?${new URLSearchParams({ [name]: id })}`}>
          End all of {THIS[name]}
        </a>
      )}
    </div>
  );
}

const COLUMNS = [
  { name: 'App' },
  { name: 'Bound to' },
  { name: 'May use' },
  { name: 'Last used' },
  { name: 'State' },
  { name: 'Actions', isHidden: true },
];

function AccessRow({ access }: { access: GrantView }) {
  const { name, kind } = holderOf(access);
  const { tone, word } = stateOf(access);
  return (
    <tr>
      <td>
        <a href={`${AT}/${access.id}`}>
          <b>
            <Cut of={nameOf(access)} />
          </b>
        </a>
        <br />
        <small>{returnHostOf(access)}</small>
      </td>
      <td data-label="Bound to">
        <span>
          <Name of={name} />
          <small class="block">{kind}</small>
        </span>
      </td>
      <td data-label="May use">
        <span>
          {mayUse(access)}
          {isReadOnly(access) && <small class="block">read only</small>}
        </span>
      </td>
      <td data-label="Last used">
        <span>
          <LastUse at={access.last_used_at} />
        </span>
      </td>
      <td data-label="State">
        <Badge tone={tone}>{word}</Badge>
      </td>
      <td>
        {access.status === 'active' && (
          <a class="button danger small" href={`${AT}/${access.id}/end`}>
            End<span class="unseen"> the access of {cut(nameOf(access))}</span>
          </a>
        )}
      </td>
    </tr>
  );
}

function Nothing({ search, state, isNarrowed }: { search: string; state: State; isNarrowed: boolean }) {
  if (search) {
    return (
      <Empty title={`Nothing begins with “${search}”`}>
        <p>
          No app, access key or e-mail address of a person does. <a href={AT}>Show all</a>
        </p>
      </Empty>
    );
  }
  if (state === 'ended') {
    return (
      <Empty title="No access has ended">
        <p>What ends stays here for 90 days, with the reason.</p>
      </Empty>
    );
  }
  return (
    <Empty title={isNarrowed ? 'Nothing is allowed here now' : 'No app has access yet'}>
      <p>
        An app asks for access when somebody connects it, and a person allows it.{' '}
        <a href="/">See how to connect one</a>.
      </p>
    </Empty>
  );
}
