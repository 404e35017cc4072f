import { authorizationOf, ownAccountOf } from '../../../accounts/auth/index';
import type { UseCounts } from '../../../governance/server-use';
import type { Server } from '../../../servers/server';
import type { Settings } from '../../../settings';
import { Avatar } from '../../../ui/avatar';
import { Csrf } from '../../../ui/forms';
import { Cut, Name } from '../../../ui/name';
import { Badge, Head, Notice, When } from '../../../ui/parts';
import { rfc3339 } from '../../api/answer';
import { gone } from '../api';
import { lastFailureWords } from '../words/failures';
import { glyphOf, SERVER_STATES, usedBy } from './state';

const AT = '/admin/servers';

export const noServer = () =>
  gone('This server was deleted, or never existed.', { href: AT, label: 'Servers' });

/** Each tab of a server: its path, and what it is called. Account is there where there is one to connect. */
const TABS = {
  tools: ['', 'Tools'],
  'used-by': ['/used-by', 'Used by'],
  account: ['/account', 'Account'],
  settings: ['/settings', 'Settings'],
} as const;

type HeadProps = {
  server: Omit<Server, 'state'> & { state: keyof typeof SERVER_STATES };
  tab: keyof typeof TABS;
  csrf: string;
};

/** What every page of a server begins with: its name, how it stands, and the ways to its parts. */
export function ServerHead({ server, tab, csrf }: HeadProps) {
  const { id, name, enabled, isVerified, state } = server;
  const { word, tone } = SERVER_STATES[state];
  const tabs = Object.entries(TABS).filter(([one]) => one !== 'account' || authorizationOf(server));
  return (
    <Head
      crumbs={[{ href: AT, text: 'Servers' }]}
      avatar={<Avatar name={name} glyph={glyphOf(server)} isLarge />}
      title={<Name of={name} />}
      badge={<Badge tone={tone}>{word}</Badge>}
      actions={
        enabled &&
        isVerified && <Ask action={`${AT}/${id}/refresh`} csrf={csrf} label="Check now" busy="Checking…" />
      }
      tabs={{
        label: 'Server',
        ways: tabs.map(([one, [path, text]]) => ({ href: `${AT}/${id}${path}`, text, isHere: one === tab })),
      }}
    />
  );
}

type NoticesProps = {
  server: Server;
  use: UseCounts;
  settings: Settings;
  csrf: string;
  /** True where the next steps say who may use it. */
  isNew: boolean;
};

/** What someone has to know of a server, and to do next. */
export function ServerNotices({ server, use, settings, csrf, isNew }: NoticesProps) {
  const { id, name, enabled, isVerified, lastFailure } = server;
  if (!enabled) {
    const turnOn = (
      <Ask
        {...{ action: `${AT}/${id}/turn`, csrf, label: 'Turn on', busy: 'Turning on…' }}
        values={{ on: 'on' }}
        kind="small"
      />
    );
    return (
      <Notice tone="info" action={turnOn}>
        <b>
          <Cut of={name} /> is off.
        </b>{' '}
        No one can use it.
        {ownAccountOf(server) && ' Accounts people connected are kept.'}
      </Notice>
    );
  }
  return (
    <>
      {lastFailure && (
        <Notice tone="bad">
          {lastFailureWords(lastFailure)}{' '}
          <small>
            First failed <When at={rfc3339(lastFailure.since)} />, last <When at={rfc3339(lastFailure.at)} />.
          </small>
        </Notice>
      )}
      {isVerified && !isNew && !usedBy(server, use, settings) && (
        <Notice
          tone="warn"
          action={
            <a class="button small primary" href={`${AT}/${id}/used-by`}>
              Choose who can use it
            </a>
          }
        >
          <b>No one can use {name} yet.</b>
        </Notice>
      )}
    </>
  );
}

type AskProps = {
  action: string;
  csrf: string;
  label: string;
  busy?: string;
  values?: Readonly<Record<string, string>>;
  kind?: 'primary' | 'small' | '';
};

/** A button that asks for something at once. */
export function Ask({ action, csrf, label, busy, values = {}, kind = '' }: AskProps) {
  return (
    <form method="post" action={action}>
      <Csrf value={csrf} />
      {Object.entries(values).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class={`button ${kind}`.trim()} data-busy={busy}>
        {label}
      </button>
    </form>
  );
}
