import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/dev/state.ts';
import type { Results } from '../measure/results.ts';
import type { Operation } from '../operations/operations.ts';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';
import type { Report } from './report.ts';

const PAGE = join(ROOT, 'docs/performance.md');
const FOLDER = join(ROOT, 'docs/performance');

/** Writes docs/performance.md and what it shows, and docs/performance/cpu.json: what docs/cost.md reckons with. */
export function writeReport(report: Report): void {
  mkdirSync(FOLDER, { recursive: true });
  const plots = plotsOf(report.results);
  for (const { file, svg } of plots) writeFileSync(join(FOLDER, file), svg);
  writeFileSync(PAGE, pageOf(report, plots, existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''));
  writeFileSync(join(FOLDER, 'cpu.json'), `${JSON.stringify(cpuOf(report.results), null, 2)}\n`);
}

/** Microseconds of CPU of this gateway, by row and by how many requests are under way at once. */
export function cpuOf(results: Results): Record<string, Record<string, number>> {
  const rows: Record<string, Record<string, number>> = {};
  for (const { row, side, parallel } of results.all) {
    const cpu = results.figure(row, side, parallel, 'cpu');
    if (side === 'toolgate' && Number.isFinite(cpu))
      rows[row] = { ...rows[row], [parallel]: Math.round(cpu) };
  }
  return rows;
}

/** Writes docs/performance/operations.json. */
export function writeOperations(operations: readonly Operation[]): void {
  mkdirSync(FOLDER, { recursive: true });
  const entries = Object.fromEntries(operations.map(({ name, counts }) => [name, counts]));
  writeFileSync(join(FOLDER, 'operations.json'), `${JSON.stringify(entries, null, 2)}\n`);
}
