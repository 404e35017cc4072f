import type * as z from 'zod/mini';
import { membersOf } from '../../../accounts/auth/index';
import type { Preset } from '../../../providers/presets';
import type { AuthMembers } from '../../../servers/auth-settings';
import type { ShownServer } from '../../api/answers/server';
import { nameFrom } from '../../api/servers/suggested-name';
import { amountIn, MINUTES, putAmount, SECONDS } from '../amount';
import type { FormFields, Refused } from '../api';

type Shown = z.infer<typeof ShownServer>;

/** Members of `oauth_config` that are entered as they are. */
const OAUTH = ['issuer', 'authorize_url', 'token_url', 'registration_url', 'server_url'] as const;

const words = (list: readonly string[] | null | undefined) => (list ?? []).join(' ');

/** The secrets of clients among the fields, by the member of the API they are part of, each with the field that names its client. */
const SECRETS = Object.entries({
  oauth_config: ['client_secret', 'client_id'],
  token_exchange: ['exchange_client_secret', 'exchange_client_id'],
} as const);

/** The field that says which secrets were typed into a form that was refused: they are not shown again. */
export const RETYPE = 'retype';

/** A secret is shown again only as its mask, or as the name of the variable it stands in. */
export const shownSecret = (value: string) => (/^(••••|env\.)/.test(value) ? value : '');

/** A refused form to be shown again: what is stored stands in place of each secret that was typed, which is asked for again. */
export function withStoredSecrets(sent: FormFields, stored?: FormFields): FormFields {
  const form: FormFields = new URLSearchParams(sent);
  form.delete(RETYPE);
  for (const [, [name]] of SECRETS) {
    const value = sent.get(name)?.trim() ?? '';
    const isLost = value ? !shownSecret(value) : sent.getAll(RETYPE).includes(name);
    if (!isLost) continue;
    form.set(name, stored?.get(name) ?? '');
    form.append(RETYPE, name);
  }
  return form;
}

/** What is refused of a form that asked for a secret again and got none: nothing is saved without it. */
export function secretLack(form: FormFields, authType: string): Refused | null {
  const taken: readonly string[] = membersOf({ authType });
  const lack = SECRETS.find(
    ([member, [name, client]]) =>
      taken.includes(member) &&
      form.getAll(RETYPE).includes(name) &&
      form.get(client)?.trim() &&
      !form.get(name)?.trim(),
  );
  const message = 'Enter the secret again.';
  return lack ? { ok: false, status: 400, message, field: `${lack[0]}.client_secret` } : null;
}

/** A server as the form of its settings says it, secrets masked. */
export function termsOf(server: Shown): FormFields {
  const { oauth_config: config, token_exchange: exchange } = server;
  const form: FormFields = new URLSearchParams({
    name: server.name,
    connection_string: server.connection_string,
    auth_type: server.auth_type,
    header_keys: server.per_user_header_keys.join(', '),
  });
  putAmount(form, 'tool_execution_timeout', server.tool_execution_timeout, SECONDS);
  putAmount(form, 'tool_sync_interval', server.tool_sync_interval, MINUTES);
  if (server.allow_on_all_virtual_keys) form.set('open', 'on');
  if (server.pass_baggage) form.set('pass_baggage', 'on');
  if (server.pass_instructions) form.set('pass_instructions', 'on');
  for (const [name, value] of Object.entries(server.headers)) addHeader(form, name, value);
  if (config) addOAuth(form, config);
  if (exchange) {
    form.set('audience', exchange.audience);
    if (exchange.use_idp_credentials) form.set('use_idp', 'on');
    form.set('exchange_client_id', exchange.client_id ?? '');
    form.set('exchange_client_secret', exchange.client_secret ?? '');
    form.set('exchange_url', exchange.authorization_server_url ?? '');
    form.set('exchange_scopes', words(exchange.scopes));
  }
  return form;
}

/** A known server as the form of a new one says it. */
export function termsOfPreset({ name, connection_string, auth_type, oauth_config }: Preset): FormFields {
  const form: FormFields = new URLSearchParams({
    name: connection_string ? nameFrom(name) : '',
    connection_string: connection_string ?? '',
    auth_type,
  });
  addOAuth(form, oauth_config);
  return form;
}

export function addHeader(form: FormFields, name: string, value: string): void {
  form.append('header_name', name);
  form.append('header_value', value);
}

function addOAuth(form: FormFields, config: NonNullable<Shown['oauth_config']>): void {
  form.set('client_id', config.client_id ?? '');
  form.set('client_secret', config.client_secret ?? '');
  form.set('scopes', words(config.scopes));
  if (config.resource === '') form.set('no_resource', 'on');
  else form.set('resource', config.resource ?? '');
  for (const member of OAUTH) form.set(member, config[member] ?? '');
}

/** The rows of header names and values a form states, those without name and value left out. */
export function headerRows(form: FormFields): { name: string; value: string }[] {
  const values = form.getAll('header_value');
  return form
    .getAll('header_name')
    .map((name, at) => ({ name: name.trim(), value: (values[at] ?? '').trim() }))
    .filter(({ name, value }) => name || value);
}

/** What a form states of a server, as the API takes it. @param isNew false: what was emptied goes back to its default */
export function bodyOf(form: FormFields, authType: string, isNew: boolean): Record<string, unknown> {
  const text = (name: string) => form.get(name)?.trim() ?? '';
  const orNull = (name: string) => text(name) || null;
  const list = (name: string) =>
    text(name)
      .split(/[\s,]+/)
      .filter(Boolean);
  const headers = Object.fromEntries(headerRows(form).map(({ name, value }) => [name, value]));
  const oauth = {
    client_id: orNull('client_id'),
    client_secret: orNull('client_secret'),
    scopes: list('scopes').length ? list('scopes') : null,
    resource: form.get('no_resource') === 'on' ? '' : orNull('resource'),
    ...Object.fromEntries(OAUTH.map((member) => [member, orNull(member)])),
  };
  const members: Partial<Record<keyof AuthMembers, unknown>> = {
    headers,
    oauth_config: oauth,
    per_user_header_keys: list('header_keys'),
    token_exchange: {
      audience: text('audience'),
      use_idp_credentials: form.get('use_idp') === 'on',
      client_id: orNull('exchange_client_id'),
      client_secret: orNull('exchange_client_secret'),
      authorization_server_url: orNull('exchange_url'),
      scopes: list('exchange_scopes'),
    },
  };
  const taken = membersOf({ authType });
  return {
    name: text('name'),
    connection_string: text('connection_string'),
    ...(isNew && { connection_type: text('connection_type') || 'http', auth_type: authType }),
    ...Object.fromEntries(Object.entries(members).filter(([member]) => taken.includes(member))),
    allow_on_all_virtual_keys: form.get('open') === 'on',
    ...(!isNew && {
      pass_baggage: form.get('pass_baggage') === 'on',
      pass_instructions: form.get('pass_instructions') === 'on',
    }),
    tool_execution_timeout: amountIn(form, 'tool_execution_timeout'),
    tool_sync_interval: amountIn(form, 'tool_sync_interval'),
  };
}
