import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/dev/state.ts';
import type { Operation } from '../operations/operations.ts';
import { pageOf } from './page.ts';
import { plotsOf } from './plots.ts';
import type { Report } from './report.ts';

const PAGE = join(ROOT, 'docs/performance.md');
const FOLDER = join(ROOT, 'docs/performance');

/** Writes docs/performance.md and what it shows. */
export function writeReport(report: Report): void {
  mkdirSync(FOLDER, { recursive: true });
  const plots = plotsOf(report.results);
  for (const { file, svg } of plots) writeFileSync(join(FOLDER, file), svg);
  writeFileSync(PAGE, pageOf(report, plots, existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''));
}

/** Writes docs/performance/operations.json: what docs/cost.md reckons with. */
export function writeOperations(operations: readonly Operation[]): void {
  mkdirSync(FOLDER, { recursive: true });
  const entries = Object.fromEntries(operations.map(({ name, counts }) => [name, counts]));
  writeFileSync(join(FOLDER, 'operations.json'), `${JSON.stringify(entries, null, 2)}\n`);
}
