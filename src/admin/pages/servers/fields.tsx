import type { Child } from 'hono/jsx';
import { Icon } from '../../../ui/icons';
import { Input } from '../../../ui/parts';
import type { FormFields } from '../api';
import { headerRows, RETYPE, shownSecret } from './terms';

export type ServerFieldsProps = {
  form: FormFields;
  /** What is wrong with a member of the API, by its dotted name. */
  wrong: (member: string) => string | undefined;
};

const ENV = (
  <>
    Stored encrypted, shown masked. <code>env.NAME</code> reads a secret of the Worker.
  </>
);

/** A secret of a client, which has to be entered again where it was typed into a form that was refused. */
function SecretField({ form, name, error }: { form: FormFields; name: string; error: string | undefined }) {
  const value = shownSecret(form.get(name) ?? '');
  const isLost = form.getAll(RETYPE).includes(name);
  const again = isLost ? `Enter the ${value ? 'new ' : ''}secret again.` : undefined;
  return (
    <>
      <Input
        name={name}
        label="Client secret"
        mono
        value={value}
        error={error ?? again}
        autocomplete="off"
        hint={ENV}
      />
      {isLost && !value && <input type="hidden" name={RETYPE} value={name} />}
    </>
  );
}

/** Rows of header names and values, with one more that is empty. */
export function StaticHeaderFields({ form, wrong }: ServerFieldsProps) {
  const rows = [...headerRows(form), { name: '', value: '' }];
  const refused = wrong('headers');
  const isLost = rows.some(({ value }) => value && !shownSecret(value));
  const error = refused ?? (isLost ? 'Enter the header values again.' : undefined);
  return (
    <fieldset>
      <legend class="label">Headers, the same for everyone</legend>
      {rows.map(({ name, value }, at) => (
        <div class="row">
          <input
            class="input mono grow"
            name="header_name"
            value={name}
            placeholder={at === 0 && rows.length === 1 ? 'Authorization' : 'Another header'}
            aria-label={`Header ${at + 1}`}
            aria-describedby={error && 'headers-error'}
            autofocus={at === 0 && refused !== undefined}
            autocomplete="off"
            spellcheck={false}
          />
          <input
            class="input mono grow"
            name="header_value"
            value={shownSecret(value)}
            placeholder={at === 0 && rows.length === 1 ? 'Bearer …' : ''}
            aria-label={`Value of header ${at + 1}`}
            aria-describedby={error && 'headers-error'}
            autocomplete="off"
            spellcheck={false}
          />
        </div>
      ))}
      {error && (
        <span class="error" id="headers-error" role="alert">
          <Icon of="error" />
          {error}
        </span>
      )}
      <small>{ENV}</small>
    </fieldset>
  );
}

/** The headers each person enters a value for. */
export function HeaderKeyFields({ form, wrong }: ServerFieldsProps) {
  return (
    <Input
      name="header_keys"
      label="Headers each person enters"
      mono
      value={form.get('header_keys') ?? ''}
      error={wrong('per_user_header_keys')}
      placeholder="X-Api-Key"
      hint="Names, separated by commas. The server’s documentation says which."
    />
  );
}

/** An app that was registered at the provider by hand, where one is needed. */
export function OAuthFields({ form, wrong, isNeeded }: ServerFieldsProps & { isNeeded: boolean }) {
  const value = (name: string) => form.get(name) ?? '';
  const config = (name: string) => wrong(`oauth_config.${name}`);
  return (
    <div class="choices two">
      <Input
        name="client_id"
        label="Client ID"
        mono
        value={value('client_id')}
        error={config('client_id')}
        autocomplete="off"
        hint={isNeeded ? 'From the app you registered there.' : 'Empty: the gateway registers itself.'}
      />
      <SecretField form={form} name="client_secret" error={config('client_secret')} />
    </div>
  );
}

/** What the gateway finds out by itself, to be set by hand. */
export function OAuthMore({ form, wrong }: ServerFieldsProps) {
  const line = (name: string, label: string, hint: string) => (
    <Input
      name={name}
      label={label}
      mono
      value={form.get(name) ?? ''}
      error={wrong(`oauth_config.${name}`)}
      autocomplete="off"
      hint={hint}
    />
  );
  return (
    <>
      {line('scopes', 'Scopes', 'Separated by spaces. Empty: what the server asks for.')}
      {line('issuer', 'Issuer', 'What the provider calls itself, where that differs from its address.')}
      {line(
        'authorize_url',
        'Authorization address',
        'Where people sign in. Parameters behind “?” are kept.',
      )}
      {line('token_url', 'Token address', 'With both addresses set, nothing is looked up.')}
      {line('registration_url', 'Registration address', 'Where the gateway registers itself.')}
      {line('server_url', 'Address to start from', 'Where to look for the provider, when not at the server.')}
      {line('resource', 'Resource', 'What access tokens are for. Empty: what the server calls itself.')}
      <Checkbox form={form} name="no_resource" label="Send no resource">
        For providers that refuse requests with one, such as Entra.
      </Checkbox>
    </>
  );
}

/** How a person’s sign-in here becomes the server’s. */
export function ExchangeFields({ form, wrong }: ServerFieldsProps) {
  const line = (name: string, member: string, label: string, hint: Child) => (
    <Input
      name={name}
      label={label}
      mono
      value={form.get(name) ?? ''}
      error={wrong(`token_exchange.${member}`)}
      autocomplete="off"
      hint={hint}
    />
  );
  return (
    <>
      {line('audience', 'audience', 'Audience', 'The server’s name at your sign-in provider.')}
      <Checkbox form={form} name="use_idp" label="Exchange tokens as the client people sign in with">
        Entra needs this. Otherwise enter another client:
      </Checkbox>
      <div class="choices two">
        {line(
          'exchange_client_id',
          'client_id',
          'Client ID',
          'Of a client that is allowed to exchange tokens.',
        )}
        <SecretField
          form={form}
          name="exchange_client_secret"
          error={wrong('token_exchange.client_secret')}
        />
      </div>
      {line('exchange_scopes', 'scopes', 'Scopes', 'Separated by spaces.')}
      {line(
        'exchange_url',
        'authorization_server_url',
        'Token exchange address',
        'Empty: your sign-in provider.',
      )}
    </>
  );
}

type CheckboxProps = { form: FormFields; name: string; label: string; children?: Child };

export function Checkbox({ form, name, label, children }: CheckboxProps) {
  return (
    <label class="check">
      <input type="checkbox" name={name} value="on" checked={form.get(name) === 'on'} />
      <span>
        {label}
        <small>{children}</small>
      </span>
    </label>
  );
}
