import { modeOf } from '../identity';
import type { Identity } from '../identity/mode';
import { Cut, Name, Whole } from '../ui/name';
import { AccountBadge, OwnHeaderFields, TokenHost, WhyAgain } from './account-parts';
import type { OwnAccount } from './accounts';
import { amount } from './choice';
import type { UsableServer } from './services';

/** How the person's own account at a server stands. */
export function AccountAtRow({ account }: { account: OwnAccount }) {
  return <AccountBadge state={account === 'shared' ? 'none' : account.state} />;
}

type OwnAccountsProps = {
  accounts: ReadonlyMap<string, OwnAccount>;
  servers: readonly UsableServer[];
  identity: Identity;
  /** What a server said of what was typed for it, by its id. */
  problem: { at: string; words: string } | null;
};

/** The servers that still want an account of the person's own, and those that have one. Nothing here has to be done to go on. */
export function OwnAccounts({ accounts, servers, identity, problem }: OwnAccountsProps) {
  const wanted = servers.flatMap(({ id, name }) => {
    const account = accounts.get(id);
    return account && (account === 'shared' || account.state !== 'active') ? [{ id, name, account }] : [];
  });
  const connected = servers.filter(({ id }) => {
    const account = accounts.get(id);
    return account && account !== 'shared' && account.state === 'active';
  });
  if (!wanted.length && !connected.length) return null;
  const mode = modeOf(identity.subject);
  const isOffered = wanted.some(({ account }) => account !== 'shared');
  return (
    <section class="stack tight" aria-labelledby="own">
      <div class="row spread">
        <h2 id="own">
          {wanted.length
            ? `${amount(wanted.length, 'server')} ${wanted.length === 1 ? 'needs' : 'need'} your account`
            : 'Your accounts'}
        </h2>
        {isOffered && <small>You can also do this later.</small>}
      </div>
      {mode?.mayBeShared && isOffered && (
        <p class="notice">
          Everyone who holds the {mode.words.kind}{' '}
          <b>
            <Name of={identity.name} />
          </b>{' '}
          will act as you where you connect an account.
        </p>
      )}
      {connected.length > 0 && (
        <p class="muted">
          Connected:{' '}
          {connected.map(({ name }, index) => (
            <>
              {index > 0 && ', '}
              <Cut of={name} />
            </>
          ))}
        </p>
      )}
      {wanted.length > 0 && (
        <ul class="picks">
          {wanted.map(({ id, name, account }) => (
            <li class="pick">
              <div class="head">
                <b class="grow">
                  <Cut of={name} />
                </b>
                <Whole of={name} />
              </div>
              <Connect
                account={account}
                holder={identity.name}
                notice={problem?.at === id ? problem.words : undefined}
              />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

type AccountProps = { account: OwnAccount; holder: string; notice: string | undefined };

/** The way to connect the person's own account at a server. */
function Connect({ account, holder, notice }: AccountProps) {
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
  const { server, own, tokenHost } = account;
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
              data-server={server.name}
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
