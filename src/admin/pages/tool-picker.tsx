import type { McpConfig, ReadingTerms } from '../../protocol/mcp-config';
import type { ServerChoice } from '../../servers/summaries';
import { Filter } from '../../ui/parts';
import type { FormFields } from './api';
import { ReadingBoxes, readingIn } from './reading-boxes';

/**
 * What was picked of a server: everything, later tools too; nothing, even where everyone may; or these tools. With it what is
 * said of its resources and prompts, where that is not what follows from the tools.
 */
type Pick = { tools: 'all' | 'closed' | readonly string[] } & ReadingTerms;

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
  const choice = pick === undefined ? 'none' : typeof pick.tools === 'string' ? pick.tools : 'some';
  const id = `pick-${server.id}`;
  const canBeClosed = isOpenToAll || choice === 'closed';
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
      <ReadingBoxes name={server.name} isAll={choice === 'all'} terms={pick ?? {}} />
      {isShown && <Tools server={server} ticked={tickedOf(pick)} />}
    </div>
  );
}

function tickedOf(pick: Pick | undefined): readonly string[] {
  return pick && typeof pick.tools !== 'string' ? pick.tools : [];
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
  const isPickedFrom = ({ name }: ServerChoice) => Array.isArray(picked.get(name.toLowerCase())?.tools);
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
    const reading = readingIn(form, `.${name}`, choice === 'all');
    if (choice === 'some' || form.get('again') === `tools.${name}`) {
      picked.set(name.toLowerCase(), { tools: form.getAll(`tool.${name}`), ...reading });
    } else if (choice === 'all') picked.set(name.toLowerCase(), { tools: choice, ...reading });
    else if (choice === 'closed') picked.set(name.toLowerCase(), { tools: choice });
  }
  return picked;
}

/** A sentence on a server of which only some tools were to be picked, and none was; null when there is none. */
export function unpicked(picked: Picked): string | null {
  const isEmpty = ({ tools, allow_resources, allow_prompts }: Pick) =>
    typeof tools !== 'string' && !tools.length && !allow_resources && !allow_prompts;
  const [name] = [...picked].find(([, pick]) => isEmpty(pick)) ?? [];
  return name === undefined
    ? null
    : `You chose only some tools of ${name}, and ticked none. Tick one, or choose Nothing.`;
}

/** What the API's lists say of a server, by its name: `*` is all tools, an empty list none. */
export function pickedOf(
  lists: readonly (readonly [name: string, tools: readonly string[], reading: ReadingTerms])[],
): Picked {
  return new Map(
    lists.map(([name, tools, { allow_resources, allow_prompts }]) => {
      const isSome = tools.length || allow_resources || allow_prompts;
      const picked = tools.includes('*') ? 'all' : isSome ? tools : 'closed';
      return [name.toLowerCase(), { tools: picked, allow_resources, allow_prompts }];
    }),
  );
}

/** The names of tools the API takes for what was picked of a server. */
export function toolNames({ tools }: Pick): string[] {
  if (tools === 'all') return ['*'];
  return tools === 'closed' ? [] : [...tools];
}

/** What the API takes of its resources and prompts. */
export function readingOf({ allow_resources, allow_prompts }: Pick): ReadingTerms {
  return {
    ...(typeof allow_resources === 'boolean' && { allow_resources }),
    ...(typeof allow_prompts === 'boolean' && { allow_prompts }),
  };
}

/** As keys, people and settings hold it, for {@link ToolPicker}. */
export function pickedFrom(configs: readonly McpConfig[]): Picked {
  return pickedOf(
    configs.map(({ mcp_client_name, tools_to_execute, ...reading }) => [
      mcp_client_name,
      tools_to_execute,
      reading,
    ]),
  );
}

/** As keys, people and settings take it. */
export function configsOf(picked: Picked): McpConfig[] {
  return [...picked].map(([mcp_client_name, pick]) => ({
    mcp_client_name,
    tools_to_execute: toolNames(pick),
    ...readingOf(pick),
  }));
}
