import { mac, randomSecret, verifyMac } from '../crypto/secrets';
import { known } from '../database';
import { NOTHING } from '../governance/access';
import type { Subject } from '../protocol/subject';
import { CHOOSE, EXPIRED, type IdentityMode } from './mode';

/** An anonymous session: every one is a subject of its own, made here, never named by a client. Nothing is stored of it. */
export const session: IdentityMode<never> = {
  kind: 'session',
  label: () => 'Continue without signing in',
  hint: 'This app alone gets the tools that are open to everyone. You can’t connect it to other apps, or get it back in another browser.',
  button: 'Continue as anonymous',
  typed: null,
  refusal: CHOOSE,
  unavailable: ({ enforce_auth_on_inference }) =>
    enforce_auth_on_inference ? 'You can’t continue without signing in or a key here.' : null,
  identify: async () => ({ subject: `session:${randomSecret(16)}`, generation: 0, name: 'Anonymous' }),

  rows: () => known(new Map<string, never>()),
  standing: (_row, settings) =>
    session.unavailable(settings) === null
      ? { is: 'valid', name: 'Anonymous', generation: 0 }
      : { is: 'suspended', reason: 'setting', generation: 0 },
  access: () => NOTHING,
  key: () => null,
  names: () => known(new Map()),
  named: () => null,

  isSignedIn: false,
  mayBeShared: false,
  endReason: 'identity_refused',
  suspended: 'anonymous use is switched off here for now',
  apiMember: null,
  words: {
    kind: 'anonymous',
    who: () => 'anonymous',
    connectedFor: { before: null, nameless: 'an anonymous connection' },
    listed: (id) => `Anonymous ${id.slice(0, 4)}…`,
    actor: () => 'Anonymous',
    everything: 'all they may',
    whose: 'anybody',
    lapsed: EXPIRED,
    admin: null,
  },
};

/** How long a session's value works. Nothing is stored of it that could say when it was used last. Seconds: 90 days. */
export const SESSION_LIFE = 90 * 86_400;

/** A value for `x-bf-mcp-session-id`: a fresh session's id, when it was made, and our mark on both. */
export async function newSessionValue(encryptionKey: string): Promise<string> {
  const id = randomSecret(16);
  const at = Math.floor(Date.now() / 1000).toString(36);
  return `${id}.${at}.${await mac(encryptionKey, `mcp-session ${id} ${at}`)}`;
}

const VALUE = /^([A-Za-z0-9_-]{22})(?:\.([0-9a-z]{1,9}))?\.([A-Za-z0-9_-]{43})$/;

/**
 * The subject of a value that {@link newSessionValue} made within the last 90 days, or an earlier version at any time, which
 * wrote no time; null for any other.
 */
export async function subjectOfSessionValue(encryptionKey: string, value: string): Promise<Subject | null> {
  const [, id, at, tag = ''] = VALUE.exec(value) ?? [];
  if (!id || (at && Number.parseInt(at, 36) + SESSION_LIFE <= Date.now() / 1000)) return null;
  const marked = at ? `mcp-session ${id} ${at}` : `mcp-session ${id}`;
  return (await verifyMac(encryptionKey, marked, tag)) ? `session:${id}` : null;
}
