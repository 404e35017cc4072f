import { ask, question } from '../../../src/database';
import { NOTHING } from '../../../src/governance/access';
import type { IdentityMode } from '../../../src/identity/mode';

/** A row of the table `badge`. */
type Badge = { id: string; number: string; name: string; is_lost: number };

/** Whether this building takes badges, as a setting would say. */
export const reader = { isOn: true };

/** A badge, proved by the number on it. */
export const badge: IdentityMode<Badge> = {
  kind: 'badge',
  label: () => 'Use a badge',
  hint: 'The number on the back of your badge.',
  button: 'Continue with badge',
  typed: { field: 'badge_number', label: 'Badge number' },
  refusal: 'That is no badge of this building.',
  unavailable: () => (reader.isOn ? null : 'Badges are not taken for now.'),

  async identify(env, settings, { badge_number: number = '' }) {
    const statement = env.DB.prepare('SELECT * FROM badge WHERE number = ?1').bind(number);
    const [row] = await ask(
      env.DB,
      question<Badge, Badge | null>(statement, ([found]) => found ?? null),
    );
    const standing = badge.standing(row, settings, Date.now() / 1000);
    if (!row || standing.is !== 'valid') return null;
    return { subject: `badge:${row.id}`, generation: 0, name: row.name };
  },

  rows(db, ids) {
    const statement = db.prepare(`SELECT * FROM badge WHERE id IN (${ids.sql})`);
    return question<Badge, Map<string, Badge>>(
      statement.bind(...ids.values),
      (rows) => new Map(rows.map((row) => [row.id, row])),
    );
  },
  standing(row) {
    if (!row) return { is: 'gone', reason: 'deleted' };
    if (row.is_lost) return { is: 'gone', reason: 'blocked' };
    if (!reader.isOn) return { is: 'suspended', reason: 'setting', generation: 0 };
    return { is: 'valid', name: row.name, generation: 0 };
  },
  access: () => NOTHING,
  key: () => null,
  names: (db, ids) =>
    question<Badge, Map<string, string>>(
      db.prepare(`SELECT id, name FROM badge WHERE id IN (${ids.sql})`).bind(...ids.values),
      (rows) => new Map(rows.map(({ id, name }) => [id, name])),
    ),
  named: (text) => ({ sql: "SELECT 'badge:' || id FROM badge WHERE instr(name, ?)", values: [text] }),

  isSignedIn: false,
  mayBeShared: false,
  endReason: 'identity_refused',
  suspended: 'badges are not taken here for now',
  apiMember: null,
  words: {
    kind: 'badge',
    who: (name) => `the badge of ${name}`,
    connectedFor: { before: 'the badge of', nameless: 'a badge' },
    listed: (_id, name) => name ?? 'A badge that was handed in',
    actor: (name) => (name === null ? 'a badge that was handed in' : `the badge of ${name}`),
    everything: 'all its badge may',
    whose: 'the badge it is bound to',
    lapsed: 'That badge is no longer taken here.',
    admin: null,
  },
};
