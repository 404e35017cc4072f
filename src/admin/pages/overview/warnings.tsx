import type { Child } from 'hono/jsx';
import { isLoopback } from '../../../protocol/public-url';
import type { Settings } from '../../../settings';
import { hasProvider } from '../../../settings';
import { Csrf } from '../../../ui/forms';
import { Cut } from '../../../ui/name';
import { When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Unreadable } from '../../api/sealed-values';
import type { OverviewFacts } from './facts';

type WarningsProps = {
  facts: OverviewFacts;
  settings: Settings;
  issuer: string | null;
  /** Where this page was opened. */
  origin: string;
  csrf: string;
};

/** What values of each kind are called: of one, and of several. */
const SEALED: Readonly<Record<Unreadable['kind'], { one: string; many: string }>> = {
  signing_keys: { one: 'signing key', many: 'signing keys' },
  settings: { one: 'saved secret', many: 'saved secrets' },
  server_headers: { one: 'server’s header values', many: 'servers’ header values' },
  client_secrets: { one: 'client secret', many: 'client secrets' },
  exchange_secrets: {
    one: 'client secret for exchanging tokens',
    many: 'client secrets for exchanging tokens',
  },
  accounts: { one: 'connected account', many: 'connected accounts' },
  grants: { one: 'app’s access', many: 'apps’ access' },
};

/** What an administrator should know of, most urgent first: what it is, and what to do. */
export function Warnings(props: WarningsProps) {
  const warnings = warningsOf(props);
  if (!warnings.length) return null;
  return (
    <section class="stack tight" aria-label="What to look at">
      {warnings.map((warning) => (
        <div class="notice">{warning}</div>
      ))}
    </section>
  );
}

function warningsOf({ facts, settings, issuer, origin, csrf }: WarningsProps): Child[] {
  const { reused, withOldValue, waiting, unreadable } = facts;
  const warnings: Child[] = [];
  if (!issuer) warnings.push(<NoAddress origin={origin} csrf={csrf} />);
  if (issuer && isHttp(issuer) && !isLoopback(new URL(issuer).hostname)) {
    warnings.push(
      <>
        The address of this gateway is not https, so what is sent to it can be read on the way.{' '}
        <a href="/admin/settings/gateway">Change the address</a>
      </>,
    );
  }
  for (const { kind, count, remedy } of unreadable) {
    warnings.push(
      <>
        ENCRYPTION_KEY does not open{' '}
        {count === 1 ? `one ${SEALED[kind].one}` : `${count} ${SEALED[kind].many}`}. {remedy} If you still
        have the earlier key, add it to ENCRYPTION_KEY behind the present one, after a comma.
      </>,
    );
  }
  if (reused) {
    warnings.push(
      <>
        The access of {reused === 1 ? 'one app' : `${reused} apps`} ended this week because a spent token came
        back: somebody may have copied it.{' '}
        <a href="/admin/audit?act=refresh_token.reused">See what happened</a>
      </>,
    );
  }
  if (!settings.enforce_auth_on_inference) {
    warnings.push(
      <>
        Nobody has to say who they are: whoever knows the address may use the servers that are open to
        everyone. <a href="/admin/settings/apps">Make everyone identify themselves</a>
      </>,
    );
  }
  if (settings.mcp_enable_temp_token_auth) {
    warnings.push(
      <>
        Whoever opens a link that connects an account connects it, also when the link was forwarded to them.{' '}
        <a href="/admin/settings/accounts">Ask who they are</a>
      </>,
    );
  }
  for (const { id, name } of waiting) {
    warnings.push(
      <>
        The server <b>{name}</b> waits for you to authorize it, and nobody can use it until then.{' '}
        <a href={`/admin/servers/${id}`}>Authorize it</a>
      </>,
    );
  }
  for (const { id, name, until } of withOldValue) {
    warnings.push(
      <>
        The old value of the key{' '}
        <a href={`/admin/keys/${id}`}>
          <Cut of={name} />
        </a>{' '}
        still works, and stops <When at={rfc3339(until)} />.
      </>,
    );
  }
  if (!hasProvider(settings) && issuer && !isHttp(issuer)) {
    warnings.push(
      <>
        Administrators sign in with one shared token, so the audit cannot tell them apart.{' '}
        <a href="/admin/settings/sign-in">Set up signing in</a>
      </>,
    );
  }
  return warnings;
}

/** The first thing a gateway has to be told; the address this page was opened at is nearly always right. */
function NoAddress({ origin, csrf }: { origin: string; csrf: string }) {
  if (isHttp(origin)) {
    return (
      <>
        This gateway does not know its own address yet, and this page was opened without https. Open it with
        https:// and save the address there: until then no app can connect.
      </>
    );
  }
  return (
    <form class="row spread" method="post" action="/admin/settings/address">
      <span>
        This gateway does not know its own address yet, so no app can connect. Is it <b>{origin}</b>?
      </span>
      <Csrf value={csrf} />
      <button type="submit" class="button primary small">
        Yes, save it
      </button>
    </form>
  );
}

function isHttp(url: string): boolean {
  return url.startsWith('http:');
}
