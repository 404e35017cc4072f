/** A check of the source that is deleted to see a test fail. */
export type Check = {
  /** What it holds: `<area>: <words>`, each once. */
  name: string;
  /** From the root, as the tests. */
  file: string;
  /** Stands in the file exactly once. */
  find: string;
  /** What stands there once the check is gone. */
  put: string;
  /** The files that are run, of the project `worker`. */
  tests: string[];
  /** Words of the title of the test that misses it, which is run first; undefined: all are. */
  story?: string;
  /** Why no test can tell, or needs to; undefined: one has to. */
  argued?: string;
};

type Wanted = readonly [
  name: string,
  find: string,
  put: string,
  more?: Partial<Pick<Check, 'tests' | 'story' | 'argued'>>,
];

/** The checks of one file. @param tests those of all that name no others */
export function checksOf(area: string, file: string, tests: string[], wanted: readonly Wanted[]): Check[] {
  return wanted.map(([name, find, put, more]) => ({
    ...{ name: `${area}: ${name}`, file, find, put, tests },
    ...more,
  }));
}
