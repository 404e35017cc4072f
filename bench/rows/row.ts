import type { Sent } from '../measure/load.ts';
import type { Side } from '../sides/side.ts';

/** How many requests a run has, and how many are under way at once. `warmUp`: of those sent before, where they are not of the same kind. */
export type Amount = { parallel: number; requests: number; warmUp?: { parallel: number; requests: number } };

/** One operation, measured at some sides. */
export type Row = {
  name: string;
  /** Names of the sides, as tables have them. One that does not run is left out. */
  sides: readonly string[];
  amounts: readonly Amount[];
  /** Makes ready for a run, which is not measured. @returns what sends its nth request, of one sender */
  begin(side: Side, amount: Amount): Promise<Send>;
};

/** @throws Error with what was answered, when that is wrong */
export type Send = (n: number, sender: number) => Promise<Sent>;
