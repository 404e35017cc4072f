import { ACCOUNT_STATES, type AccountAtServer, type ConnectableAccount } from '../accounts/accounts';
import type { Server } from '../servers/server';
import { Badge } from '../ui/parts';

/** How an account stands: word, shape and colour. */
export function AccountBadge({ state }: Pick<AccountAtServer, 'state'>) {
  const { tone, word } = ACCOUNT_STATES[state];
  return <Badge tone={tone}>{word}</Badge>;
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
  const noticeId = `notice-${server.id}`;
  const fields = own.kind === 'headers' ? own.fields : {};
  const hintId = (name: string) => (fields[name] ? `hint-${fieldOf(server, name)}` : undefined);
  return (
    <>
      {server.perUserHeaderKeys.map((name) => (
        <div class="field" data-error={notice ? '' : undefined}>
          <label for={fieldOf(server, name)}>{fields[name]?.label ?? name}</label>
          <input
            class="input mono"
            id={fieldOf(server, name)}
            name={fieldOf(server, name)}
            type="password"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            placeholder={held.includes(name.toLowerCase()) ? 'leave empty to keep' : undefined}
            aria-describedby={[notice && noticeId, hintId(name)].filter(Boolean).join(' ') || undefined}
            aria-invalid={notice ? 'true' : undefined}
          />
          {fields[name] && <small id={hintId(name)}>{fields[name].hint}</small>}
        </div>
      ))}
      {notice && (
        <p class="notice bad" id={noticeId} role="alert">
          {notice}
        </p>
      )}
    </>
  );
}

/** What a person is told before they are sent to a provider that issues its tokens elsewhere (CONTRACT §7). */
export function TokenHost({ host }: { host: string | null }) {
  return host && <small>Its provider issues what the gateway keeps of you on another host: {host}.</small>;
}

/** What a person is told before they connect an account again that asks for more, or is with another provider now. */
export function WhyAgain({ movedTo, wantedScopes }: Pick<ConnectableAccount, 'movedTo' | 'wantedScopes'>) {
  return (
    <>
      {movedTo && (
        <p class="notice">
          Its accounts are with another provider now: you are sent to <b>{movedTo}</b>.
        </p>
      )}
      {wantedScopes.length > 0 && (
        <p class="notice">
          The server wants more than your account allows here. You are asked for{' '}
          <span class="mono">{wantedScopes.join(' ')}</span>.
        </p>
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
