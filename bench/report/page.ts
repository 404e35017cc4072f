import type { Results } from '../measure/results.ts';
import { MCP_ROWS } from '../rows/mcp.ts';
import { OAUTH_ROWS } from '../rows/oauth.ts';
import { REFUSAL_ROWS } from '../rows/refusals.ts';
import { STREAM_ROWS } from '../rows/streams.ts';
import { keptSections } from './kept.ts';
import type { Drawn } from './plots.ts';
import type { Machine, Report } from './report.ts';
import { asMarkdown, measuredTable, operationTable, shown, type Table, targetTable } from './tables.ts';

/** Sections of the measured rows; the last has those that no other has. */
const SECTIONS: readonly (readonly [title: string, rows: readonly { name: string }[] | null])[] = [
  ['The flow', OAUTH_ROWS],
  ['`/mcp`', MCP_ROWS],
  ['Refusals', REFUSAL_ROWS],
  ['Streams', STREAM_ROWS],
  ['Grants in the index, and lists', null],
];

/** docs/performance.md. @param before the page so far, for what people wrote in it */
export function pageOf(report: Report, plots: readonly Drawn[], before: string): string {
  const { machine, results, operations, startUp, bundle } = report;
  return `# Performance

\`npm run bench\` builds the Worker that would be deployed, runs it in Miniflare beside a Worker that only forwards and beside a gateway made with
\`@cloudflare/workers-oauth-provider\`, and writes this page. ${machineWords(machine)} ${report.rounds} rounds.

${METHOD}

## Targets

${asMarkdown(targetTable(report))}

Hard: what must hold. Goal: what would be good. How the ratios are made stands above; "the worst of" is the largest of the ratios for each number of senders.

## In pictures

${plots.map(({ file, alt }) => `![${alt}](performance/${file})`).join('\n\n')}

${measuredSections(results)}

## The assets road

\`wrangler.toml\` has \`[assets]\`. Miniflare then leads every request through Workers of its own before it comes to this one; they are no part of what Cloudflare bills. All rows but
those of "toolgate, assets road" are measured without that road, as the other sides are.

${asMarkdown(assetsTable(results))}

## Storage operations

What one operation asks of storage, with what its objects ask and with what goes on behind the answer. Counted, not timed: in a gateway of its own whose bindings count.
\`docs/performance/operations.json\` has the same, apart for the Worker and its objects. KV, D1 and objects of the peer are not counted.

${operations ? asMarkdown(operationTable(operations)) : 'Not counted.'}

## Start-up and bundle

Loading the modules takes workerd ${shown(startUp ?? Number.NaN)} ms of CPU: a small Worker imports the built one when a request asks it to, and the CPU of that request is read from
\`/proc\` in nanoseconds. The bundle weighs ${shown(bundle.bytes / 1024)} KiB, ${shown(bundle.gzipped / 1024)} KiB gzipped.

${keptSections(before)}
`;
}

function machineWords({ date, cpu, cores, memory, node, workerd, load, peer }: Machine): string {
  const [start, end] = load.map((one) => one.toFixed(2));
  const compared = peer ? `the peer is ${peer}` : 'the peer was not installed';
  return `Last run: ${date}, ${cores} cores (${cpu}), ${Math.round(memory / 2 ** 30)} GiB, Node ${node}, workerd ${workerd}; ${compared}. Load average ${start} before, ${end} after.`;
}

const METHOD = `- **Sides.** "direct" is the MCP server itself, "forwarder" the least a gateway in this runtime costs, "peer" the other gateway, "toolgate" this one at \`/mcp/<server>\`, signing
  with RS256. Each runs in a process and a workerd of its own, on a socket that leads straight to the Worker. What is stored lies in memory (\`/dev/shm\`) where there is such a folder.
- **Rounds.** Each round measures every side, one after the other, the other way round in every other round. A figure is the median of the rounds; a ratio is the
  median of the rounds' ratios, so that a slow minute of the machine slows both.
- **CPU** is that of workerd, read from \`/proc\` before and after a run, in ticks of 10 ms, divided by the requests: also what goes on behind an answer.
- **Client bound:** the client's event loop was at work for more than 85 % of the time, so the rate says little about the side. Client, MCP server and sides share the cores.
- **Grants.** Three gateways differ in the size of the index alone. Up to 1,000 grants of each were made by the whole flow, so their objects exist; the others are rows put straight
  into D1. Eight clients use eight grants of those with objects.
- **Simulated storage** ranks and does not predict: D1, KV and objects are local here. Times at the edge differ.`;

function measuredSections(results: Results): string {
  const named = new Set(SECTIONS.flatMap(([, rows]) => rows?.map(({ name }) => name) ?? []));
  const { head, rows } = measuredTable(results);
  return SECTIONS.flatMap(([title, ours]) => {
    const names = ours?.map(({ name }) => name);
    const some = rows.filter(([row = '']) => (names ? names.includes(row) : !named.has(row)));
    return some.length ? [`## ${title}\n\n${asMarkdown(withoutEmpty({ head, rows: some }))}`] : [];
  }).join('\n\n');
}

/** The same without columns that say nothing. */
function withoutEmpty({ head, rows }: Table): Table {
  const isUsed = head.map((_, at) => rows.some((cells) => cells[at] !== '–'));
  const used = (cells: readonly string[]) => cells.filter((_, at) => isUsed[at]);
  return { head: used(head), rows: rows.map(used) };
}

function assetsTable(results: Results): Table {
  const [without, within] = ['toolgate', 'toolgate, assets road'];
  const rows = results.all
    .filter(({ side }) => side === within)
    .map(({ row, parallel }) => [
      row,
      String(parallel),
      ...(['p50', 'cpu'] as const).flatMap((figure) => [
        shown(results.figure(row, without, parallel, figure)),
        shown(results.figure(row, within, parallel, figure)),
        shown(results.ratio(row, within, without, parallel, figure)),
      ]),
    ]);
  const head = ['operation', 'at once', 'p50 ms without', 'with', '×', 'CPU µs without', 'with', '×'];
  return { head, rows };
}
