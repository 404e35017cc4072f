import type { Setting } from '../../../settings';
import { SETTINGS } from '../../../settings';

/** Where these pages are. */
export const AT = '/admin/settings';

/** What people are told of a setting: how it is called, what it means, what follows from changing it; '' is nothing to say. */
type SettingWords = { label: string; means: string; changes: string; type: string };

export function wordsOf(setting: Setting): SettingWords {
  const meta = setting.meta as Partial<Record<keyof SettingWords | 'does', string>>;
  const { label = '', does = '', means = does, changes = '', type = '' } = meta;
  return { label, means, changes, type };
}

/** What people call the setting of a name. */
export function labelOf(name: string): string {
  const setting = SETTINGS.find((setting) => setting.name === name);
  return setting ? wordsOf(setting).label : name;
}

/** Settings that are changed together, on one page. */
export type SettingGroup = { id: string; title: string; names: readonly string[] };

/** The groups, by the names that settings give them, in the order of the page. */
const TITLES: Readonly<Record<string, string>> = {
  gateway: 'This gateway',
  apps: 'How apps get in',
  'sign-in': 'How people sign in',
  everyone: 'What everyone who signs in may use',
  times: 'How long things last',
  servers: 'Servers',
  accounts: 'Connecting accounts',
};

/** Every setting, by what it is about. */
export const GROUPS: readonly SettingGroup[] = Object.entries(TITLES).map(([id, title]) => ({
  id,
  title,
  names: SETTINGS.filter(({ meta }) => meta.group === id).map(({ name }) => name),
}));

/** The settings of a group, in its order. */
export function settingsOf({ names }: SettingGroup): Setting[] {
  return names.flatMap((name) => SETTINGS.filter((setting) => setting.name === name));
}

type Choices = Readonly<Record<string, readonly [label: string, means: string]>>;

/** `headers`, `both`, `oauth` as people know them, each with what it means. */
const MODES: Choices = {
  headers: ['Keys only', 'Apps show an access key. Nobody signs in with a browser.'],
  both: [
    'Keys and browser sign-in',
    'Apps show an access key, or send a person here to allow them. Right for most.',
  ],
  oauth: ['Browser sign-in only', 'A person allows every app in a browser. Keys of machines are refused.'],
};

/** Settings with few values, and these as people know them. */
export const CHOICES: Readonly<Record<string, Choices>> = {
  mcp_server_auth_mode: MODES,
  log_tool_calls: {
    all: ['All', 'A line for each call: who, which tool, how it ended, how long it took.'],
    failed: ['Those that failed', 'A line for each call that did not end with the answer of its server.'],
    none: ['None', 'No lines. The overview counts calls all the same.'],
  },
  'oauth2_server_config.signing_alg': {
    RS256: ['RS256', 'RSA. Every client library knows it.'],
    ES256: ['ES256', 'ECDSA. Costs far less to sign with, and fits the CPU limit of the free plan.'],
  },
};

const UNITS: readonly [size: number, unit: string][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A value as people read it. */
export function shownValue(setting: Setting, value: unknown): string {
  const choices = CHOICES[setting.name];
  if (choices) return choices[String(value)]?.[0] ?? String(value);
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
