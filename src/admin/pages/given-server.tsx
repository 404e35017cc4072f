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

const encoder = new TextEncoder();

/** How many tools of a server are shown. */
export type ToolsShown = {
  /** True once all were asked for. */
  isAll: boolean;
  /** With those that are ticked, unless these are more. */
  most: number;
  /** In any case: a page has an end. */
  fits: number;
};

type GivenProps = {
  server: ServerChoice;
  pick: PickedServer;
  stored: PickedServer | undefined;
  /** Undefined: none. */
  shown: ToolsShown | undefined;
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
  const parts = shown && partsOf(server, ticked, shown, added?.tool);
  const count = (
    <small data-of={tools.length} data-more={parts?.hidden.length || undefined}>
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
          {parts === undefined ? (
            <>
              <Kept {...{ server, ticked, stored }} />
              <Step value={`open.${name}`} to={`pick-${name}`} of={name}>
                Choose tools
              </Step>
            </>
          ) : (
            <>
              <Kept {...{ server, stored }} ticked={parts.hidden} />
              <Tools {...{ server, ticked, parts }} added={added?.tool} />
            </>
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
  parts: Parts;
  /** The tool that was just added. */
  added: string | undefined;
};

function Tools({ server, ticked, parts, added }: ToolsProps) {
  const { name, tools, toolsToExecute } = server;
  const isOff = (tool: string) => !toolsToExecute.includes('*') && !toolsToExecute.includes(tool);
  const { isAll, fits, listed, gone, hidden } = parts;
  const left = tools.length - listed.length;
  const hasMore = !isAll && listed.length < Math.min(fits, tools.length);
  const list = `t-${name}`;
  return (
    <>
      <input type="hidden" name={`open.${name}`} value={isAll ? 'all' : 'first'} />
      <div class="row">
        {listed.length > 5 && <Filter list={list} label={`Find a tool of ${cut(name)}`} />}
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
        {listed.map((tool) => (
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
      {hasMore && (
        <div>
          <Step value={`more.${name}`} to={`pick-${name}`} of={name} look="quiet">
            Show {fits < tools.length ? `${numberOf(fits)} of` : 'all'} {countOf(tools.length, 'tool')}
          </Step>
        </div>
      )}
      {left > 0 && !hasMore && (
        <p class="small muted">
          {countOf(left, 'more tool is', 'more tools are')} not shown
          {hidden.length > 0 && `; ${countOf(hidden.length, 'of them is', 'of them are')} selected`}. To find
          one, type its name in “Add a server”.
        </p>
      )}
    </>
  );
}

type Parts = ToolsShown & {
  /** The tools that are shown. */
  listed: ServerChoice['tools'];
  /** Ticked, and shown though the server does not list them. */
  gone: string[];
  /** Ticked, and not shown: there is no room. */
  hidden: string[];
};

/** What is shown of a server's tools: what was just added, then what is ticked, then the first of the others, in the server's order. */
function partsOf(
  { tools }: ServerChoice,
  ticked: readonly string[],
  shown: ToolsShown,
  added: string | undefined,
): Parts {
  const names = new Set(tools.map(({ name }) => name));
  const chosen = new Set(ticked);
  let room = shown.most - chosen.size;
  let fit = shown.fits - (added !== undefined && names.has(added) ? 1 : 0);
  const listed = tools.filter(({ name }) => {
    if (name === added) return true;
    return (chosen.has(name) || room-- > 0) && fit-- > 0;
  });
  const missing = ticked.filter((name) => !names.has(name));
  const gone = missing.slice(0, Math.max(0, shown.fits - listed.length));
  const here = new Set([...listed.map(({ name }) => name), ...gone]);
  return { ...shown, listed, gone, hidden: ticked.filter((name) => !here.has(name)) };
}

/** Bytes that a tool takes on a page. */
export function weightOfTool(server: string, { name, description }: ServerChoice['tools'][number]): number {
  return 340 + written(server) + 3 * written(name) + Math.max(110, written(shortened(description ?? '')));
}

/** Bytes of a text in HTML. */
function written(text: string): number {
  return encoder.encode(text.replace(/[&<>"']/g, '&quot;')).length;
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

/** The first words of a description. */
function shortened(description: string): string {
  if (description.length <= MOST) return description;
  const lastSpace = description.slice(0, MOST + 1).search(/\s+\S{0,30}$/);
  return `${description.slice(0, lastSpace > 0 ? lastSpace : MOST).trimEnd()}…`;
}
