import type { ServerWithCounts } from '../../../accounts/server-overview';
import { stateOf } from '../../../servers/server';
import { ListPage } from '../../../ui/list-page';
import { Badge, Empty, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Page } from '../../api/request';
import { toolCount } from '../tool-picker';
import { Presets } from './new';
import { SERVER_STATES } from './state';
import { authWord } from './words';

const AT = '/admin/servers';

type ServerListProps = { servers: readonly ServerWithCounts[]; total: number; page: Page; csrf: string };

/** The servers there are, a page of them; where there are none, how the first is added. */
export function ServerList({ servers, total, page, csrf }: ServerListProps) {
  return (
    <ListPage
      title="Servers"
      at={AT}
      words={{
        find: 'Find a server by name',
        none: 'No server begins with',
        noMore: 'There are no more servers',
      }}
      isSearched={total > 0 || page.search !== ''}
      action={
        <a class="button primary" href={`${AT}/new`}>
          Add a server
        </a>
      }
      columns={[{ name: 'Server' }, { name: 'Who authenticates' }, { name: 'Tools' }, { name: 'State' }]}
      rows={servers}
      row={(listed) => <ServerRow listed={listed} />}
      total={total}
      {...page}
    >
      <Empty title="There is no server yet">
        <p>
          A server brings tools: your issue tracker, your mail, a database. People and apps reach all of them
          through this gateway. <a href={`${AT}/new`}>Add one by its address</a>, or begin with one that is
          well known.
        </p>
      </Empty>
      <section class="stack" aria-labelledby="known">
        <h2 id="known">Well-known servers</h2>
        <Presets csrf={csrf} />
      </section>
    </ListPage>
  );
}

function ServerRow({ listed: { server, tools, toolsOn } }: { listed: ServerWithCounts }) {
  const { word, tone } = SERVER_STATES[stateOf(server)];
  const { lastFailure } = server;
  return (
    <tr>
      <td>
        <a href={`${AT}/${server.id}`}>
          <b>{server.name}</b>
        </a>
        <br />
        <small class="mono">{new URL(server.connectionString).host}</small>
      </td>
      <td data-label="Who authenticates">{authWord(server.authType)}</td>
      <td data-label="Tools">{toolWords(server.listedAt, tools, toolsOn)}</td>
      <td data-label="State">
        <span>
          <Badge tone={tone}>{word}</Badge>
          {server.enabled && lastFailure && (
            <small class="block">
              since <When at={rfc3339(lastFailure.since)} />
            </small>
          )}
        </span>
      </td>
    </tr>
  );
}

function toolWords(listedAt: number | null, tools: number, toolsOn: number): string {
  if (listedAt === null) return 'not listed yet';
  return toolsOn === tools ? toolCount(tools) : `${toolsOn} of ${toolCount(tools)} on`;
}
