import { type Context, Hono } from 'hono';
import { by } from '../../../audit';
import type { App } from '../../../config';
import { userSubject } from '../../../governance/users';
import { keySubject } from '../../../governance/virtual-keys';
import { endTogether, type Together } from '../../../grants/end';
import { Confirm } from '../../../ui/forms';
import { PageProblem } from '../../../ui/layout';
import { cut } from '../../../ui/name';
import { rfc3339 } from '../../api/answer';
import { type FormFields, read, readForm } from '../api';
import { adminPage, csrfOf, goTo } from '../frame';
import { type GrantView, holderOf } from './words';

const AT = '/admin/access';
const UNUSED_DAYS = 30;

/** What is ended together, as our addresses and forms name it. */
type Named = { field: 'app' | 'key' | 'person' | 'unused'; value: string };

/** Ending the access of one app, key or person, or of whatever no one uses, at once. */
export const bulkPages = new Hono<App>()
  .get('/end', async (c) => {
    const named = namedIn(new URLSearchParams(c.req.query()));
    const now = Math.floor(Date.now() / 1000);
    const { sessions, total_count: count } = await read<{ sessions: GrantView[]; total_count: number }>(
      c,
      `/oauth2/sessions?${queryOf(named, now)}`,
    );
    return adminPage(c, {
      title: 'End access',
      at: AT,
      body: await confirmation(c, named, sessions[0], count),
    });
  })

  .post('/end', async (c) => {
    const form = await readForm(c);
    const now = Math.floor(Date.now() / 1000);
    const which = togetherOf(namedIn(form), now);
    const { ended, areLeft } = await endTogether(c.env.DB, c.env.GRANTS, which, by(c), now);
    const done = ended === 1 ? 'One app was ended' : `The access of ${ended} apps was ended`;
    const more = areLeft ? ' There are more: do it again to end them too.' : '';
    return goTo(
      c,
      AT,
      ended ? `${done}, and is refused within seconds.${more}` : 'There was nothing to end.',
    );
  });

/** @throws PageProblem when the address or form names nothing. */
function namedIn(given: FormFields): Named {
  for (const field of ['app', 'key', 'person', 'unused'] as const) {
    const value = given.get(field);
    if (value) return { field, value };
  }
  throw new PageProblem({
    status: 400,
    title: 'What should end?',
    text: 'The address does not say. Choose an app, a key or a person in the list.',
    way: { href: AT, label: 'To the list' },
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
    const what =
      named.field === 'unused' ? `Nothing is unused for ${UNUSED_DAYS} days` : 'Nothing is allowed there now';
    return (
      <div class="card stack">
        <h1>{what}</h1>
        <p class="muted">There is nothing to end.</p>
        <div class="actions">
          <a class="button primary" href={AT}>
            To the list
          </a>
        </div>
      </div>
    );
  }
  const number = count.toLocaleString('en');
  const whose = {
    app: `of ${first.client_name ? cut(first.client_name) : 'this app'}`,
    key: `allowed with ${cut(holderOf(first).name)}`,
    person: `allowed by ${cut(holderOf(first).name)}`,
    unused: `unused for ${UNUSED_DAYS} days`,
  }[named.field];
  return (
    <Confirm
      title={count === 1 ? `End the one access ${whose}?` : `End all access ${whose}?`}
      action={`${AT}/end`}
      button={count === 1 ? 'End it' : `End all ${number}`}
      back={AT}
      csrf={await csrfOf(c)}
    >
      <p>
        {count === 1 ? 'One app is' : <b>{number} apps are</b>} refused within seconds. Whoever still needs
        one has to allow it again. This cannot be undone.
      </p>
      <input type="hidden" name={named.field} value={named.value} />
    </Confirm>
  );
}
