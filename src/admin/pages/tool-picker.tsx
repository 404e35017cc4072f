import type { Context } from 'hono';
import type * as z from 'zod';
import type { App } from '../../config';
import type { ShownServer } from '../shown-server';
import { type Form, read } from './api';

/** A server, as far as picking needs it. */
export type PickableServer = Pick<z.infer<typeof ShownServer>, 'id' | 'name' | 'tools' | 'auth_type'>;

/** What was picked of a server: names of its tools, `*` for all of them and later ones. Servers that are not named are out. */
export type Picked = ReadonlyMap<string, readonly string[]>;

/** Every server an administrator can pick from. */
export async function pickableServers(c: Context<App>): Promise<PickableServer[]> {
  const { clients } = await read<{ clients: PickableServer[] }>(c, '/mcp/clients?limit=500');
  return clients;
}

/** Which servers, and which of their tools: nothing, all of them, or some. Works without JavaScript. */
export function ToolPicker({ servers, picked }: { servers: PickableServer[]; picked: Picked }) {
  return (
    <fieldset class="picker">
      <legend>Servers and tools</legend>
      {!servers.length && (
        <p class="muted">
          There is no server yet. <a href="/admin/servers/new">Add one</a>, then choose its tools here.
        </p>
      )}
      {servers.map((server) => (
        <ServerPick server={server} picked={picked.get(server.name.toLowerCase())} />
      ))}
    </fieldset>
  );
}

function ServerPick({ server, picked }: { server: PickableServer; picked: readonly string[] | undefined }) {
  const choice = !picked?.length ? 'none' : picked.includes('*') ? 'all' : 'some';
  const gone = (picked ?? []).filter(
    (name) => name !== '*' && !server.tools.some((tool) => tool.name === name),
  );
  const id = `pick-${server.id}`;
  return (
    <div class="server">
      <div class="head">
        <label class="grow" for={id}>
          <b>{server.name}</b>{' '}
          <small>{server.tools.length === 1 ? '1 tool' : `${server.tools.length} tools`}</small>
        </label>
        <select class="input short" id={id} name={`pick.${server.name}`}>
          <option value="none" selected={choice === 'none'}>
            Nothing
          </option>
          <option value="all" selected={choice === 'all'}>
            All tools, later ones too
          </option>
          <option value="some" selected={choice === 'some'}>
            Only these tools
          </option>
        </select>
      </div>
      <ul class="some" aria-label={`Tools of ${server.name}`}>
        {[
          ...server.tools,
          ...gone.map((name) => ({ name, description: 'Not listed by the server now.' })),
        ].map((tool) => (
          <li>
            <label class="row check">
              <input
                type="checkbox"
                name={`tool.${server.name}`}
                value={tool.name}
                checked={choice === 'some' && picked?.includes(tool.name)}
              />
              <span>
                <span class="mono">{tool.name}</span>
                {tool.description && <small>{tool.description.slice(0, 160)}</small>}
              </span>
            </label>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What a form with a {@link ToolPicker} picked, by server name. */
export function pickedIn(form: Form): Picked {
  const picked = new Map<string, readonly string[]>();
  for (const [field, choice] of form) {
    const [, name] = /^pick\.(.+)$/.exec(field) ?? [];
    if (!name || choice === 'none') continue;
    picked.set(name, choice === 'all' ? ['*'] : form.getAll(`tool.${name}`));
  }
  return picked;
}

type McpConfigs = { mcp_client_name: string; tools_to_execute: string[] }[];

/** As keys, people and settings hold it, for {@link ToolPicker}. */
export function pickedOf(configs: McpConfigs): Picked {
  return new Map(
    configs.map(({ mcp_client_name, tools_to_execute }) => [mcp_client_name.toLowerCase(), tools_to_execute]),
  );
}

/** As keys, people and settings take it. */
export function configsOf(picked: Picked): McpConfigs {
  return [...picked].map(([mcp_client_name, tools]) => ({ mcp_client_name, tools_to_execute: [...tools] }));
}
