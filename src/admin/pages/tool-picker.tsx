import type { McpConfig } from '../../protocol/mcp-config';
import type { ServerChoice } from '../../servers/summaries';
import { Filter } from '../../ui/parts';
import type { FormFields } from './api';

/** What was picked of a server: everything, later tools too; nothing, even where everyone may; or these tools. */
type Pick = 'all' | 'closed' | readonly string[];

/** What was picked, by the server's name in lower case. A server that is not named is as it is for everyone. */
export type Picked = ReadonlyMap<string, Pick>;

/** Characters that lists of tools may take on a page; what is over waits behind a button. */
const BUDGET = 45_000;
/** Characters of a description. */
const MOST = 110;

type PickerProps = {
  servers: readonly ServerChoice[];
  picked: Picked;
  /** True where leaving a server out means what everyone may use of it: for keys and people, not for toolsets. */
  addsToEveryones?: boolean;
};

/** Which servers, and which of their tools: nothing, all of them, or some. Works without JavaScript. */
export function ToolPicker({ servers, picked, addsToEveryones = false }: PickerProps) {
  const shown = withinBudget(servers, picked);
  return (
    <fieldset class="picker">
      <legend>Servers and tools</legend>
      {servers.length ? (
        <Filter list="picker-servers" label="Find a server or tool" />
      ) : (
        <p class="muted">
          There is no server yet. <a href="/admin/servers/new">Add one</a>, then choose its tools here.
        </p>
      )}
      <div class="stack tight" id="picker-servers">
        {servers.map((server) => (
          <ServerPick
            server={server}
            pick={picked.get(server.name.toLowerCase())}
            isOpenToAll={addsToEveryones && server.isOpenToAll}
            isShown={shown.has(server.id)}
          />
        ))}
      </div>
    </fieldset>
  );
}

type ServerPickProps = {
  server: ServerChoice;
  pick: Pick | undefined;
  isOpenToAll: boolean;
  isShown: boolean;
};

function ServerPick({ server, pick, isOpenToAll, isShown }: ServerPickProps) {
  const choice = pick === undefined ? 'none' : typeof pick === 'string' ? pick : 'some';
  const id = `pick-${server.id}`;
  const canBeClosed = isOpenToAll || pick === 'closed';
  const options: [value: string, words: string][] = [
    ['none', isOpenToAll ? 'As everyone: all tools' : canBeClosed ? 'As everyone: nothing' : 'Nothing'],
    ...(canBeClosed ? [['closed', 'Nothing, whatever everyone may'] as [string, string]] : []),
    ['all', 'All tools, later ones too'],
    ...(isShown ? [['some', 'Only these tools'] as [string, string]] : []),
  ];
  return (
    <div class="server" data-item>
      <div class="head">
        <label class="grow" for={id}>
          <b>{server.name}</b> <small>{toolCount(server.tools.length)}</small>
        </label>
        <select class="input short" id={id} name={`pick.${server.name}`}>
          {options.map(([value, words]) => (
            <option value={value} selected={choice === value}>
              {words}
            </option>
          ))}
        </select>
        {!isShown && (
          <button type="submit" class="button small" name="again" value={`tools.${server.name}`}>
            Choose tools<span class="unseen"> of {server.name}</span>
          </button>
        )}
      </div>
      {isShown && <Tools server={server} ticked={Array.isArray(pick) ? pick : []} />}
    </div>
  );
}

function Tools({ server, ticked }: { server: ServerChoice; ticked: readonly string[] }) {
  const listed = new Set(server.tools.map(({ name }) => name));
  const gone = ticked.filter((name) => !listed.has(name));
  const isOff = (name: string) =>
    !server.toolsToExecute.includes('*') && !server.toolsToExecute.includes(name);
  const tools = [
    ...server.tools.map(({ name, description = '' }) => ({
      name,
      note: isOff(name) ? 'Turned off at the server.' : shortened(description),
    })),
    ...gone.map((name) => ({ name, note: 'The server does not list it now.' })),
  ];
  if (!tools.length) return <p class="some muted">It lists no tools. Ask it again on its own page.</p>;
  return (
    <ul class="some" aria-label={`Tools of ${server.name}`}>
      {tools.map(({ name, note }) => (
        <li data-item>
          <label class="row check">
            <input
              type="checkbox"
              name={`tool.${server.name}`}
              value={name}
              checked={ticked.includes(name)}
            />
            <span>
              <code>{name}</code>
              {note && <small>{note}</small>}
            </span>
          </label>
        </li>
      ))}
    </ul>
  );
}

export function toolCount(count: number): string {
  return count === 1 ? '1 tool' : `${count} tools`;
}

function shortened(description: string): string {
  return description.length > MOST ? `${description.slice(0, MOST).trimEnd()}…` : description;
}

/** The servers whose tools the page lists: those picked from, then the others for as long as they fit. */
function withinBudget(servers: readonly ServerChoice[], picked: Picked): ReadonlySet<string> {
  const isPickedFrom = ({ name }: ServerChoice) => Array.isArray(picked.get(name.toLowerCase()));
  const sizeOf = ({ name, tools }: ServerChoice) =>
    tools.reduce(
      (size, tool) =>
        size + 160 + name.length + 2 * tool.name.length + Math.min(tool.description?.length ?? 0, MOST),
      0,
    );
  const shown = new Set<string>();
  let size = 0;
  for (const server of [...servers].sort((a, b) => Number(isPickedFrom(b)) - Number(isPickedFrom(a)))) {
    size += sizeOf(server);
    if (size <= BUDGET || isPickedFrom(server)) shown.add(server.id);
  }
  return shown;
}

/** What a form with a {@link ToolPicker} picked. The list that was asked for by its button is picked from. */
export function pickedIn(form: FormFields): Picked {
  const picked = new Map<string, Pick>();
  for (const [field, choice] of form) {
    const [, name] = /^pick\.(.+)$/.exec(field) ?? [];
    if (!name) continue;
    if (choice === 'some' || form.get('again') === `tools.${name}`) {
      picked.set(name.toLowerCase(), form.getAll(`tool.${name}`));
    } else if (choice === 'all' || choice === 'closed') {
      picked.set(name.toLowerCase(), choice);
    }
  }
  return picked;
}

/** A sentence on a server of which only some tools were to be picked, and none was; null when there is none. */
export function unpicked(picked: Picked): string | null {
  const [name] = [...picked].find(([, pick]) => Array.isArray(pick) && !pick.length) ?? [];
  return name === undefined
    ? null
    : `You chose only some tools of ${name}, and ticked none. Tick one, or choose Nothing.`;
}

/** What the API's lists say of a server, by its name: `*` is all tools, an empty list none. */
export function pickedOf(lists: readonly (readonly [name: string, tools: readonly string[]])[]): Picked {
  return new Map(
    lists.map(([name, tools]) => [
      name.toLowerCase(),
      tools.includes('*') ? 'all' : tools.length ? tools : 'closed',
    ]),
  );
}

/** The names of tools the API takes for what was picked of a server. */
export function toolNames(pick: Pick): string[] {
  if (pick === 'all') return ['*'];
  return pick === 'closed' ? [] : [...pick];
}

/** As keys, people and settings hold it, for {@link ToolPicker}. */
export function pickedFrom(configs: readonly McpConfig[]): Picked {
  return pickedOf(
    configs.map(({ mcp_client_name, tools_to_execute }) => [mcp_client_name, tools_to_execute]),
  );
}

/** As keys, people and settings take it. */
export function configsOf(picked: Picked): McpConfig[] {
  return [...picked].map(([mcp_client_name, pick]) => ({
    mcp_client_name,
    tools_to_execute: toolNames(pick),
  }));
}
