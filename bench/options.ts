import { parseArgs } from 'node:util';
import { Stop } from '../scripts/stop.ts';

/** What the person who runs the benchmark chooses. */
export type Options = {
  /** Times that each row is measured at each side. */
  rounds: number;
  /** Only whether every row works: a round of few requests. Its figures mean nothing. */
  quick: boolean;
  /** Only rows and parts with this word in their name; null: all. */
  only: string | null;
  /** Only the counts of storage operations, which do not hang on how busy the machine is. */
  operations: boolean;
  /** True: docs/performance.md and what it shows are written. A part of the rows is never written. */
  writes: boolean;
};

const ROUNDS = 5;
const MOST_ROUNDS = 50;
const USAGE = 'The options are --rounds <n>, --quick, --only <word>, --operations and --no-write.';

/** @throws Stop naming what is not an option, or not a number of rounds */
export function readOptions(args: readonly string[]): Options {
  const { values } = parsed(args);
  const rounds = Number(values.rounds ?? ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MOST_ROUNDS)
    throw new Stop(`--rounds ${values.rounds} is not a number from 1 to ${MOST_ROUNDS}. ${USAGE}`);
  const { quick = false, only = null, operations = false } = values;
  const writes = !quick && only === null && !values['no-write'];
  return {
    rounds: quick ? 1 : rounds,
    quick,
    only: only === null ? null : only.toLowerCase(),
    operations,
    writes,
  };
}

function parsed(args: readonly string[]) {
  const options = {
    rounds: { type: 'string' },
    quick: { type: 'boolean' },
    only: { type: 'string' },
    operations: { type: 'boolean' },
    'no-write': { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new Stop(`${error instanceof Error ? error.message : error} ${USAGE}`);
  }
}
