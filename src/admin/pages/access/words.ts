import type * as z from 'zod/mini';
import { adviceOnEnd, isAlarming, whyEnded } from '../../../grants/end-words';
import { modeOfKind } from '../../../identity';
import { isLoopback } from '../../../protocol/public-url';
import { canUseWords } from '../../../ui/access-words';
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
  if (access.status === 'active') return { tone: 'good', word: 'Active' };
  const tone = isAlarming(access.ended_reason) ? 'bad' : 'off';
  return { tone, word: reasonOf(access) };
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

/** Which servers and tools it can use, in a line. */
export function mayUse(access: GrantView): string {
  const servers = access.mcp_configs?.map(({ mcp_client_name: name, tools_to_execute: tools }) => ({
    name,
    tools: tools.includes('*') ? null : tools,
  }));
  return canUseWords(servers ?? null, isReadOnly(access));
}

/** What it calls itself, and what the one it acts for calls it. */
export function nameOf({ client_name, given_name }: GrantView): string {
  const own = client_name || UNNAMED_APP;
  return given_name ? `${own} “${given_name}”` : own;
}

export const UNNAMED_APP = 'Unnamed app';

/** Where it returned to after consent. */
export function returnHostOf({ redirect_host: host }: GrantView): string {
  if (host.endsWith(':')) return `A device (${host.slice(0, -1)})`;
  return isLoopback(host.replace(/:\d+$/, '')) ? 'A computer' : host;
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
  if (!userAgent) return 'an unknown browser';
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
