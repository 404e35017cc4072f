import { cpus } from 'node:os';
import { type ClientResult, clientSection } from './client-section.ts';
import { type ServerResult, serverSection } from './server-section.ts';
import { suiteVersion } from './suite.ts';

/** The Markdown of docs/conformance.md. */
export function pageOf(client: readonly ClientResult[], server: readonly ServerResult[]): string {
  const sections = [
    ...(server.length ? [serverSection(server)] : []),
    ...(client.length ? [clientSection(client)] : []),
  ];
  return `# The official conformance suite

\`npm run conformance\` runs the suite of the MCP project, \`@modelcontextprotocol/conformance\`, which it installs in \`scripts/conformance\`.
\`npm run conformance -- --server 2025-11-25\` runs server mode in one revision, \`-- --client auth\` the client runs whose arguments have that word.

Last run: ${new Date().toISOString().slice(0, 10)}, suite ${suiteVersion()}, Node ${process.version.slice(1)}, ${cpus().length} cores.

${sections.join('\n')}`;
}
