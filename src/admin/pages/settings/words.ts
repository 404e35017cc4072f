import type { Setting } from '../../../settings';
import { SETTINGS } from '../../../settings';

/** What people are told of a setting: how it is called, what it means, what follows from changing it; '' is nothing to say. */
type SettingWords = { label: string; means: string; changes: string; type: string };

export function wordsOf({ schema }: Setting): SettingWords {
  const meta = schema.meta() as Partial<Record<keyof SettingWords | 'does', string>>;
  const { label = '', does = '', means = does, changes = '', type = '' } = meta;
  return { label, means, changes, type };
}

/** Settings that are changed together, on one page. */
export type SettingGroup = { id: string; title: string; names: readonly string[] };

/** Every setting, by what it is about. */
export const GROUPS: readonly SettingGroup[] = [
  {
    id: 'gateway',
    title: 'This gateway',
    names: ['display_name', 'support_text', 'oauth2_server_config.issuer_url'],
  },
  {
    id: 'apps',
    title: 'How apps get in',
    names: [
      'mcp_server_auth_mode',
      'enforce_auth_on_inference',
      'oauth2_server_config.disable_vk_identity',
      'oauth2_server_config.allowed_redirect_uris',
      'oauth2_server_config.client_id_metadata_documents',
      'allowed_origins',
    ],
  },
  {
    id: 'sign-in',
    title: 'How people sign in',
    names: [
      'oidc.issuer',
      'oidc.client_id',
      'oidc.client_secret',
      'oidc.scopes',
      'oidc.allowed_domains',
      'oidc.admin_emails',
      'user_reauth_days',
      'access.team_domain',
      'access.aud',
    ],
  },
  { id: 'everyone', title: 'What everyone who signs in may use', names: ['default_user_access'] },
  {
    id: 'times',
    title: 'How long things last',
    names: [
      'oauth2_server_config.access_token_ttl',
      'oauth2_server_config.refresh_token_ttl',
      'oauth2_server_config.auth_code_ttl',
      'oauth2_server_config.refresh_reuse_interval',
      'revocation_lag',
      'vk_rotation_cooldown',
    ],
  },
  { id: 'servers', title: 'Servers', names: ['mcp_tool_execution_timeout', 'mcp_tool_sync_interval'] },
  {
    id: 'accounts',
    title: 'Connecting accounts',
    names: ['mcp_external_server_url', 'mcp_external_client_url', 'mcp_enable_temp_token_auth'],
  },
];

/** The settings of a group, in its order. */
export function settingsOf({ names }: SettingGroup): Setting[] {
  return names.flatMap((name) => SETTINGS.filter((setting) => setting.name === name));
}

/** `headers`, `both`, `oauth` as people know them, each with what it means. */
export const MODES: Readonly<Record<string, readonly [label: string, means: string]>> = {
  headers: ['Keys only', 'Apps show an access key. Nobody signs in with a browser.'],
  both: [
    'Keys and browser sign-in',
    'Apps show an access key, or send a person here to allow them. Right for most.',
  ],
  oauth: ['Browser sign-in only', 'A person allows every app in a browser. Keys of machines are refused.'],
};

const UNITS: readonly [size: number, unit: string][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A value as people read it. */
export function shownValue(setting: Setting, value: unknown): string {
  if (setting.name === 'mcp_server_auth_mode') return MODES[String(value)]?.[0] ?? String(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return shownNumber(value, wordsOf(setting).type);
  if (Array.isArray(value)) {
    const nothing = wordsOf(setting).type.includes('empty = any') ? 'any' : 'none';
    return value.length ? value.map(shownItem).join(', ') : nothing;
  }
  return value === undefined || value === null || value === '' ? 'not set' : String(value);
}

function shownItem(item: unknown): string {
  return typeof item === 'object' && item !== null && 'mcp_client_name' in item
    ? String(item.mcp_client_name)
    : String(item);
}

/** Seconds, minutes or days, in the largest unit that fits. */
function shownNumber(value: number, type: string): string {
  const [word = ''] = type.split(/[ ,]/);
  const seconds = value * (word === 'days' ? 86_400 : word === 'minutes' ? 60 : 1);
  if (!seconds) return /0 = /.test(type) ? 'never' : `0 ${word}`;
  const [size, unit] = UNITS.find(([size]) => seconds % size === 0) ?? [1, 'second'];
  const count = seconds / size;
  return `${count.toLocaleString('en')} ${count === 1 ? unit : `${unit}s`}`;
}
