import { isOn, type ServerOverview, type ShownTool } from '../../../accounts/server-overview';
import type { LeftOut, Server } from '../../../servers/server';
import { Csrf } from '../../../ui/forms';
import { Filter, Pager, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { FormFields } from '../api';
import { ReadingBoxes } from '../reading-boxes';
import { toolCount } from '../tool-picker';
import { Ask } from './head';

const AT = '/admin/servers';

/** Tools on a page. */
export const TOOLS_A_PAGE = 50;

type ServerToolsProps = { overview: ServerOverview; offset: number; csrf: string };

/** What a server lists: each tool in its words, on or off, and the way to try it. */
export function ServerToolsPage({ overview, offset, csrf }: ServerToolsProps) {
  const { server, tools, toolTotal } = overview;
  const { id, toolsToExecute } = server;
  const isAll = toolsToExecute.includes('*');
  if (!toolTotal) return <p class="muted">{nothingListed(server)}</p>;
  return (
    <form class="stack tools" method="post" action={`${AT}/${id}/tools`}>
      <Csrf value={csrf} />
      <input type="hidden" name="offset" value={String(offset)} />
      <fieldset class="pair-of">
        <legend class="unseen">Which may be used?</legend>
        <label class="choice">
          <input type="radio" name="which" value="all" checked={isAll} />
          <span>All its tools</span>
          <small>Those it adds later, too.</small>
        </label>
        <label class="choice">
          <input type="radio" name="which" value="some" checked={!isAll} />
          <span>Only those ticked</span>
          <small>What it adds later is off until you tick it.</small>
        </label>
      </fieldset>
      {tools.length > 8 && <Filter list="tools" label="Filter the tools" />}
      <ul class="checks card" id="tools" aria-label={`Tools of ${server.name}`}>
        {tools.map((tool) => (
          <ToolRow tool={tool} server={server} />
        ))}
      </ul>
      <ReadingBoxes
        name={null}
        isAll={isAll}
        terms={{ allow_resources: server.allowResources, allow_prompts: server.allowPrompts }}
      />
      {toolTotal > TOOLS_A_PAGE && (
        <Pager
          total={toolTotal}
          offset={offset}
          limit={TOOLS_A_PAGE}
          count={tools.length}
          href={(offset) => `${AT}/${id}?${new URLSearchParams({ offset: String(offset) })}`}
        />
      )}
      <div class="actions">
        <button type="submit" class="button primary">
          Save which may be used
        </button>
      </div>
    </form>
  );
}

function nothingListed({ enabled, isVerified, listedAt }: Server): string {
  if (!enabled) return 'It is turned off. Turn it on to see its tools.';
  if (!isVerified) return 'Its tools are listed once it is authorized.';
  return listedAt === null ? 'It has not listed its tools yet.' : 'It lists no tools.';
}

function ToolRow({ tool, server }: { tool: ShownTool; server: Server }) {
  const { name, description, readOnly, destructive } = tool;
  return (
    <li>
      <label class="row check">
        <input type="checkbox" name="tool" value={name} checked={isOn(server, name)} />
        <span>
          <code>{name}</code> {readOnly && <small class="tag">only reads</small>}
          {!readOnly && destructive && <small class="tag">can delete</small>}
          {description && <small>{description}</small>}
        </span>
      </label>
      <input type="hidden" name="shown" value={name} />
      <a class="button small" href={`${AT}/${server.id}/try?${new URLSearchParams({ tool: name })}`}>
        Try<span class="unseen"> {name}</span>
      </a>
    </li>
  );
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

const KINDS: Readonly<Record<LeftOut['kind'], string>> = {
  tool: 'The tool',
  prompt: 'The prompt',
  resource: 'The resource',
  template: 'The kind of resource',
};

const LISTS: Readonly<Record<LeftOut['kind'], string>> = {
  tool: 'Tools',
  prompt: 'Prompts',
  resource: 'Resources',
  template: 'Kinds of resources',
};

/** What a server lists and no one is offered, each with the reason. */
export function LeftOutList({ leftOut }: { leftOut: readonly LeftOut[] }) {
  if (!leftOut.length) return null;
  return (
    <details>
      <summary>
        {leftOut.length === 1
          ? 'One thing it lists is not offered'
          : `${leftOut.length} things it lists are not offered`}
      </summary>
      <ul>
        {leftOut.map(({ kind, name, reason }) => (
          <li>
            {name === '*' ? LISTS[kind] : KINDS[kind]}
            {name !== '*' && <> {name ? <code>{name.slice(0, 100)}</code> : 'without a name'}</>}: {reason}.
          </li>
        ))}
      </ul>
      <small>Whoever runs the server can correct that.</small>
    </details>
  );
}

/** What is offered, but not as the server describes it, each with the members that differ. */
export function RepairedList({ repaired }: { repaired: readonly LeftOut[] }) {
  if (!repaired.length) return null;
  return (
    <details>
      <summary>
        {repaired.length === 1
          ? 'One thing it lists was corrected'
          : `${repaired.length} things it lists were corrected`}
      </summary>
      <p>
        Apps would refuse these as the server describes them. Parts that are no valid MCP were corrected or
        left away:
      </p>
      <ul>
        {repaired.map(({ kind, name, reason }) => (
          <li>
            {KINDS[kind]} <code>{name.slice(0, 100)}</code>: {reason}.
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The title of a server's tools: how many there are, since when, and the way to ask again. */
export function ToolsTitle({ overview, csrf }: { overview: ServerOverview; csrf: string }) {
  const { server, toolTotal } = overview;
  const { id, enabled, isVerified, listedAt } = server;
  return (
    <div class="row spread">
      <h2 id="tools-title">
        {toolTotal ? toolCount(toolTotal) : 'Tools'}{' '}
        {listedAt !== null && (
          <small>
            listed <When at={rfc3339(listedAt)} />
          </small>
        )}
      </h2>
      {enabled && isVerified && (
        <Ask action={`${AT}/${id}/refresh`} csrf={csrf} label="Refresh tools" kind="small" />
      )}
    </div>
  );
}
