import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { App } from '../../../config';
import {
  KEY_STATES,
  type KeyCounts,
  type KeyFilter,
  type KeyState,
  type ListedKey,
  stateOf,
} from '../../../governance/key-list';
import type { VirtualKey } from '../../../governance/virtual-keys';
import { countOf, numberOf } from '../../../ui/english';
import { Icon } from '../../../ui/icons';
import { ListPage } from '../../../ui/list-page';
import { Cut, tipOf } from '../../../ui/name';
import { Badge, dayOf, Empty, LastUse, type Tone, When } from '../../../ui/parts';
import type { Column } from '../../../ui/table';
import { rfc3339 } from '../../api/answer';
import type { Page } from '../../api/request';
import { KeyList as KeyQuery } from '../../api/virtual-key-terms';
import { listPage } from '../api';
import { sortBy } from '../sorting';

const AT = '/admin/keys';
/** Keys on a page: with everything it shows of each, it stays under 30 KB. */
const A_PAGE = 40;

/** Which keys an address asks for; what makes no sense in it is the beginning of the whole. */
export function keysAskedFor(c: Context<App>): KeyFilter & Page {
  const { state, used, sort } = c.req.query();
  const page = listPage(c, A_PAGE);
  const asked = KeyQuery.safeParse({ ...(state && { state }), ...(used && { used }), ...(sort && { sort }) });
  return asked.success ? { ...asked.data, ...page } : page;
}

type KeyListProps = {
  keys: readonly ListedKey[];
  total: number;
  counts: KeyCounts;
  asked: KeyFilter & Page;
};

/** The keys there are, a page of them. */
export function KeyList({ keys, total, counts, asked }: KeyListProps) {
  const { state, used, sort } = asked;
  const query = { ...(state && { state }), ...(used && { used }), ...(sort && { sort }) };
  const sorted = (by: Order) =>
    sortBy(
      by,
      sort ?? 'name',
      { search: asked.search, ...query },
      by === 'last_used' || by === 'created' ? `-${by}` : by,
    );
  return (
    <ListPage
      title="Access keys"
      at={AT}
      lead="A key identifies a person, team or job and decides which tools its apps can use."
      words={{
        find: 'Find by name, owner or last 4 characters',
        none: 'No keys match',
        noMore: 'No keys match',
      }}
      action={
        <a class="button primary" href={`${AT}/new`}>
          <Icon of="plus" />
          Create key
        </a>
      }
      isSearched={counts.all > 0}
      filters={<Filters counts={counts} asked={asked} />}
      query={query}
      columns={COLUMNS.map(({ by, ...column }) => (by ? { ...column, sort: sorted(by) } : column))}
      rows={keys}
      row={(key) => <KeyRow {...key} />}
      total={total}
      one="key"
      {...asked}
    >
      <Empty title="No access keys yet" glyph="key">
        <p>A key lets apps in and decides which servers and tools they can use.</p>
        <div class="row">
          <a class="button primary" href={`${AT}/new`}>
            Create key
          </a>
        </div>
      </Empty>
    </ListPage>
  );
}

type Order = 'name' | 'owner' | 'last_used' | 'created';

const COLUMNS: (Column & { by?: Order })[] = [
  { name: 'Name', by: 'name' },
  { name: 'Key', isExtra: true },
  { name: 'Owner', by: 'owner' },
  { name: 'Can use' },
  { name: 'Last used', by: 'last_used' },
  { name: 'Created', by: 'created', isExtra: true },
  { name: 'Status' },
];

const WORDS: Record<KeyState, string> = {
  active: 'Active',
  expiring: 'Expires soon',
  expired: 'Expired',
  inactive: 'Off',
};

function Filters({ counts, asked: { state, used, sort } }: { counts: KeyCounts; asked: KeyFilter }) {
  return (
    <>
      <select class="input" name="state" aria-label="Status">
        <option value="">Any status</option>
        {KEY_STATES.map((one) => (
          <option value={one} selected={one === state}>
            {WORDS[one]} ({numberOf(counts[one])})
          </option>
        ))}
      </select>
      <select class="input" name="used" aria-label="Last used">
        <option value="">Used any time</option>
        <option value="not_30_days" selected={used === 'not_30_days'}>
          Not in 30 days ({numberOf(counts.not_30_days)})
        </option>
        <option value="never" selected={used === 'never'}>
          Never used ({numberOf(counts.never)})
        </option>
      </select>
      {sort && <input type="hidden" name="sort" value={sort} />}
    </>
  );
}

function KeyRow(key: ListedKey) {
  const isOff = ['expired', 'inactive'].includes(stateOf(key, Date.now() / 1000));
  return (
    <tr class={isOff ? 'is-off' : undefined}>
      <td>
        <a class="name cut" href={`${AT}/${key.id}`} title={key.name}>
          <Cut of={key.name} />
        </a>
      </td>
      <td data-label="Key" class="extra">
        <span class="mono mask">{key.valueMask.slice(-8)}</span>
      </td>
      <td data-label="Owner">
        <Text of={key.owner ?? '–'} />
      </td>
      <td data-label="Can use">
        <Text of={canUse(key) || '–'} />
      </td>
      <td data-label="Last used">
        <KeyUse of={key} />
      </td>
      <td data-label="Created" class="extra">
        <When at={rfc3339(key.createdAt)} />
      </td>
      <td data-label="Status">
        <KeyBadge of={key} />
      </td>
    </tr>
  );
}

/** When a key was last used, in words. */
export function KeyUse({ of: key }: { of: VirtualKey }) {
  const since = rfc3339(key.useNotedSince);
  return <LastUse at={rfc3339(key.lastUsedAt)} never={since ? `not since ${dayOf(since)}` : undefined} />;
}

/** Text of a cell; what may need two lines is cut there. */
function Text({ of }: { of: string }) {
  return tipOf(of) ? (
    <span class="cut" title={of}>
      <Cut of={of} />
    </span>
  ) : (
    <Cut of={of} />
  );
}

const TONES: Record<KeyState, Tone> = { active: 'good', expiring: 'warn', expired: 'bad', inactive: 'off' };

/** How a key is, as a badge. */
export function KeyBadge({ of: key }: { of: VirtualKey }): Child {
  const state = stateOf(key, Date.now() / 1000);
  return (
    <Badge tone={TONES[state]}>
      {state === 'expiring' ? (
        <>
          Expires <When at={rfc3339(key.expiresAt)} />
        </>
      ) : (
        WORDS[state]
      )}
    </Badge>
  );
}

/** `Sentry`, `Stripe, 2 tools`, `3 servers, 2 toolsets`; empty: what everyone gets. */
export function canUse({ mcpConfigs, toolsetCount }: Pick<ListedKey, 'mcpConfigs' | 'toolsetCount'>): string {
  const given = mcpConfigs.filter(({ tools_to_execute }) => tools_to_execute.length);
  const [one] = given;
  const tools = one?.tools_to_execute.includes('*')
    ? ''
    : `, ${countOf(one?.tools_to_execute.length ?? 0, 'tool')}`;
  const servers =
    one && given.length === 1 && !toolsetCount
      ? one.mcp_client_name + tools
      : given.length && countOf(given.length, 'server');
  return [servers, toolsetCount && countOf(toolsetCount, 'toolset')].filter(Boolean).join(', ');
}
