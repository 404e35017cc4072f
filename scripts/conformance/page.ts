import { cpus } from 'node:os';
import { type ClientResult, clientSection } from './client-section.ts';
import { type ServerResult, serverSection } from './server-section.ts';
import { faultsOf, type Outcome, suiteVersion } from './suite.ts';
import { sumOf, tableOf } from './table.ts';

/** The Markdown of docs/conformance.md. */
export function pageOf(
  client: readonly ClientResult[],
  server: readonly ServerResult[],
  authorization: readonly Outcome[],
): string {
  const sections = [
    ...(server.length ? [serverSection(server)] : []),
    ...(client.length ? [clientSection(client)] : []),
    ...(authorization.length ? [authorizationSection(authorization)] : []),
  ];
  return `# The official conformance suite

\`npm run conformance\` runs the suite of the MCP project, \`@modelcontextprotocol/conformance\`, which it installs in \`scripts/conformance\`.
\`npm run conformance -- --server 2025-11-25\` runs server mode in one revision, \`-- --client auth\` the client runs whose
arguments have that word, \`-- --authorization\` authorization mode.

Last run: ${new Date().toISOString().slice(0, 10)}, suite ${suiteVersion()}, Node ${process.version.slice(1)}, ${cpus().length} cores.

${sections.join('\n')}`;
}

function authorizationSection(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map((outcome) => [outcome.scenario, ...sumOf([outcome])]);
  const faults = outcomes.flatMap(faultsOf).map((fault) => `\n- ${fault}`);
  return `## Authorization mode: the gateway as an authorization server

The suite reads the metadata, and gets a code and a token as a client that \`scripts/conformance/authorization-mode.ts\` registered before; the pages between
are answered as a person does, with an access key.

${tableOf(['scenario', 'passed', 'failed', 'warned'], lines)}
${faults.join('')}`;
}
