import { cpus } from 'node:os';
import { NOT_COUNTED } from './client-mode.ts';
import { type Outcome, suiteVersion } from './suite.ts';

/** What came of a run with the gateway as the client. */
export type ClientResult = { title: string; outcomes: Outcome[] };

/** Those that a run is judged by. */
export function failuresOf(results: readonly ClientResult[]): Outcome[] {
  return results
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ scenario, failed }) => failed > 0 && !NOT_COUNTED.has(scenario));
}

/** The Markdown of docs/conformance.md. */
export function pageOf(results: readonly ClientResult[]): string {
  return `# The official conformance suite

\`npm run conformance\` runs the suite of the MCP project, \`@modelcontextprotocol/conformance\`, which it installs in \`scripts/conformance\`.

Last run: ${new Date().toISOString().slice(0, 10)}, suite ${suiteVersion()}, Node ${process.version.slice(1)}, ${cpus().length} cores.

${clientPage(results)}`;
}

function clientPage(results: readonly ClientResult[]): string {
  const counted = results.map(({ title, outcomes }) => ({
    title,
    outcomes: outcomes.filter(({ scenario }) => !NOT_COUNTED.has(scenario)),
  }));
  const shown = counted.filter(({ outcomes }) => outcomes.length);
  const sums = shown.map(({ title, outcomes }) => [title, String(outcomes.length), ...sumOf(outcomes)]);
  const scenarios = shown.flatMap(({ title, outcomes }) =>
    outcomes.map((outcome) => [outcome.scenario, title, ...sumOf([outcome])]),
  );
  const faults = shown.flatMap(({ title, outcomes }) =>
    outcomes.flatMap(({ scenario, faults }) => faults.map((fault) => `- ${scenario} (${title}): ${fault}`)),
  );
  const rest = results
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ scenario }) => NOT_COUNTED.has(scenario))
    .map((outcome) => [outcome.scenario, ...sumOf([outcome]), NOT_COUNTED.get(outcome.scenario) ?? '']);
  return `## Client mode: the gateway as a client of servers

The suite starts a server and its authorization server for each scenario, and a client. The client is \`scripts/conformance/client.ts\`: it adds
the server to a gateway under \`npm run dev\` (\`oauth\` for \`auth/…\`, else \`none\`), signs in at its provider as an administrator, lists its
tools and calls them through \`/mcp/<server>\` with an official SDK, and authorizes it again where the gateway asks for that.
\`npm run conformance -- --client auth\` runs the runs whose arguments name \`auth\`.

${tableOf(['run', 'scenarios', ...OUTCOME], sums)}

${tableOf(['scenario', 'run', ...OUTCOME], scenarios)}

${faults.length ? `What failed, and what the suite warns of:\n\n${faults.join('\n')}\n${WARNINGS}` : 'Nothing failed, and the suite warns of nothing.\n'}
${rest.length ? `Run, and not counted as passed:\n\n${tableOf(['scenario', ...OUTCOME, 'why'], rest)}\n` : ''}`;
}

const OUTCOME = ['passed', 'failed', 'warned'];

const WARNINGS = `
\`auth/basic-cimd\` wants one fixed address of the suite's own as the client id. The gateway's is its own document,
\`<issuer>/oauth/client.json\`, which a provider can fetch only where the issuer is https; on loopback it registers (RFC 7591) instead.
`;

function sumOf(outcomes: readonly Outcome[]): string[] {
  return (['passed', 'failed', 'warned'] as const).map((member) =>
    String(outcomes.reduce((sum, outcome) => sum + outcome[member], 0)),
  );
}

function tableOf(head: readonly string[], lines: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
