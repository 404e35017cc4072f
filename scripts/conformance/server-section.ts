import type { ServerRun } from './server-mode.ts';
import { type Outcome, saidOf } from './suite.ts';
import { sumOf, tableOf } from './table.ts';

/** What a run in server mode came to: at the fixture itself, and through the gateway. */
export type ServerResult = ServerRun & { direct: Outcome[]; through: Outcome[] };

/** A scenario that came to something else through the gateway. */
type Difference = { scenario: string; direct: Outcome; through: Outcome };

/** Those of a run that came to something else. */
export function differencesOf({ direct, through }: ServerResult): Difference[] {
  return direct.flatMap((one) => {
    const other = through.find(({ scenario }) => scenario === one.scenario) ?? missing(one.scenario);
    const isAlike = one.failed === other.failed && one.passed === other.passed && one.warned === other.warned;
    return isAlike ? [] : [{ scenario: one.scenario, direct: one, through: other }];
  });
}

const missing = (scenario: string): Outcome => ({ scenario, passed: 0, failed: 0, warned: 0, checks: [] });

export function serverSection(results: readonly ServerResult[]): string {
  const sums = results.map((result) => {
    const { revision, era, direct, through } = result;
    return [revision, era, inAll(direct), inAll(through), String(differencesOf(result).length)];
  });
  const found = results.flatMap(({ revision, era, ...result }) =>
    differencesOf({ revision, era, ...result }).map((difference) => ({ ...difference, revision, era })),
  );
  const lines = found.map(({ scenario, revision, era, direct, through }) => [
    scenario,
    `${revision}, ${era}`,
    inAll([direct]),
    inAll([through]),
    lost({ scenario, direct, through }).map(short).join(' · '),
  ]);
  const different = lines.length
    ? `Not the same through the gateway:\n\n${tableOf(['scenario', 'run', 'direct', 'through', 'what was passed directly and is not'], lines)}\n`
    : 'Everything is the same through the gateway.\n';
  return `## Server mode: a server through the gateway

The fixture is the project's own server (\`scripts/conformance/fixture\`, written with \`@modelcontextprotocol/server\`): one process of the revisions with
sessions (\`2025\`), one of 2026-07-28 (\`2026\`), one of all (\`both\`). The suite asks it directly, then at \`/mcp/<server>\` of a gateway under \`npm run dev\`, before
which a proxy adds the access key. \`56/0\` is passed and failed checks. 2025-06-18 is \`--suite all --spec-version\`, the others are \`--requirements\`, with
what a revision does not score: the 30 failures of 2026-07-28 are those of the tasks extension, which the fixture does not have.

${tableOf(['revision', 'fixture', 'direct', 'through', 'scenarios that differ'], sums)}

${different}`;
}

/** Passed and failed, and warnings where there are any. */
function inAll(outcomes: readonly Outcome[]): string {
  const [passed, failed, warned] = sumOf(outcomes);
  return `${passed}/${failed}${warned === '0' ? '' : ` (${warned} warned)`}`;
}

/** What was passed directly and is not passed through the gateway, or failed there only, a line each. */
function lost({ direct, through }: Difference): string[] {
  const idsOf = ({ checks }: Outcome, isPassed: boolean) =>
    new Set(checks.filter(({ status }) => (status === 'SUCCESS') === isPassed).map(({ id }) => id));
  const [passed, known] = [idsOf(direct, true), idsOf(direct, false)];
  const met = new Set(through.checks.map(({ id }) => id));
  const worse = through.checks.filter(
    ({ id, status }) => (status !== 'SUCCESS' && passed.has(id)) || (status === 'FAILURE' && !known.has(id)),
  );
  const absent = [...passed].filter((id) => !met.has(id)).map((id) => `${id}: not reached`);
  return [...worse.map((check) => `${check.status} ${saidOf(check)}`), ...absent];
}

const MOST = 300;

const short = (line: string) => (line.length > MOST ? `${line.slice(0, MOST)}…` : line);
