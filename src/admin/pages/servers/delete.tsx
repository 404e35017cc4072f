import type { ServerUse } from '../../../accounts/server-overview';
import type { Server } from '../../../servers/server';
import { Confirm } from '../../../ui/forms';
import { toolCount } from '../tool-picker';

/** What goes with a server, named before it does. */
export function DeleteServer({ server, use, csrf }: { server: Server; use: ServerUse; csrf: string }) {
  const { id, name, endpointSlug } = server;
  const { tools, accounts, keys, people, toolsets } = use;
  const losers = [
    counted(keys, 'access key', 'access keys'),
    counted(people, 'person', 'people'),
    counted(toolsets, 'toolset', 'toolsets'),
  ].filter((words) => words !== null);
  return (
    <Confirm
      title={`Delete the server ${name}?`}
      action={`/admin/servers/${id}/delete`}
      button="Delete the server"
      back={`/admin/servers/${id}`}
      csrf={csrf}
    >
      <p>What happens within seconds:</p>
      <ul>
        <li>
          {tools ? `Its ${toolCount(tools)} ${tools === 1 ? 'is' : 'are'} gone from every app` : 'It is gone'}
          , and so is its address <code>/mcp/{endpointSlug}</code>.
        </li>
        {accounts > 0 && (
          <li>
            {accounts === 1
              ? 'The account connected there is'
              : `The ${accounts} accounts connected there are`}{' '}
            ended and forgotten.
          </li>
        )}
        {losers.length > 0 && (
          <li>Whatever was given it stays, without it: {new Intl.ListFormat('en').format(losers)}.</li>
        )}
        <li>What you entered for it, secrets included, is forgotten.</li>
      </ul>
      <p class="muted">This cannot be undone. To stop it for a while, turn it off instead.</p>
    </Confirm>
  );
}

function counted(count: number, one: string, many: string): string | null {
  return count ? `${count.toLocaleString('en')} ${count === 1 ? one : many}` : null;
}
