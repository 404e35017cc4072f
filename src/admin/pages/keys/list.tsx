import type { ListedKey } from '../../../governance/key-overview';
import { refusalOf, type VirtualKey } from '../../../governance/virtual-keys';
import { ListPage } from '../../../ui/list-page';
import { Cut, Name } from '../../../ui/name';
import { Badge, Empty, type Tone, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Page } from '../../api/request';
import { toolCount } from '../tool-picker';
import { lengthOf } from './limit-rows';

const AT = '/admin/keys';

type KeyListProps = { keys: readonly ListedKey[]; total: number; page: Page };

/** The keys there are, a page of them. */
export function KeyList({ keys, total, page }: KeyListProps) {
  return (
    <ListPage
      title="Access keys"
      at={AT}
      words={{
        find: 'Find a key by name',
        none: 'No key begins with',
        noMore: 'There are no more keys',
      }}
      action={
        <a class="button primary" href={`${AT}/new`}>
          Make a key
        </a>
      }
      columns={COLUMNS}
      rows={keys}
      row={(key) => <KeyRow {...key} />}
      total={total}
      {...page}
    >
      <Empty title="There is no access key yet">
        <p>
          A key lets an app in and says which servers and tools it gets. You choose them, hand the key over,
          and can take it back at any time.
        </p>
        <p>
          <a href={`${AT}/new`}>Make the first one</a>
        </p>
      </Empty>
    </ListPage>
  );
}

const COLUMNS = [
  { name: 'Key' },
  { name: 'Belongs to' },
  { name: 'May use' },
  { name: 'Limits' },
  { name: 'Works until' },
  { name: 'State' },
];

function KeyRow(key: ListedKey) {
  const { tone, word } = standingOf(key);
  return (
    <tr>
      <td>
        <a href={`${AT}/${key.id}`}>
          <b>
            <Cut of={key.name} />
          </b>
        </a>
        <br />
        <small class="mono mask">{key.valueMask}</small>
      </td>
      <td data-label="Belongs to">
        {key.owner ? <Name of={key.owner} /> : <span class="muted">nobody</span>}
      </td>
      <td data-label="May use">{mayUse(key)}</td>
      <td data-label="Limits">
        {key.limits.length ? (
          <span>
            {key.limits.map(({ calls, window_seconds }) => (
              <span class="block mask">
                {calls.toLocaleString('en')} in {lengthOf(window_seconds)}
              </span>
            ))}
          </span>
        ) : (
          <span class="muted">none</span>
        )}
      </td>
      <td data-label="Works until">
        {key.expiresAt === null ? <span class="muted">for good</span> : <When at={rfc3339(key.expiresAt)} />}
      </td>
      <td data-label="State">
        <Badge tone={tone}>{word}</Badge>
      </td>
    </tr>
  );
}

/** How a key stands, as a badge says it. */
export function standingOf(key: VirtualKey): { tone: Tone; word: string } {
  const refusal = refusalOf(key, Date.now() / 1000);
  if (!refusal) return { tone: 'good', word: 'active' };
  return { tone: refusal === 'inactive' ? 'off' : 'bad', word: refusal };
}

function mayUse({ mcpConfigs, toolsetCount }: ListedKey): string {
  const servers = mcpConfigs
    .filter(({ tools_to_execute }) => tools_to_execute.length)
    .map(({ mcp_client_name: name, tools_to_execute: tools }) =>
      tools.includes('*') ? name : `${toolCount(tools.length)} of ${name}`,
    );
  const toolsets = toolsetCount ? [toolsetCount === 1 ? '1 toolset' : `${toolsetCount} toolsets`] : [];
  const named = servers.length > 2 ? [...servers.slice(0, 1), `${servers.length - 1} more servers`] : servers;
  return [...named, ...toolsets].join(', ') || 'what everyone may';
}
