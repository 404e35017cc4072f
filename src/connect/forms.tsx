import type { Child } from 'hono/jsx';
import type { ConnectableAccount } from '../accounts/accounts';
import { UNNAMED_CLIENT } from '../accounts/links';
import { ClientAvatar } from '../clients/avatar';
import { AccountBadge, OwnHeaderFields, SharedBy, TokenHost, Who, WhyAgain } from '../consent/account-parts';
import { TypedField } from '../consent/identity-form';
import { modeOf } from '../identity';
import type { Subject } from '../protocol/subject';
import type { Server } from '../servers/server';
import { Avatar, GatewayAvatar, Meet } from '../ui/avatar';
import { Once, Plain } from '../ui/forms';
import { Reference } from '../ui/layout';
import { Cut, cut, Name } from '../ui/name';
import { Input, Notice } from '../ui/parts';
import type { WayToProve } from './proof';

/** What every page of a link says: for whom it is, which app asked, how it is found again. */
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
  /** Where people sign in. */
  signInHost: string;
};

/** Before anything: what the link is for, and a proof that its opener is the one it was made for (SECURITY 16). */
export function ProofPage(props: LinkPage & { way: WayToProve }) {
  const { path, value, subject, name, clientName, servers, way, notice, code, signInHost } = props;
  return (
    <form class="card stack wide" method="post" action={path}>
      <input type="hidden" name="form" value={value} />
      <Once />
      <Plain />
      <Title {...props}>
        {clientName && `${sentenceName(clientName)} needs this for what you asked. `}
        If you didn’t just ask for anything, close this page: nothing happens by itself.
      </Title>
      <dl class="facts">
        <dt>{servers.length === 1 ? 'Server' : 'Servers'}</dt>
        <dd>
          {servers.map((server) => (
            <div>
              <b>
                <Cut of={server.name} />
              </b>{' '}
              <small class="mono">{new URL(server.connectionString).host}</small>
            </div>
          ))}
        </dd>
        <dt>Asked by</dt>
        <dd>
          {clientName ? (
            <>
              <b>
                <Name of={clientName} />
              </b>{' '}
              {clientName !== UNNAMED_CLIENT && <small>Not verified: any app can use this name.</small>}
            </>
          ) : (
            'this gateway'
          )}
        </dd>
        <dt>For</dt>
        <dd>
          <Who subject={subject} name={name} />
        </dd>
      </dl>
      {name !== null && <SharedBy subject={subject} name={name} />}
      <Proof way={way} subject={subject} name={name} path={path} notice={notice?.text} host={signInHost} />
      <Reference code={code} />
    </form>
  );
}

/** What an app is called where a sentence begins. */
function sentenceName(clientName: string): string {
  return clientName === UNNAMED_CLIENT ? 'Your app' : cut(clientName);
}

function Title({
  servers,
  clientName,
  children,
}: Pick<LinkPage, 'servers' | 'clientName'> & { children?: Child }) {
  const [first, ...more] = servers;
  const client = { id: '', name: clientName };
  return (
    <div class="stack center">
      <Meet
        from={
          clientName === UNNAMED_CLIENT ? (
            <Avatar name={clientName} glyph="app" isLarge />
          ) : clientName ? (
            <ClientAvatar of={client} isLarge />
          ) : (
            <GatewayAvatar />
          )
        }
        to={<Avatar name={first?.name ?? ''} isLarge />}
      />
      <h1>{first && !more.length ? `Connect your ${first.name} account` : 'Connect your accounts'}</h1>
      {children && <p class="muted">{children}</p>}
    </div>
  );
}

type ProofProps = Pick<LinkPage, 'subject' | 'name' | 'path'> & {
  way: WayToProve;
  notice: string | undefined;
  host: string;
};

function Proof({ way, subject, name, path, notice, host }: ProofProps) {
  switch (way) {
    case 'known':
      return <Continue label={`Continue as ${cut(name ?? '')}`} notice={notice} />;
    case 'nothing':
      return <Continue label="Continue" notice={notice} />;
    case 'typed':
      return (
        <>
          <TypedField mode={modeOf(subject)} notice={notice} focus={true} />
          <Continue label="Continue" />
        </>
      );
    case 'session_value':
      return (
        <>
          <Input
            name="session_value"
            label="Session value"
            type="password"
            mono
            autocomplete="off"
            spellcheck={false}
            error={notice}
            hint={
              <>
                What your app sends in <code>x-bf-mcp-session-id</code>.
              </>
            }
          />
          <Continue label="Continue" />
        </>
      );
    case 'sign_in':
      return (
        <>
          {notice && <Notice bad>{notice}</Notice>}
          <p class="muted">
            {name === null ? 'Sign in to continue.' : `Sign in as ${cut(name)} to continue.`}
          </p>
          <a class="button primary big" href={`/oauth/sign-in?${new URLSearchParams({ return_to: path })}`}>
            Sign in with {host}
          </a>
        </>
      );
    case 'elsewhere':
      return (
        <Notice tone="warn">
          An anonymous connection belongs to the browser it was allowed in. Open this link there, or connect
          your app again.
        </Notice>
      );
  }
}

function Continue({ label, notice }: { label: string; notice?: string | undefined }) {
  return (
    <>
      {notice && <Notice bad>{notice}</Notice>}
      <button type="submit" class="button primary big" name="decision" value="continue" data-busy="Checking…">
        <span class="grow">{label}</span>
      </button>
    </>
  );
}

/** For the browser that proved itself: each server with its state and the way to connect it. */
export function AccountsPage(props: LinkPage & { accounts: readonly ConnectableAccount[] }) {
  const { subject, name, clientName, servers, accounts, notice, code } = props;
  const isDone = accounts.every(({ state }) => state === 'active');
  return (
    <>
      <div class="card stack wide">
        {isDone ? (
          <div class="stack center">
            <h1>All connected</h1>
            {clientName ? (
              <p class="muted">
                Go back to <Cut of={clientName} />. If it doesn’t continue by itself, repeat what you asked
                for.
              </p>
            ) : (
              <a class="button primary" href="/me">
                Go to Your apps
              </a>
            )}
          </div>
        ) : (
          <Title servers={servers} clientName={clientName}>
            {clientName && `${sentenceName(clientName)} asked for this.`}
          </Title>
        )}
        <dl class="facts">
          <dt>For</dt>
          <dd>
            <Who subject={subject} name={name} />
          </dd>
          <dt>Used by</dt>
          <dd>every app you allow here</dd>
        </dl>
        {!isDone && name !== null && <SharedBy subject={subject} name={name} />}
        {notice?.serverId === null && <Notice bad>{notice.text}</Notice>}
        <small>
          We store it encrypted. Apps never see it. You can disconnect it at any time under{' '}
          <a href="/me">Your apps</a>.
        </small>
      </div>
      {accounts.map((account) => (
        <AccountForm
          {...props}
          account={account}
          failure={notice?.serverId === account.server.id ? notice.text : undefined}
        />
      ))}
      <div class="stack center">
        <Reference code={code} />
      </div>
    </>
  );
}

type AccountFormProps = LinkPage & { account: ConnectableAccount; failure: string | undefined };

function AccountForm({ path, value, account, failure }: AccountFormProps) {
  const { server, own, state, tokenHost, signInHost, isMoved } = account;
  const { connect, replace } = own.words;
  const isActive = state === 'active';
  const isOAuth = own.kind === 'oauth';
  const button = isActive ? replace.button : isOAuth ? `Continue to ${server.name}` : connect.button;
  const fields = (
    <form class="stack" method="post" action={path}>
      <input type="hidden" name="form" value={value} />
      <Once />
      <Plain />
      <input type="hidden" name="server" value={server.id} />
      {isOAuth ? (
        <>
          <WhyAgain {...account} />
          {signInHost && !isMoved && (
            <small>
              You sign in at <b>{signInHost}</b>.
            </small>
          )}
          <TokenHost host={tokenHost} />
          {failure && <Notice bad>{failure}</Notice>}
        </>
      ) : (
        <OwnHeaderFields account={account} notice={failure} />
      )}
      <div class="actions">
        <button
          type="submit"
          class={isActive ? 'button' : 'button primary'}
          name={isActive ? undefined : 'decision'} // once connected, nothing is asked any more
          value={isActive ? undefined : 'continue'}
          data-busy={isOAuth ? `Opening ${signInHost ?? cut(server.name)}…` : 'Checking…'}
        >
          <span class="grow">{button}</span>
        </button>
      </div>
    </form>
  );
  return (
    <div class="card stack">
      <div class="row spread">
        <span class="thing">
          <Avatar name={server.name} />
          <b class="cut" title={server.name}>
            <Cut of={server.name} />
          </b>
        </span>
        <AccountBadge state={state} />
      </div>
      {isActive ? (
        <details class="quiet" open={failure !== undefined}>
          <summary>{replace.unfold}</summary>
          {fields}
        </details>
      ) : (
        fields
      )}
    </div>
  );
}
