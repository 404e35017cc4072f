import { NOT_COUNTED } from './client-mode.ts';
import { faultsOf, type Outcome } from './suite.ts';
import { sumOf, tableOf } from './table.ts';

/** What came of a run with the gateway as the client. */
export type ClientResult = { title: string; outcomes: Outcome[] };

/** Those that a run is judged by. */
export function failuresOf(results: readonly ClientResult[]): Outcome[] {
  return results
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ scenario, failed }) => failed > 0 && !NOT_COUNTED.has(scenario));
}

export function clientSection(results: readonly ClientResult[]): string {
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
    outcomes.flatMap((outcome) =>
      faultsOf(outcome).map((fault) => `- ${outcome.scenario} (${title}): ${fault}`),
    ),
  );
  const rest = results
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ scenario }) => NOT_COUNTED.has(scenario))
    .map((outcome) => [outcome.scenario, ...sumOf([outcome]), NOT_COUNTED.get(outcome.scenario) ?? '']);
  return `## Client mode: the gateway as a client of servers

The suite starts a server and its authorization server for each scenario, and a client. The client is \`scripts/conformance/client.ts\`: it adds
the server to the gateway (\`oauth\` for \`auth/…\`, else \`none\`), signs in at its provider as an administrator, lists its tools and calls them through
\`/mcp/<server>\` with an official SDK, and authorizes it again where the gateway asks for that. With own accounts (\`per_user_oauth\`) the caller also opens
the connect link that a call brings.

${tableOf(['run', 'scenarios', ...OUTCOME], sums)}

${tableOf(['scenario', 'run', ...OUTCOME], scenarios)}

${faults.length ? `What failed, and what the suite warns of:\n\n${faults.join('\n')}\n${WARNINGS}` : 'Nothing failed, and the suite warns of nothing.\n'}
${rest.length ? `Run, and not counted as passed:\n\n${tableOf(['scenario', ...OUTCOME, 'why'], rest)}\n` : ''}`;
}

const OUTCOME = ['passed', 'failed', 'warned'];

const WARNINGS = `
\`auth/basic-cimd\` wants one fixed address of the suite's own as the client id. The gateway's is its own document,
\`<issuer>/oauth/client.json\`, which a provider can fetch only where the issuer is https; on loopback it registers (RFC 7591) instead.
With own accounts \`auth/scope-step-up\` sees two people: the second authorization is the caller's first, and asks for what the first asked for.
`;
