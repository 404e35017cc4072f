import type { ValueFault } from '../../../protocol/faults/fault';
import { say } from '../../../protocol/faults/wording';
import type { Setting } from '../../../setting';
import { SETTINGS } from '../../../settings';
import { countOf, numberOf } from '../../../ui/english';
import { cut } from '../../../ui/name';
import { VALUE_WORDS } from '../words/values';

/** Where these pages are. */
export const AT = '/admin/settings';

/** What people are told of a setting: how it is called, what it means, what follows from changing it; '' is nothing to say. */
type SettingWords = { label: string; means: string; changes: string; type: string };

export function wordsOf(setting: Setting): SettingWords {
  const meta = setting.meta as Partial<SettingWords>;
  const { label = '', means = '', changes = '', type = '' } = meta;
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
  gateway: 'General',
  apps: 'App access',
  'sign-in': 'Sign-in',
  everyone: 'Access for people',
  times: 'Time limits',
  servers: 'Servers',
  accounts: 'Connected accounts',
  keys: 'Encryption and keys',
};

/** Every setting, by what it is about. */
export const GROUPS: readonly SettingGroup[] = Object.entries(TITLES).map(([id, title]) => ({
  id,
  title,
  names: SETTINGS.filter(({ meta }) => meta.group === id).map(({ name }) => name),
}));

type Choices = Readonly<Record<string, readonly [label: string, means: string]>>;

/** `headers`, `both`, `oauth` as people know them, each with what it means. */
const MODES: Choices = {
  headers: ['Keys only', 'Apps send an access key. Sign-in is off for apps.'],
  both: ['Keys and sign-in', 'Apps send an access key, or a person allows them in a browser. Suits most.'],
  oauth: ['Sign-in only', 'A person allows every app in a browser. Keys are refused.'],
};

/** Settings with few values, and these as people know them. */
export const CHOICES: Readonly<Record<string, Choices>> = {
  mcp_server_auth_mode: MODES,
  log_tool_calls: {
    all: ['All', 'A line per call: who, which tool, the result, and how long it took.'],
    failed: ['Failed', 'A line per call that got no answer from its server.'],
    none: ['None', 'No lines. The overview still counts calls.'],
  },
  'oauth2_server_config.signing_alg': {
    RS256: ['RS256', 'RSA. Every client library knows it.'],
    ES256: ['ES256', 'ECDSA. Signing costs far less CPU, and fits the limit of Cloudflare’s free plan.'],
  },
};

type Unit = { size: number; one: string };
const UNITS: readonly Unit[] = [
  { size: 86_400, one: 'day' },
  { size: 3600, one: 'hour' },
  { size: 60, one: 'minute' },
  { size: 1, one: 'second' },
];

/** The unit an amount of time is kept in, as its `type` says first. */
function baseOf(type: string): Unit {
  return UNITS.find(({ one }) => type.startsWith(`${one}s`)) ?? { size: 1, one: 'second' };
}

/** The units an amount can be entered in, the smallest first: none that is over the most it may be. */
export function unitsOf(setting: Setting): { unit: string; of: number }[] {
  const { type } = wordsOf(setting);
  const { size } = baseOf(type);
  const most = Number(/ to (\d+)/.exec(type)?.[1] ?? Number.POSITIVE_INFINITY);
  const units = UNITS.filter((unit) => unit.size >= size && unit.size <= most * size).reverse();
  return units.map(({ size: large, one }) => ({ unit: `${one}s`, of: large / size }));
}

/** An amount in the largest unit that fits. */
export function amountOf(setting: Setting, value: number): { count: number; unit: string } {
  const units = unitsOf(setting);
  const { unit, of } = (value && units.findLast(({ of }) => value % of === 0)) ||
    units[0] || { unit: '', of: 1 };
  return { count: value / of, unit };
}

/** A value as people read it. */
export function shownValue(setting: Setting, value: unknown): string {
  const choices = CHOICES[setting.name];
  if (choices) return choices[String(value)]?.[0] ?? String(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return shownNumber(setting, value);
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

/** `90 days`, `never`. */
function shownNumber(setting: Setting, value: number): string {
  if (!value && /0 = /.test(wordsOf(setting).type)) return 'never';
  const { count, unit } = amountOf(setting, value);
  return countOf(count, unit.slice(0, -1));
}

/** What is wrong with what was entered: first that, then what to do. @param sent of a list the item at fault */
export function faultOfSetting(setting: Setting, fault: ValueFault, sent: unknown): string {
  const { least, most } = fault.params;
  const isAmount = typeof sent === 'number';
  switch (fault.reason) {
    case 'not_number':
    case 'not_whole':
      return 'Enter a whole number.';
    case 'too_little':
      return `Use at least ${isAmount ? shownNumber(setting, Number(least)) : least}.`;
    case 'too_much':
      return `Use at most ${isAmount ? shownNumber(setting, Number(most)) : most}.`;
    case 'too_long':
      return `Use ${numberOf(Number(most))} characters or fewer.`;
    case 'empty':
      return 'Enter a value.';
    default:
      return `“${cut(String(sent))}” ${say(VALUE_WORDS, fault)}.`;
  }
}
