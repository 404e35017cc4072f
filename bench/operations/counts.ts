import { setTimeout as delay } from 'node:timers/promises';
import { sendJson } from '../measure/client.ts';
import { COUNTS } from '../sides/side.ts';

/** How often something of this name happened. */
type Tally = Record<string, number>;

/** What bindings were asked, by the Worker or by its objects. Object calls are named `BINDING.method`. */
type Asked = {
  d1: { roundTrips: number; statements: number; batches: number; rowsRead: number; rowsWritten: number };
  kv: Tally;
  objects: Tally;
};

/** What bench/workers/counts.js counts. */
export type Counts = {
  /** That reached the Worker. */
  requests: number;
  worker: Asked;
  /** `alarms`: those that ran. `storage`: what objects ask of their own. */
  objects: Asked & { storage: { reads: number; writes: number; alarmsSet: number }; alarms: number };
  logs: { lines: number; bytes: number };
};

/** How often one asks whether all is quiet, and how many times in a row it has to be. Milliseconds. */
const PAUSE = 100;
const QUIET = 4;

/** What was counted since the last time, with what goes on behind an answer: all until nothing comes any more. */
export async function takeCounts(origin: string): Promise<Counts> {
  let sum = await taken(origin);
  for (let quiet = 0; quiet < QUIET; ) {
    await delay(PAUSE);
    const more = await taken(origin);
    quiet = isNothing(more) ? quiet + 1 : 0;
    sum = combined(sum, more, (one, other) => one + other);
  }
  return sum;
}

const taken = (origin: string) => sendJson<Counts>(origin, { path: COUNTS });

/** The same for one of `times`, rounded to a hundredth. */
export function perOne(counts: Counts, times: number): Counts {
  return combined(counts, counts, (one) => Math.round((one / times) * 100) / 100);
}

/** Every number of a tree with the number in the same place of the other; 0 where it has none. */
function combined<Tree extends object>(one: Tree, other: Tree, by: (a: number, b: number) => number): Tree {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]) as Set<keyof Tree & string>;
  const members = [...names].map((name) => {
    const [here, there] = [one[name] ?? 0, other[name] ?? 0];
    if (typeof here === 'object' || typeof there === 'object')
      return [name, combined(here as object, there as object, by)];
    return [name, by(Number(here), Number(there))];
  });
  return Object.fromEntries(members) as Tree;
}

function isNothing(counts: object): boolean {
  return Object.values(counts).every((value) => (typeof value === 'object' ? isNothing(value) : value === 0));
}
