import type { Child } from 'hono/jsx';
import { authTypes, DEFAULT_AUTH_TYPE, membersOf } from '../../../accounts/auth/index';
import type { AuthMembers } from '../../../servers/auth-settings';
import { Csrf } from '../../../ui/forms';
import { Input } from '../../../ui/parts';
import type { FormFields, Refused } from '../api';
import { ExchangeFields, HeaderKeyFields, OAuthFields, OAuthMore, StaticHeaderFields } from './fields';

type ServerFormProps = {
  /** What it shows: what is kept, or what was sent and not taken. */
  form: FormFields;
  csrf: string;
  /** Of a server that is there, which never changes; null: it is chosen. */
  authType: string | null;
  /** The auth types that are offered. */
  offered?: readonly string[];
  /** The gateway cannot introduce itself to the provider: someone has to register an app there. */
  needsApp?: boolean;
  refused?: Refused | undefined;
  back: string;
  children?: Child;
};

/** What an administrator says of a server; the same form adds one and changes one. */
export function ServerForm(props: ServerFormProps) {
  const { form, csrf, authType, offered = [...authTypes.keys()], needsApp = false, refused, back } = props;
  const wrong = (member: string) => {
    const field = refused?.field ?? '';
    return field === member || field.startsWith(`${member}.`) ? refused?.message : undefined;
  };
  const chosen = form.get('auth_type') ?? DEFAULT_AUTH_TYPE;
  const fields = { form, wrong };
  const isMoreOpen = /oauth_config|tool_/.test(refused?.field ?? '') || hasGap(form);
  return (
    <form class="card stack wide" method="post">
      {/* What Enter means: the first button of a form. */}
      <button type="submit" hidden />
      <Csrf value={csrf} />
      {props.children}
      <Input
        name="connection_string"
        label="Address"
        mono
        required
        maxlength={2000}
        value={form.get('connection_string') ?? ''}
        error={wrong('connection_string')}
        hint={
          authType
            ? 'At another host, accounts and values entered for this one do not serve any more.'
            : 'Where the server speaks MCP over HTTP.'
        }
      />
      <Input
        name="name"
        label="Name"
        required
        maxlength={64}
        value={form.get('name') ?? ''}
        error={wrong('name')}
        hint="Begins the names of its tools. Letters, digits and _."
      />
      {authType ? (
        <div class="field">
          <b>Who authenticates there</b>
          <span>
            {authTypes.get(authType)?.words.label}{' '}
            <small class="block">{authTypes.get(authType)?.words.says}</small>
          </span>
        </div>
      ) : (
        <AuthChoice offered={offered} chosen={chosen} />
      )}
      <Of member="per_user_header_keys" authType={authType}>
        <HeaderKeyFields {...fields} />
      </Of>
      <Of member="headers" authType={authType}>
        <StaticHeaderFields {...fields} />
      </Of>
      <Of member="oauth_config" authType={authType}>
        <OAuthFields {...fields} isNeeded={needsApp} />
      </Of>
      <Of member="token_exchange" authType={authType}>
        <ExchangeFields {...fields} />
      </Of>
      <label class="row check">
        <input type="checkbox" name="open" value="on" checked={form.get('open') === 'on'} />
        <span>
          Open to everybody who gets in
          <small>Otherwise you choose it for each access key, person or toolset.</small>
        </span>
      </label>
      <details open={isMoreOpen}>
        <summary>More</summary>
        <div class="stack wide">
          <Of member="oauth_config" authType={authType}>
            <OAuthMore {...fields} />
          </Of>
          <div class="row fields">
            <Input
              name="tool_execution_timeout"
              label="A call may take"
              type="number"
              min="1"
              max="300"
              value={form.get('tool_execution_timeout') ?? ''}
              error={wrong('tool_execution_timeout')}
              hint="Seconds without a sign of life. Empty: as under Settings."
            />
            <Input
              name="tool_sync_interval"
              label="Its tools are asked for every"
              type="number"
              min="1"
              max="10080"
              value={form.get('tool_sync_interval') ?? ''}
              error={wrong('tool_sync_interval')}
              hint="Minutes. Empty: as under Settings."
            />
          </div>
          {authType !== null && <PassedOn form={form} />}
        </div>
      </details>
      <div class="actions">
        <button type="submit" class="button primary">
          Save
        </button>
        {!authType && (
          <button type="submit" class="button" name="step" value="check" formnovalidate>
            Check
          </button>
        )}
        <a class="button" href={back}>
          Cancel
        </a>
      </div>
    </form>
  );
}

/** What goes on between its clients and it, of what is not needed for calls. */
function PassedOn({ form }: { form: FormFields }) {
  return (
    <>
      <label class="row check">
        <input
          type="checkbox"
          name="pass_instructions"
          value="on"
          checked={form.get('pass_instructions') === 'on'}
        />
        <span>
          Pass its instructions on to apps
          <small>What it tells models about itself. Its page shows it.</small>
        </span>
      </label>
      <label class="row check">
        <input type="checkbox" name="pass_baggage" value="on" checked={form.get('pass_baggage') === 'on'} />
        <span>
          Pass baggage on to it
          <small>What apps attach to a trace for every system that it goes through.</small>
        </span>
      </label>
    </>
  );
}

/**
 * The fields of a member that not every auth type has. While the type is chosen, the style sheet shows those of its members.
 * @param authType of a server that is there; null: it is chosen
 */
function Of(props: { member: keyof AuthMembers; authType: string | null; children: Child }) {
  const { member, authType, children } = props;
  if (authType !== null && !membersOf({ authType }).includes(member)) return null;
  return <div class={`stack of ${member}`}>{children}</div>;
}

/** Who authenticates: the ways that fit first, the others for whoever knows better. */
function AuthChoice({ offered, chosen }: { offered: readonly string[]; chosen: string }) {
  const all = [...authTypes.keys()];
  const others = all.filter((type) => !offered.includes(type));
  return (
    <fieldset>
      <legend>Who authenticates there?</legend>
      {offered.map((type) => (
        <AuthWay type={type} isChosen={type === chosen} />
      ))}
      {others.length > 0 && (
        <details open={others.includes(chosen)}>
          <summary>Another way</summary>
          <div class="stack tight">
            {others.map((type) => (
              <AuthWay type={type} isChosen={type === chosen} />
            ))}
          </div>
        </details>
      )}
      <small>This cannot be changed later.</small>
    </fieldset>
  );
}

function AuthWay({ type, isChosen }: { type: string; isChosen: boolean }) {
  const { label, says } = authTypes.get(type)?.words ?? {};
  const members = membersOf({ authType: type }).join(' ');
  return (
    <label class="choice">
      <input type="radio" name="auth_type" value={type} checked={isChosen} data-members={members} />
      <span>{label}</span>
      <small>{says}</small>
    </label>
  );
}

/** True when something of a well-known server still has to be put in. */
function hasGap(form: FormFields): boolean {
  return /TENANT|SERVER/.test(`${form.get('authorize_url')} ${form.get('scopes')}`);
}
