import { authTypes } from '../../../accounts/auth/index';
import { type ServerWithCounts, type SORTS, STANDINGS } from '../../../accounts/server-overview';
import { stateOf } from '../../../servers/server';
import type { Settings } from '../../../settings';
import { Avatar } from '../../../ui/avatar';
import { numberOf } from '../../../ui/english';
import { Icon } from '../../../ui/icons';
import { ListPage } from '../../../ui/list-page';
import { Cut } from '../../../ui/name';
import { Badge, Empty, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Page } from '../../api/request';
import { sortAsked, sortBy } from '../sorting';
import { Presets } from './new';
import { glyphOf, SERVER_STATES, usedBy } from './state';
import { authWord } from './words';

const AT = '/admin/servers';

/** How the list is narrowed and sorted. */
type ServerFilter = {
  state: (typeof STANDINGS)[number] | undefined;
  auth: string | undefined;
  sort: (typeof SORTS)[number];
};

/** The same, as an address says it; what makes no sense there is left out. */
export function serverFilter({ state, auth, sort }: Record<string, string>): ServerFilter {
  return {
    state: STANDINGS.find((one) => one === state),
    auth: [...authTypes.keys()].find((one) => one === auth),
    sort: sortAsked(sort, ['state', 'name']) ?? 'state',
  };
}

const STATE_WORDS = { attention: 'Needs attention', healthy: 'Healthy', off: 'Off' };

type ServerListProps = {
  servers: readonly ServerWithCounts[];
  total: number;
  counts: Record<string, number>;
  filter: ServerFilter;
  page: Page;
  settings: Settings;
  csrf: string;
};

/** The servers there are, a page of them, what is troubled first; where there are none, how the first is added. */
export function ServerList(props: ServerListProps) {
  const { servers, total, counts, filter, page, settings, csrf } = props;
  const { state, auth, sort } = filter;
  const query = { ...(state && { state }), ...(auth && { auth }), ...(sort !== 'state' && { sort }) };
  const sorting = (by: 'name' | 'state') => sortBy(by, sort, { search: page.search, ...query });
  const { sort: _, ...narrowed } = query;
  return (
    <ListPage
      title="Servers"
      at={AT}
      words={{
        find: 'Find by name or address',
        none: 'No servers match',
        noMore: 'No servers here',
        searched: 'Names and addresses are searched.',
      }}
      lead="MCP servers behind this gateway. Apps reach all of them at one address."
      isSearched={Object.values(counts).some(Boolean)}
      action={
        <a class="button primary" href={`${AT}/new`}>
          <Icon of="plus" />
          Add a server
        </a>
      }
      filters={
        <>
          <select class="input" name="state" aria-label="Status">
            <option value="">Any status</option>
            {STANDINGS.map((one) => (
              <option value={one} selected={one === state}>
                {STATE_WORDS[one]} ({numberOf(counts[one] ?? 0)})
              </option>
            ))}
          </select>
          <select class="input" name="auth" aria-label="Authentication">
            <option value="">Any authentication</option>
            {[...authTypes.keys()].map((one) => (
              <option value={one} selected={one === auth}>
                {authWord(one)}
              </option>
            ))}
          </select>
          {sort !== 'state' && <input type="hidden" name="sort" value={sort} />}
        </>
      }
      query={Object.keys(narrowed).length ? query : {}}
      columns={[
        { name: 'Server', sort: sorting('name') },
        { name: 'Status', sort: sorting('state') },
        { name: 'Address', isExtra: true },
        { name: 'Tools', isNumber: true },
        { name: 'Authentication', isExtra: true },
        { name: 'Used by' },
      ]}
      rows={servers}
      row={(listed) => <ServerRow listed={listed} settings={settings} />}
      total={total}
      one="server"
      {...page}
    >
      <Empty title="No servers yet" glyph="server">
        <p>A server brings tools: an issue tracker, mail, a database. Apps reach all of them here.</p>
      </Empty>
      <section class="stack" aria-labelledby="known">
        <h2 id="known">Well-known servers</h2>
        <Presets csrf={csrf} />
      </section>
    </ListPage>
  );
}

const MARKS = { bad: 'is-bad', warn: 'is-warn', off: 'is-off', good: undefined, info: undefined };

function ServerRow({ listed, settings }: { listed: ServerWithCounts; settings: Settings }) {
  const { server, tools, toolsOn, use } = listed;
  const { word, tone } = SERVER_STATES[stateOf(server)];
  const { host } = new URL(server.connectionString);
  const { lastFailure, listedAt } = server;
  return (
    <tr class={MARKS[tone]}>
      <td>
        <span class="thing">
          <Avatar name={server.name} glyph={glyphOf(server)} />
          <a class="name cut" href={`${AT}/${server.id}`} title={server.name}>
            <Cut of={server.name} />
          </a>
        </span>
      </td>
      <td data-label="Status">
        <span>
          <Badge tone={tone}>{word}</Badge>
          {server.enabled && lastFailure && (
            <small>
              started <When at={rfc3339(lastFailure.since)} />
            </small>
          )}
        </span>
      </td>
      <td data-label="Address" class="extra">
        <span class="cut one muted" title={host}>
          {host}
        </span>
      </td>
      <td data-label="Tools" class="num">
        {listedAt === null ? '–' : toolsOn === tools ? numberOf(tools) : `${toolsOn} of ${tools}`}
      </td>
      <td data-label="Authentication" class="extra">
        {authWord(server.authType)}
      </td>
      <td data-label="Used by">{usedBy(server, use, settings) || 'no one yet'}</td>
    </tr>
  );
}
