import { modeOf } from '../identity';
import type { Identity } from '../identity/mode';
import { covers } from '../protocol/authorization';
import { Avatar } from '../ui/avatar';
import { Cut, Name } from '../ui/name';
import { Notice } from '../ui/parts';
import { ReturnsTo, Unchecked } from './about';
import { Who } from './account-parts';
import type { OwnAccount } from './accounts';
import { EVERYTHING } from './choice';
import { type KeptChoice, LENGTHS, PRESET_LENGTH } from './choices';
import { Chooser, Summary, Ticked } from './chooser';
import { DenyButton, type FlowForm, FlowFormElement } from './identity-form';
import { AccountAtRow, OwnAccounts } from './own-accounts';
import type { UsableServer } from './services';
import { consentPath } from './step';

type ServicesFormProps = FlowForm & {
  identity: Identity;
  servers: UsableServer[];
  accounts: ReadonlyMap<string, OwnAccount>;
  /** What was chosen before; undefined: nothing was. */
  choices: KeptChoice | undefined;
  /** Id of the server the notice is about; undefined: the form. */
  noticeAt: string | undefined;
};

/** Second step: what can it use? */
export function ServicesForm(props: ServicesFormProps) {
  const { flow, flowId, name, identity, servers, accounts, choices, notice, noticeAt } = props;
  const choice = choices ?? EVERYTHING;
  const reads = covers(flow.request.scope, 'mcp:read');
  const mayNarrow = reads && covers(flow.request.scope, 'mcp:write');
  const badges = new Map([...accounts].map(([id, account]) => [id, <AccountAtRow account={account} />]));
  const toolsAt = (server: UsableServer) =>
    `/oauth/consent/tools?${new URLSearchParams({ flow_id: flowId, server: server.name })}`;
  return (
    <FlowFormElement {...props} step="services" look="card stack wide">
      <EnterSaves />
      <div class="stack tight">
        <h1>
          What can <Name of={name} /> use?
        </h1>
        <ActsAs {...props} />
        <Unchecked flow={flow} />
      </div>
      {servers.length ? (
        <Summary servers={servers} />
      ) : (
        <Notice tone="info">
          You can’t use any tools yet. You can connect now; tools appear when an administrator gives you
          access.
        </Notice>
      )}
      {!mayNarrow && (
        <p class="muted">
          <Cut of={name} /> asked only for {reads ? 'read-only tools' : 'tools that change something'}. Each
          server says which tools those are.
        </p>
      )}
      <Chooser
        servers={servers}
        choice={choice}
        isReading={choices?.readOnly ?? false}
        mayNarrow={mayNarrow}
        action={consentPath(props)}
        toolsAt={toolsAt}
        badges={badges}
      />
      <OwnAccounts
        accounts={accounts}
        servers={servers}
        identity={identity}
        problem={notice && noticeAt ? { at: noticeAt, words: notice } : null}
      />
      <Length seconds={choices?.expiresIn ?? PRESET_LENGTH} />
      <div class="dock">
        {notice && !noticeAt && <Notice bad>{notice}</Notice>}
        {servers.length > 0 && <Ticked servers={servers} choice={choice} />}
        <div class="decide">
          <button type="submit" class="button primary" name="decision" value="allow" data-busy="Connecting…">
            Allow
          </button>
          <DenyButton />
        </div>
        <small class="center">
          Either way you return to <ReturnsTo uri={flow.request.redirectUri} />
        </small>
      </div>
    </FlowFormElement>
  );
}

function ActsAs({ identity, flowId }: Pick<ServicesFormProps, 'identity' | 'flowId'>) {
  const { name, subject } = identity;
  const mode = modeOf(subject);
  return (
    <div class="thing">
      <Avatar name={name} isPerson={mode?.isSignedIn ?? false} glyph={mode?.typed ? 'key' : undefined} />
      <span>
        It acts as <Who subject={subject} name={name} /> ·{' '}
        <a href={`${consentPath({ flowId })}&use=another`}>Switch</a>
      </span>
    </div>
  );
}

function Length({ seconds }: { seconds: number }) {
  return (
    <div class="field">
      <label for="expires_in">Access ends</label>
      <select class="input auto" id="expires_in" name="expires_in">
        {[...LENGTHS].map(([value, label]) => (
          <option value={value} selected={value === seconds}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/**
 * The first button of a form is the one that Enter presses. Where other buttons come before Allow it is this one, which no one
 * sees: it keeps what was typed, and neither allows nor sends anyone away. Its value is none of the contract's, so that a
 * program that looks for the button that goes on finds Allow.
 */
function EnterSaves() {
  return (
    <button type="submit" class="unseen" name="decision" value="keep" tabindex={-1}>
      Save and stay
    </button>
  );
}
