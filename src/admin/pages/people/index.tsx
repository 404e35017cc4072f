import { type Context, Hono } from 'hono';
import type { App } from '../../../config';
import { ask, theseIds } from '../../../database';
import { userPageQuestion, userQuestion, userSubject } from '../../../governance/users';
import { heldKeysQuestion } from '../../../governance/virtual-keys';
import { standingGrantsQuestion } from '../../../grants/list';
import { isAdministrator, maySignIn } from '../../../identity/user';
import { serverChoicesQuestion } from '../../../servers/summaries';
import { Avatar } from '../../../ui/avatar';
import { countOf } from '../../../ui/english';
import { Confirm, Csrf, Dock } from '../../../ui/forms';
import { Cut, cut, Name } from '../../../ui/name';
import { AuditLink, Head, Notice, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { act, type FormFields, gone, type Refused, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { configsOf, isStep, pickedFrom, pickedIn, unpicked } from '../picked';
import { seenOf, staleIn } from '../seen';
import { ToolPicker } from '../tool-picker';
import { PeopleList, PersonBadge, peopleAskedFor } from './list';

const AT = '/admin/people';

/** People who signed in: what they can use, and who is kept out. */
export const peoplePages = new Hono<App>()
  .get('/', async (c) => {
    const asked = peopleAskedFor(c);
    const [list] = await ask(c.env.DB, userPageQuestion(c.env.DB, asked));
    return adminPage(c, { title: 'People', at: AT, body: <PeopleList c={c} {...list} asked={asked} /> });
  })

  .get('/:id', (c) => showPerson(c, c.req.param('id')))
  .post('/:id', async (c) => {
    const id = c.req.param('id');
    const form = await readForm(c);
    if (isStep(form)) return showPerson(c, id, form);
    const { DB: db } = c.env;
    const [servers, user] = await ask(db, serverChoicesQuestion(db), userQuestion(db, id));
    const stale = user && (await staleIn(form, user.mcpConfigs));
    if (stale) return showPerson(c, id, form, stale);
    const picked = pickedIn(form, servers, pickedFrom(user?.mcpConfigs ?? []));
    const message = unpicked(picked);
    if (message) return showPerson(c, id, form, { ok: false, status: 400, message, field: 'mcp_configs' });
    const changed = await act(c, form, 'PUT', `/users/${id}`, { mcp_configs: configsOf(picked) });
    if (!changed.ok) return showPerson(c, id, form, changed);
    return goTo(c, `${AT}/${id}`, 'Saved. Changes apply within seconds.');
  })

  .get('/:id/block', (c) =>
    confirm(
      c,
      'Block',
      'Blocking…',
      'To undo it, unblock them. They then allow their apps again, and you turn their keys on.',
    ),
  )
  .post('/:id/block', (c) =>
    change(c, { is_active: false }, 'Blocked. This applies everywhere within seconds.'),
  )
  .post('/:id/unblock', (c) =>
    change(
      c,
      { is_active: true },
      'Unblocked. They can sign in again. Their keys stay off until you turn them on.',
    ),
  )

  .get('/:id/delete', (c) =>
    confirm(
      c,
      'Delete',
      'Deleting…',
      'You can’t undo this. They can sign in again as a new person: to keep them out, block them.',
    ),
  )
  .post('/:id/delete', async (c) => {
    const deleted = await act(c, await readForm(c), 'DELETE', `/users/${c.req.param('id')}`);
    return deleted.ok ? goTo(c, AT, 'The person was deleted.') : goTo(c, AT, deleted.message, 'bad');
  });

/** Asks before a person is kept out. @param after what can be undone of it */
async function confirm(
  c: Context<App>,
  verb: 'Block' | 'Delete',
  busy: string,
  after: string,
): Promise<Response> {
  const { DB } = c.env;
  const id = c.req.param('id') ?? '';
  const now = Math.floor(Date.now() / 1000);
  const [user, keys, apps] = await ask(
    DB,
    userQuestion(DB, id),
    heldKeysQuestion(DB, 'owner_user_id', theseIds([id])),
    standingGrantsQuestion(DB, userSubject(id), { now, issuer: c.var.issuer }),
  );
  if (!user) throw noPerson();
  const { name } = user;
  const active = keys.filter(({ isActive }) => isActive);
  const title = (
    <>
      {verb} <Name of={name} />?
    </>
  );
  const body = (
    <Confirm
      title={title}
      crumbs={[
        { href: AT, text: 'People' },
        { href: `${AT}/${id}`, text: <Cut of={name} /> },
      ]}
      action={`${AT}/${id}/${verb.toLowerCase()}`}
      button={`${verb} ${cut(name)}`}
      busy={busy}
      back={`${AT}/${id}`}
      csrf={await csrfOf(c)}
    >
      <p>Within seconds:</p>
      <ul>
        <li>They are signed out in all browsers.</li>
        {apps > 0 && <li>{countOf(apps, 'app loses', 'apps lose')} access.</li>}
        {active.length > 0 && (
          <li>{countOf(active.length, 'access key is', 'access keys are')} turned off.</li>
        )}
      </ul>
      <p class="muted">{after}</p>
    </Confirm>
  );
  return adminPage(c, { title: `${cut(name)} · ${verb}`, at: AT, isForm: true, body });
}

function noPerson() {
  return gone('This person was deleted, or never signed in.', { href: AT, label: 'People' });
}

async function change(c: Context<App>, body: { is_active: boolean }, done: string): Promise<Response> {
  const id = c.req.param('id');
  const changed = await act(c, await readForm(c), 'PUT', `/users/${id}`, body);
  const at = `${AT}/${id}`;
  return changed.ok ? goTo(c, at, done) : goTo(c, at, changed.message, 'bad');
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
  if (!user) throw noPerson();
  const csrf = await csrfOf(c);
  const seen = await seenOf(user.mcpConfigs, sent);
  const body = (
    <>
      <Head
        crumbs={[{ href: AT, text: 'People' }]}
        avatar={<Avatar name={user.name} isPerson isLarge />}
        title={
          <span class="cut" title={user.name}>
            <Cut of={user.name} />
          </span>
        }
        badge={<PersonBadge c={c} user={user} />}
      />
      {user.isActive && !maySignIn(c.var.settings, user) && (
        <Notice tone="warn">
          Their address or provider can’t sign in here because of the{' '}
          <a href="/admin/settings/sign-in">sign-in settings</a>. Their apps, keys and accounts are kept, and
          work again when it can.
        </Notice>
      )}
      <div class="cols">
        <form class="stack wide" method="post" action={`${AT}/${id}`}>
          {/* What Enter means: the first button of a form. */}
          <button type="submit" hidden />
          <Csrf value={csrf} seen={seen} />
          <ToolPicker
            servers={servers}
            picked={pickedFrom(user.mcpConfigs)}
            sent={sent}
            error={refused?.message}
            block="Block for this person"
          >
            <p class="small muted">
              They can also use what <a href="/admin/settings/everyone">everyone who signs in</a> and their
              keys can.
            </p>
          </ToolPicker>
          <Dock back={AT} />
        </form>
        <aside class="stack wide">
          <section class="card stack">
            <h2>This person</h2>
            <dl class="facts">
              <dt>E-mail</dt>
              <dd>
                <span class="cut" title={user.email}>
                  <Cut of={user.email} />
                </span>
              </dd>
              <dt>Signs in at</dt>
              <dd>{new URL(user.issuer).host}</dd>
              <dt>Last sign-in</dt>
              <dd>
                <When at={rfc3339(user.lastSignedInAt)} />
              </dd>
              <dt>Administrator</dt>
              <dd>{isAdministrator(c.var.settings, user) ? 'Yes' : 'No'}</dd>
              <dt>Apps</dt>
              <dd>
                {apps ? (
                  <a href={`/admin/access?person=${id}`}>{countOf(apps, 'has access', 'have access')}</a>
                ) : (
                  'None with access'
                )}
              </dd>
              <dt>Access keys</dt>
              <dd>{keys.length ? <Keys keys={keys} /> : 'None'}</dd>
            </dl>
            <AuditLink of="person" id={id} />
          </section>
          <Ends id={id} isBlocked={!user.isActive} csrf={csrf} />
        </aside>
      </div>
    </>
  );
  return adminPage(c, { title: cut(user.name), at: AT, ...(refused && { status: 400 }), body });
}

/** What keeps a person out, and lets them in again. */
function Ends({ id, isBlocked, csrf }: { id: string; isBlocked: boolean; csrf: string }) {
  return (
    <section class="card danger stack tight">
      <h2>{isBlocked ? 'Unblock or delete' : 'Block or delete'}</h2>
      <p class="muted small">
        {isBlocked
          ? 'After you unblock them, they can sign in and allow apps again. Their keys stay off until you turn them on.'
          : 'Blocked people can’t sign in until you unblock them. Deleted people can, as new people.'}
      </p>
      <div class="actions">
        {isBlocked ? (
          <form method="post" action={`${AT}/${id}/unblock`}>
            <Csrf value={csrf} />
            <button type="submit" class="button" data-busy="Unblocking…">
              Unblock
            </button>
          </form>
        ) : (
          <a class="button danger" href={`${AT}/${id}/block`}>
            Block…
          </a>
        )}
        <a class="button danger" href={`${AT}/${id}/delete`}>
          Delete…
        </a>
      </div>
    </section>
  );
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
