import type { Child } from 'hono/jsx';
import { isLoopback } from '../../../protocol/public-url';
import type { Settings } from '../../../settings';
import { hasProvider } from '../../../settings';
import { Address } from '../../../ui/address';
import { countOf } from '../../../ui/english';
import { Csrf } from '../../../ui/forms';
import { Cut } from '../../../ui/name';
import { Notice, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import type { Unreadable } from '../../api/sealed-values';
import { Unread } from '../settings/unread';
import type { OverviewFacts } from './facts';

type WarningsProps = {
  facts: OverviewFacts;
  /** Names of settings that cannot be read, in part or in whole. */
  refusedSettings: ReadonlySet<string>;
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

type Warning = { tone: 'warn' | 'bad'; text: Child; action?: Child };

/** What an administrator should know of, most urgent first: what it is, and what to do. */
export function Warnings(props: WarningsProps) {
  const warnings = warningsOf(props);
  if (!warnings.length) return null;
  return (
    <section class="stack tight" aria-label="Needs attention">
      {warnings.map(({ tone, text, action }) => (
        <Notice tone={tone} action={action}>
          {text}
        </Notice>
      ))}
    </section>
  );
}

function warningsOf({ facts, refusedSettings, settings, issuer, origin, csrf }: WarningsProps): Warning[] {
  const { reused, withOldValue, unreadable } = facts;
  const warnings: Warning[] = [];
  const warn = (text: Child, action?: Child) => warnings.push({ tone: 'warn', text, action });
  if (!issuer) warnings.push(noAddress(origin, csrf));
  for (const { kind, count, remedy } of unreadable) {
    const text = (
      <>
        ENCRYPTION_KEY doesn’t open {count === 1 ? `1 ${SEALED[kind].one}` : `${count} ${SEALED[kind].many}`}.{' '}
        {remedy} If you still have the earlier key, add it to ENCRYPTION_KEY after the current one, separated
        by a comma.
      </>
    );
    warnings.push({ tone: 'bad', text });
  }
  if (refusedSettings.size) {
    warnings.push({ tone: 'bad', text: <Unread names={refusedSettings} /> });
  }
  if (reused) {
    const text = (
      <>
        <b>Access of {countOf(reused, 'app')} was ended this week for safety.</b> A replaced token was used
        again, so someone may have copied it.
      </>
    );
    warnings.push({
      tone: 'bad',
      text,
      action: <Way href="/admin/audit?act=refresh_token.reused" text="Review" />,
    });
  }
  if (issuer && isHttp(issuer) && !isLoopback(new URL(issuer).hostname)) {
    warn(
      'The address of this gateway isn’t https, so others can read what is sent to it.',
      <Way href="/admin/settings/gateway" text="Change address" />,
    );
  }
  if (!settings.enforce_auth_on_inference) {
    warn(
      'Anyone who knows the address can use tools that are open to everyone.',
      <Way href="/admin/settings/apps" text="Require sign-in or a key" />,
    );
  }
  if (settings.mcp_enable_temp_token_auth) {
    warn(
      'Anyone who opens a link to connect an account can use it, even if it was forwarded.',
      <Way href="/admin/settings/accounts" text="Review setting" />,
    );
  }
  for (const { id, name, until } of withOldValue) {
    warn(
      <>
        The previous value of the key{' '}
        <a href={`/admin/keys/${id}`}>
          <Cut of={name} />
        </a>{' '}
        still works. It stops <When at={rfc3339(until)} />.
      </>,
    );
  }
  if (!hasProvider(settings) && issuer && !isHttp(issuer)) {
    warn(
      'Administrators share one token, so the audit log can’t tell them apart.',
      <Way href="/admin/settings/sign-in" text="Set up sign-in" />,
    );
  }
  return warnings;
}

function Way({ href, text }: { href: string; text: string }) {
  return (
    <a class="button small" href={href}>
      {text}
    </a>
  );
}

/** The first thing a gateway has to know; the address this page was opened at is nearly always right. */
function noAddress(origin: string, csrf: string): Warning {
  const text = 'This gateway doesn’t know its own address yet, so no app can connect.';
  if (isHttp(origin)) {
    return { tone: 'bad', text: `${text} Open this page with https:// to save its address.` };
  }
  const action = (
    <form method="post" action="/admin/settings/address">
      <Csrf value={csrf} />
      <button type="submit" class="button primary small" data-busy="Saving…">
        Yes, save it
      </button>
    </form>
  );
  return {
    tone: 'bad',
    text: (
      <>
        {text} Is it{' '}
        <b>
          <Address of={origin} />
        </b>
        ?
      </>
    ),
    action,
  };
}

function isHttp(url: string): boolean {
  return url.startsWith('http:');
}
