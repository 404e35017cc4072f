import type { Child } from 'hono/jsx';
import { kindOf, type ServerChoice } from '../../servers/summaries';
import { Avatar } from '../../ui/avatar';
import { countOf, numberOf } from '../../ui/english';
import { Icon, isGlyph } from '../../ui/icons';
import { Cut, cut } from '../../ui/name';
import { Filter, KindTag } from '../../ui/parts';
import { AddServer, Step } from './add-server';
import type { FormFields } from './api';
import { type FoundChoice, type Picked, type PickedServer, type PickerState, pickerState } from './picked';
import { ReadingBoxes } from './reading-boxes';

/** Characters that lists of tools may take on a page; what is over waits behind a button. */
const BUDGET = 40_000;
/** Tools of a server that are shown at once, beside those that are ticked. */
const FIRST = 40;
/** Characters of a description. */
const MOST = 110;
/** Servers up to which each says in its row whether its resources and prompts go with it. */
const FEW = 12;

type PickerProps = {
  servers: readonly ServerChoice[];
  /** As it is stored. */
  picked: Picked;
  /** The form that is shown again: it outranks what is stored, and its step is taken. */
  sent?: FormFields | undefined;
  error?: string | undefined;
  /** What goes before "3 servers". */
  title?: string;
  /** Where a server that is left out is as it is for everyone: the words that close it, as `Block for this key`. */
  block?: string;
  children?: Child;
};

/**
 * Which servers, and which of their tools: what is given first, the others behind "Add a server". Each button is a step that
 * shows the form again and saves nothing (`again`), so it works without JavaScript; with it, the script swaps this section.
 */
export function ToolPicker(props: PickerProps) {
  const { servers, picked, sent, error, title = 'Can use', block, children } = props;
  const state = pickerState(servers, picked, sent);
  const pickOf = ({ name }: ServerChoice) => state.picked.get(name.toLowerCase());
  const given = servers.flatMap((server) => {
    const pick = pickOf(server);
    return pick && pick.tools !== 'closed' ? [{ server, pick }] : [];
  });
  const others = servers.filter((server) => !given.some((one) => one.server === server));
  const chosen = given.flatMap(({ server, pick }) => chosenOf(server, pick));
  const shown = withinBudget(given, state);
  return (
    <section class="card stack picker" id="pick" aria-labelledby="pick-head">
      <div class="row spread">
        <h2 id="pick-head">
          {given.length ? `${title} ${countOf(given.length, 'server')}` : 'No servers added'}
        </h2>
        {given.length > 0 && (
          <output class="small muted">
            {countOf(chosen.length, 'tool')},{' '}
            {numberOf(chosen.filter((tool) => kindOf(tool) !== 'read').length)} can change something
          </output>
        )}
      </div>
      {error && (
        <span class="error" role="alert" tabindex={-1} autofocus>
          <Icon of="error" />
          {error}
        </span>
      )}
      {given.length > 0 && (
        <ul class="list" aria-labelledby="pick-head">
          {given.map(({ server, pick }) => (
            <GivenServer
              server={server}
              pick={pick}
              shown={shown.get(server.name.toLowerCase())}
              added={state.added?.server === server ? state.added : null}
              saysReading={given.length <= FEW}
            />
          ))}
        </ul>
      )}
      {servers.length ? (
        <AddServer state={state} others={others} />
      ) : (
        <p class="muted">
          There are no servers yet. <a href="/admin/servers/new">Add a server</a>
        </p>
      )}
      {block && (
        <Everyones
          servers={others}
          isClosed={(one) => pickOf(one)?.tools === 'closed'}
          block={block}
          removed={state.removed}
        />
      )}
      {children}
    </section>
  );
}

/** The tools that are picked of a server now. */
function chosenOf({ tools, toolsToExecute }: ServerChoice, pick: PickedServer) {
  const isOn = (name: string) => toolsToExecute.includes('*') || toolsToExecute.includes(name);
  return tools.filter(({ name }) => isOn(name) && (pick.tools === 'all' || pick.tools.includes(name)));
}

type GivenProps = {
  server: ServerChoice;
  pick: PickedServer;
  /** How many of its tools are shown; undefined: none. */
  shown: number | undefined;
  /** It, or the tool of it, that was just added. */
  added: FoundChoice | null;
  saysReading: boolean;
};

function GivenServer({ server, pick, shown, added, saysReading }: GivenProps) {
  const { name, tools } = server;
  const isAll = pick.tools === 'all';
  const ticked = typeof pick.tools === 'string' ? [] : pick.tools;
  const isSaid = typeof (pick.allow_resources ?? pick.allow_prompts) === 'boolean';
  return (
    <li class="pick" id={`pick-${name}`}>
      <div class="top">
        <label for={`p-${name}`}>
          <span class="thing">
            <ServerAvatar name={name} />
            <span>
              <b class="cut" title={name}>
                <Cut of={name} />
              </b>
              <small data-of={tools.length}>
                {isAll
                  ? `${countOf(tools.length, 'tool')}, and new ones`
                  : `${numberOf(ticked.length)} of ${countOf(tools.length, 'tool')}`}
              </small>
            </span>
          </span>
        </label>
        <select
          class="input auto"
          id={`p-${name}`}
          name={`pick.${name}`}
          autofocus={added !== null && (isAll || !added.tool)}
        >
          <option value="all" selected={isAll}>
            All tools
          </option>
          <option value="some" selected={!isAll}>
            Selected tools
          </option>
        </select>
        <Step value={`remove.${name}`} to="pick" look="quiet danger" of={name}>
          Remove
        </Step>
      </div>
      <div class="of-some">
        <div>
          {shown === undefined ? (
            <>
              {ticked.length > 0 && <input type="hidden" name={`kept.${name}`} value={ticked.join('\n')} />}
              <Step value={`open.${name}`} to={`pick-${name}`} of={name}>
                Choose tools
              </Step>
            </>
          ) : (
            <Tools server={server} ticked={ticked} most={shown} added={added?.tool} />
          )}
        </div>
      </div>
      {(saysReading || isSaid || shown !== undefined) && (
        <details>
          <summary>
            More<span class="unseen"> of {cut(name)}</span>
          </summary>
          <div>
            <ReadingBoxes name={name} isAll={isAll} terms={pick} />
          </div>
        </details>
      )}
    </li>
  );
}

function ServerAvatar({ name }: { name: string }) {
  const glyph = name.toLowerCase();
  return <Avatar name={name} glyph={isGlyph(glyph) ? glyph : 'server'} />;
}

type ToolsProps = {
  server: ServerChoice;
  ticked: readonly string[];
  most: number;
  /** The tool that was just added. */
  added: string | undefined;
};

function Tools({ server: { name, tools, toolsToExecute }, ticked, most, added }: ToolsProps) {
  const isOff = (tool: string) => !toolsToExecute.includes('*') && !toolsToExecute.includes(tool);
  let room = most - ticked.length;
  const shown = tools.filter((tool) => ticked.includes(tool.name) || room-- > 0);
  const gone = ticked.filter((tool) => !tools.some((one) => one.name === tool));
  const list = `t-${name}`;
  return (
    <>
      <input type="hidden" name={`open.${name}`} value={most > FIRST ? 'all' : 'first'} />
      <div class="row">
        {shown.length > 5 && <Filter list={list} label={`Find a tool of ${cut(name)}`} />}
        <span class="row">
          {(['all', 'read', 'none'] as const).map((step) => (
            <Step value={`${step}.${name}`} to={`pick-${name}`} of={name}>
              {{ all: 'All', read: 'Read-only', none: 'None' }[step]}
            </Step>
          ))}
        </span>
      </div>
      {!tools.length && <p class="muted">This server lists no tools yet.</p>}
      <ul class="tools" id={list} aria-label={`Tools of ${cut(name)}`}>
        {shown.map((tool) => (
          <Tool
            server={name}
            name={tool.name}
            isTicked={ticked.includes(tool.name)}
            isAdded={tool.name === added}
            kind={kindOf(tool)}
          >
            {isOff(tool.name) ? 'Turned off at the server.' : shortened(tool.description ?? '')}
          </Tool>
        ))}
        {gone.map((tool) => (
          <Tool server={name} name={tool} isTicked>
            The server doesn’t list it now.
          </Tool>
        ))}
      </ul>
      {shown.length < tools.length && (
        <div>
          <Step value={`more.${name}`} to={`pick-${name}`} of={name} look="quiet">
            Show all {countOf(tools.length, 'tool')}
          </Step>
        </div>
      )}
    </>
  );
}

type ToolProps = {
  server: string;
  name: string;
  isTicked: boolean;
  isAdded?: boolean;
  kind?: ReturnType<typeof kindOf>;
  children: string;
};

function Tool({ server, name, isTicked, isAdded, kind, children }: ToolProps) {
  return (
    <li>
      <label class="check">
        <input type="checkbox" name={`tool.${server}`} value={name} checked={isTicked} autofocus={isAdded} />
        <span>
          <code title={name}>
            <Cut of={name} />
          </code>
          {children && <small>{children}</small>}
        </span>
      </label>
      {kind && <KindTag of={kind} />}
    </li>
  );
}

type EveryonesProps = {
  servers: readonly ServerChoice[];
  isClosed: (server: ServerChoice) => boolean;
  block: string;
  /** What was just removed: where everyone gets it, that gave more than it took. */
  removed: ServerChoice | null;
};

/** What everyone gets and is not picked here, each with the box that closes it. */
function Everyones({ servers, isClosed, block, removed }: EveryonesProps) {
  const shown = servers.filter((one) => one.isOpenToAll || isClosed(one));
  const open = shown.filter((one) => one.isOpenToAll);
  if (!shown.length) return null;
  const names = open.slice(0, 3).map(({ name }) => name);
  const more = open.length > 3 ? ` and ${numberOf(open.length - 3)} more` : '';
  return (
    <details class="quiet" open={shown.some((one) => one === removed || isClosed(one))}>
      <summary>
        {open.length
          ? `Everyone also gets ${countOf(open.length, 'server')}: ${names.join(', ')}${more}`
          : 'Blocked servers'}
      </summary>
      <ul class="list">
        {shown.map((server) => (
          <li>
            <ServerAvatar name={server.name} />
            <span class="grow">
              <b>
                <Cut of={server.name} />
              </b>{' '}
              <small>{countOf(server.tools.length, 'tool')}</small>
              {server === removed && (
                <small role="status">
                  Everyone gets {server.name}, so {block.replace('Block for ', '')} now gets all its tools.
                </small>
              )}
            </span>
            <label class="check">
              <input type="checkbox" name="closed" value={server.name} checked={isClosed(server)} />
              <span>
                {block}
                <span class="unseen">: {cut(server.name)}</span>
              </span>
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

function shortened(description: string): string {
  return description.length > MOST ? `${description.slice(0, MOST).trimEnd()}…` : description;
}

export function toolCount(count: number): string {
  return countOf(count, 'tool');
}

type Given = { server: ServerChoice; pick: PickedServer };

/** How many tools each server shows, by its name in lower case: of those asked for, then of the others while they fit. */
function withinBudget(given: readonly Given[], { open }: PickerState): ReadonlyMap<string, number> {
  const shown = new Map<string, number>();
  let size = 0;
  const isAskedFor = ({ server }: Given) => open.has(server.name.toLowerCase());
  for (const one of [...given].sort((a, b) => Number(isAskedFor(b)) - Number(isAskedFor(a)))) {
    const { server, pick } = one;
    if (pick.tools === 'all' || pick.tools === 'closed') continue;
    const at = server.name.toLowerCase();
    const most = open.get(at) === 'all' ? Number.POSITIVE_INFINITY : FIRST;
    size += Math.min(most, server.tools.length) * 650;
    if (isAskedFor(one) || size <= BUDGET || given.length === 1) shown.set(at, most);
  }
  return shown;
}
