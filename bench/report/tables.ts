import type { Result, Results } from '../measure/results.ts';
import type { Operation } from '../operations/operations.ts';
import type { Report } from './report.ts';
import { judge, TARGETS } from './targets.ts';

/** A table: its head, and rows of as many cells. */
export type Table = { head: readonly string[]; rows: readonly (readonly string[])[] };

/** A number with three digits that count; – for none. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function asMarkdown({ head, rows }: Table): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function asText({ head, rows }: Table): string {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((cells) => cells[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join('  ');
  return [head, ...rows].map(line).join('\n');
}

/** What was measured, a row of the table for each side. */
export function measuredTable(results: Results): Table {
  const rows = results.all.map((result) => {
    const { row, side, parallel } = result;
    const figure = (name: Parameters<Results['figure']>[3]) =>
      shown(results.figure(row, side, parallel, name));
    const ratio = (other: string, name: Parameters<Results['ratio']>[4]) =>
      side === other ? '–' : shown(results.ratio(row, side, other, parallel, name));
    return [
      row,
      side,
      String(parallel),
      figure('p50'),
      figure('p99'),
      figure('rate'),
      figure('cpu'),
      figure('megabytes'),
      ratio('direct', 'p50'),
      ratio('forwarder', 'p50'),
      ratio('peer', 'p50'),
      ratio('peer', 'cpu'),
      noteOf(results, result),
    ];
  });
  return { head: MEASURED, rows };
}

const MEASURED = [
  'operation',
  'side',
  'at once',
  'p50 ms',
  'p99 ms',
  'per second',
  'CPU µs',
  'MB/s',
  'p50 × direct',
  'p50 × forwarder',
  'p50 × peer',
  'CPU × peer',
  'note',
];

function noteOf(results: Results, result: Result): string {
  const failures = result.runs.reduce((sum, run) => sum + run.failures, 0);
  const notes = [
    results.isClientBound(result) ? 'client bound' : '',
    failures ? `${failures} wrong answers` : '',
  ].filter(Boolean);
  return notes.join(', ') || '–';
}

/** Each target with what was found, and whether that meets it. */
export function targetTable(report: Report): Table {
  const rows = TARGETS.map(({ name, unit, hard, goal, isLeast, found }) => {
    const value = found(report);
    const bound = isLeast ? '≥' : '≤';
    return [
      name,
      unit,
      `${bound} ${hard}`,
      goal === null ? '–' : `${bound} ${goal}`,
      shown(value),
      judge(value, hard, isLeast),
      goal === null ? '–' : judge(value, goal, isLeast),
    ];
  });
  return { head: ['target', 'unit', 'hard', 'goal', 'measured', 'hard', 'goal'], rows };
}

/** What each operation asks of storage. */
export function operationTable(operations: readonly Operation[]): Table {
  const rows = operations.map(({ name, counts: { requests, worker, objects, logs } }) => [
    name,
    plain(requests),
    plain(worker.d1.roundTrips + objects.d1.roundTrips),
    plain(worker.d1.batches + objects.d1.batches),
    plain(worker.d1.statements + objects.d1.statements),
    plain(worker.d1.rowsRead + objects.d1.rowsRead),
    plain(worker.d1.rowsWritten + objects.d1.rowsWritten),
    tallied({ ...worker.kv }),
    tallied(worker.objects, objects.objects),
    plain(objects.storage.reads),
    plain(objects.storage.writes + objects.storage.alarmsSet),
    `${plain(logs.lines)} (${plain(Math.round(logs.bytes))} B)`,
  ]);
  return { head: OPERATIONS, rows };
}

const OPERATIONS = [
  'operation',
  'requests',
  'D1 round trips',
  'of them batches',
  'statements',
  'rows read',
  'rows written',
  'KV',
  'object calls',
  'rows read in objects',
  'rows written in objects',
  'log lines',
];

const plain = (value: number) => String(Math.round(value * 100) / 100);

function tallied(...tallies: Record<string, number>[]): string {
  const entries = tallies.flatMap(Object.entries).filter(([, count]) => count);
  return entries.map(([name, count]) => `${plain(count)} ${name}`).join(', ') || '0';
}
