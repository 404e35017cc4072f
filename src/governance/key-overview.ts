import type { Question } from '../database';
import type { KeyOwner } from './owners';
import { type KeyRow, keyOf, type VirtualKey } from './virtual-keys';

/** What an administrator sees of a key besides its terms. */
export type KeyOverview = {
  key: VirtualKey;
  /** Until when its value before the last rotation works too (epoch seconds); null: it does not. */
  previousUntil: number | null;
  /** Null: no one's, or of someone who is not there any more. */
  owner: KeyOwner | null;
  /** The Virtual MCPs it may use. */
  toolsets: { id: string; name: string; enabled: boolean }[];
};

type OverviewRow = KeyRow & { previous_until: number | null };
type ToolsetRow = { id: string; name: string; enabled: number };

/** All there is to say of the key `id` at `now` (epoch seconds); null when there is none. */
export function keyOverviewQuestion(db: D1Database, id: string, now: number): Question<KeyOverview | null> {
  return {
    statements: [
      db.prepare('SELECT * FROM virtual_key WHERE id = ?1').bind(id),
      db
        .prepare(
          `SELECT id, name, email FROM person WHERE id = (SELECT owner_user_id FROM virtual_key WHERE id = ?1)`,
        )
        .bind(id),
      db
        .prepare(
          `SELECT id, name, enabled FROM virtual_mcp
           WHERE id IN (SELECT virtual_mcp_id FROM virtual_mcp_key WHERE virtual_key_id = ?1) ORDER BY name COLLATE NOCASE`,
        )
        .bind(id),
    ],
    answer: (results) => {
      const [[row], [owner], toolsets] = results as [OverviewRow[], KeyOwner[], ToolsetRow[]];
      if (!row) return null;
      const { previous_until: until } = row;
      return {
        key: keyOf(row),
        previousUntil: until !== null && until > now ? until : null,
        owner: owner ?? null,
        toolsets: toolsets.map(({ id, name, enabled }) => ({ id, name, enabled: enabled === 1 })),
      };
    },
  };
}

/** How many keys there are, and those whose value before the last rotation works at `now` (epoch seconds) too. */
export type KeyFacts = { count: number; withOldValue: { id: string; name: string; until: number }[] };

/** The most such keys that are named. */
const MOST_NAMED = 5;

export function keyFactsQuestion(db: D1Database, now: number): Question<KeyFacts> {
  return {
    statements: [
      db.prepare('SELECT count(*) AS n FROM virtual_key'),
      db
        .prepare(
          `SELECT id, name, previous_until AS until FROM virtual_key WHERE previous_hash IS NOT NULL AND previous_until > ?1
           ORDER BY previous_until DESC LIMIT ?2`,
        )
        .bind(now, MOST_NAMED),
    ],
    answer: ([counts = [], keys = []]) => ({
      count: (counts as { n: number }[])[0]?.n ?? 0,
      withOldValue: keys as KeyFacts['withOldValue'],
    }),
  };
}
