import type { Child } from 'hono/jsx';
import { Csrf } from '../../../ui/forms';
import { Input } from '../../../ui/parts';
import type { FormFields, Refused } from '../api';
import { ExchangeFields, HeaderKeyFields, OAuthFields, OAuthMore, StaticHeaderFields } from './fields';
import { AUTH_WORDS } from './words';

type ServerFormProps = {
  /** What it shows: what is kept, or what was sent and not taken. */
  form: FormFields;
  csrf: string;
  /** Of a server that is there, which never changes; null: it is chosen. */
  authType: string | null;
  /** The auth types that are offered. */
  offered?: readonly string[];
  /** The gateway cannot introduce itself to the provider: somebody has to register an app there. */
  needsApp?: boolean;
  refused?: Refused | undefined;
  back: string;
  children?: Child;
};

/** What an administrator says of a server; the same form adds one and changes one. */
export function ServerForm(props: ServerFormProps) {
  const { form, csrf, authType, offered = Object.keys(AUTH_WORDS), needsApp = false, refused, back } = props;
  const wrong = (member: string) => {
    const field = refused?.field ?? '';
    return field === member || field.startsWith(`${member}.`) ? refused?.message : undefined;
  };
  const chosen = authType ?? form.get('auth_type') ?? 'none';
  const has = (...types: string[]) => authType === null || types.includes(authType);
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
            {AUTH_WORDS[authType]?.label} <small class="block">{AUTH_WORDS[authType]?.says}</small>
          </span>
        </div>
      ) : (
        <AuthChoice offered={offered} chosen={chosen} />
      )}
      {has('per_user_headers') && (
        <div class="stack of per_user_headers">
          <HeaderKeyFields {...fields} />
        </div>
      )}
      {has('headers', 'per_user_headers') && (
        <div class="stack of headers per_user_headers">
          <StaticHeaderFields {...fields} />
        </div>
      )}
      {has('oauth', 'per_user_oauth') && (
        <div class="stack of oauth per_user_oauth">
          <OAuthFields {...fields} isNeeded={needsApp} />
        </div>
      )}
      {has('token_exchange') && (
        <div class="stack of token_exchange">
          <ExchangeFields {...fields} />
        </div>
      )}
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
          {has('oauth', 'per_user_oauth') && (
            <div class="stack of oauth per_user_oauth">
              <OAuthMore {...fields} />
            </div>
          )}
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

/** Who authenticates: the ways that fit first, the others for whoever knows better. */
function AuthChoice({ offered, chosen }: { offered: readonly string[]; chosen: string }) {
  const all = Object.keys(AUTH_WORDS);
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
  return (
    <label class="choice">
      <input type="radio" name="auth_type" value={type} checked={isChosen} />
      <span>{AUTH_WORDS[type]?.label}</span>
      <small>{AUTH_WORDS[type]?.says}</small>
    </label>
  );
}

/** True when something of a well-known server still has to be put in. */
function hasGap(form: FormFields): boolean {
  return /TENANT|SERVER/.test(`${form.get('authorize_url')} ${form.get('scopes')}`);
}
