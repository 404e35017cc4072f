import type { AtProvider } from '../../../accounts/auth/auth';
import { authorizationOf, isPersonal, labelOf } from '../../../accounts/auth/index';
import { statusAt } from '../../../accounts/credentials';
import type { ServerOverview } from '../../../accounts/server-overview';
import { Csrf } from '../../../ui/forms';
import { Input, When } from '../../../ui/parts';
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
  const { server, config, account } = overview;
  const isDone = isConnected(overview);
  const title = !server.isVerified
    ? `Authorize ${server.name}`
    : isDone
      ? 'It is authorized'
      : 'It has to be authorized again';
  const failure = config?.status === 'failed' ? config.error : null;
  const elsewhere = config?.discovered?.tokenHost ?? null;
  return (
    <section class="card stack" aria-labelledby="account">
      <h2 id="account">{title}</h2>
      {isDone && account ? (
        <p class="muted">
          With an account somebody connected <When at={rfc3339(account.createdAt)} />. {words.connected}
        </p>
      ) : (
        <p>
          {server.isVerified
            ? 'The account it is asked with does not serve any more. '
            : 'Nobody sees it before somebody has. '}
          You are sent to its provider, and come back here. {words.page}
        </p>
      )}
      {failure && !isDone && <p class="error">Last time: {failure}</p>}
      {refused && (
        <p class="error" role="alert">
          {refused.message}
        </p>
      )}
      {elsewhere && !isDone && (
        <p class="notice">
          Tokens come from <b>{elsewhere}</b>, which is not the host of its provider: go on if you know it.
        </p>
      )}
      {account?.wantedScopes && !isDone && (
        <p class="notice">
          The server wants more than the account allows here. Authorizing it again asks for{' '}
          <span class="mono">{account.wantedScopes.join(' ')}</span>.
        </p>
      )}
      {config?.discovered?.isMoved && !isDone && (
        <p class="notice">
          Its accounts are with another provider now:{' '}
          <b>{new URL(config.discovered.issuer ?? config.discovered.authorizationEndpoint).host}</b>.
        </p>
      )}
      {config?.discovered?.refusesResource && (
        <p class="muted">
          Its provider refuses the parameter <span class="mono">resource</span>, so it is not sent there.
        </p>
      )}
      <div class="row">
        {(!isDone || !isPersonal(server)) && (
          <form method="post" action={`${AT}/${server.id}/authorize`} data-popup>
            <Csrf value={csrf} />
            <input type="hidden" name="popup" value="" />
            <button type="submit" class={isDone ? 'button small' : 'button primary'}>
              {isDone
                ? 'Authorize with another account'
                : server.isVerified
                  ? 'Authorize again'
                  : 'Authorize'}
            </button>
          </form>
        )}
        {config && isRegistered(config) && (server.isVerified || failure) && (
          <a class={isDone ? 'button small' : 'button'} href={`${AT}/${server.id}/register-again`}>
            Register again
          </a>
        )}
      </div>
    </section>
  );
}

function HeaderTrial({ overview, csrf, refused }: AccountProps) {
  const { server } = overview;
  const isDone = isConnected(overview);
  const form = (
    <form class="stack" method="post" action={`${AT}/${server.id}/verify`}>
      <Csrf value={csrf} />
      {server.perUserHeaderKeys.map((name, at) => (
        <Input
          name={`value.${at}`}
          label={labelOf(server, name)}
          type="password"
          mono
          required
          autocomplete="off"
          error={at === 0 ? refused?.message : undefined}
        />
      ))}
      <div class="row">
        <button type="submit" class={isDone ? 'button' : 'button primary'}>
          {isDone ? 'Use these values instead' : 'Try these values'}
        </button>
      </div>
    </form>
  );
  return (
    <section class="card stack" aria-labelledby="account">
      <h2 id="account">{isDone ? 'Your values list its tools' : 'Try it with values of yours'}</h2>
      {isDone ? (
        <details open={refused !== undefined}>
          <summary>Enter others</summary>
          {form}
        </details>
      ) : (
        <>
          <p>
            {server.isVerified
              ? 'The values it is asked with do not serve any more. '
              : 'Nobody sees it before somebody has. '}
            Your values only list its tools; everybody else enters their own.
          </p>
          {form}
        </>
      )}
    </section>
  );
}

/** What registering again at a provider means. */
export function RegisterAgain({
  id,
  name,
  accounts,
  csrf,
}: {
  id: string;
  name: string;
  accounts: number;
  csrf: string;
}) {
  return (
    <form class="card stack confirm" method="post" action={`${AT}/${id}/register-again`}>
      <h1>Register again at the provider of {name}?</h1>
      <Csrf value={csrf} />
      <p>Do this when the provider says it does not know this gateway any more.</p>
      <ul>
        <li>The gateway introduces itself there anew, and you are sent there to authorize it.</li>
        <li>
          {accounts
            ? `The ${accounts === 1 ? 'account that is' : `${accounts} accounts that are`} connected there ${accounts === 1 ? 'has' : 'have'} to be connected again.`
            : 'Nobody has connected an account of their own there.'}
        </li>
      </ul>
      <div class="actions">
        <button type="submit" class="button primary">
          Register again
        </button>
        <a class="button" href={`${AT}/${id}`}>
          Cancel
        </a>
      </div>
    </form>
  );
}
