import { cpus } from 'node:os';
import type { Connected } from './other-clients.ts';
import { faultsOf, type Outcome, suiteVersion } from './suite.ts';
import { sumOf, tableOf } from './table.ts';

/** The Markdown of docs/conformance.md. */
export function pageOf(sections: readonly string[]): string {
  return `# The official conformance suite

\`npm run conformance\` runs the suite of the MCP project, \`@modelcontextprotocol/conformance\`, which it installs in \`scripts/conformance\`, against a gateway
under \`npm run dev\`. A part of it: \`npm run conformance -- --server 2025-11-25\` (server mode in one revision), \`-- --client auth\` (the client runs whose
arguments have that word), \`-- --authorization\` (\`RS256\` or \`ES256\`), \`-- --others\`. CI runs \`-- --quick\`: the fixture of both eras in every revision, and
authorization mode.

Last run: ${new Date().toISOString().slice(0, 10)}, suite ${suiteVersion()}, Node ${process.version.slice(1)}, ${cpus().length} cores.

${sections.join('\n')}`;
}

/** One run in authorization mode, and what access tokens were signed with. */
export type AuthorizationRun = { alg: string; outcomes: readonly Outcome[] };

export function authorizationSection(runs: readonly AuthorizationRun[]): string {
  const lines = runs.flatMap(({ alg, outcomes }) =>
    outcomes.map((outcome) => [outcome.scenario, alg, ...sumOf([outcome])]),
  );
  const faults = runs.flatMap(({ outcomes }) => outcomes.flatMap(faultsOf)).map((fault) => `\n- ${fault}`);
  return `## Authorization mode: the gateway as an authorization server

The suite reads the metadata, and gets a code and a token as a client that \`scripts/conformance/authorization-mode.ts\` registered before; the pages between
are answered as a person does, with an access key. Once for each kind of key that may sign access tokens (\`-- --authorization ES256\`: for that alone).

${tableOf(['scenario', 'signed with', 'passed', 'failed', 'warned'], lines)}
${faults.join('')}`;
}

export function othersSection(others: readonly Connected[]): string {
  const lines = others.map(({ client, way, met }) => [client, way, met.replace(/\s+/g, ' ')]);
  return `## Clients of others

They connect to \`/mcp\`, list its tools, and call one of the demo's server.

${tableOf(['client', 'how', 'what it met'], lines)}
`;
}
