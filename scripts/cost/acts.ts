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
  /** Microseconds of CPU; null: not measured. */
  cpu: number | null;
  counted: Counted;
};

const read = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const COUNTS = read('scripts/cost/counts.json') as Record<string, Counted>;
/** Microseconds, by row of docs/performance.md and by how many were under way at once. Its machine is none of Cloudflare's. */
const CPU = read('docs/performance/cpu.json') as Record<string, Record<string, number>>;

/** A row, and how many of it were under way at once. */
type Measured = readonly [row: string, parallel: number];

/** @param measured the rows that make up its CPU; none: it was not measured */
function act(name: string, label: string, ...measured: Measured[]): Act {
  const counted = COUNTS[name];
  if (!counted) throw new Error(`scripts/cost/counts.json has no ${name}`);
  const cpu = measured.reduce((sum, one) => sum + cpuOf(...one), 0);
  return { label, cpu: measured.length ? cpu : null, counted };
}

function cpuOf(...[row, parallel]: Measured): number {
  const cpu = CPU[row]?.[parallel];
  if (cpu === undefined) throw new Error(`docs/performance/cpu.json has no ${row}, ${parallel} at once`);
  return cpu;
}

/** The same, begun by the cron, which is billed as a request. */
function byCron(act: Act): Act {
  return { ...act, counted: { ...act.counted, requests: 1 } };
}

export const ACTS = {
  call: act('call', 'a tool call where calls follow each other', ['tools/call, JSON answer', 16]),
  rareCall: act('callAfterTheLag', 'a tool call that comes alone'),
  refresh: act('refresh', 'a refresh', ['refresh', 16]),
  signIn: act(
    'signIn',
    'a sign-in: registration, consent by key, code, tokens',
    ['registration', 16],
    ['authorize, consent, code and token', 8],
  ),
  refused: act('refusedNone', 'a refusal: no credential', ['refused: none', 16]),
  tampered: act('refusedTampered', 'a refusal: an altered token', ['refused: tampered', 16]),
  hour: byCron(act('cron', 'an hour without anything: the cron')),
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
    cpu: (n * (cpu ?? 0)) / 1000,
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
