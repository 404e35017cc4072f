import type { Context } from 'hono';
import type { App } from '../../../config';
import type { User, UserFilter, UserOrder } from '../../../governance/users';
import { isAdministrator, maySignIn } from '../../../identity/user';
import { hasProvider } from '../../../settings';
import { Avatar } from '../../../ui/avatar';
import { countOf } from '../../../ui/english';
import { ListPage } from '../../../ui/list-page';
import { Cut, cut } from '../../../ui/name';
import { Badge, Empty, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Page } from '../../api/request';
import { listPage } from '../api';
import { sortAsked, sortBy } from '../sorting';

const AT = '/admin/people';

/** Which people an address asks for; what makes no sense in it is the beginning of the whole. */
export function peopleAskedFor(c: Context<App>): UserFilter & Page {
  const { state, sort } = c.req.query();
  const isActive = state === 'active' || state === 'blocked' ? state === 'active' : undefined;
  return { ...listPage(c), isActive, sort: sortAsked(sort, ['name', 'email', 'last_sign_in']) };
}

type PeopleListProps = {
  c: Context<App>;
  users: readonly User[];
  total: number;
  asked: UserFilter & Page;
};

/** The people who signed in, a page of them. */
export function PeopleList({ c, users, total, asked }: PeopleListProps) {
  const { search, isActive, sort } = asked;
  const state: Record<string, string> =
    isActive === undefined ? {} : { state: isActive ? 'active' : 'blocked' };
  const sorted = (by: UserOrder, first = by as UserOrder | `-${UserOrder}`) =>
    sortBy(by, sort ?? 'email', { search, ...state }, first);
  return (
    <ListPage
      title="People"
      at={AT}
      lead="Everyone who has signed in here, and what they can use."
      words={{ find: 'Find by name or e-mail address', none: 'No people match', noMore: 'No people match' }}
      isSearched={total > 0}
      filters={
        <>
          <select class="input" name="state" aria-label="Status">
            <option value="">Any status</option>
            <option value="active" selected={isActive === true}>
              Active
            </option>
            <option value="blocked" selected={isActive === false}>
              Blocked
            </option>
          </select>
          {sort && <input type="hidden" name="sort" value={sort} />}
        </>
      }
      query={{ ...state, ...(sort && { sort }) }}
      columns={[
        { name: 'Name', sort: sorted('name') },
        { name: 'E-mail address', sort: sorted('email'), isExtra: true },
        { name: 'Can use' },
        { name: 'Last sign-in', sort: sorted('last_sign_in', '-last_sign_in') },
        { name: 'Status' },
      ]}
      rows={users}
      row={(user) => (
        <tr class={user.isActive ? undefined : 'is-off'}>
          <td>
            <span class="thing">
              <Avatar name={user.name} isPerson />
              <a class="name cut" href={`${AT}/${user.id}`} title={user.name}>
                <Cut of={user.name} />
              </a>
            </span>
          </td>
          <td data-label="E-mail address" class="extra">
            <span class="cut" title={user.email}>
              <Cut of={user.email} />
            </span>
          </td>
          <td data-label="Can use">
            <span class="cut" title={canUse(user)}>
              {canUse(user)}
            </span>
          </td>
          <td data-label="Last sign-in">
            <When at={rfc3339(user.lastSignedInAt)} />
          </td>
          <td data-label="Status">
            <PersonBadge c={c} user={user} />
          </td>
        </tr>
      )}
      total={total}
      one="person"
      {...asked}
    >
      <NoPeople canSignIn={hasProvider(c.var.settings)} />
    </ListPage>
  );
}

/** How a person is. */
export function PersonBadge({ c, user }: { c: Context<App>; user: User }) {
  if (!user.isActive) return <Badge tone="bad">Blocked</Badge>;
  if (!maySignIn(c.var.settings, user)) return <Badge tone="warn">Can’t sign in</Badge>;
  return <Badge tone="good">{isAdministrator(c.var.settings, user) ? 'Administrator' : 'Active'}</Badge>;
}

/** `Sentry`, `Stripe, 2 tools`, `3 servers`: besides what everyone gets. */
function canUse({ mcpConfigs }: User): string {
  const [one, ...more] = mcpConfigs.filter(({ tools_to_execute }) => tools_to_execute.length);
  if (!one) return '–';
  if (more.length) return countOf(more.length + 1, 'server');
  const { mcp_client_name: name, tools_to_execute: tools } = one;
  return tools.includes('*') ? cut(name) : `${cut(name)}, ${countOf(tools.length, 'tool')}`;
}

function NoPeople({ canSignIn }: { canSignIn: boolean }) {
  return canSignIn ? (
    <Empty title="No people yet" glyph="person">
      <p>People appear here when they first sign in: to allow an app, or under Your apps.</p>
      <div class="row">
        <a class="button" href="/admin/settings/sign-in">
          Who can sign in
        </a>
      </div>
    </Empty>
  ) : (
    <Empty title="Sign-in isn’t set up" glyph="person">
      <p>
        Connect your company’s provider, such as Google or Microsoft Entra. Until then, access keys identify
        people.
      </p>
      <div class="row">
        <a class="button primary" href="/admin/settings/sign-in">
          Set up sign-in
        </a>
      </div>
    </Empty>
  );
}
