import type { Counts } from '../operations/counts.ts';
import { REFRESH, WARM_CALL } from '../operations/operations.ts';
import { SIZES, sizeName } from '../rows/grants.ts';
import { LISTS, listRow } from '../rows/lists.ts';
import { REFUSAL_NAMES, refusalRow } from '../rows/refusals.ts';
import type { Report } from './report.ts';

/** What a figure has to be: at the most, or, where `isLeast`, at the least. */
export type Target = {
  name: string;
  unit: string;
  hard: number;
  /** What would be good; null: the same as hard. */
  goal: number | null;
  isLeast?: boolean;
  /** What was measured; NaN: it was not. */
  found(report: Report): number;
};

export type Judged = 'met' | 'missed' | 'not measured';

/** How a figure stands to one of its two numbers. */
export function judge(found: number, wanted: number, isLeast = false): Judged {
  if (Number.isNaN(found)) return 'not measured';
  return (isLeast ? found >= wanted : found <= wanted) ? 'met' : 'missed';
}

const CALL = 'tools/call, JSON answer';

/** The worst of the numbers of senders that a row was measured with. */
function worst(row: string, side: string, other: string) {
  return ({ results }: Report) => {
    const ratios = results.parallels(row).map((parallel) => results.ratio(row, side, other, parallel, 'cpu'));
    return ratios.length ? Math.max(...ratios) : Number.NaN;
  };
}

const p50 = (parallel: number, hard: number, goal: number): Target => ({
  name: `\`/mcp\`, ${parallel} at once: p50`,
  unit: '× forwarder',
  hard,
  goal,
  found: ({ results }) => results.ratio(CALL, 'toolgate', 'forwarder', parallel, 'p50'),
});

const REFUSED = { none: [1.5, 1.0], garbage: [1.3, 0.9], tampered: [0.65, 0.4] } as const;

const refusal = (refused: keyof typeof REFUSED): Target => ({
  name: `${refusalRow(refused)}: CPU`,
  unit: '× peer',
  hard: REFUSED[refused][0],
  goal: REFUSED[refused][1],
  found: ({ results }) => results.ratio(refusalRow(refused), 'toolgate', 'peer', 16, 'cpu'),
});

const grown = (row: string, figure: 'p50' | 'cpu'): Target => ({
  name: `${row}: ${figure === 'cpu' ? 'CPU' : figure}`,
  unit: '× the same with 10',
  hard: 1.2,
  goal: null,
  found: ({ results }) => {
    const [few = 0, many = 0] = [Math.min(...SIZES), Math.max(...SIZES)];
    return results.ratio(row, sizeName(many), sizeName(few), 8, figure);
  },
});

const stored = (
  name: string,
  unit: string,
  hard: number,
  found: (counts: Counts) => number,
  of: string,
): Target => ({
  name,
  unit,
  hard,
  goal: null,
  found: ({ operations }) => {
    const ours = operations?.filter(
      (operation) => operation.name.startsWith(of) && !operation.name.includes('first'),
    );
    return ours?.length ? Math.max(...ours.map(({ counts }) => found(counts))) : Number.NaN;
  },
});

/** Round trips to D1, calls of KV and of objects; of objects too. */
function asked({ worker, objects }: Counts): number {
  return d1(worker, objects) + sum(worker.kv, objects.kv, worker.objects, objects.objects);
}

const d1 = (...whose: Counts['worker'][]) => whose.reduce((all, { d1 }) => all + d1.roundTrips, 0);
const sum = (...tallies: Record<string, number>[]) =>
  tallies.flatMap(Object.values).reduce((all, n) => all + n, 0);

const MOST_SERVERS = Math.max(...LISTS.map(({ servers }) => servers));

/** The targets of the work on speed (issue 14). */
export const TARGETS: readonly Target[] = [
  p50(1, 1.6, 1.3),
  p50(16, 2.1, 1.6),
  p50(64, 2.0, 1.6),
  {
    name: '`/mcp`, the worst of 1, 16 and 64 at once: CPU',
    unit: '× peer',
    hard: 0.7,
    goal: 0.45,
    found: worst(CALL, 'toolgate', 'peer'),
  },
  {
    name: 'refresh, RS256, the worst of 1, 16 and 64 at once: CPU',
    unit: '× peer',
    hard: 0.8,
    goal: null,
    found: worst('refresh', 'toolgate', 'peer'),
  },
  {
    name: 'refresh, ES256, the worst of 1, 16 and 64 at once: CPU',
    unit: '× peer',
    hard: 0.65,
    goal: 0.5,
    found: worst('refresh', 'toolgate ES256', 'peer'),
  },
  ...REFUSAL_NAMES.map(refusal),
  stored('storage of a warm call', 'operations', 0, asked, WARM_CALL),
  stored('storage of a refusal', 'operations', 0, asked, 'refused'),
  stored(
    'storage of a refresh',
    'object calls',
    1,
    ({ worker, objects }) => sum(worker.objects, objects.objects),
    REFRESH,
  ),
  stored(
    'storage of a refresh',
    'round trips to D1',
    1,
    ({ worker, objects }) => d1(worker, objects),
    REFRESH,
  ),
  {
    name: `${listRow(MOST_SERVERS)}, warm`,
    unit: 'ms CPU',
    hard: 15,
    goal: 5,
    found: ({ results }) => results.figure(listRow(MOST_SERVERS), 'toolgate', 1, 'cpu') / 1000,
  },
  {
    name: 'first SSE event: p50',
    unit: '× direct',
    hard: 4,
    goal: null,
    found: ({ results }) => results.ratio('first SSE event', 'toolgate', 'direct', 1, 'p50'),
  },
  ...['10 MiB as SSE', '10 MiB as JSON'].map(
    (row): Target => ({
      name: `${row}: MB/s`,
      unit: '× direct',
      hard: 0.6,
      goal: null,
      isLeast: true,
      found: ({ results }) => results.ratio(row, 'toolgate', 'direct', 1, 'megabytes'),
    }),
  ),
  ...['refresh, by grants in the index', 'tools/call, by grants in the index'].flatMap((row) => [
    grown(row, 'p50'),
    grown(row, 'cpu'),
  ]),
  { name: 'start-up', unit: 'ms CPU', hard: 50, goal: null, found: ({ startUp }) => startUp ?? Number.NaN },
  {
    name: 'bundle, gzipped',
    unit: 'KiB',
    hard: 300,
    goal: 250,
    found: ({ bundle }) => bundle.gzipped / 1024,
  },
];
