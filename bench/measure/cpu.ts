import { readdirSync, readFileSync } from 'node:fs';

/** Ticks in a second, as Linux counts the CPU time of processes (USER_HZ). One is 10 ms. */
const TICKS = 100;

/** CPU seconds that a process has used, of all its threads; NaN where the system does not say (Linux does). */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS : Number.NaN;
}

/** The same in nanoseconds, for what is too short for ticks. Of the threads that still run. */
export function cpuNanoseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const used = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'));
  return used.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0);
}

/** The process named `name` that `parent` started; null: none. */
export function childNamed(name: string, parent: number): number | null {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const found = pids.find((pid) => {
    const fields = statOf(Number(pid));
    return fields?.name === name && Number(fields[1]) === parent;
  });
  return found ? Number(found) : null;
}

/** The fields of /proc/<pid>/stat after the name, which stands in parentheses and may hold some; null: no such process. */
function statOf(pid: number): (string[] & { name?: string }) | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = text.lastIndexOf(')');
    const fields = text.slice(end + 2).split(' ');
    return Object.assign(fields, { name: text.slice(text.indexOf('(') + 1, end) });
  } catch {
    return null;
  }
}
