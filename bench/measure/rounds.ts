import type { Row } from '../rows/row.ts';
import type { Side } from '../sides/side.ts';
import { run } from './load.ts';
import type { Results } from './results.ts';

/** Of the requests of a run, those of `--quick`, which warms nothing up; each sender sends one at least. */
const QUICK = 1 / 50;
/** Requests that are sent before the first round and not counted: some, and some for each sender. */
const WARM_UP = 50;
const WARM_UP_EACH = 4;

/** Measures a row at its sides, one side after the other in each round, and the other way round in every other round. */
export async function measureRow(
  row: Row,
  sides: readonly Side[],
  { rounds, quick }: { rounds: number; quick: boolean },
  results: Results,
): Promise<void> {
  const ours = row.sides.flatMap((name) => sides.find((side) => side.name === name) ?? []);
  for (const amount of row.amounts) {
    const { parallel } = amount;
    const requests = quick ? Math.max(parallel, Math.ceil(amount.requests * QUICK)) : amount.requests;
    const few = amount.warmUp ?? {
      parallel,
      requests: Math.min(amount.requests, WARM_UP + WARM_UP_EACH * parallel),
    };
    for (const side of quick ? [] : ours) {
      await run({ ...few, send: await row.begin(side, few), pid: null });
    }
    for (let round = 0; round < rounds; round++) {
      for (const side of round % 2 ? [...ours].reverse() : ours) {
        const load = { parallel, requests };
        const send = await row.begin(side, load);
        results.add(row.name, side.name, parallel, await run({ ...load, send, pid: side.pid }));
      }
    }
  }
}
