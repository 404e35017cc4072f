import { type Context, Hono } from 'hono';
import { by } from '../../../audit';
import type { App } from '../../../config';
import { userSubject } from '../../../governance/users';
import { keySubject } from '../../../governance/virtual-keys';
import { endTogether, type Together } from '../../../grants/end';
import { countOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { PageProblem } from '../../../ui/layout';
import { cut } from '../../../ui/name';
import { Empty } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { type FormFields, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { CRUMBS } from './detail';
import { type GrantView, holderOf } from './words';

const AT = '/admin/access';
const UNUSED_DAYS = 30;

/** What is ended together, as our addresses and forms name it. */
type Named = { field: 'app' | 'key' | 'person' | 'unused'; value: string };

/** Revoking all access of one app, key or person, or what was not used for a while. */
export const bulkPages = new Hono<App>()
  .get('/end', async (c) => {
    const named = namedIn(new URLSearchParams(c.req.query()));
    const now = Math.floor(Date.now() / 1000);
    const { sessions, total_count: count } = await read<{ sessions: GrantView[]; total_count: number }>(
      c,
      `/oauth2/sessions?${queryOf(named, now)}`,
    );
    return adminPage(c, {
      title: 'Revoke access',
      at: AT,
      isForm: true,
      body: await confirmation(c, named, sessions[0], count),
    });
  })

  .post('/end', async (c) => {
    const form = await readForm(c);
    const now = Math.floor(Date.now() / 1000);
    const which = togetherOf(namedIn(form), now);
    const { ended, areLeft } = await endTogether(c.env.DB, c.env.GRANTS, which, by(c), now);
    const more = areLeft ? ' There are more: revoke again to end them too.' : '';
    if (!ended) return goTo(c, AT, 'There was no access to revoke.', 'info');
    return goTo(c, AT, `Access of ${countOf(ended, 'app')} was revoked.${more}`);
  });

/** @throws PageProblem when the address or form names nothing. */
function namedIn(given: FormFields): Named {
  for (const field of ['app', 'key', 'person', 'unused'] as const) {
    const value = given.get(field);
    if (value) return { field, value };
  }
  throw new PageProblem({
    status: 400,
    title: 'This link isn’t valid',
    text: 'It doesn’t say whose access to revoke. Choose an app, a key or a person in the list.',
    way: { href: AT, label: 'Apps' },
  });
}

function togetherOf({ field, value }: Named, now: number): Together {
  if (field === 'app') return { clientId: value };
  if (field === 'key') return { subject: keySubject(value) };
  return field === 'person' ? { subject: userSubject(value) } : { unusedSince: unusedSince(now) };
}

/** The same for the API's list: how many it is about, and what the first is called. */
function queryOf({ field, value }: Named, now: number): URLSearchParams {
  const members = { app: 'client_id', key: 'virtual_key_id', person: 'user_id', unused: 'unused_since' };
  const asked = field === 'unused' ? rfc3339(unusedSince(now)) : value;
  return new URLSearchParams({ status: 'active', limit: '1', [members[field]]: asked });
}

const unusedSince = (now: number) => now - UNUSED_DAYS * 86_400;

async function confirmation(c: Context<App>, named: Named, first: GrantView | undefined, count: number) {
  if (!first) {
    return (
      <Empty
        title={
          named.field === 'unused'
            ? `Every app was used in the last ${UNUSED_DAYS} days`
            : 'No app has access here'
        }
        glyph="app"
      >
        <p>There is nothing to revoke.</p>
        <div class="row">
          <a class="button primary" href={AT}>
            Apps
          </a>
        </div>
      </Empty>
    );
  }
  const apps = countOf(count, 'app');
  const whose = {
    app: `of ${first.client_name ? cut(first.client_name) : 'this app'}`,
    key: `allowed with ${cut(holderOf(first).name)}`,
    person: `allowed by ${cut(holderOf(first).name)}`,
    unused: `unused for ${UNUSED_DAYS} days`,
  }[named.field];
  return (
    <Confirm
      title={`Revoke all access ${whose}?`}
      crumbs={CRUMBS}
      action={`${AT}/end`}
      button={`Revoke access of ${apps}`}
      busy="Revoking…"
      back={AT}
      csrf={await csrfOf(c)}
    >
      <p>
        <b>{apps}</b> {count === 1 ? 'stops' : 'stop'} working within seconds. You can’t undo this. To use an
        app again, someone has to allow it again.
      </p>
      <input type="hidden" name={named.field} value={named.value} />
    </Confirm>
  );
}
