import { afterEach, beforeEach } from 'vitest';

/** How many lines of a test are kept: the last. */
const MOST = 200;

/**
 * From now on what the gateway logs is kept here, and said when a test fails. vitest would send each line to its main process and
 * wait for an answer; a line that an object logs after a file's last test is never sent, and the run would not end.
 */
export function keepLines(): void {
  const kept: string[] = [];
  console.log = (line: unknown) => {
    if (kept.push(String(line)) > MOST) kept.shift();
  };
  beforeEach(() => {
    kept.length = 0;
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail' && kept.length) console.info(`${task.name}\n${kept.join('\n')}`);
  });
}
