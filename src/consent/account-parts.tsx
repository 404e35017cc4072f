import { ACCOUNT_STATES, type AccountAtServer, type ConnectableAccount } from '../accounts/accounts';
import { modeOf } from '../identity';
import type { Subject } from '../protocol/subject';
import type { Server } from '../servers/server';
import { Name } from '../ui/name';
import { Badge, Input, Notice } from '../ui/parts';

/** How an account stands: word, shape and colour. */
export function AccountBadge({ state }: Pick<AccountAtServer, 'state'>) {
  const { tone, word } = ACCOUNT_STATES[state];
  return <Badge tone={tone}>{word}</Badge>;
}

/** Who an identity is, in words. */
export function Who({ subject, name }: { subject: Subject; name: string | null }) {
  const { before = null, nameless = '' } = modeOf(subject)?.words.connectedFor ?? {};
  if (before === null || name === null) return <>{nameless}</>;
  return (
    <>
      {before && `${before} `}
      <b>
        <Name of={name} />
      </b>
    </>
  );
}

/** Where several people may hold an identity: each acts with the accounts that are connected for it. */
export function SharedBy({ subject, name }: { subject: Subject; name: string }) {
  const mode = modeOf(subject);
  if (!mode?.mayBeShared) return null;
  return (
    <Notice tone="warn">
      Everyone who holds the {mode.words.kind}{' '}
      <b>
        <Name of={name} />
      </b>{' '}
      acts as you where you connect an account.
    </Notice>
  );
}

/** Fields for the header values a server wants of its caller. What is held already is never shown, and may stay empty. */
export function OwnHeaderFields({
  account,
  notice,
}: {
  account: AccountAtServer;
  notice?: string | undefined;
}) {
  const { server, own, heldKeys } = account;
  const held = heldKeys.map((name) => name.toLowerCase());
  const fields = own.kind === 'headers' ? own.fields : {};
  const isAlone = server.perUserHeaderKeys.length === 1;
  return (
    <>
      {server.perUserHeaderKeys.map((name, at) => (
        <Input
          name={fieldOf(server, name)}
          label={
            fields[name] ? (
              <>
                {fields[name].label} <small class="mono">{name}</small>
              </>
            ) : isAlone ? (
              `Your ${server.name} key`
            ) : (
              name
            )
          }
          hint={fields[name]?.hint ?? (isAlone && `Sent as ${name}.`)}
          error={at === 0 ? notice : undefined}
          autofocus={at === 0 && notice !== undefined}
          type="password"
          mono
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          placeholder={held.includes(name.toLowerCase()) ? 'leave empty to keep' : undefined}
        />
      ))}
    </>
  );
}

/** What a person reads before they are sent to a provider that issues its tokens elsewhere (CONTRACT §7). */
export function TokenHost({ host }: { host: string | null }) {
  return host && <small>Your sign-in there is confirmed by another host: {host}.</small>;
}

/** What a person reads before they connect an account again that asks for more, or is with another provider now. */
export function WhyAgain({
  signInHost,
  isMoved,
  wantedScopes,
}: Pick<ConnectableAccount, 'signInHost' | 'isMoved' | 'wantedScopes'>) {
  return (
    <>
      {isMoved && (
        <Notice tone="info">
          Sign-in has moved. You now sign in at <b>{signInHost}</b>.
        </Notice>
      )}
      {wantedScopes.length > 0 && (
        <Notice tone="info">
          The server needs more access than you gave it: <span class="mono">{wantedScopes.join(' ')}</span>.
        </Notice>
      )}
    </>
  );
}

/** What {@link OwnHeaderFields} were filled in with, by header name. Fields left empty are not there; others are not read. */
export function readHeaderFields(server: Server, form: URLSearchParams): Record<string, string> {
  const entered = server.perUserHeaderKeys.map((name) => [
    name,
    form.get(fieldOf(server, name))?.trim() ?? '',
  ]);
  return Object.fromEntries(entered.filter(([, value]) => value));
}

function fieldOf({ id }: Server, name: string): string {
  return `header.${id}.${name}`;
}
