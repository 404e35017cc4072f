import type { Identity } from '../identity/mode';
import type { FlowState } from '../oauth/flow-cookie';
import { covers } from '../protocol/authorization';
import { Name } from '../ui/name';
import type { OwnAccount } from './accounts';
import { EVERYTHING } from './choice';
import { LENGTHS, PRESET_LENGTH } from './choices';
import { Chooser, Summary, Ticked } from './chooser';
import { About, Actions, type FlowForm, FlowFormElement } from './identity-form';
import { AccountAtRow, OwnAccounts } from './own-accounts';
import type { UsableServer } from './services';

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
  const choice = choices ?? EVERYTHING;
  const reads = covers(flow.request.scope, 'mcp:read');
  const mayNarrow = reads && covers(flow.request.scope, 'mcp:write');
  const badges = new Map([...accounts].map(([id, account]) => [id, <AccountAtRow account={account} />]));
  const toolsAt = (server: UsableServer) =>
    `/oauth/consent/tools?${new URLSearchParams({ flow_id: flowId, server: server.name })}`;
  return (
    <FlowFormElement {...props} step="services">
      <EnterSaves />
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
        <Summary servers={servers} />
      ) : (
        <p class="notice">
          No server is open to you yet. You can connect <Name of={name} /> now; tools appear once your
          administrator gives you some.
        </p>
      )}
      {!mayNarrow && (
        <p class="muted">
          <Name of={name} /> asked only for tools that {reads ? 'read' : 'change things'}, as described by
          each server.
        </p>
      )}
      <Chooser
        servers={servers}
        choice={choice}
        mayNarrow={mayNarrow}
        action={CONSENT}
        toolsAt={toolsAt}
        badges={badges}
      />
      {mayNarrow && servers.length > 0 && (
        <label class="row check if-chosen">
          <input type="checkbox" name="read_only" value="on" checked={choices?.readOnly} />
          <span>
            Of these, only tools that read <small>as described by each server</small>
          </span>
        </label>
      )}
      <OwnAccounts
        accounts={accounts}
        servers={servers}
        identity={identity}
        problem={notice && noticeAt ? { at: noticeAt, words: notice } : null}
      />
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
      {servers.length > 0 && <Ticked servers={servers} choice={choice} />}
      <Actions primary="allow" label="Allow" />
    </FlowFormElement>
  );
}

/** Where the form is sent. */
export const CONSENT = '/oauth/consent';

/**
 * The first button of a form is the one that Enter presses. Where other buttons stand above Allow it is this one, which no one
 * sees: it keeps what was typed, and neither allows nor sends anybody away. Its value is none of the contract's, so that a
 * program that looks for the button that goes on finds Allow.
 */
function EnterSaves() {
  return (
    <button type="submit" class="unseen" name="decision" value="keep" tabindex={-1}>
      Keep what I typed
    </button>
  );
}
