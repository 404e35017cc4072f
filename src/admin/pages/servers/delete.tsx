import type { ServerUse } from '../../../accounts/server-overview';
import type { Server } from '../../../servers/server';
import { countOf } from '../../../ui/english';
import { Confirm } from '../../../ui/forms';
import { Cut, cut } from '../../../ui/name';
import { toolCount } from '../tool-picker';

/** `214 access keys, 1 person and 2 toolsets`: who was given a server; '' for no one. */
export function givenTo({ keys, people, toolsets }: ServerUse): string {
  const given = [
    keys && countOf(keys, 'access key'),
    people && countOf(people, 'person', 'people'),
    toolsets && countOf(toolsets, 'toolset'),
  ];
  return given
    .filter(Boolean)
    .join(', ')
    .replace(/, (?!.*, )/, ' and ');
}

/** What goes with a server, named before it does. */
export function DeleteServer({ server, use, csrf }: { server: Server; use: ServerUse; csrf: string }) {
  const { id, name, endpointSlug } = server;
  const { tools, accounts } = use;
  const given = givenTo(use);
  return (
    <Confirm
      crumbs={[
        { href: '/admin/servers', text: 'Servers' },
        { href: `/admin/servers/${id}`, text: <Cut of={name} /> },
      ]}
      title={
        <>
          Delete <Cut of={name} />?
        </>
      }
      action={`/admin/servers/${id}/delete`}
      button={`Delete ${cut(name)}`}
      busy="Deleting…"
      back={`/admin/servers/${id}/settings`}
      csrf={csrf}
    >
      <p>Within seconds:</p>
      <ul>
        {given && (
          <li>
            We remove its {toolCount(tools)} from <b>{given}</b>.
          </li>
        )}
        {accounts > 0 && (
          <li>
            <b>{countOf(accounts, 'connected account')}</b> {accounts === 1 ? 'is' : 'are'} deleted. We tell
            the provider where it supports that.
          </li>
        )}
        <li>
          Apps that call one of its tools, or connect to <code>/mcp/{endpointSlug}</code>, get an error.
        </li>
        <li>Its settings and stored secrets are deleted.</li>
      </ul>
      <p>
        You can’t undo this. To stop it for a while, <a href={`/admin/servers/${id}/settings`}>turn it off</a>{' '}
        instead.
      </p>
    </Confirm>
  );
}
