import type { Child } from 'hono/jsx';
import type { AtProvider } from '../../../accounts/auth/auth';
import { authorizationOf, isPersonal, labelOf } from '../../../accounts/auth/index';
import { statusAt } from '../../../accounts/credentials';
import type { ServerOverview } from '../../../accounts/server-overview';
import { countOf } from '../../../ui/english';
import { Csrf } from '../../../ui/forms';
import { Icon } from '../../../ui/icons';
import { Cut, cut } from '../../../ui/name';
import { Head, Input, Notice, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { isRegistered } from '../../api/servers/authorization';
import type { Refused } from '../api';

const AT = '/admin/servers';

type AccountProps = { overview: ServerOverview; csrf: string; refused?: Refused | undefined };

/** True when nothing is left to be done about the account a server is asked with. */
export function isConnected({ server, account }: ServerOverview): boolean {
  if (!authorizationOf(server)) return true;
  return server.isVerified && account !== null && statusAt(account, server) === 'active';
}

/** The account a server is asked with, where it needs one: to be connected, renewed, or left alone. */
export function ServerAccount({ overview, csrf, refused }: AccountProps) {
  const authorization = authorizationOf(overview.server);
  if (authorization?.by === 'provider') {
    return <Authorization {...{ overview, csrf, refused }} words={authorization.words} />;
  }
  return authorization && <HeaderTrial {...{ overview, csrf, refused }} />;
}

function Authorization({ overview, csrf, refused, words }: AccountProps & Pick<AtProvider, 'words'>) {
  const { server, account } = overview;
  const failed = refused && (
    <p class="error" role="alert">
      <Icon of="error" />
      {refused.message}
    </p>
  );
  if (!isConnected(overview) || !account) {
    return (
      <>
        <Notice
          tone="warn"
          action={<SignIn id={server.id} csrf={csrf} label={`Sign in to ${cut(server.name)}`} />}
        >
          <b>
            Sign in to <Cut of={server.name} />
            {server.isVerified && ' again'}.
          </b>{' '}
          {!server.isVerified
            ? `No one can use it until you do. ${words.page}`
            : isPersonal(server)
              ? 'Its tool list is no longer updated. People’s own accounts are not affected.'
              : 'No one can use it until you do.'}
          <Obstacles overview={overview} />
          {failed}
        </Notice>
        <RegisterLink overview={overview} />
      </>
    );
  }
  return (
    <section class="card stack" aria-labelledby="account">
      <h2 id="account">{isPersonal(server) ? 'Administrator’s account' : 'Shared account'}</h2>
      <dl class="facts">
        <dt>Used for</dt>
        <dd>{words.connected}</dd>
        <dt>Connected</dt>
        <dd>
          <When at={rfc3339(account.createdAt)} />
        </dd>
      </dl>
      <Obstacles overview={overview} />
      {failed}
      <div class="actions">
        <SignIn id={server.id} csrf={csrf} label="Use another account" isSmall={false} />
        <RegisterLink overview={overview} />
      </div>
    </section>
  );
}

function SignIn({
  id,
  csrf,
  label,
  isSmall = true,
}: {
  id: string;
  csrf: string;
  label: string;
  isSmall?: boolean;
}) {
  return (
    <form method="post" action={`${AT}/${id}/authorize`} data-popup>
      <Csrf value={csrf} />
      <input type="hidden" name="popup" value="" />
      <button type="submit" class={isSmall ? 'button small primary' : 'button'}>
        {label}
      </button>
    </form>
  );
}

function RegisterLink({ overview: { server, config } }: Pick<AccountProps, 'overview'>) {
  const canAgain = config && isRegistered(config) && (server.isVerified || config.status === 'failed');
  return canAgain ? (
    <a class="button quiet" href={`${AT}/${server.id}/register-again`}>
      Register again…
    </a>
  ) : null;
}

/** What to know before signing in: why it failed, and what differs from what was expected. */
function Obstacles({ overview }: Pick<AccountProps, 'overview'>) {
  const { config, account } = overview;
  const discovered = config?.discovered;
  const known: Child[] = [];
  if (discovered?.refusesResource) {
    known.push(
      <>
        Its provider refuses the parameter <span class="mono">resource</span>, so we don’t send it there.
      </>,
    );
  }
  if (!isConnected(overview)) {
    if (config?.status === 'failed') known.push(`Last time: ${config.error}`);
    if (discovered?.tokenHost) {
      known.push(
        <>
          Tokens come from <b>{discovered.tokenHost}</b>, which is not the provider’s host. Continue only if
          you know it.
        </>,
      );
    }
    if (account?.wantedScopes) {
      known.push(
        <>
          The server asks for more access than before:{' '}
          <span class="mono">{account.wantedScopes.join(' ')}</span>.
        </>,
      );
    }
    if (discovered?.isMoved) {
      known.push(
        <>
          Its accounts are now at another provider:{' '}
          <b>{new URL(discovered.issuer ?? discovered.authorizationEndpoint).host}</b>.
        </>,
      );
    }
  }
  return known.map((words) => <p>{words}</p>);
}

function HeaderTrial({ overview, csrf, refused }: AccountProps) {
  const { server } = overview;
  const isDone = isConnected(overview);
  const form = (
    <form class="stack" method="post" action={`${AT}/${server.id}/verify`}>
      <Csrf value={csrf} />
      {server.perUserHeaderKeys.map((name, at) => (
        <>
          <input type="hidden" name={`header.${at}`} value={name} />
          <Input
            name={`value.${at}`}
            label={labelOf(server, name)}
            type="password"
            mono
            required
            autocomplete="off"
            error={at === 0 ? refused?.message : undefined}
          />
        </>
      ))}
      <div class="actions">
        <button type="submit" class={isDone ? 'button' : 'button primary'} data-busy="Connecting…">
          Connect
        </button>
      </div>
    </form>
  );
  return (
    <section class="card stack" aria-labelledby="account">
      <h2 id="account">{isDone ? 'Connected with your key' : 'Connect with your key'}</h2>
      <p class="muted">
        {!isDone &&
          (server.isVerified ? 'The stored key no longer works. ' : 'No one can use it until you do. ')}
        Your key only lists its tools. Everyone else enters their own.
      </p>
      {isDone ? (
        <details class="quiet" open={refused !== undefined}>
          <summary>Use another key</summary>
          {form}
        </details>
      ) : (
        form
      )}
    </section>
  );
}

type RegisterAgainProps = { id: string; name: string; accounts: number; csrf: string };

/** What registering again at a provider means. */
export function RegisterAgain({ id, name, accounts, csrf }: RegisterAgainProps) {
  return (
    <>
      <Head
        crumbs={[
          { href: AT, text: 'Servers' },
          { href: `${AT}/${id}`, text: <Cut of={name} /> },
        ]}
        title={
          <>
            Register with <Cut of={name} /> again?
          </>
        }
      />
      <form class="card stack" method="post" action={`${AT}/${id}/register-again`}>
        <Csrf value={csrf} />
        <p>Do this when the provider no longer knows this gateway.</p>
        <ul>
          <li>The gateway registers there again, and you sign in there.</li>
          <li>
            {accounts
              ? `${countOf(accounts, 'connected account')} must connect again.`
              : 'No one has connected an account there.'}
          </li>
        </ul>
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Registering…">
            Register again
          </button>
          <a class="button" href={`${AT}/${id}`}>
            Cancel
          </a>
        </div>
      </form>
    </>
  );
}
