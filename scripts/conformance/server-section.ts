import type { ServerRun } from './server-mode.ts';
import { type Outcome, saidOf } from './suite.ts';
import { sumOf, tableOf } from './table.ts';

/** What a run in server mode came to: at the fixture itself, through `/mcp/<server>`, and through `/mcp`. */
export type ServerResult = ServerRun & Record<'direct' | 'through' | 'joined', Outcome[]>;

/** A scenario that came to something else at one of the gateway's addresses. */
type Difference = { scenario: string; address: string; direct: Outcome; through: Outcome; lost: string[] };

/** Those of a run that came to something else. */
export function differencesOf({ direct, through, joined }: ServerResult): Difference[] {
  return [...differing('/mcp/<server>', direct, through), ...differing('/mcp', direct, joined)];
}

function differing(address: string, direct: readonly Outcome[], through: readonly Outcome[]): Difference[] {
  return direct.flatMap((one) => {
    const { scenario } = one;
    const other = through.find((outcome) => outcome.scenario === scenario) ?? missing(scenario);
    const lines = lost(one, other);
    return lines.length ? [{ scenario, address, direct: one, through: other, lost: lines }] : [];
  });
}

const missing = (scenario: string): Outcome => ({ scenario, passed: 0, failed: 0, warned: 0, checks: [] });

/** A revision, a fixture, an address. */
type Place = readonly [string, string, string];

/** Between the cells of a line that is the same in several places. */
const BETWEEN = '\n';

export function serverSection(results: readonly ServerResult[]): string {
  const sums = results.map(({ revision, era, direct, through, joined }) => [
    revision,
    era,
    ...[direct, through, joined].map(inAll),
    String(differing('', direct, through).length),
    String(differing('', direct, joined).length),
  ]);
  const places = new Map<string, Place[]>();
  for (const { revision, era, ...result } of results) {
    for (const { scenario, address, direct, through, lost } of differencesOf({ revision, era, ...result })) {
      const cells = [scenario, inAll([direct]), inAll([through]), lost.map(short).join(' · ')].join(BETWEEN);
      places.set(cells, [...(places.get(cells) ?? []), [revision, era, `\`${address}\``]]);
    }
  }
  const lines = [...places].map(([cells, where]) => [...cells.split(BETWEEN), whereIn(where)]).sort();
  const different = lines.length
    ? `Not the same through the gateway:\n\n${tableOf(['scenario', 'direct', 'through', 'what was passed directly and is not', 'where'], lines)}\n`
    : 'Everything is the same through the gateway.\n';
  return `## Server mode: a server through the gateway

The fixture is the project's own server (\`scripts/conformance/fixture\`, written with \`@modelcontextprotocol/server\`): one process of the revisions with
sessions (\`2025\`), one of 2026-07-28 (\`2026\`), one of all (\`both\`). The suite asks it directly, then at \`/mcp/<server>\` of a gateway under \`npm run dev\`, before
which a proxy adds the access key, and at \`/mcp\`, where the demo's servers are beside it: there the proxy puts the server's prefixes in and takes them off. \`56/0\` is passed and failed checks. 2025-06-18 is \`--suite all --spec-version\`, the others are \`--requirements\`, with
what a revision does not score: the 30 failures of 2026-07-28 are those of the tasks extension, which the fixture does not have.
\`server-sse-multiple-streams\` passes one check less where the gateway answers a list as JSON and the fixture as a stream: the suite takes both.

${tableOf(['revision', 'fixture', 'direct', '`/mcp/<server>`', '`/mcp`', 'scenarios that differ', 'at `/mcp`'], sums)}

${different}`;
}

/** Every combination in short, where they are all there. */
function whereIn(places: readonly Place[]): string {
  const parts = [0, 1, 2].map((at) => [...new Set(places.map((place) => place[at]))]);
  const isAll = parts.reduce((product, part) => product * part.length, 1) === places.length;
  const said = (part: readonly (string | undefined)[]) => part.join(' and ');
  return isAll ? parts.map(said).join('; ') : places.map((place) => place.join(' ')).join(', ');
}

/** Passed and failed, and warnings where there are any. */
function inAll(outcomes: readonly Outcome[]): string {
  const [passed, failed, warned] = sumOf(outcomes);
  return `${passed}/${failed}${warned === '0' ? '' : ` (${warned} warned)`}`;
}

/** What was passed directly and is not passed through the gateway, or failed there only, a line each. `INFO`: it is right as well. */
function lost(direct: Outcome, through: Outcome): string[] {
  const idsOf = ({ checks }: Outcome, isPassed: boolean) =>
    new Set(checks.filter(({ status }) => (status === 'SUCCESS') === isPassed).map(({ id }) => id));
  const [passed, known] = [idsOf(direct, true), idsOf(direct, false)];
  const met = new Set(through.checks.map(({ id }) => id));
  const worse = through.checks.filter(({ id, status }) => {
    if (status === 'SUCCESS' || status === 'INFO') return false;
    return passed.has(id) || (status === 'FAILURE' && !known.has(id));
  });
  const absent = [...passed].filter((id) => !met.has(id)).map((id) => `${id}: not reached`);
  return [...worse.map((check) => `${check.status} ${saidOf(check)}`), ...absent];
}

const MOST = 300;

const short = (line: string) => (line.length > MOST ? `${line.slice(0, MOST)}…` : line);
