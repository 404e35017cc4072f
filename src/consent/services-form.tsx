import type { Child } from 'hono/jsx';
import type { OpenTool } from '../accounts/open-servers';
import { modeOf } from '../identity';
import type { Identity } from '../identity/mode';
import type { FlowState } from '../oauth/flow-cookie';
import { covers } from '../protocol/authorization';
import { Name } from '../ui/name';
import { AccountBadge, OwnHeaderFields, TokenHost, WhyAgain } from './account-parts';
import type { OwnAccount } from './accounts';
import { LENGTHS, PRESET_LENGTH } from './choices';
import { About, Actions, type FlowForm, FlowFormElement } from './identity-form';
import type { UsableServer } from './services';
import type { TickedReading, Unticked } from './ticks';

/** Second step: what may it use? */
export function ServicesForm(
  props: FlowForm & {
    identity: Identity;
    servers: UsableServer[];
    accounts: ReadonlyMap<string, OwnAccount>;
    choices: FlowState['choices'];
    /** Id of the server the notice is about; undefined: the form. */
    noticeAt: string | undefined;
  },
) {
  const { flow, flowId, name, identity, servers, accounts, choices, notice, noticeAt } = props;
  const mayBeShared = modeOf(identity.subject)?.mayBeShared;
  const canWrite = covers(flow.request.scope, 'mcp:write') && covers(flow.request.scope, 'mcp:read');
  return (
    <FlowFormElement {...props} step="services">
      {accounts.size > 0 && <EnterSaves />}
      <header class="stack tight">
        <h1>
          What may <Name of={name} /> use?
        </h1>
        <p class="muted">
          It acts as{' '}
          <b>
            <Name of={identity.name} />
          </b>
          . <a href={`/oauth/consent?flow_id=${flowId}&use=another`}>Use another</a>
        </p>
      </header>
      {notice && !noticeAt && (
        <p class="notice" role="alert">
          {notice}
        </p>
      )}
      {servers.length ? (
        <fieldset>
          <legend>Servers</legend>
          <input type="hidden" name="services" value="shown" />
          {mayBeShared && [...accounts.values()].some(isOffered) && (
            <p class="notice">
              Everyone who holds the {modeOf(identity.subject)?.words.kind}{' '}
              <b>
                <Name of={identity.name} />
              </b>{' '}
              will act as you where you connect an account.
            </p>
          )}
          {servers.map((server) => (
            <ServerTick
              server={server}
              unticked={choices?.unticked}
              reading={choices?.reading}
              badge={<Badge account={accounts.get(server.id)} />}
            >
              <Connect
                account={accounts.get(server.id)}
                holder={identity.name}
                notice={noticeAt === server.id ? notice : undefined}
              />
            </ServerTick>
          ))}
        </fieldset>
      ) : (
        <p class="notice">
          No server is open to you yet. You can connect <Name of={name} /> now; tools appear once your
          administrator gives you some.
        </p>
      )}
      {canWrite ? (
        <label class="row check">
          <input type="checkbox" name="read_only" value="on" checked={choices?.readOnly} />
          <span>
            Only tools that read <small>as described by each server</small>
          </span>
        </label>
      ) : (
        <p class="muted">
          <Name of={name} /> asked only for tools that{' '}
          {covers(flow.request.scope, 'mcp:read') ? 'read' : 'change things'}, as described by each server.
        </p>
      )}
      <div class="field">
        <label for="expires_in">Allow for</label>
        <select class="input" id="expires_in" name="expires_in">
          {[...LENGTHS].map(([seconds, label]) => (
            <option value={seconds} selected={seconds === (choices?.expiresIn ?? PRESET_LENGTH)}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <About flow={flow} />
      <Actions primary="allow" label="Allow" />
    </FlowFormElement>
  );
}

type ServerTickProps = {
  server: UsableServer;
  unticked: Unticked | undefined;
  reading: TickedReading | undefined;
  badge: Child;
  children?: Child;
};

function ServerTick({ server, unticked, reading, badge, children }: ServerTickProps) {
  const id = `server-${server.name}`;
  const isTicked = !unticked?.servers.includes(server.name);
  const out = new Set(unticked?.tools);
  const isOpened = reading?.resources.includes(server.name) || reading?.prompts.includes(server.name);
  return (
    <div class="server">
      <div class="head">
        <input type="checkbox" id={id} name="server" value={server.name} checked={isTicked} />
        <label class="grow" for={id}>
          <b>{server.name}</b>
        </label>
        <input type="hidden" name="shown" value={server.shown} />
        {server.isUnstable && <span class="badge warn">not answering now</span>}
        {badge}
      </div>
      {children}
      {server.tools.length ? (
        <details open={isOpened || server.tools.some(({ exposedName }) => out.has(exposedName))}>
          <summary>{server.tools.length === 1 ? '1 tool' : `${server.tools.length} tools`}</summary>
          <ul aria-label={`Tools of ${server.name}`}>
            {server.tools.map((tool) => (
              <li>
                <ToolTick tool={tool} ticked={!out.has(tool.exposedName)} />
              </li>
            ))}
          </ul>
          <ReadingTicks server={server.name} reading={reading} />
        </details>
      ) : (
        <small class="none">Its tools are not known yet.</small>
      )}
    </div>
  );
}

/** What a server has beside tools: in with all of its tools, else when it is ticked. */
function ReadingTicks({ server, reading }: { server: string; reading: TickedReading | undefined }) {
  return (
    <>
      {(['resources', 'prompts'] as const).map((kind) => (
        <label class="row check">
          <input
            type="checkbox"
            name={`allow_${kind}`}
            value={server}
            checked={reading?.[kind].includes(server)}
          />
          <span>
            Its {kind}, even with only some tools <small>with all of them they are in</small>
          </span>
        </label>
      ))}
    </>
  );
}

function ToolTick({ tool, ticked }: { tool: OpenTool; ticked: boolean }) {
  return (
    <label class="row check">
      <input type="checkbox" name="tool" value={tool.exposedName} checked={ticked} />
      <span>
        <span class="mono">{tool.name}</span> {tool.readOnly && <small class="tag">reads only</small>}
        {tool.description && <small>{tool.description}</small>}
      </span>
    </label>
  );
}

/**
 * The first button of a form is the one that Enter presses. Where other buttons stand above Allow it is this one, which no one
 * sees: it keeps what was typed, and neither allows nor sends anybody away.
 */
function EnterSaves() {
  return (
    <button type="submit" class="unseen" name="decision" value="continue" tabindex={-1}>
      Keep what I typed
    </button>
  );
}

/** How the person's own account at a server stands. */
function Badge({ account }: { account: OwnAccount | undefined }) {
  return account ? <AccountBadge state={account === 'shared' ? 'none' : account.state} /> : null;
}

type AccountProps = { account: OwnAccount | undefined; holder: string; notice: string | undefined };

/** The way to connect the person's own account at a server. Nothing here has to be done to go on. */
function Connect({ account, holder, notice }: AccountProps) {
  if (!account) return null;
  if (account === 'shared') {
    return (
      <small class="own block">
        This server wants everyone's own account, and{' '}
        <b>
          <Name of={holder} />
        </b>{' '}
        is a key that several people share: a shared key holds no account of its own. Use your own key or sign
        in.
      </small>
    );
  }
  const { server, own, state, tokenHost } = account;
  if (state === 'active') return null;
  const { connect } = own.words;
  return (
    <div class="own stack tight">
      {own.kind === 'headers' ? (
        <>
          <OwnHeaderFields account={account} notice={notice} />
          <div>
            <button
              type="submit"
              class="button small"
              name="decision"
              value="continue"
              aria-label={`${connect.at} ${server.name}`}
            >
              {connect.button}
            </button>
          </div>
        </>
      ) : (
        <>
          <WhyAgain {...account} />
          <TokenHost host={tokenHost} />
          <div>
            <button
              type="submit"
              class="button small"
              formaction="/api/oauth/per-user/upstream/authorize"
              name="mcp_client_id"
              value={server.id}
              aria-label={`${connect.at} ${server.name}`}
            >
              {connect.button}
            </button>
          </div>
        </>
      )}
    </div>
  );
}

/** True when there is an account the person could connect here. */
function isOffered(account: OwnAccount): boolean {
  return account !== 'shared' && account.state !== 'active';
}
