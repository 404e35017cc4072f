import type { Child } from 'hono/jsx';
import type { OpenTool } from '../accounts/open-servers';
import { Avatar } from '../ui/avatar';
import { countOf, numberOf } from '../ui/english';
import { Cut, cut, Whole } from '../ui/name';
import { Badge, Filter, KindTag } from '../ui/parts';
import { type Choice, countAll, countTicked, isTicked } from './choice';
import type { UsableServer } from './services';

type ChooserProps = {
  servers: readonly UsableServer[];
  choice: Choice;
  /** The box beside a choice of servers: of these, only the read-only tools. */
  isReading: boolean;
  /** Whether read-only tools can be chosen apart: false where the client asked for one kind of tools only. */
  mayNarrow: boolean;
  /** Where the form is sent: its buttons come back to the server they are beside. */
  action: string;
  /** Where the tool list of a server is loaded from when it is opened. */
  toolsAt: (server: UsableServer) => string;
  /** What else is said of a server, by its id. */
  badges: ReadonlyMap<string, Child>;
  /** What the choice of everything is called, where it is not the person's own. */
  everything?: string | undefined;
};

/** How much there is to choose from, by how servers describe their tools. */
export function Summary({ servers }: { servers: readonly UsableServer[] }) {
  const { tools, writes } = countAll(servers);
  return (
    <div class="summary">
      {(
        [
          [servers.length, servers.length === 1 ? 'server' : 'servers'],
          [tools, tools === 1 ? 'tool' : 'tools'],
          [writes, 'can change something'],
        ] as const
      ).map(([count, what]) => (
        <div>
          <b>{numberOf(count)}</b> <small>{what}</small>
        </div>
      ))}
    </div>
  );
}

/** Everything, what only reads, or a choice of servers and tools (CONTRACT §4). Works without a script. */
export function Chooser(props: ChooserProps) {
  const { servers, choice, mayNarrow } = props;
  const { tools, writes } = countAll(servers);
  const all = servers.length > 1 ? `all ${numberOf(servers.length)} servers` : 'all servers';
  return (
    <>
      <fieldset class="choices">
        <legend class="unseen">What it can use</legend>
        <Card
          access="all"
          title={props.everything ?? 'Everything I can use'}
          says={countOf(tools, 'tool')}
          choice={choice}
        >
          On {all}, including servers and tools that are added later.
        </Card>
        {mayNarrow && (
          <Card access="read" title="Read-only tools" says={countOf(tools - writes, 'tool')} choice={choice}>
            It can look things up but not change them, going by what each server says about its tools.
          </Card>
        )}
        {servers.length > 0 && (
          <Card access="chosen" title="Let me choose" choice={choice}>
            Pick servers and tools. No other server is added later.
          </Card>
        )}
      </fieldset>
      {servers.length > 0 && <Servers {...props} />}
    </>
  );
}

type CardProps = {
  access: Choice['access'];
  title: string;
  says?: string;
  choice: Choice;
  children?: Child;
};

function Card({ access, title, says, choice, children }: CardProps) {
  return (
    <label class="choice">
      <input type="radio" name="access" value={access} checked={choice.access === access} />
      <b>{title}</b>
      <span class="muted num">{says}</span>
      <small>{children}</small>
    </label>
  );
}

function Servers(props: ChooserProps) {
  const { servers, choice, isReading, mayNarrow, action, toolsAt, badges } = props;
  return (
    <div class="if-chosen stack">
      <div class="row">
        <Filter list="servers" label="Find a server" />
        <PickButtons name="pick" of="all servers" action={`${action}#servers`} />
      </div>
      <ul class="list" id="servers" aria-label="Servers">
        {servers.map((server) => (
          <Row
            server={server}
            choice={choice}
            action={`${action}#s-${server.id}`}
            address={toolsAt(server)}
            badge={badges.get(server.id)}
          />
        ))}
      </ul>
      {mayNarrow && (
        <label class="check">
          <input type="checkbox" name="read_only" value="on" checked={isReading} />
          <span>
            Only the read-only tools of these <small>as described by each server</small>
          </span>
        </label>
      )}
    </div>
  );
}

type RowProps = { server: UsableServer; choice: Choice; action: string; address: string; badge: Child };

function Row({ server, choice, action, address, badge }: RowProps) {
  const { id, name, isUnstable } = server;
  const { tools: all, writes } = countAll([server]);
  return (
    <li class="pick" id={`s-${id}`} data-tools={all} data-writes={writes}>
      <div class="top">
        <label>
          <input type="checkbox" name="server" value={name} checked={isTicked(choice, name)} />
          <span class="thing">
            <Avatar name={name} />
            <span class="row tight">
              <b class="cut" title={name}>
                <Cut of={name} />
              </b>
              {isUnstable && <Badge tone="bad">Not responding</Badge>}
              {badge}
              {all > 0 && !writes && <KindTag of="read" />}
              {!all && <small>{badge ? 'Tools appear after you connect.' : 'No tools yet.'}</small>}
            </span>
          </span>
        </label>
        <Whole of={name} />
      </div>
      {all > 0 && <Tools server={server} choice={choice} action={action} address={address} />}
    </li>
  );
}

function Tools({ server, choice, action, address }: Omit<RowProps, 'badge'>) {
  const { name, tools } = server;
  const all = countOf(tools.length, 'tool');
  if (choice.opened.includes(name)) {
    return (
      <details open>
        <summary>{all}</summary>
        <ToolList server={server} unticked={choice.unticked} action={action} />
      </details>
    );
  }
  const isReading = choice.reading.includes(name);
  const reads = tools.filter(({ readOnly }) => readOnly).length;
  return (
    <details data-load={address}>
      <summary>{isReading ? `${reads} of ${all}` : all}</summary>
      <div>
        {isReading && <input type="hidden" name={`tools.${name}`} value="read" />}
        <button type="submit" class="button small" name="open" value={name} formaction={action}>
          {tools.length === 1 ? 'Show the tool' : `Show the ${all}`}
        </button>
      </div>
    </details>
  );
}

type ToolListProps = {
  server: Pick<UsableServer, 'name' | 'tools' | 'shown'>;
  unticked: Choice['unticked'];
  action: string;
};

/** The tools of an opened server, and what it has beside them: what is ticked is in. */
export function ToolList({ server, unticked, action }: ToolListProps) {
  const { name, tools, shown } = server;
  const out = new Set(unticked.tools);
  return (
    <div>
      <input type="hidden" name="shown" value={shown} />
      <input type="hidden" name="shown_boxes" value={name} />
      <PickButtons name={`tools.${name}`} of={`the tools of ${cut(name)}`} action={action} />
      <ul class="tools" aria-label={`Tools of ${cut(name)}`}>
        {tools.map((tool) => (
          <ToolTick tool={tool} ticked={!out.has(tool.exposedName)} />
        ))}
      </ul>
      <div class="row">
        {(['resources', 'prompts'] as const).map((kind) => (
          <label class="check">
            <input
              type="checkbox"
              name={`allow_${kind}`}
              value={name}
              checked={!unticked[kind].includes(name)}
            />
            <span>Its {kind}</span>
          </label>
        ))}
      </div>
    </div>
  );
}

function ToolTick({ tool, ticked }: { tool: OpenTool; ticked: boolean }) {
  const { name, exposedName, description, readOnly, canDelete } = tool;
  return (
    <li>
      <label class="check">
        <input
          type="checkbox"
          name="tool"
          value={exposedName}
          checked={ticked}
          data-reads={readOnly ? '' : undefined}
        />
        <span>
          <code title={name}>
            <Cut of={name} />
          </code>
          {description && <small>{description}</small>}
        </span>
      </label>
      <KindTag of={readOnly ? 'read' : canDelete ? 'remove' : 'write'} />
    </li>
  );
}

type PickButtonsProps = { name: string; of: string; action: string };

/** Tick many at once: with a script in place, else by the form being shown again. */
function PickButtons({ name, of, action }: PickButtonsProps) {
  return (
    <span class="row">
      {(
        [
          ['all', 'All', `Select ${of}`],
          ['read', 'Read-only', `Select the read-only tools of ${of}`],
          ['none', 'None', `Select none of ${of}`],
        ] as const
      ).map(([value, text, label]) => (
        <button
          type="submit"
          class="button small"
          name={name}
          value={value}
          formaction={action}
          title={label}
        >
          {text}
        </button>
      ))}
    </span>
  );
}

/** How much is ticked. A script keeps it up to date. */
export function Ticked({ servers, choice }: Pick<ChooserProps, 'servers' | 'choice'>) {
  const ticked = countTicked(servers, choice);
  return (
    <output class="small if-chosen" aria-live="polite" data-of={servers.length}>
      <b>
        {ticked.servers} of {countOf(servers.length, 'server')}
      </b>
      , {countOf(ticked.tools, 'tool')}, {numberOf(ticked.writes)} can change something
    </output>
  );
}
