import type { ListedVirtualMcp, VirtualMcp } from '../../../governance/virtual-mcps';
import { ListPage } from '../../../ui/list-page';
import { Cut, Name } from '../../../ui/name';
import { Badge, Copy, Empty, Tabs } from '../../../ui/parts';
import type { Page } from '../../api/request';
import { toolCount } from '../tool-picker';

const AT = '/admin/toolsets';

type ToolsetListProps = {
  virtualMcps: readonly ListedVirtualMcp[];
  total: number;
  page: Page;
  /** Names of servers, by id. */
  names: ReadonlyMap<string, string>;
};

/** The toolsets there are, a page of them. */
export function ToolsetList({ virtualMcps, total, page, names }: ToolsetListProps) {
  return (
    <ListPage
      title="Toolsets"
      at={AT}
      words={{
        find: 'Find a toolset by name',
        none: 'No toolset begins with',
        noMore: 'There are no more toolsets',
      }}
      action={
        <a class="button primary" href={`${AT}/new`}>
          Make a toolset
        </a>
      }
      columns={[
        { name: 'Toolset' },
        { name: 'Tools' },
        { name: 'Access keys', isNumber: true },
        { name: 'State' },
      ]}
      rows={virtualMcps}
      row={(toolset) => (
        <tr>
          <td>
            <a href={`${AT}/${toolset.id}`}>
              <b>
                <Cut of={toolset.name} />
              </b>
            </a>
            <br />
            <small class="mono">/mcp/{toolset.endpointSlug}</small>
          </td>
          <td data-label="Tools">{holds(toolset, names)}</td>
          <td data-label="Access keys" class="num">
            {toolset.keyCount.toLocaleString('en')}
          </td>
          <td data-label="State">
            <Standing isOn={toolset.enabled} />
          </td>
        </tr>
      )}
      total={total}
      {...page}
    >
      <Empty title="There is no toolset yet">
        <p>
          A toolset is a few tools of several servers under an address of its own: what one job needs, and
          nothing else. You choose the tools, then the access keys that may use it.
        </p>
        <p>
          <a href={`${AT}/new`}>Make the first one</a>
        </p>
      </Empty>
    </ListPage>
  );
}

function holds({ tools }: VirtualMcp, names: ReadonlyMap<string, string>): string {
  const parts = tools
    .filter(({ tool_names, mcp_client_id }) => tool_names.length && names.has(mcp_client_id))
    .map(({ mcp_client_id, tool_names }) => {
      const name = names.get(mcp_client_id);
      return tool_names.includes('*') ? `all of ${name}` : `${toolCount(tool_names.length)} of ${name}`;
    });
  if (parts.length > 3) return `${parts.slice(0, 2).join(', ')} and of ${parts.length - 2} more servers`;
  return parts.join(', ') || 'none yet';
}

export type ToolsetTab = 'tools' | 'keys' | 'connect';

/** What every page of a toolset begins with: its name, its address, and the ways to its parts. */
export function ToolsetHead({
  toolset,
  address,
  tab,
}: {
  toolset: VirtualMcp;
  address: string | null;
  tab: ToolsetTab;
}) {
  const way = (name: ToolsetTab, text: string, path: string) => ({
    href: `${AT}/${toolset.id}${path}`,
    text,
    isHere: tab === name,
  });
  return (
    <>
      <div class="row spread">
        <h1>
          <Name of={toolset.name} />
        </h1>
        <Standing isOn={toolset.enabled} />
      </div>
      <div class="stack tight">
        <Copy text={address ?? `/mcp/${toolset.endpointSlug}`} label="the address" />
        <small>Its address. It never changes, whatever the toolset is called.</small>
      </div>
      <Tabs
        label="Toolset"
        ways={[
          way('tools', 'Tools', ''),
          way('keys', 'Access keys', '/keys'),
          way('connect', 'Connect', '/connect'),
        ]}
      />
    </>
  );
}

function Standing({ isOn }: { isOn: boolean }) {
  return isOn ? <Badge tone="good">on</Badge> : <Badge tone="off">off</Badge>;
}

/** The way to the end of a toolset, apart from its form. */
export function Ending({ id }: { id: string }) {
  return (
    <section class="stack apart">
      <h2>End it</h2>
      <div class="row">
        <a class="button danger" href={`${AT}/${id}/delete`}>
          Delete
        </a>
      </div>
    </section>
  );
}
