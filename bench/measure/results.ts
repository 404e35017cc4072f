import type { Run } from './load.ts';
import { median, medianOfRatios } from './statistics.ts';

/** Above this the client is what is measured: its event loop has no time left. */
const MOST_UTILIZATION = 0.85;

export type Figure = 'rate' | 'p50' | 'p99' | 'cpu' | 'megabytes' | 'utilization';

/** All runs of a row at one side, with as many senders: one a round. */
export type Result = { row: string; side: string; parallel: number; runs: Run[] };

/** What was measured, to be asked for figures. */
export class Results {
  readonly all: Result[] = [];

  add(row: string, side: string, parallel: number, run: Run): void {
    const known = this.find(row, side, parallel);
    if (known) known.runs.push(run);
    else this.all.push({ row, side, parallel, runs: [run] });
  }

  find(row: string, side: string, parallel: number): Result | undefined {
    return this.all.find((one) => one.row === row && one.side === side && one.parallel === parallel);
  }

  /** The median of the rounds; NaN when it was not measured. */
  figure(row: string, side: string, parallel: number, figure: Figure): number {
    const runs = this.find(row, side, parallel)?.runs ?? [];
    return median(runs.map((run) => run[figure]).filter(Number.isFinite));
  }

  /** How a side stands to another: the median of the rounds' ratios; NaN when one was not measured. */
  ratio(row: string, side: string, other: string, parallel: number, figure: Figure): number {
    const [these, those] = [side, other].map((name) => this.find(row, name, parallel)?.runs ?? []);
    const values = (runs: Run[] = []) => runs.map((run) => run[figure]);
    return medianOfRatios(values(these), values(those));
  }

  /** The numbers of senders a row was measured with. */
  parallels(row: string): number[] {
    return [...new Set(this.all.filter((one) => one.row === row).map(({ parallel }) => parallel))];
  }

  isClientBound({ row, side, parallel }: Result): boolean {
    return this.figure(row, side, parallel, 'utilization') > MOST_UTILIZATION;
  }

  /** A line for each result with wrong answers. */
  failures(): string[] {
    return this.all.flatMap(({ row, side, parallel, runs }) => {
      const count = runs.reduce((sum, { failures }) => sum + failures, 0);
      const said = runs.find((run) => run.said)?.said;
      return count
        ? [`${row}, ${side}, ${parallel} at once: ${count} wrong answers. The first: ${said}`]
        : [];
    });
  }
}
