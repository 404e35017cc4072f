import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import type { Meter } from './prices.ts';

/** What test/cost.test.ts counted of an act, and holds. */
type Counted = {
  requests: number;
  d1: { roundTrips: number; rowsRead: number; rowsWritten: number };
  kv: { reads: number; writes: number };
  objects: { calls: number; rowsWritten: number };
  log: { lines: number; bytes: number };
};

export type Act = {
  label: string;
  /** Milliseconds of CPU; null: not measured yet. */
  cpu: number | null;
  counted: Counted;
};

const COUNTS = JSON.parse(readFileSync(join(ROOT, 'scripts/cost/counts.json'), 'utf8')) as Record<
  string,
  Counted
>;

function act(name: string, label: string, cpu: number | null): Act {
  const counted = COUNTS[name];
  if (!counted) throw new Error(`scripts/cost/counts.json has no ${name}`);
  return { label, cpu, counted };
}

/** The same, begun by the cron, which is billed as a request. */
function byCron(act: Act): Act {
  return { ...act, counted: { ...act.counted, requests: 1 } };
}

/** CPU is of docs/performance.md, whose machine is none of Cloudflare's. */
export const ACTS = {
  call: act('call', 'a tool call where calls follow each other', null),
  rareCall: act('callAfterTheLag', 'a tool call that comes alone', null),
  refresh: act('refresh', 'a refresh', null),
  signIn: act('signIn', 'a sign-in: registration, consent by key, code, tokens', null),
  refused: act('refusedNone', 'a refusal: no credential', null),
  tampered: act('refusedTampered', 'a refusal: an altered token', null),
  hour: byCron(act('cron', 'an hour without anything: the cron', null)),
};

/** Bytes that Cloudflare's own members add to a line. Assumed: it says that they count, not how many they are. */
export const ADDED_TO_A_LINE = 1000;
/** Milliseconds that an object is awake for a call. Assumed. */
export const AWAKE = 10;
/** GB that an object is billed for while it is awake. */
const OBJECT_MEMORY = 0.128;
/** Days that lines are stored for. */
const RETENTION = 7;

/** What `n` acts use of each meter in a month. */
export function usageOf({ cpu, counted }: Act, n: number): Partial<Record<Meter, number>> {
  const { requests, d1, kv, objects, log } = counted;
  const logged = (n * (log.bytes + log.lines * ADDED_TO_A_LINE)) / 1e9;
  return {
    requests: n * requests,
    cpu: n * (cpu ?? 0),
    logged,
    logsStored: (logged * RETENTION) / 30,
    d1Read: n * d1.rowsRead,
    d1Written: n * d1.rowsWritten,
    kvRead: n * kv.reads,
    kvWritten: n * kv.writes,
    calls: n * objects.calls,
    duration: (n * objects.calls * AWAKE * OBJECT_MEMORY) / 1000,
    objectsWritten: n * objects.rowsWritten,
  };
}
