import { waitUntil } from 'cloudflare:workers';
import { type Question, question } from '../database';
import { log } from '../log';
import { faultFacts } from '../protocol/faults/storage';

/** How a tool call ended, as the relay of its answer saw it. */
type Called = { server: string; tool: string; outcome: string };

/** How long counts are gathered before they are added to D1. Milliseconds. */
const GATHERED_FOR = 10_000;
/** Most different counts one isolate gathers. */
const MOST_GATHERED = 5_000;
/** How long counts are kept. Seconds: 90 days. */
const RETENTION = 90 * 86_400;

/**
 * Calls not yet in D1, by hour (epoch hours), server, tool and outcome. An isolate that dies loses these and no more: at most
 * what came since it last added, which it does behind the first answer once ten seconds have passed (CONTRACT §8).
 */
let gathered = new Map<string, number>();
let addedAt = 0;

/** Counts one tool call, in memory. */
export function countCall({ server, tool, outcome }: Called): void {
  const hour = Math.floor(Date.now() / 3_600_000);
  add(gathered, JSON.stringify([hour, server, tool, outcome]), 1);
}

function add(counts: Map<string, number>, key: string, n: number): void {
  if (counts.has(key) || counts.size < MOST_GATHERED) counts.set(key, (counts.get(key) ?? 0) + n);
}

/** Adds what was gathered to D1, behind the answer, unless this isolate did so in the last ten seconds. */
export function addCalls(db: D1Database): void {
  const now = Date.now();
  if (!gathered.size || (now < addedAt + GATHERED_FOR && now >= addedAt)) return;
  const counts = gathered;
  gathered = new Map();
  addedAt = now;
  const kept = upsert(db, counts).catch((error: unknown) => {
    for (const [key, n] of counts) add(gathered, key, n); // D1 took none of them: they go with the next
    log('tool_count.failed', { counts: counts.size, ...faultFacts(error) });
  });
  waitUntil(kept);
}

/** Adds every count in one statement. */
async function upsert(db: D1Database, counts: ReadonlyMap<string, number>): Promise<void> {
  const rows = [...counts].map(([key, n]) => [...JSON.parse(key), n]);
  await db
    .prepare(
      `INSERT INTO tool_count (hour, server_id, tool, outcome, n)
       SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1) WHERE true
       ON CONFLICT DO UPDATE SET n = n + excluded.n`,
    )
    .bind(JSON.stringify(rows))
    .run();
}

/** Calls of one hour (epoch hours), and how many of them the server failed or refused. */
export type HourOfCalls = { hour: number; calls: number; failed: number };

/** What the server did not answer. A client that left is no failure. */
const FAILED = "outcome IN ('failed', 'refused', 'given_up')";

/** Calls by hour from `since` (epoch hours) on; an hour without any is not there. */
export function callsByHourQuestion(db: D1Database, since: number): Question<HourOfCalls[]> {
  const statement = db
    .prepare(
      `SELECT hour, sum(n) AS calls, sum(iif(${FAILED}, n, 0)) AS failed
       FROM tool_count WHERE hour >= ?1 GROUP BY hour ORDER BY hour`,
    )
    .bind(since);
  return question<HourOfCalls, HourOfCalls[]>(statement, (rows) => rows);
}

/** The id of the server at which most calls failed from `since` (epoch hours) on; null: none did. */
export function mostFailedQuestion(db: D1Database, since: number): Question<string | null> {
  const statement = db
    .prepare(
      `SELECT server_id FROM tool_count WHERE hour >= ?1 AND ${FAILED} GROUP BY server_id ORDER BY sum(n) DESC LIMIT 1`,
    )
    .bind(since);
  return question<{ server_id: string }, string | null>(statement, ([row]) => row?.server_id ?? null);
}

/** Counts that one statement deletes. */
const PORTION = 5_000;

/** Deletes up to {@link PORTION} counts older than 90 days at `now` (epoch seconds). @returns how many. */
export async function deleteOldCounts(db: D1Database, now: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM tool_count WHERE (hour, server_id, tool, outcome) IN (
         SELECT hour, server_id, tool, outcome FROM tool_count WHERE hour < ?1 LIMIT ?2)`,
    )
    .bind(Math.floor((now - RETENTION) / 3600), PORTION)
    .run();
  return meta.changes;
}
