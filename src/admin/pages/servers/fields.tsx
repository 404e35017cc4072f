import type { Child } from 'hono/jsx';
import { Input } from '../../../ui/parts';
import type { FormFields } from '../api';
import { headerRows } from './terms';

export type ServerFieldsProps = {
  form: FormFields;
  /** What is wrong with a member of the API, by its dotted name. */
  wrong: (member: string) => string | undefined;
};

/** A secret is shown again only as its mask, or as the name of the variable it stands in. */
const shownSecret = (value: string) => (/^(••••|env\.)/.test(value) ? value : '');

const ENV = (
  <>
    Sealed here, and shown masked. <code>env.NAME</code> reads it from a secret of the Worker.
  </>
);

/** Rows of header names and values, with one more that is empty. */
export function StaticHeaderFields({ form, wrong }: ServerFieldsProps) {
  const rows = [...headerRows(form), { name: '', value: '' }];
  const error = wrong('headers');
  return (
    <fieldset>
      <legend>Header values that are the same for everybody</legend>
      {rows.map(({ name, value }, at) => (
        <div class="row pair">
          <input
            class="input mono"
            name="header_name"
            value={name}
            placeholder={at === 0 && rows.length === 1 ? 'Authorization' : 'Another header'}
            aria-label={`Header ${at + 1}`}
            aria-describedby={error && 'headers-error'}
            autocomplete="off"
            spellcheck={false}
          />
          <input
            class="input mono"
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
          {error}
        </span>
      )}
      <small>{ENV}</small>
    </fieldset>
  );
}

/** The names everybody enters values for. */
export function HeaderKeyFields({ form, wrong }: ServerFieldsProps) {
  return (
    <Input
      name="header_keys"
      label="Headers everyone enters"
      mono
      value={form.get('header_keys') ?? ''}
      error={wrong('per_user_header_keys')}
      placeholder="X-Api-Key"
      hint="Their names, with commas between. The server says which it wants."
    />
  );
}

/** An app someone registered at the provider, where one is needed. */
export function OAuthFields({ form, wrong, isNeeded }: ServerFieldsProps & { isNeeded: boolean }) {
  const value = (name: string) => form.get(name) ?? '';
  const config = (name: string) => wrong(`oauth_config.${name}`);
  return (
    <div class="row fields">
      <Input
        name="client_id"
        label="Client ID"
        mono
        value={value('client_id')}
        error={config('client_id')}
        autocomplete="off"
        hint={isNeeded ? 'Of the app you registered there.' : 'Empty: the gateway introduces itself.'}
      />
      <Input
        name="client_secret"
        label="Client secret"
        mono
        value={shownSecret(value('client_secret'))}
        error={config('client_secret')}
        autocomplete="off"
        hint={ENV}
      />
    </div>
  );
}

/** What is found out by itself, for whoever knows better. */
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
      {line('scopes', 'Scopes', 'With blanks between. Empty: what the server asks for.')}
      {line('issuer', 'Issuer', 'Who the provider says it is, where that is not who it was expected to be.')}
      {line('authorize_url', 'Authorization address', 'Where people are sent. What stands after ? is kept.')}
      {line('token_url', 'Token address', 'With the one above, nothing is looked for.')}
      {line('registration_url', 'Registration address', 'Where the gateway introduces itself.')}
      {line('server_url', 'Address to begin at', 'Where the provider is looked for, when not at the server.')}
      {line('resource', 'Resource', 'What tokens are asked for. Empty: what the server calls itself.')}
      <label class="row check">
        <input type="checkbox" name="no_resource" value="on" checked={form.get('no_resource') === 'on'} />
        <span>
          Send no resource
          <small>For providers that refuse requests with one, such as Entra.</small>
        </span>
      </label>
    </>
  );
}

/** How a person’s sign-in here becomes the server’s. */
export function ExchangeFields({ form, wrong }: ServerFieldsProps) {
  const line = (name: string, member: string, label: string, hint: Child, value = form.get(name) ?? '') => (
    <Input
      name={name}
      label={label}
      mono
      value={value}
      error={wrong(`token_exchange.${member}`)}
      autocomplete="off"
      hint={hint}
    />
  );
  return (
    <>
      {line('audience', 'audience', 'Audience', 'What the server is called at your sign-in provider.')}
      <label class="row check">
        <input type="checkbox" name="use_idp" value="on" checked={form.get('use_idp') === 'on'} />
        <span>
          The client people sign in with makes the exchange
          <small>Entra needs this. Otherwise, enter a client that may:</small>
        </span>
      </label>
      <div class="row fields">
        {line('exchange_client_id', 'client_id', 'Client that exchanges', 'Its ID at the provider.')}
        {line(
          'exchange_client_secret',
          'client_secret',
          'Secret of that client',
          ENV,
          shownSecret(form.get('exchange_client_secret') ?? ''),
        )}
      </div>
      {line('exchange_scopes', 'scopes', 'Scopes to exchange for', 'With blanks between.')}
      {line(
        'exchange_url',
        'authorization_server_url',
        'Address that exchanges',
        'Empty: the provider people sign in with.',
      )}
    </>
  );
}
