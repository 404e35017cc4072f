import type { Child } from 'hono/jsx';
import type { OpenTool } from '../accounts/open-servers';
import { Cut, Whole } from '../ui/name';
import { Filter } from '../ui/parts';
import { amount, type Choice, type Count, countAll, countTicked, isTicked } from './choice';
import type { UsableServer } from './services';

type ChooserProps = {
  servers: readonly UsableServer[];
  choice: Choice;
  /** Whether what only reads may be chosen apart: false where the client asked for one kind of tools only. */
  mayNarrow: boolean;
  /** Where the form is sent: its buttons come back to the server they stand at. */
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
  return (
    <p>
      <Amounts of={countAll(servers)} /> <small>as described by each server</small>
    </p>
  );
}

/** Everything, what only reads, or a choice of servers and tools (CONTRACT §4). Works without a script. */
export function Chooser(props: ChooserProps) {
  const { servers, choice, mayNarrow } = props;
  const { tools, writes } = countAll(servers);
  return (
    <>
      <fieldset>
        <legend class="unseen">What it can use</legend>
        <Card
          access="all"
          title={props.everything ?? 'Everything I can use'}
          says={amount(tools, 'tool')}
          choice={choice}
        >
          On all servers, including servers and tools that are added later.
        </Card>
        {mayNarrow && (
          <Card access="read" title="Read-only tools" says={amount(tools - writes, 'tool')} choice={choice}>
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
      {says && <span class="muted">{says}</span>}
      <small>{children}</small>
    </label>
  );
}

function Servers({ servers, choice, action, toolsAt, badges }: ChooserProps) {
  return (
    <div class="if-chosen stack tight">
      <div class="row">
        <Filter list="servers" label="Find a server" />
        <PickButtons name="pick" of="all servers" action={`${action}#servers`} />
      </div>
      <ul class="picks" id="servers" aria-label="Servers">
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
    </div>
  );
}

type RowProps = { server: UsableServer; choice: Choice; action: string; address: string; badge: Child };

function Row({ server, choice, action, address, badge }: RowProps) {
  const { id, name, tools, isUnstable } = server;
  const { tools: all, writes } = countAll([server]);
  return (
    <li class="pick" id={`s-${id}`} data-tools={all} data-writes={writes}>
      <div class="head">
        <label class="grow">
          <input type="checkbox" name="server" value={name} checked={isTicked(choice, name)} />
          <b>
            <Cut of={name} />
          </b>
        </label>
        <Whole of={name} />
        {isUnstable && <span class="badge warn">not answering now</span>}
        {badge}
      </div>
      {tools.length ? (
        <Tools server={server} choice={choice} action={action} address={address} />
      ) : (
        <small class="none">Its tools are not known yet.</small>
      )}
    </li>
  );
}

function Tools({ server, choice, action, address }: Omit<RowProps, 'badge'>) {
  const { name, tools } = server;
  if (choice.opened.includes(name)) {
    return (
      <details open>
        <summary>{amount(tools.length, 'tool')}</summary>
        <ToolList server={server} unticked={choice.unticked} action={action} />
      </details>
    );
  }
  const isReading = choice.reading.includes(name);
  const reads = tools.filter(({ readOnly }) => readOnly).length;
  return (
    <details data-load={address}>
      <summary>
        {isReading ? `${reads} of ${amount(tools.length, 'tool')}` : amount(tools.length, 'tool')}
      </summary>
      <div>
        {isReading && <input type="hidden" name={`tools.${name}`} value="read" />}
        <button type="submit" class="button small" name="open" value={name} formaction={action}>
          {tools.length === 1 ? 'Show the tool' : `Show the ${amount(tools.length, 'tool')}`}
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
    <div class="stack tight">
      <input type="hidden" name="shown" value={shown} />
      <input type="hidden" name="shown_boxes" value={name} />
      <PickButtons name={`tools.${name}`} of={`the tools of ${name}`} action={action} />
      <ul class="ticks" aria-label={`Tools of ${name}`}>
        {tools.map((tool) => (
          <ToolTick tool={tool} ticked={!out.has(tool.exposedName)} />
        ))}
      </ul>
      <div class="row">
        {(['resources', 'prompts'] as const).map((kind) => (
          <label class="row check">
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
  const { name, exposedName, description, readOnly } = tool;
  return (
    <li>
      <label class="row check">
        <input
          type="checkbox"
          name="tool"
          value={exposedName}
          checked={ticked}
          data-reads={readOnly ? '' : undefined}
        />
        <span>
          <code title={name}>{name}</code>
          {description && <small>{description}</small>}
        </span>
      </label>
      <Tag tool={tool} />
    </li>
  );
}

/** What a tool can do, as its server describes it; one it does not describe can edit. */
function Tag({ tool: { readOnly, canDelete } }: { tool: OpenTool }) {
  if (readOnly) return <span class="tag">Read-only</span>;
  return canDelete ? <span class="tag delete">Can delete</span> : <span class="tag write">Can edit</span>;
}

type PickButtonsProps = { name: string; of: string; action: string };

/** Tick many at once: with a script in place, else by the form being shown again. */
function PickButtons({ name, of, action }: PickButtonsProps) {
  return (
    <span class="row">
      {(
        [
          ['all', 'All', `Tick ${of}`],
          ['read', 'Read-only', `Tick what is read-only of ${of}`],
          ['none', 'None', `Tick none of ${of}`],
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
    <output class="if-chosen" aria-live="polite" data-of={servers.length}>
      <b>
        {ticked.servers} of {amount(servers.length, 'server')}
      </b>
      , {amount(ticked.tools, 'tool')}, {ticked.writes.toLocaleString('en')} can change something
    </output>
  );
}

function Amounts({ of: { servers, tools, writes } }: { of: Count }) {
  return (
    <>
      <b>{amount(servers, 'server')}</b>, <b>{amount(tools, 'tool')}</b>, <b>{writes.toLocaleString('en')}</b>{' '}
      can change something
    </>
  );
}
