import { Hono } from 'hono';
import type { App } from '../../../config';
import { Confirm } from '../../../ui/forms';
import { Rows } from '../../../ui/list-page';
import { Cut, cut, Name, tipOf } from '../../../ui/name';
import { Badge, Empty, Head, LastUse, Search, When } from '../../../ui/parts';
import { act, listPage, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { changePages } from './change';
import { AccessDetail, AppAvatar, CRUMBS } from './detail';
import { bulkPages } from './end';
import { appTabs } from './tabs';
import { type GrantView, holderOf, mayUse, nameOf, returnHostOf, stateOf } from './words';

type List = { sessions: GrantView[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/access';

/** What a list may be narrowed to besides a search, by the name in our address, each as the API calls it. */
const NARROWED = { app: 'client_id', key: 'virtual_key_id', person: 'user_id' } as const;
type Narrowed = keyof typeof NARROWED;
type State = 'active' | 'ended';

/** What people allowed apps to use, and its end. */
export const accessPages = new Hono<App>()
  .get('/', async (c) => {
    const { search, limit, offset } = listPage(c, 25);
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
    return adminPage(c, { title: 'Apps', at: AT, body });
  })

  .route('/', bulkPages)
  .route('/', changePages)

  .get('/:id', async (c) => {
    const { session } = await read<{ session: GrantView }>(c, `/oauth2/sessions/${c.req.param('id')}`);
    return adminPage(c, { title: cut(nameOf(session)), at: AT, body: <AccessDetail access={session} /> });
  })

  .get('/:id/end', async (c) => {
    const { session } = await read<{ session: GrantView }>(c, `/oauth2/sessions/${c.req.param('id')}`);
    const back = `${AT}/${session.id}`;
    const body = (
      <Confirm
        title={
          <>
            Revoke <Name of={nameOf(session)} />
            ’s access?
          </>
        }
        crumbs={[...CRUMBS, { href: back, text: cut(nameOf(session)) }]}
        action={`${back}/end`}
        button="Revoke access"
        busy="Revoking…"
        back={back}
        csrf={await csrfOf(c)}
      >
        <p>
          It acts as{' '}
          <b>
            <Name of={holderOf(session).name} />
          </b>{' '}
          and stops working within seconds. A call that is running may still finish.
        </p>
        <p>You can’t undo this. To use it again, someone has to allow it again.</p>
      </Confirm>
    );
    return adminPage(c, { title: `${cut(nameOf(session))} · Revoke access`, at: AT, isForm: true, body });
  })
  .post('/:id/end', async (c) => {
    const ended = await act(c, await readForm(c), 'DELETE', `/oauth2/sessions/${c.req.param('id')}`);
    if (ended.ok) return goTo(c, AT, 'Access revoked. The app stops working within seconds.');
    if (ended.status === 404) return goTo(c, AT, 'This access had ended already.', 'info');
    return goTo(c, AT, ended.message, 'bad');
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
  const isActive = state === 'active';
  return (
    <>
      <Head
        title="Apps"
        lead="Apps that people allowed to use tools, with their sign-in or a key."
        tabs={appTabs(state, narrowed && href)}
      />
      <Search
        label="Find by app, key or person"
        value={search}
        beside={(!isActive || narrowed) && <Kept state={state} narrowed={narrowed} />}
      />
      {narrowed && <Narrowed {...narrowed} first={sessions[0]} state={state} />}
      <Rows
        label={isActive ? 'Apps with access' : 'Access that ended'}
        columns={isActive ? ACTIVE : ENDED}
        rows={sessions}
        row={(access) => <AccessRow access={access} />}
        one="app"
        total={page.total_count}
        offset={page.offset}
        limit={page.limit}
        href={(offset) => href({ offset: String(offset) })}
      >
        <Nothing search={search} state={state} isNarrowed={Boolean(narrowed)} />
      </Rows>
      {isActive && !narrowed && !search && sessions.length > 0 && (
        <section class="card danger stack tight">
          <h2>Unused for 30 days</h2>
          <p class="muted small">Access that isn’t used is rarely missed, and can be given again.</p>
          <div class="actions">
            <a class="button danger" href={`${AT}/end?unused=30`}>
              Revoke unused access…
            </a>
          </div>
        </section>
      )}
    </>
  );
}

/** What a search keeps: the tab, and what the list is narrowed to. */
function Kept({ state, narrowed }: Pick<ListProps, 'state' | 'narrowed'>) {
  return (
    <>
      {state === 'ended' && <input type="hidden" name="state" value={state} />}
      {narrowed && <input type="hidden" name={narrowed.name} value={narrowed.id} />}
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
          Revoke all of {THIS[name]}…
        </a>
      )}
    </div>
  );
}

const WHAT = [{ name: 'App' }, { name: 'Acts as' }, { name: 'Can use', isExtra: true }];
const ACTIVE = [...WHAT, { name: 'Last used' }, { name: 'Ends' }, { name: 'Actions', isHidden: true }];
const ENDED = [...WHAT, { name: 'Why' }, { name: 'Ended' }];

function AccessRow({ access }: { access: GrantView }) {
  const { name, kind } = holderOf(access);
  const { tone, word } = stateOf(access);
  return (
    <tr>
      <td>
        <span class="thing">
          <AppAvatar access={access} />
          <span>
            <a class="name cut" href={`${AT}/${access.id}`} title={nameOf(access)}>
              <Cut of={nameOf(access)} />
            </a>
            <small class="cut" title={tipOf(returnHostOf(access))}>
              {returnHostOf(access)}
            </small>
          </span>
        </span>
      </td>
      <td data-label="Acts as">
        <span>
          <span class="cut" title={tipOf(name)}>
            <Cut of={name} />
          </span>
          <small>{kind}</small>
        </span>
      </td>
      <td data-label="Can use" class="extra">
        {mayUse(access)}
      </td>
      {access.status === 'active' ? (
        <>
          <td data-label="Last used">
            <span>
              <LastUse at={access.last_used_at} />
            </span>
          </td>
          <td data-label="Ends">
            <span>
              <When at={access.expires_at} />
            </span>
          </td>
          <td class="end">
            <a class="button small quiet danger" href={`${AT}/${access.id}/end`}>
              Revoke…<span class="unseen"> the access of {cut(nameOf(access))}</span>
            </a>
          </td>
        </>
      ) : (
        <>
          <td data-label="Why">
            <Badge tone={tone}>{word}</Badge>
          </td>
          <td data-label="Ended">
            <span>
              <When at={access.ended_at} never="when the address changed" />
            </span>
          </td>
        </>
      )}
    </tr>
  );
}

function Nothing({ search, state, isNarrowed }: { search: string; state: State; isNarrowed: boolean }) {
  if (search) {
    return (
      <Empty title={`No apps match “${search}”`} glyph="search">
        <p>Names of apps, keys and people are searched.</p>
        <div class="row">
          <a class="button" href={AT}>
            Clear search
          </a>
        </div>
      </Empty>
    );
  }
  if (state === 'ended') {
    return (
      <Empty title="No access has ended" glyph="app">
        <p>Access that ends is listed here for 90 days, with the reason.</p>
      </Empty>
    );
  }
  return (
    <Empty title={isNarrowed ? 'No app has access here' : 'No app has access yet'} glyph="app">
      <p>An app gets access when a person connects and allows it.</p>
      <div class="row">
        <a class="button primary" href="/">
          Connect an app
        </a>
      </div>
    </Empty>
  );
}
