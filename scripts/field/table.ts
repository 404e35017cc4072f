import { cpus } from 'node:os';
import type { FieldServer } from './servers.ts';
import type { Step } from './walk.ts';

/** A server's line. A step is null where there is nothing to be met. */
export type Row = {
  server: FieldServer;
  version: string;
  tools: number;
  list: Step;
  call: Step;
  error: Step;
  progress: Step | null;
  serverRestarted: Step | null;
  gatewayRestarted: Step | null;
};

const STEPS = [
  ['list', 'list'],
  ['call', 'call'],
  ['error', 'error'],
  ['progress', 'progress'],
  ['serverRestarted', 'server restarted'],
  ['gatewayRestarted', 'gateway restarted'],
] as const;

/** The Markdown of docs/field.md. */
export function pageOf(rows: readonly Row[]): string {
  const head = ['server', 'version', 'what it is', 'tools', ...STEPS.map(([, title]) => title)];
  const lines = rows.map(({ server, version, tools, ...steps }) => [
    `${server.name} (\`${server.package}\`)`,
    version,
    server.kind,
    String(tools),
    ...STEPS.map(([step]) => cell(steps[step])),
  ]);
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const faults = rows.flatMap((row) =>
    STEPS.flatMap(([step, title]) =>
      (row[step]?.faults ?? []).map(
        (fault) => `- ${row.server.name}, ${title}: ${fault.replace(/\s+/g, ' ')}`,
      ),
    ),
  );
  const day = new Date().toISOString().slice(0, 10);
  return `# Servers of the field

\`npm run field\` starts servers from npm as their users do, puts each behind the gateway under \`npm run dev\`, and compares what three official
clients (SDK 1; SDK 2 in the 2025 era; SDK 2 in 2026-07-28) meet at \`/mcp/<server>\` with what a client meets at the server itself: the
names of the tools (as a client sees them that can answer every question), a call, a call with arguments that the schema refuses, reports of progress, the call again once the server was
restarted, and once the gateway was restarted, with the same clients. "3 of 3": all three meet the same. "–": the server has
none. Servers that need a service of theirs answer with their own error, which has to come through. \`npm run field everything\` runs one.

Last run: ${day}, Node ${process.version.slice(1)}, ${cpus().length} cores (${cpus()[0]?.model.trim()}).

${table}
${faults.length ? `\nNot alike:\n\n${faults.join('\n')}\n` : '\nNothing was met otherwise.\n'}`;
}

function cell(step: Step | null): string {
  return step ? `${step.alike} of ${step.of}` : '–';
}
