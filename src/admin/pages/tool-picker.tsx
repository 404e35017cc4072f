import type { Child } from 'hono/jsx';
import { kindOf, type ServerChoice } from '../../servers/summaries';
import { countOf, numberOf } from '../../ui/english';
import { Icon } from '../../ui/icons';
import { Cut, cut } from '../../ui/name';
import { AddServer } from './add-server';
import type { FormFields } from './api';
import { FIRST, GivenServer, ServerAvatar, type ToolsShown, weightOfTool } from './given-server';
import { type Picked, type PickedServer, type PickerState, pickerState } from './picked';

/** Bytes that lists of tools may take on a page unasked; what is over waits behind a button. */
const BUDGET = 40_000;
/** Bytes that rows and lists may take together, and a row when it is whole and when it is folded: 150 KB with the rest. */
const ROOM = 96_000;
const ROW = 1_900;
const FOLDED = 900;
/** Tools of the server of the last step that are shown however much they weigh. */
const LEAST = 10;
/** Servers up to which each has a whole row. */
const MOST_WHOLE = 30;
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
              stored={picked.get(server.name.toLowerCase())}
              shown={shown.get(server.name.toLowerCase())}
              isFolded={given.length > MOST_WHOLE && !state.open.has(server.name.toLowerCase())}
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

export function toolCount(count: number): string {
  return countOf(count, 'tool');
}

type Given = { server: ServerChoice; pick: PickedServer };

/**
 * How many tools each server shows, by its name in lower case: the one of the last step, as many as there is room for, then those
 * asked for while there is room, then the others while they are few.
 */
function withinBudget(given: readonly Given[], { open, last }: PickerState): ReadonlyMap<string, ToolsShown> {
  const shown = new Map<string, ToolsShown>();
  const rankOf = ({ server: { name } }: Given) => {
    const at = name.toLowerCase();
    return at === last ? 0 : open.has(at) ? 1 : 2;
  };
  const room = ROOM - given.length * (given.length > MOST_WHOLE ? FOLDED : ROW);
  let size = 0;
  for (const one of [...given].sort((a, b) => rankOf(a) - rankOf(b))) {
    const { server, pick } = one;
    if (typeof pick.tools === 'string') continue;
    const at = server.name.toLowerCase();
    const isAll = open.get(at) === 'all';
    const weights = server.tools.map((tool) => weightOfTool(server.name, tool)).sort((a, b) => b - a);
    const fits = Math.max(LEAST, countWithin(weights, room));
    const most = isAll ? fits : FIRST;
    const count = Math.min(fits, Math.max(Math.min(most, weights.length), pick.tools.length));
    size += count * mean(weights);
    if (!shown.size || size <= (open.has(at) ? room : Math.min(room, BUDGET)))
      shown.set(at, { isAll, most, fits });
  }
  return shown;
}

/** How many of these, whichever they are, take no more than `room`: they come heaviest first. */
function countWithin(weights: readonly number[], room: number): number {
  let count = 0;
  for (let left = room; count < weights.length; count++) {
    left -= weights[count] ?? 0;
    if (left < 0) break;
  }
  return count;
}

function mean(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0) / (weights.length || 1);
}
