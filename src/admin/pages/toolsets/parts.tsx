import type { Child } from 'hono/jsx';
import type {
  ListedVirtualMcp,
  VirtualMcp,
  VirtualMcpFilter,
  VirtualMcpOrder,
} from '../../../governance/virtual-mcps';
import { countOf, numberOf } from '../../../ui/english';
import { Icon } from '../../../ui/icons';
import { ListPage } from '../../../ui/list-page';
import { Cut, cut } from '../../../ui/name';
import { AuditLink, Badge, Copy, Empty, Head } from '../../../ui/parts';
import type { Page } from '../../api/request';
import { sortBy } from '../sorting';

const AT = '/admin/toolsets';

type ToolsetListProps = {
  virtualMcps: readonly ListedVirtualMcp[];
  total: number;
  asked: VirtualMcpFilter & Page;
  /** Names of servers, by id. */
  names: ReadonlyMap<string, string>;
};

/** The toolsets there are, a page of them. */
export function ToolsetList({ virtualMcps, total, asked, names }: ToolsetListProps) {
  const { search, enabled, sort } = asked;
  const state: Record<string, string> = enabled === undefined ? {} : { state: enabled ? 'on' : 'off' };
  const sorted = (by: VirtualMcpOrder, first = by as VirtualMcpOrder | `-${VirtualMcpOrder}`) =>
    sortBy(by, sort ?? 'name', { search, ...state }, first);
  const create = (
    <a class="button primary" href={`${AT}/new`}>
      <Icon of="plus" />
      Create toolset
    </a>
  );
  return (
    <ListPage
      title="Toolsets"
      at={AT}
      lead="A toolset has some tools of several servers at its own address: what one job needs, and nothing else."
      words={{
        find: 'Find by name or address',
        none: 'No toolsets match',
        noMore: 'No toolsets match',
      }}
      action={create}
      isSearched={total > 0}
      filters={
        <>
          <select class="input" name="state" aria-label="Status">
            <option value="">Any status</option>
            <option value="on" selected={enabled === true}>
              On
            </option>
            <option value="off" selected={enabled === false}>
              Off
            </option>
          </select>
          {sort && <input type="hidden" name="sort" value={sort} />}
        </>
      }
      query={{ ...state, ...(sort && { sort }) }}
      columns={[
        { name: 'Name', sort: sorted('name') },
        { name: 'Address', isExtra: true },
        { name: 'Tools' },
        { name: 'Access keys', isNumber: true, sort: sorted('keys', '-keys') },
        { name: 'Status' },
      ]}
      rows={virtualMcps}
      row={(toolset) => (
        <tr class={toolset.enabled ? undefined : 'is-off'}>
          <td>
            <a class="name cut" href={`${AT}/${toolset.id}`} title={toolset.name}>
              <Cut of={toolset.name} />
            </a>
          </td>
          <td data-label="Address" class="extra">
            <span class="cut mono" title={`/mcp/${toolset.endpointSlug}`}>
              /mcp/{toolset.endpointSlug}
            </span>
          </td>
          <td data-label="Tools">
            <span class="cut" title={holds(toolset, names)}>
              {holds(toolset, names)}
            </span>
          </td>
          <td data-label="Access keys" class="num">
            {numberOf(toolset.keyCount)}
          </td>
          <td data-label="Status">
            <Standing isOn={toolset.enabled} />
          </td>
        </tr>
      )}
      total={total}
      one="toolset"
      {...asked}
    >
      <Empty title="No toolsets yet" glyph="toolset">
        <p>Choose the tools of a job, then the access keys that can use them.</p>
        <div class="row">{create}</div>
      </Empty>
    </ListPage>
  );
}

/** `All of Sentry, 2 tools of Stripe`, `2,428 tools of 64 servers`. */
function holds({ tools }: VirtualMcp, names: ReadonlyMap<string, string>): string {
  const held = tools.filter(({ tool_names, mcp_client_id }) => tool_names.length && names.has(mcp_client_id));
  if (!held.length) return '–';
  if (held.length > 3) return `Tools of ${countOf(held.length, 'server')}`;
  return held
    .map(({ mcp_client_id, tool_names }) => {
      const name = cut(names.get(mcp_client_id) ?? '');
      return tool_names.includes('*') ? `all of ${name}` : `${countOf(tool_names.length, 'tool')} of ${name}`;
    })
    .join(', ')
    .replace(/^all/, 'All');
}

export type ToolsetTab = 'tools' | 'keys' | 'connect';

/** What every page of a toolset begins with: its name, and the ways to its parts. */
export function ToolsetHead({ toolset, tab }: { toolset: VirtualMcp; tab: ToolsetTab }) {
  const way = (name: ToolsetTab, text: string, path: string) => ({
    href: `${AT}/${toolset.id}${path}`,
    text,
    isHere: tab === name,
  });
  return (
    <Head
      crumbs={[{ href: AT, text: 'Toolsets' }]}
      title={
        <span class="cut" title={toolset.name}>
          <Cut of={toolset.name} />
        </span>
      }
      badge={<Standing isOn={toolset.enabled} />}
      tabs={{
        label: 'Toolset',
        ways: [
          way('tools', 'Tools', ''),
          way('keys', 'Access keys', '/keys'),
          way('connect', 'Connect', '/connect'),
        ],
      }}
    />
  );
}

function Standing({ isOn }: { isOn: boolean }) {
  return isOn ? <Badge tone="good">On</Badge> : <Badge tone="off">Off</Badge>;
}

/** A toolset's address, and its end, beside its form. */
export function Aside({
  toolset,
  address,
  children,
}: {
  toolset: VirtualMcp;
  address: string;
  children: Child;
}) {
  return (
    <div class="cols">
      {children}
      <aside class="stack wide">
        <section class="card stack">
          <h2>Address</h2>
          <Copy text={address} label="the address" />
          <small>It stays the same when you rename the toolset.</small>
          <AuditLink of="server" id={toolset.id} />
        </section>
        <section class="card danger stack tight">
          <h2>Delete toolset</h2>
          <p class="muted small">Apps that use its address lose its tools within seconds.</p>
          <div class="actions">
            <a class="button danger" href={`${AT}/${toolset.id}/delete`}>
              Delete…
            </a>
          </div>
        </section>
      </aside>
    </div>
  );
}
