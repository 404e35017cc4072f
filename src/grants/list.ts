import { type Condition, oneOf, type Question, question, selectPage, startsWith } from '../database';
import type { Subject } from '../protocol/subject';
import { fromRow, type Grant, type Row } from './store';

/** What a list of grants is narrowed to. Several values of one member are alternatives; null: all. */
export type GrantFilter = {
  /** How the client's name begins, without regard to case; empty: all. */
  clientName: string;
  status: 'active' | 'ended' | 'all';
  /** What subjects begin with: `vk`, `session`, `user`. */
  kinds: string[] | null;
  subjects: string[] | null;
  clientIds: string[] | null;
};

/** The kind of a subject, as its index computes it. */
const KIND = "substr(subject, 1, instr(subject, ':') - 1)";

/**
 * A page of grants and how many there are: newest first, ended ones by their end, a search by the client's name. Each single
 * filter has its index in that order; several together read what the first of them finds.
 * @param now epoch seconds: what has expired is not active, whether or not anything has noticed
 */
export async function listGrants(
  db: D1Database,
  { clientName, status, kinds, subjects, clientIds }: GrantFilter,
  page: { limit: number; offset: number },
  now: number,
): Promise<{ grants: Grant[]; total: number }> {
  const conditions: Condition[] = [
    ...startsWith('client_name', clientName),
    ...oneOf(KIND, kinds),
    ...oneOf('subject', subjects),
    ...oneOf('client_id', clientIds),
  ];
  if (status === 'ended') conditions.push({ sql: 'ended_at IS NOT NULL', values: [] });
  if (status === 'active') {
    conditions.push({ sql: 'ended_at IS NULL', values: [] });
    conditions.push({ sql: 'expires_at IS NULL OR expires_at > ?', values: [now] });
  }
  const newest =
    status === 'ended' ? 'ended_at DESC, created_at, grant_id DESC' : 'created_at DESC, grant_id';
  const order = clientName ? 'client_name COLLATE NOCASE, created_at DESC, grant_id' : newest;
  const { rows, total } = await selectPage<Row>(db, 'oauth_grant', conditions, order, page);
  return { grants: rows.map(fromRow), total };
}

/** How many grants of one subject stand at `now` (epoch seconds). */
export function standingGrantsQuestion(db: D1Database, subject: Subject, now: number): Question<number> {
  const statement = db
    .prepare(
      `SELECT count(*) AS n FROM oauth_grant
       WHERE subject = ?1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)`,
    )
    .bind(subject, now);
  return question<{ n: number }, number>(statement, ([row]) => row?.n ?? 0);
}
