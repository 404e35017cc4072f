import type { Identity } from '../identity/mode';
import { Avatar } from '../ui/avatar';
import { countOf } from '../ui/english';
import { Cut, cut, Name, Whole } from '../ui/name';
import { AccountBadge, OwnHeaderFields, SharedBy, TokenHost, WhyAgain } from './account-parts';
import type { OwnAccount } from './accounts';
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
  const isOffered = wanted.some(({ account }) => account !== 'shared');
  return (
    <section class="stack" aria-labelledby="own">
      <div class="row spread">
        <h2 id="own">
          {wanted.length
            ? `${countOf(wanted.length, 'server')} ${wanted.length === 1 ? 'needs' : 'need'} your account`
            : 'Your accounts'}
        </h2>
        {isOffered && <small>You can also do this later.</small>}
      </div>
      {isOffered && <SharedBy {...identity} />}
      {connected.length > 0 && (
        <p class="small muted">
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
        <ul class="list">
          {wanted.map(({ id, name, account }) => (
            <li>
              <Avatar name={name} />
              <b class="grow">
                <span class="cut" title={name}>
                  <Cut of={name} />
                </span>
              </b>
              <Whole of={name} />
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
      <small>
        <b>
          <Name of={holder} />
        </b>{' '}
        is a shared key, so it can’t hold a personal account. Use your own key, or sign in.
      </small>
    );
  }
  const { server, own, tokenHost, state } = account;
  const { connect } = own.words;
  const label = `${connect.at} ${cut(server.name)}`;
  if (own.kind === 'headers') {
    return (
      <details open={notice !== undefined}>
        <summary class="button small bare">
          {own.words.buttons[state]}
          <span class="unseen"> {cut(server.name)}</span>
        </summary>
        <div class="stack tight">
          <OwnHeaderFields account={account} notice={notice} />
          <div class="actions">
            <button
              type="submit"
              class="button"
              name="decision"
              value="continue"
              aria-label={label}
              data-busy="Checking…"
            >
              {connect.button}
            </button>
          </div>
        </div>
      </details>
    );
  }
  return (
    <>
      <button
        type="submit"
        class="button small"
        formaction="/api/oauth/per-user/upstream/authorize"
        name="mcp_client_id"
        value={server.id}
        data-server={server.name}
        data-busy="Opening…"
        aria-label={label}
      >
        {connect.button}
      </button>
      <WhyAgain {...account} />
      <TokenHost host={tokenHost} />
    </>
  );
}
