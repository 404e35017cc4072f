import type { Child } from 'hono/jsx';
import type { ConnectableAccount } from '../accounts/accounts';
import { AccountBadge, OwnHeaderFields, TokenHost, WhyAgain } from '../consent/account-parts';
import { TypedField } from '../consent/identity-form';
import { modeOf } from '../identity';
import type { Subject } from '../protocol/subject';
import type { Server } from '../servers/server';
import { Once } from '../ui/forms';
import { Reference } from '../ui/layout';
import { cut, Name } from '../ui/name';
import type { WayToProve } from './proof';

/** What every page of a link tells: for whom it is, which app asked, how it is found again. */
export type LinkPage = {
  path: string;
  /** The unguessable value of its forms. */
  value: string;
  subject: Subject;
  /** What people know the identity by; null: they must sign in first. */
  name: string | null;
  /** Empty: no one's, a page of this gateway asked. */
  clientName: string;
  servers: readonly Server[];
  notice: { serverId: string | null; text: string } | undefined;
  code: string;
};

/** Before anything: what the link is for, and a proof that its opener is the one it was made for (SECURITY 16). */
export function ProofPage(props: LinkPage & { way: WayToProve }) {
  const { path, value, subject, name, clientName, servers, way, notice, code } = props;
  return (
    <form class="card stack wide" method="post" action={path}>
      <input type="hidden" name="form" value={value} />
      <Once />
      <header class="stack tight">
        <h1>{titleFor(servers)}</h1>
        <p class="muted">
          {clientName && `${cut(clientName)} needs an account of your own there for what you asked. `}
          If you did not just ask for anything, close this page: nothing happens by itself.
        </p>
      </header>
      <dl class="facts">
        <dt>{servers.length === 1 ? 'Server' : 'Servers'}</dt>
        <dd>
          {servers.map((server) => (
            <div>
              <span class="host">{server.name}</span>{' '}
              <small class="mono">{new URL(server.connectionString).host}</small>
            </div>
          ))}
        </dd>
        <dt>Asked by</dt>
        <dd>
          {clientName ? (
            <>
              <span class="host">
                <Name of={clientName} />
              </span>
              . The name is its own claim.
            </>
          ) : (
            'this gateway itself'
          )}
        </dd>
        <dt>Connected for</dt>
        <dd>
          <Who subject={subject} name={name} />
        </dd>
      </dl>
      {modeOf(subject)?.mayBeShared && <Shared subject={subject} name={name} />}
      <Proof way={way} subject={subject} name={name} path={path} notice={notice?.text} />
      <Reference code={code} />
    </form>
  );
}

/** Who an identity is, in words. */
function Who({ subject, name }: { subject: Subject; name: string | null }) {
  const { before = null, nameless = '' } = modeOf(subject)?.words.connectedFor ?? {};
  if (before === null || name === null) return <>{nameless}</>;
  return (
    <>
      {before}{' '}
      <b>
        <Name of={name} />
      </b>
    </>
  );
}

function Shared({ subject, name }: { subject: Subject; name: string | null }) {
  return (
    <p class="notice">
      Everyone who holds the {modeOf(subject)?.words.kind}{' '}
      <b>
        <Name of={name ?? ''} />
      </b>{' '}
      will act as you there.
    </p>
  );
}

type ProofProps = {
  way: WayToProve;
  subject: Subject;
  name: string | null;
  path: string;
  notice: string | undefined;
};

function Proof({ way, subject, name, path, notice }: ProofProps) {
  switch (way) {
    case 'known':
      return <Continue label={`Continue as ${cut(name ?? '')}`} notice={notice} />;
    case 'nothing':
      return <Continue label="Continue" notice={notice} />;
    case 'typed':
      return (
        <>
          <TypedField mode={modeOf(subject)} notice={notice} focus={true} />
          <Continue label="Continue" notice={undefined} />
        </>
      );
    case 'session_value':
      return (
        <>
          <SessionField notice={notice} />
          <Continue label="Continue" notice={undefined} />
        </>
      );
    case 'sign_in':
      return (
        <>
          {notice && <Notice text={notice} />}
          <p class="muted">
            {name === null ? 'Sign in to go on.' : `Only ${cut(name)} can go on. Sign in with that account.`}
          </p>
          <div class="actions">
            <a class="button primary" href={`/oauth/sign-in?${new URLSearchParams({ return_to: path })}`}>
              Sign in
            </a>
          </div>
        </>
      );
    case 'elsewhere':
      return (
        <p class="notice">
          An anonymous connection belongs to the browser it was allowed in. Open this link there, or connect
          your app again.
        </p>
      );
  }
}

function Continue({ label, notice }: { label: string; notice: string | undefined }) {
  return (
    <>
      {notice && <Notice text={notice} />}
      <div class="actions">
        <button type="submit" class="button primary" name="decision" value="continue">
          {label}
        </button>
      </div>
    </>
  );
}

function SessionField({ notice }: { notice: string | undefined }) {
  return (
    <div class="field" data-error={notice ? '' : undefined}>
      <label for="session_value">Session value</label>
      <input
        class="input mono"
        id="session_value"
        name="session_value"
        type="password"
        autocomplete="off"
        spellcheck={false}
        aria-describedby={notice ? 'notice hint' : 'hint'}
        aria-invalid={notice ? 'true' : undefined}
      />
      {notice && (
        <span class="error" id="notice" role="alert">
          {notice}
        </span>
      )}
      <small id="hint">
        What your app sends in <span class="mono">x-bf-mcp-session-id</span>.
      </small>
    </div>
  );
}

/** For the browser that proved itself: each server with its state and the way to connect it. */
export function AccountsPage(props: LinkPage & { accounts: readonly ConnectableAccount[] }) {
  const { subject, name, clientName, servers, accounts, notice, code } = props;
  const isDone = accounts.every(({ state }) => state === 'active');
  return (
    <div class="card stack wide">
      <header class="stack tight">
        <h1>{isDone ? 'All connected' : titleFor(servers)}</h1>
        <p class="muted">
          {isDone && clientName ? (
            `Go back to ${cut(clientName)}. If it does not go on by itself, repeat what you asked for.`
          ) : (
            <>
              For <Who subject={subject} name={name} />.{clientName && ` ${cut(clientName)} asked for it.`}
            </>
          )}
        </p>
      </header>
      {!isDone && modeOf(subject)?.mayBeShared && <Shared subject={subject} name={name} />}
      {notice?.serverId === null && <Notice text={notice.text} />}
      {accounts.map((account) => (
        <AccountForm
          {...props}
          account={account}
          failure={notice?.serverId === account.server.id ? notice.text : undefined}
        />
      ))}
      <p class="muted">
        <a href="/me">My access</a> lists every account you connected, and ends it.
      </p>
      <Reference code={code} />
    </div>
  );
}

type AccountFormProps = LinkPage & { account: ConnectableAccount; failure: string | undefined };

function AccountForm({ path, value, account, failure }: AccountFormProps) {
  const { server, own, state, tokenHost } = account;
  const { connect, replace } = own.words;
  const isActive = state === 'active';
  const head = (
    <div class="head">
      <b class="grow">{server.name}</b>
      <AccountBadge state={state} />
    </div>
  );
  const fields = (
    <form class="stack" method="post" action={path}>
      <input type="hidden" name="form" value={value} />
      <Once />
      <input type="hidden" name="server" value={server.id} />
      {own.kind === 'headers' ? (
        <OwnHeaderFields account={account} notice={failure} />
      ) : (
        <>
          <WhyAgain {...account} />
          <TokenHost host={tokenHost} />
          {failure && <Notice text={failure} />}
        </>
      )}
      <div class="actions">
        <button
          type="submit"
          class={isActive ? 'button' : 'button primary'}
          name={isActive ? undefined : 'decision'} // once connected, nothing is asked any more
          value={isActive ? undefined : 'continue'}
        >
          {isActive ? replace.button : connect.button}
        </button>
      </div>
    </form>
  );
  if (!isActive) {
    return (
      <div class="server stack">
        {head}
        {fields}
      </div>
    );
  }
  return (
    <div class="server stack tight">
      {head}
      <details open={failure !== undefined}>
        <summary>{replace.unfold}</summary>
        {fields}
      </details>
    </div>
  );
}

function titleFor(servers: readonly Server[]): string {
  const [only, ...more] = servers;
  return only && !more.length ? `Connect your account at ${only.name}` : 'Connect your accounts';
}

function Notice({ text }: { text: Child }) {
  return (
    <p class="notice" role="alert">
      {text}
    </p>
  );
}
