import type * as z from 'zod/mini';
import { adviceOnEnd, isAlarming, whyEnded } from '../../../grants/end-words';
import { modeOfKind } from '../../../identity';
import { countryNames } from '../../../ui/english';
import type { Tone } from '../../../ui/parts';
import type { ShownGrant } from '../../api/answers/grant';

/** What an app is allowed, as the API shows it. */
export type GrantView = z.infer<typeof ShownGrant>;

export function reasonOf({ ended_reason: reason }: Pick<GrantView, 'ended_reason'>): string {
  return whyEnded(reason);
}

export function adviceOn({ ended_reason: reason }: GrantView): string | undefined {
  return adviceOnEnd(reason);
}

export function stateOf(access: GrantView): { tone: Tone; word: string } {
  if (access.status === 'active') return { tone: 'good', word: 'active' };
  const tone = isAlarming(access.ended_reason) ? 'bad' : 'off';
  return { tone, word: `ended: ${reasonOf(access)}` };
}

/** Whom an app acts for, and what that is. */
export function holderOf({ bf_mode: mode, bf_sub: id, identity_name: name }: GrantView): {
  name: string;
  kind: string;
} {
  const words = modeOfKind(mode)?.words;
  return { name: words?.listed(id, name) ?? id, kind: words?.kind ?? mode };
}

export function isReadOnly({ scope }: GrantView): boolean {
  return scope === 'mcp:read';
}

/** Which servers and tools it may use, in a line. */
export function mayUse(access: GrantView): string {
  const { mcp_configs: servers, bf_mode: mode } = access;
  if (servers) return counted(servers);
  return modeOfKind(mode)?.words.everything ?? 'nothing';
}

function counted(servers: NonNullable<GrantView['mcp_configs']>): string {
  const [only] = servers;
  if (!only) return 'nothing any more';
  const tools = servers.flatMap(({ tools_to_execute }) => tools_to_execute);
  const named = servers.length === 1 ? only.mcp_client_name : `${servers.length} servers`;
  return tools.includes('*') ? named : `${named}, ${tools.length === 1 ? '1 tool' : `${tools.length} tools`}`;
}

const BROWSERS: readonly [sign: RegExp, name: string][] = [
  [/\bEdg/, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly [sign: RegExp, name: string][] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

/** The browser that allowed it, as far as it said: "Firefox on Linux". */
export function browserOf(userAgent: string | null): string {
  if (!userAgent) return 'a browser that did not say';
  const found = (list: typeof BROWSERS) => list.find(([sign]) => sign.test(userAgent))?.[1];
  const browser = found(BROWSERS) ?? userAgent.slice(0, 40);
  const system = found(SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}

/** The country Cloudflare saw it in; null when it did not know (`XX`, `T1` for Tor). */
export function countryOf({ country }: GrantView): string | null {
  return country && /^[A-Z]{2}$/.test(country) && country !== 'XX'
    ? (countryNames().of(country) ?? null)
    : null;
}
