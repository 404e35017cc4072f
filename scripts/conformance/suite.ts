import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { Stop } from '../stop.ts';

/** Where the suite is installed. */
export const HOME = import.meta.dirname;

const SUITE = '@modelcontextprotocol/conformance';

/** How the suite judges one thing it looked at: `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED` or `INFO`. */
type Check = { id: string; status: string; description: string; errorMessage?: string };

/** What came of one scenario. */
export type Outcome = {
  scenario: string;
  passed: number;
  failed: number;
  warned: number;
  checks: readonly Check[];
};

export const suiteVersion = (): string => versionOf(SUITE);

/** The version of an installed package. */
export function versionOf(name: string): string {
  const file = join(HOME, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Runs the suite with these arguments. @param onLine told what it prints @throws Stop when nothing came of it */
export async function runSuite(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onLine: (line: string) => void = () => undefined,
): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-conformance-'));
  try {
    const child = new Child({
      args: [join('node_modules', SUITE, 'dist/index.js'), ...args, '-o', folder],
      cwd: HOME,
      env: { ...process.env, ...env },
      onLine,
    });
    await child.ended; // how it ended says what the suite thinks of the results
    const outcomes: Outcome[] = [];
    for await (const file of glob('**/checks.json', { cwd: folder })) {
      const checks = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Check[];
      outcomes.push(outcomeOf(file, checks));
    }
    if (!outcomes.length) throw new Stop(`The suite ran nothing (${args.join(' ')}):\n${child.said}`);
    return outcomes.sort((one, other) => one.scenario.localeCompare(other.scenario));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param file `<scenario>-<time>/checks.json`, a scenario of a server with `server-` before it, of ours with `authorization-server-` */
function outcomeOf(file: string, checks: readonly Check[]): Outcome {
  const scenario = file
    .replace(/-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/, '')
    .replace(/^(server|authorization-server)-/, '');
  const having = (status: string) => checks.filter((check) => check.status === status).length;
  const [passed, failed, warned] = [having('SUCCESS'), having('FAILURE'), having('WARNING')];
  return { scenario, passed, failed, warned, checks };
}

/** What failed and what the suite warns of, a line each. */
export function faultsOf({ checks }: Outcome): string[] {
  return checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING').map(saidOf);
}

/** A check in a line. */
export function saidOf({ id, description, errorMessage }: Check): string {
  return `${id}: ${errorMessage ?? description}`.replace(/\s+/g, ' ');
}
