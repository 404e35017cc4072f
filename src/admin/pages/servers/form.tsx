import type { Child } from 'hono/jsx';
import { authTypes, DEFAULT_AUTH_TYPE, membersOf } from '../../../accounts/auth/index';
import type { AuthMembers } from '../../../servers/auth-settings';
import type { Settings } from '../../../settings';
import { Csrf, Dock } from '../../../ui/forms';
import { Input } from '../../../ui/parts';
import { Amount, MINUTES, SECONDS } from '../amount';
import type { FormFields, Refused } from '../api';
import {
  Checkbox,
  ExchangeFields,
  HeaderKeyFields,
  OAuthFields,
  OAuthMore,
  StaticHeaderFields,
} from './fields';
import { RETYPE } from './terms';

type ServerFormProps = {
  /** What it shows: what is saved, or what was sent and refused. */
  form: FormFields;
  csrf: string;
  settings: Settings;
  refused?: Refused | undefined;
  back: string;
  children?: Child;
};

type NewServerProps = ServerFormProps & {
  /** The auth types that fit, which come first. */
  offered: readonly string[];
  /** The gateway cannot register itself at the provider: an app has to be registered there by hand. */
  needsApp: boolean;
  /** True where the address was checked, which is then not asked for again. */
  isFound: boolean;
  /** A tool that it lists. */
  example: string;
};

/** What an administrator says of a new server. */
export function NewServerForm(props: NewServerProps) {
  const { form, csrf, offered, needsApp, isFound, example, refused, back, children } = props;
  const fields = { form, wrong: wrongIn(refused) };
  const address = form.get('connection_string') ?? '';
  const name = form.get('name') ?? '';
  return (
    <form class="stack wide" method="post">
      <Csrf value={csrf} />
      {children}
      <section class="card stack wide" aria-label="How to add it">
        {isFound ? (
          <input type="hidden" name="connection_string" value={address} />
        ) : (
          <AddressField {...fields} />
        )}
        <NameField {...fields}>
          Tool names start with it
          {name && example && (
            <>
              :{' '}
              <code>
                {name}-{example}
              </code>
            </>
          )}
          . Letters, digits and underscores.
        </NameField>
        <AuthChoice offered={offered} chosen={form.get('auth_type') ?? DEFAULT_AUTH_TYPE} />
        <AuthFields {...fields} authType={null} />
        {needsApp && <AppFields {...fields} authType={null} isNeeded />}
        <WhoCanUse isOpen={form.get('open') === 'on'} />
        <details class="quiet" open={isMoreOpen(props)}>
          <summary>More settings</summary>
          <div class="stack wide">
            {!needsApp && <AppFields {...fields} authType={null} />}
            <Of member="oauth_config" authType={null}>
              <OAuthMore {...fields} />
            </Of>
            <Times {...props} />
          </div>
        </details>
        <div class="actions">
          <button type="submit" class="button primary" data-busy="Adding…">
            Add server
          </button>
          <a class="button" href={back}>
            Back
          </a>
        </div>
      </section>
    </form>
  );
}

type ServerSettingsProps = ServerFormProps & {
  authType: string;
  nameHint: string;
  addressHint: string;
  seen: string;
};

/** What an administrator changes of a server. */
export function ServerSettings(props: ServerSettingsProps) {
  const { form, csrf, seen, authType, nameHint, addressHint, refused, back } = props;
  const fields = { form, wrong: wrongIn(refused) };
  return (
    <form class="card stack wide" method="post">
      <Csrf value={csrf} seen={seen} />
      <NameField {...fields}>{nameHint}</NameField>
      <AddressField {...fields} hint={addressHint} />
      <div class="field">
        <span class="label">Authentication</span>
        <p>
          {authTypes.get(authType)?.words.label}.{' '}
          <span class="muted">This can’t be changed later. Add the server again to choose another way.</span>
        </p>
      </div>
      <AuthFields {...fields} authType={authType} />
      <AppFields {...fields} authType={authType} />
      <Times {...props} />
      <Checkbox form={form} name="open" label="Everyone can use it">
        All keys and people, and those added later.
      </Checkbox>
      <details class="quiet" open={isMoreOpen(props)}>
        <summary>More settings</summary>
        <div class="stack wide">
          <Of member="oauth_config" authType={authType}>
            <OAuthMore {...fields} />
          </Of>
          <Checkbox form={form} name="pass_instructions" label="Pass its instructions on to apps">
            What it tells models about itself. The Tools page shows it.
          </Checkbox>
          <Checkbox form={form} name="pass_baggage" label="Pass baggage on to it">
            What apps attach to a trace for every system that it passes.
          </Checkbox>
        </div>
      </details>
      <Dock text="Save" back={back} />
    </form>
  );
}

/** Members whose error stands beside their field. */
const PLACED = /^(name|connection_string|headers|per_user_header_keys|oauth_config\.|token_exchange\.|tool_)/;

/** What is said on top of a form: what was refused of no field that it shows. */
export function bannerOf(refused: Refused | undefined, isFound = false): string | undefined {
  const field = refused?.field ?? '';
  const isShown = PLACED.test(field) && !(isFound && field === 'connection_string');
  return isShown ? undefined : refused?.message;
}

function wrongIn(refused: Refused | undefined) {
  return (member: string) => {
    const field = refused?.field ?? '';
    return field === member || field.startsWith(`${member}.`) ? refused?.message : undefined;
  };
}

type Fields = { form: FormFields; wrong: (member: string) => string | undefined };

function NameField({ form, wrong, children }: Fields & { children?: Child }) {
  return (
    <Input
      name="name"
      label="Name"
      required
      maxlength={64}
      value={form.get('name') ?? ''}
      error={wrong('name')}
      hint={children}
    />
  );
}

function AddressField({ form, wrong, hint }: Fields & { hint?: string }) {
  return (
    <Input
      name="connection_string"
      label="Address"
      mono
      required
      maxlength={2000}
      value={form.get('connection_string') ?? ''}
      error={wrong('connection_string')}
      hint={hint}
    />
  );
}

type TypedFields = Fields & { authType: string | null };

/** The fields of an auth type; null: of every type, those of the chosen one are seen. */
function AuthFields({ authType, ...fields }: TypedFields) {
  return (
    <>
      <Of member="per_user_header_keys" authType={authType}>
        <HeaderKeyFields {...fields} />
      </Of>
      <Of member="headers" authType={authType}>
        <StaticHeaderFields {...fields} />
      </Of>
      <Of member="token_exchange" authType={authType}>
        <ExchangeFields {...fields} />
      </Of>
    </>
  );
}

function AppFields({ authType, isNeeded = false, ...fields }: TypedFields & { isNeeded?: boolean }) {
  return (
    <Of member="oauth_config" authType={authType}>
      <OAuthFields {...fields} isNeeded={isNeeded} />
    </Of>
  );
}

/**
 * The fields of a member that not every auth type has. While the type is chosen, the style sheet shows those of its members.
 * @param authType of a server that is there; null: it is chosen
 */
function Of(props: { member: keyof AuthMembers; authType: string | null; children: Child }) {
  const { member, authType, children } = props;
  if (authType === null) return <div class={`stack of ${member}`}>{children}</div>;
  return membersOf({ authType }).includes(member) ? <div class="stack">{children}</div> : null;
}

/** How requests are authenticated: the ways that fit first. */
function AuthChoice({ offered, chosen }: { offered: readonly string[]; chosen: string }) {
  const types = [...new Set([...offered, ...authTypes.keys()])];
  return (
    <div class="field">
      <label for="auth_type">Authentication</label>
      <select class="input" id="auth_type" name="auth_type" aria-describedby="auth_type-hint">
        {types.map((type) => {
          const { label, says } = authTypes.get(type)?.words ?? {};
          const members = membersOf({ authType: type }).join(' ');
          return (
            <option value={type} selected={type === chosen} data-members={members}>
              {label}: {says}
            </option>
          );
        })}
      </select>
      <small id="auth_type-hint">This can’t be changed later.</small>
    </div>
  );
}

function WhoCanUse({ isOpen }: { isOpen: boolean }) {
  const choice = (value: string, isChosen: boolean, label: string, says: string) => (
    <label class="choice">
      <input type="radio" name="open" value={value} checked={isChosen} />
      <b>{label}</b>
      <span />
      <small>{says}</small>
    </label>
  );
  return (
    <fieldset class="choices">
      <legend class="label">Who can use it?</legend>
      {choice(
        '',
        !isOpen,
        'Only keys, people and toolsets I choose',
        'No one at first. Choosing them is the next step.',
      )}
      {choice('on', isOpen, 'Everyone', 'All keys and people, and those added later.')}
    </fieldset>
  );
}

/** How long a call may take, and how often tools are asked for. */
function Times({ form, refused, settings }: ServerFormProps) {
  const wrong = wrongIn(refused);
  return (
    <>
      <Amount
        name="tool_execution_timeout"
        label="Stop a call after"
        form={form}
        units={SECONDS}
        otherwise={settings.mcp_tool_execution_timeout}
        error={wrong('tool_execution_timeout')}
      >
        without a response.
      </Amount>
      <Amount
        name="tool_sync_interval"
        label="Refresh its tools every"
        form={form}
        units={MINUTES}
        otherwise={settings.mcp_tool_sync_interval}
        error={wrong('tool_sync_interval')}
      />
    </>
  );
}

/** True when something under More settings was refused, has to be entered again, or still has to be entered for a known server. */
function isMoreOpen({ form, refused }: ServerFormProps): boolean {
  const hasGap = /TENANT|SERVER/.test(`${form.get('authorize_url')} ${form.get('scopes')}`);
  return hasGap || form.has(RETYPE) || /oauth_config|tool_/.test(refused?.field ?? '');
}
