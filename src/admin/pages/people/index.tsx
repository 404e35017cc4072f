import { type Context, Hono } from 'hono';
import type * as z from 'zod/mini';
import type { App } from '../../../config';
import { ask, theseIds } from '../../../database';
import { userQuestion, userSubject } from '../../../governance/users';
import { heldKeysQuestion } from '../../../governance/virtual-keys';
import { standingGrantsQuestion } from '../../../grants/list';
import { isAdministrator, maySignIn } from '../../../identity/user';
import { serverChoicesQuestion } from '../../../servers/summaries';
import { hasProvider } from '../../../settings';
import { Confirm, Csrf } from '../../../ui/forms';
import { ListPage } from '../../../ui/list-page';
import { Cut, Name } from '../../../ui/name';
import { Badge, Empty, type Tone, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { ShownUser } from '../../api/answers/user';
import { act, type FormFields, gone, listPage, type Refused, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { configsOf, isStep, pickedFrom, pickedIn, unpicked } from '../picked';
import { ToolPicker } from '../tool-picker';

type UserView = z.infer<typeof ShownUser>;
type Users = { users: UserView[]; count: number; total_count: number; limit: number; offset: number };

const AT = '/admin/people';

/** People who signed in: what they may use, and who may not come in any more. */
export const peoplePages = new Hono<App>()
  .get('/', async (c) => {
    const { search, limit, offset } = listPage(c);
    const asked = new URLSearchParams({ search, limit: String(limit), offset: String(offset) });
    const list = await read<Users>(c, `/users?${asked}`);
    const body = <PeopleList {...list} search={search} canSignIn={hasProvider(c.var.settings)} />;
    return adminPage(c, { title: 'People', at: AT, body });
  })

  .get('/:id', (c) => showPerson(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showPerson(c, id, form);
    const picked = pickedIn(form);
    const message = unpicked(picked);
    if (message) return showPerson(c, id, form, { ok: false, status: 400, message, field: 'mcp_configs' });
    const changed = await act(c, form, 'PUT', `/users/${id}`, { mcp_configs: configsOf(picked) });
    if (!changed.ok) return showPerson(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, 'What they may use was changed. It holds within seconds.');
  })

  .get('/:id/block', async (c) => {
    const { user } = await read<{ user: UserView }>(c, `/users/${c.req.param('id')}`);
    const body = (
      <Confirm
        title={
          <>
            Block <Name of={user.name} />?
          </>
        }
        action={`${AT}/${user.id}/block`}
        button="Block"
        back={`${AT}/${user.id}`}
        csrf={await csrfOf(c)}
      >
        <p>
          Within seconds their browsers are signed out, the apps they allowed are refused for good, and their
          access keys are turned off. They stay blocked however often they sign in, until you unblock them.
          Apps have to be allowed again then, and keys turned on again.
        </p>
      </Confirm>
    );
    return adminPage(c, { title: 'Block a person', at: AT, body });
  })
  .post('/:id/block', (c) => change(c, { is_active: false }, 'They are blocked, within seconds everywhere.'))
  .post('/:id/unblock', (c) =>
    change(c, { is_active: true }, 'They may sign in again. Their keys stay off until you turn them on.'),
  )

  .get('/:id/delete', async (c) => {
    const { user } = await read<{ user: UserView }>(c, `/users/${c.req.param('id')}`);
    const body = (
      <Confirm
        title={
          <>
            Delete <Name of={user.name} />?
          </>
        }
        action={`${AT}/${user.id}/delete`}
        button="Delete"
        back={`${AT}/${user.id}`}
        csrf={await csrfOf(c)}
      >
        <p>
          Their browsers are signed out, the apps they allowed are refused, and their access keys are turned
          off. This cannot be undone. They may sign in again as somebody new: to keep them out, block them
          instead.
        </p>
      </Confirm>
    );
    return adminPage(c, { title: 'Delete a person', at: AT, body });
  })
  .post('/:id/delete', async (c) => {
    const deleted = await act(c, await readForm(c), 'DELETE', `/users/${c.req.param('id')}`);
    return goTo(c, AT, deleted.ok ? 'They were deleted.' : deleted.message);
  });

async function change(c: Context<App>, body: { is_active: boolean }, done: string): Promise<Response> {
  const id = c.req.param('id');
  const changed = await act(c, await readForm(c), 'PUT', `/users/${id}`, body);
  return goTo(c, `${AT}/${id}`, changed.ok ? done : changed.message);
}

function PeopleList(props: Users & { search: string; canSignIn: boolean }) {
  const { users, search, canSignIn, total_count, offset, limit } = props;
  return (
    <ListPage
      title="People"
      at={AT}
      search={search}
      words={{
        find: 'E-mail address',
        none: 'No address begins with',
        noMore: 'There are no more people',
      }}
      columns={[{ name: 'Person' }, { name: 'May use' }, { name: 'Last signed in' }, { name: 'State' }]}
      rows={users}
      row={(user) => (
        <tr>
          <td>
            <a href={`${AT}/${user.id}`}>
              <b>
                <Cut of={user.name} />
              </b>
            </a>
            {user.name !== user.email && (
              <>
                <br />
                <small>
                  <Name of={user.email} />
                </small>
              </>
            )}
          </td>
          <td data-label="May use">{mayUse(user)}</td>
          <td data-label="Last signed in">
            <span>
              <When at={user.last_signed_in_at} />
            </span>
          </td>
          <td data-label="State">
            <Badge tone={toneOf(user)}>{stateOf(user)}</Badge>
          </td>
        </tr>
      )}
      total={total_count}
      {...{ offset, limit }}
    >
      <Nobody canSignIn={canSignIn} />
    </ListPage>
  );
}

function Nobody({ canSignIn }: { canSignIn: boolean }) {
  if (canSignIn) {
    return (
      <Empty title="Nobody has signed in yet">
        <p>
          People appear here when they sign in for the first time: to allow an app, or on{' '}
          <a href="/me">their own page</a>. Who may, you say in the{' '}
          <a href="/admin/settings/sign-in">settings</a>.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="People cannot sign in yet">
      <p>
        Say where they sign in, such as Google or your company’s provider. They appear here when they do.
        Until then, access keys say who is who.
      </p>
      <p>
        <a class="button primary" href="/admin/settings/sign-in">
          Set up signing in
        </a>
      </p>
    </Empty>
  );
}

async function showPerson(
  c: Context<App>,
  id: string,
  sent?: FormFields,
  refused?: Refused,
): Promise<Response> {
  const { DB } = c.env;
  const now = Math.floor(Date.now() / 1000);
  const [user, servers, keys, apps] = await ask(
    DB,
    userQuestion(DB, id),
    serverChoicesQuestion(DB),
    heldKeysQuestion(DB, 'owner_user_id', theseIds([id])),
    standingGrantsQuestion(DB, userSubject(id), { now, issuer: c.var.issuer }),
  );
  if (!user) throw gone('That person was deleted, or never signed in.', { href: AT, label: 'To all people' });
  const isBlocked = !user.isActive;
  const isSuspended = !maySignIn(c.var.settings, user);
  const csrf = await csrfOf(c);
  const body = (
    <>
      <div class="row spread">
        <h1>
          <Name of={user.name} />
        </h1>
        <Standing isBlocked={isBlocked} isSuspended={isSuspended} />
      </div>
      {isSuspended && !isBlocked && (
        <p>
          Their address or provider may not sign in here now, by{' '}
          <a href="/admin/settings/sign-in">settings</a>. Their apps, keys and accounts are kept, and work
          again once it may.
        </p>
      )}
      <dl class="facts card">
        <dt>E-mail</dt>
        <dd>{user.email}</dd>
        <dt>Signs in at</dt>
        <dd>{new URL(user.issuer).host}</dd>
        <dt>Last signed in</dt>
        <dd>
          <When at={rfc3339(user.lastSignedInAt)} />
        </dd>
        <dt>Administrator</dt>
        <dd>{isAdministrator(c.var.settings, user) ? 'yes: may do everything here' : 'no'}</dd>
        <dt>Apps</dt>
        <dd>
          {apps ? (
            <a href={`/admin/access?person=${id}`}>{counted(apps, 'app')} with access</a>
          ) : (
            'none with access'
          )}
        </dd>
        <dt>Access keys</dt>
        <dd>{keys.length ? <Keys keys={keys} /> : 'none of their own'}</dd>
        <dt>What they did</dt>
        <dd>
          <a href={`/admin/audit?actor=user:${id}`}>in the audit</a>
        </dd>
      </dl>
      <form class="card stack wide" method="post">
        <Csrf value={csrf} />
        <header class="stack tight">
          <h2>What they may use</h2>
          <p class="muted">
            Besides this, they may use what <a href="/admin/settings/everyone">everyone who signs in</a> may,
            and what their keys may.
          </p>
        </header>
        <ToolPicker
          servers={servers}
          picked={pickedFrom(user.mcpConfigs)}
          sent={sent}
          block="Block for this person"
        />
        <div class="actions">
          <button type="submit" class="button primary">
            Save
          </button>
        </div>
      </form>
      <section class="stack tight apart">
        <h2>{isBlocked ? 'Let them in again, or delete them' : 'Keep them out'}</h2>
        <div class="row">
          {isBlocked ? (
            <form method="post" action={`${AT}/${id}/unblock`}>
              <Csrf value={csrf} />
              <button type="submit" class="button">
                Unblock
              </button>
            </form>
          ) : (
            <a class="button danger" href={`${AT}/${id}/block`}>
              Block
            </a>
          )}
          <a class="button danger" href={`${AT}/${id}/delete`}>
            Delete
          </a>
        </div>
      </section>
    </>
  );
  return adminPage(c, { title: 'A person', at: AT, refusal: refused?.message, body });
}

function Standing({ isBlocked, isSuspended }: { isBlocked: boolean; isSuspended: boolean }) {
  if (isBlocked) return <Badge tone="bad">blocked</Badge>;
  return isSuspended ? <Badge tone="warn">suspended</Badge> : <Badge tone="good">may sign in</Badge>;
}

function Keys({ keys }: { keys: { id: string; name: string; isActive: boolean }[] }) {
  return (
    <>
      {keys.map(({ id, name, isActive }, at) => (
        <>
          {at > 0 && ', '}
          <a href={`/admin/keys/${id}`}>
            <Cut of={name} />
          </a>
          {!isActive && ' (off)'}
        </>
      ))}
    </>
  );
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : `${noun}s`}`;
}

function stateOf({ is_active, is_suspended, is_administrator }: UserView): string {
  if (!is_active) return 'blocked';
  if (is_suspended) return 'suspended';
  return is_administrator ? 'administrator' : 'active';
}

function toneOf({ is_active, is_suspended }: UserView): Tone {
  if (!is_active) return 'bad';
  return is_suspended ? 'warn' : 'good';
}

function mayUse({ mcp_configs }: UserView): string {
  const open = mcp_configs.filter(({ tools_to_execute }) => tools_to_execute.length);
  if (!open.length) return 'what everyone may';
  const names = open.map(({ mcp_client_name }) => mcp_client_name);
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}
