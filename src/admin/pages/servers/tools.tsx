import { isOn, type ServerOverview, type ShownTool } from '../../../accounts/server-overview';
import type { LeftOut, Server } from '../../../servers/server';
import { countOf } from '../../../ui/english';
import { Csrf } from '../../../ui/forms';
import { Cut, cut } from '../../../ui/name';
import { Empty, Filter, KindTag, Search, When } from '../../../ui/parts';
import { Pager } from '../../../ui/table';
import { rfc3339 } from '../../api/answer';
import type { FormFields } from '../api';
import { ReadingBoxes } from '../reading-boxes';

const AT = '/admin/servers';

/** Tools on a page. */
export const TOOLS_A_PAGE = 50;

type ServerToolsProps = {
  overview: ServerOverview;
  page: { search: string; offset: number };
  csrf: string;
  seen: string;
  /** What was picked and is not saved yet. */
  sent?: FormFields | undefined;
};

/** What a server lists: each tool in its words, on or off, and the way to try it. */
export function ServerTools({ overview, page, csrf, seen, sent }: ServerToolsProps) {
  const { server, tools, toolTotal, toolsFound } = overview;
  const { id, name, listedAt } = server;
  const { search, offset } = page;
  if (!toolTotal) return <Empty title="No tools" glyph="server" children={<p>{nothingListed(server)}</p>} />;
  const isAll = sent ? false : server.toolsToExecute.includes('*');
  const isPaged = toolTotal > TOOLS_A_PAGE;
  return (
    <div class="stack">
      {isPaged && <Search label="Find a tool" value={search} />}
      <form class="stack" method="post" action={`${AT}/${id}/tools`}>
        {/* What Enter means: the first button of a form. */}
        <button type="submit" hidden />
        <Csrf value={csrf} seen={seen} />
        <input type="hidden" name="offset" value={String(offset)} />
        <input type="hidden" name="search" value={search} />
        <Which isAll={isAll} overview={overview} />
        <div class="row spread" id="tools-title">
          {isPaged ? <span /> : <Filter list="tools" label="Find a tool" />}
          <span class="row">
            {['All', 'Read-only', 'None'].map((pick) => (
              <button
                type="submit"
                class="button small"
                name="pick"
                value={pick}
                formaction={`${AT}/${id}/tools#tools-title`}
              >
                {pick}
                {isPaged && ' on this page'}
              </button>
            ))}
          </span>
        </div>
        {tools.length ? (
          <ul class="list tools if-some" id="tools" aria-label={`Tools of ${cut(name)}`}>
            {tools.map((tool) => (
              <ToolRow tool={tool} server={server} pick={sent?.get('pick')} />
            ))}
          </ul>
        ) : (
          <p class="muted">No tools match.</p>
        )}
        <ReadingBoxes
          name={null}
          isAll={isAll}
          terms={{ allow_resources: server.allowResources, allow_prompts: server.allowPrompts }}
          sent={sent}
        />
        {isPaged && (
          <Pager
            total={toolsFound}
            offset={offset}
            limit={TOOLS_A_PAGE}
            count={tools.length}
            one="tool"
            href={(offset) =>
              `${AT}/${id}?${new URLSearchParams({ ...(search && { search }), offset: String(offset) })}`
            }
          />
        )}
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Saving…">
            Save
          </button>
          {listedAt !== null && (
            <small>
              Listed <When at={rfc3339(listedAt)} />.
            </small>
          )}
        </div>
      </form>
      <LeftOutList name={name} leftOut={server.leftOut.filter(({ offered }) => !offered)} />
      <RepairedList repaired={server.leftOut.filter(({ offered }) => offered)} />
    </div>
  );
}

function Which({ isAll, overview: { server, toolTotal } }: { isAll: boolean; overview: ServerOverview }) {
  const on = server.toolsToExecute.filter((name) => name !== '*').length;
  return (
    <fieldset class="choices two">
      <legend class="unseen">Which tools are on</legend>
      <label class="choice">
        <input type="radio" name="which" value="all" checked={isAll} />
        <b>All tools</b>
        <span class="muted num">{isAll && countOf(toolTotal, 'tool')}</span>
        <small>Including tools {server.name} adds later.</small>
      </label>
      <label class="choice">
        <input type="radio" name="which" value="some" checked={!isAll} />
        <b>Selected tools</b>
        <span class="muted num">{!isAll && `${on} of ${toolTotal}`}</span>
        <small>New tools stay off until you turn them on.</small>
      </label>
    </fieldset>
  );
}

function nothingListed({ enabled, isVerified, listedAt }: Server): string {
  if (!enabled) return 'This server is off. Turn it on to see its tools.';
  if (!isVerified) return 'Tools appear after you finish the setup.';
  return listedAt === null ? 'This server hasn’t listed its tools yet.' : 'This server lists no tools.';
}

/** What a tool does, as its server says of it. Where it says nothing, it can edit. */
export function kindOf({ readOnly, destructive }: Pick<ShownTool, 'readOnly' | 'destructive'>) {
  return readOnly ? 'read' : destructive ? 'remove' : 'write';
}

type RowProps = { tool: ShownTool; server: Server; pick: string | null | undefined };

function ToolRow({ tool, server, pick }: RowProps) {
  const { name, description, readOnly } = tool;
  const isTicked = pick ? pick === 'All' || (pick === 'Read-only' && readOnly === true) : isOn(server, name);
  return (
    <li>
      <label class="check">
        <input type="checkbox" name="tool" value={name} checked={isTicked} />
        <span>
          <code title={name}>
            <Cut of={name} />
          </code>
          {description && (
            <small class="cut" title={description}>
              {description}
            </small>
          )}
        </span>
      </label>
      <KindTag of={kindOf(tool)} />
      <input type="hidden" name="shown" value={name} />
      <a class="button small quiet" href={`${AT}/${server.id}/try?${new URLSearchParams({ tool: name })}`}>
        Try<span class="unseen"> {cut(name)}</span>
      </a>
    </li>
  );
}

/** What the form is made of. */
export function toolTerms({ toolsToExecute, allowResources, allowPrompts }: Server) {
  return { toolsToExecute, allowResources, allowPrompts };
}

/** The tools to have on, as the API takes them. @param listed names of all tools there are now */
export function toolsWanted(form: FormFields, listed: readonly string[], known: readonly string[]): string[] {
  if (form.get('which') === 'all') return ['*'];
  const shown = new Set(form.getAll('shown'));
  const ticked = new Set(form.getAll('tool'));
  const wasOn = (name: string) => known.includes('*') || known.includes(name);
  const gone = known.filter((name) => name !== '*' && !listed.includes(name));
  return [...listed.filter((name) => (shown.has(name) ? ticked.has(name) : wasOn(name))), ...gone];
}

/** What a server lists, one of it and many. */
const KINDS: Readonly<Record<LeftOut['kind'], readonly [one: string, many: string]>> = {
  tool: ['Tool', 'Tools'],
  prompt: ['Prompt', 'Prompts'],
  resource: ['Resource', 'Resources'],
  template: ['Kind of resource', 'Kinds of resources'],
};

type ItemsProps = { summary: string; says: string; items: readonly LeftOut[] };

/** Items a server lists that something is the matter with, each with the reason. */
function Items({ summary, says, items }: ItemsProps) {
  if (!items.length) return null;
  return (
    <details class="quiet">
      <summary>{summary}</summary>
      <div class="stack tight small">
        <p class="muted">{says}</p>
        <ul>
          {items.map(({ kind, name, reason }) => (
            <li>
              {KINDS[kind][name === '*' ? 1 : 0]}
              {name !== '*' && <> {name ? <code>{name.slice(0, 100)}</code> : 'without a name'}</>}: {reason}.
            </li>
          ))}
        </ul>
      </div>
    </details>
  );
}

/** What a server lists and no one is offered. */
function LeftOutList({ name, leftOut }: { name: string; leftOut: readonly LeftOut[] }) {
  const isOne = leftOut.length === 1;
  return (
    <Items
      items={leftOut}
      summary={`${countOf(leftOut.length, 'item')} ${name} lists ${isOne ? 'isn’t' : 'aren’t'} offered`}
      says="The people who run the server can fix that."
    />
  );
}

/** What is offered, but not as the server describes it, each with the members that differ. */
function RepairedList({ repaired }: { repaired: readonly LeftOut[] }) {
  return (
    <Items
      items={repaired}
      summary={`${countOf(repaired.length, 'item')} ${repaired.length === 1 ? 'was' : 'were'} corrected`}
      says="Apps would refuse these as the server describes them. Parts that don’t follow MCP were corrected or left out."
    />
  );
}
