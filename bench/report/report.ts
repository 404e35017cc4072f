import type { Results } from '../measure/results.ts';
import type { Operation } from '../operations/operations.ts';

/** All that a run of the benchmark found out; what it left out is null. */
export type Report = {
  machine: Machine;
  rounds: number;
  results: Results;
  operations: readonly Operation[] | null;
  /** Milliseconds of CPU, and bytes. */
  startUp: number | null;
  bundle: { bytes: number; gzipped: number };
};

/** Where and when it was measured. */
export type Machine = {
  date: string;
  cpu: string;
  cores: number;
  /** Bytes. */
  memory: number;
  node: string;
  workerd: string;
  /** Load average of a minute, when the run began and when it ended. */
  load: [before: number, after: number];
  /** Of the peer's package; null: it is not installed. */
  peer: string | null;
};
