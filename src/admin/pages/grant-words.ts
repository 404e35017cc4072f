import type * as z from 'zod';
import type { EndReason } from '../../grants/grant-object';
import type { Tone } from '../../ui/parts';
import type { ShownGrant } from '../grants';

/** What an app is allowed, as the API shows it. */
export type Access = z.infer<typeof ShownGrant>;

/** Why access ended, after "ended: ". */
const REASONS: Readonly<Record<EndReason, string>> = {
  revoked_by_client: 'the app gave it back',
  revoked_by_administrator: 'by an administrator',
  code_replayed: 'its code was used twice',
  refresh_token_reused: 'a spent token came back',
  code_never_redeemed: 'the app never came for it',
  idle: 'unused for too long',
  expired: 'its time was over',
  key_refused: 'its key did not work any more',
  key_leaked: 'its key had leaked',
  key_deleted: 'its key was deleted',
  user_blocked: 'the person was blocked',
  user_deleted: 'the person was deleted',
  client_deleted: 'the app was deleted',
};

/** What the reasons mean that somebody should act on. */
const ADVICE: Partial<Record<EndReason, string>> = {
  refresh_token_reused:
    'The app renewed its access with a token that had been replaced already. Either the app lost an answer, or somebody copied the token. If it happens again, find out who else can read the app’s files.',
  code_replayed:
    'The code that gives an app its access came back after it had been used. Somebody else may have seen it on its way. Allow the app again, on a computer you trust.',
  idle: 'Nothing is wrong: allow the app again when it is needed.',
  code_never_redeemed: 'Somebody allowed it, and the app did not finish connecting. Connect it again.',
};

export function reasonOf({ ended_reason: reason }: Pick<Access, 'ended_reason'>): string {
  return REASONS[reason as EndReason] ?? 'over';
}

export function adviceOn({ ended_reason: reason }: Access): string | undefined {
  return ADVICE[reason as EndReason];
}

export function stateOf(access: Access): { tone: Tone; word: string } {
  if (access.status === 'active') return { tone: 'good', word: 'active' };
  const isAlarming =
    access.ended_reason === 'refresh_token_reused' || access.ended_reason === 'code_replayed';
  return { tone: isAlarming ? 'bad' : 'off', word: `ended: ${reasonOf(access)}` };
}

const KINDS = { vk: 'access key', user: 'person', session: 'anonymous' } as const;

/** Whom an app acts for, and what that is. */
export function holderOf({ bf_mode: mode, bf_sub: id, identity_name: name }: Access): {
  name: string;
  kind: string;
} {
  if (mode === 'session') return { name: `Session ${id.slice(0, 4)}…`, kind: KINDS.session };
  return { name: name ?? (mode === 'vk' ? 'A deleted key' : 'A deleted person'), kind: KINDS[mode] };
}

export function isReadOnly({ scope }: Access): boolean {
  return scope === 'mcp:read';
}

/** What it may use, in a line. */
export function mayUse(access: Access): string {
  const { mcp_configs: servers, bf_mode: mode } = access;
  const what = servers ? counted(servers) : mode === 'vk' ? 'all its key may' : 'all they may';
  return isReadOnly(access) ? `read only, ${what}` : what;
}

function counted(servers: NonNullable<Access['mcp_configs']>): string {
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

const countries = new Intl.DisplayNames(['en'], { type: 'region' });

/** The country Cloudflare saw it in; null when it did not know (`XX`, `T1` for Tor). */
export function countryOf({ country }: Access): string | null {
  return country && /^[A-Z]{2}$/.test(country) && country !== 'XX' ? (countries.of(country) ?? null) : null;
}
