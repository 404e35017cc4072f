import { kindOf, type ServerChoice } from '../../servers/summaries';
import { Avatar } from '../../ui/avatar';
import { countOf, numberOf } from '../../ui/english';
import { isGlyph } from '../../ui/icons';
import { Cut, cut, tipOf } from '../../ui/name';
import { Filter, KindTag } from '../../ui/parts';
import { Step } from './add-server';
import { type FoundChoice, foldedOf, type PickedServer } from './picked';
import { ReadingBoxes } from './reading-boxes';

/** Tools of a server that are shown at once, beside those that are ticked. */
export const FIRST = 40;
/** Characters of a description. */
const MOST = 110;

type GivenProps = {
  server: ServerChoice;
  pick: PickedServer;
  stored: PickedServer | undefined;
  /** How many of its tools are shown; undefined: none. */
  shown: number | undefined;
  /** It, or the tool of it, that was just added. */
  added: FoundChoice | null;
  saysReading: boolean;
  /** True where it says what is picked and can be opened: there are many. */
  isFolded: boolean;
};

/** A server of which something is given, and its tools where they are shown. */
export function GivenServer(props: GivenProps) {
  const { server, pick, stored, shown, added, saysReading, isFolded } = props;
  const { name, tools } = server;
  const isAll = pick.tools === 'all';
  const ticked = typeof pick.tools === 'string' ? [] : pick.tools;
  const isSaid = typeof (pick.allow_resources ?? pick.allow_prompts) === 'boolean';
  const count = (
    <small data-of={tools.length}>
      {isAll
        ? `${countOf(tools.length, 'tool')}, and new ones`
        : `${numberOf(ticked.length)} of ${countOf(tools.length, 'tool')}`}
    </small>
  );
  if (isFolded && !isSaid && !added && shown === undefined) {
    return (
      <li class="pick" id={`pick-${name}`}>
        <div class="top">
          <span class="grow">
            <b>
              <Cut of={name} />
            </b>{' '}
            {count}
          </span>
          <input type="hidden" name={`pick.${name}`} value={isAll ? 'all' : 'some'} />
          <Kept {...{ server, ticked, stored }} />
          <Step value={`edit.${name}`} to={`pick-${name}`} of={name}>
            Edit
          </Step>
        </div>
      </li>
    );
  }
  return (
    <li class="pick" id={`pick-${name}`}>
      <div class="top">
        <label for={`p-${name}`}>
          <span class="thing">
            <ServerAvatar name={name} />
            <span>
              <b class="cut" title={tipOf(name)}>
                <Cut of={name} />
              </b>
              {count}
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
              <Kept {...{ server, ticked, stored }} />
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

/** The tools that are ticked of a server and not shown. */
function Kept({
  server,
  ticked,
  stored,
}: Pick<GivenProps, 'server' | 'stored'> & { ticked: readonly string[] }) {
  const { marks, kept } = foldedOf(ticked, server, stored);
  return (
    <>
      {marks && <input type="hidden" name={`marks.${server.name}`} value={marks} />}
      {kept && <input type="hidden" name={`kept.${server.name}`} value={kept} />}
    </>
  );
}

export function ServerAvatar({ name }: { name: string }) {
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
          <code title={tipOf(name)}>
            <Cut of={name} />
          </code>
          {children && <small>{children}</small>}
        </span>
      </label>
      {kind && <KindTag of={kind} />}
    </li>
  );
}

function shortened(description: string): string {
  return description.length > MOST ? `${description.slice(0, MOST).trimEnd()}…` : description;
}
