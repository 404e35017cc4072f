import { join } from 'node:path';
import { buildBundle, weightOf } from '../scripts/deploy/bundle.ts';
import { ROOT } from '../scripts/dev/state.ts';
import { installPackages } from '../scripts/packages.ts';
import { run, Stop } from '../scripts/stop.ts';
import { closeConnections } from './measure/client.ts';
import { Results } from './measure/results.ts';
import { measureRow } from './measure/rounds.ts';
import { countOperations } from './operations/operations.ts';
import { type Options, readOptions } from './options.ts';
import { type Part, partsOf } from './parts.ts';
import { loadOfMinute, machineNow } from './report/machine.ts';
import type { Report } from './report/report.ts';
import { asText, measuredTable, operationTable, targetTable } from './report/tables.ts';
import { writeOperations, writeReport } from './report/write.ts';
import { temporaryFolder } from './sides/bundle.ts';
import { UpstreamProcess } from './sides/side.ts';
import { startUpCpu } from './sides/start-up.ts';
import type { World } from './sides/world.ts';

/** Starts whose CPU is measured; of `--quick`. */
const STARTS = 9;
const QUICK_STARTS = 1;

const BEGAN = performance.now();

/** `npm run bench [-- options]`: see bench/README.md. */
await run(async () => {
  const options = readOptions(process.argv.slice(2));
  const before = loadOfMinute();
  const hasPeer = installPeer();
  const folder = temporaryFolder();
  const bundle = join(folder, 'bundle');
  say('building the Worker');
  await buildBundle(bundle);
  const upstream = await UpstreamProcess.start();
  try {
    const measured = await measure({ upstream, bundle, folder }, options, hasPeer);
    const machine = machineNow(before, hasPeer);
    tell({ ...measured, machine, rounds: options.rounds, bundle: weightOf(bundle) }, options);
  } finally {
    await closeConnections();
    await upstream.stop();
  }
});
process.exit();

/** @returns false when it cannot be installed */
function installPeer(): boolean {
  try {
    installPackages(join(ROOT, 'bench'));
    return true;
  } catch {
    console.log(
      'The peer is not installed, and goes without figures. "npm ci --prefix bench" installs it from npm.',
    );
    return false;
  }
}

type Measured = Pick<Report, 'results' | 'operations' | 'startUp'>;

async function measure(world: World, options: Options, hasPeer: boolean): Promise<Measured> {
  const results = new Results();
  const parts = options.operations ? [] : partsOf(world, options.quick, hasPeer);
  const names = [...parts.flatMap(({ rows }) => rows.map(({ name }) => name)), 'operations', 'start-up'];
  if (!names.some((name) => isWanted(options, name)))
    throw new Stop(`No row has "${options.only}" in its name. There are:\n  ${names.join('\n  ')}`);
  for (const part of parts) await measurePart(part, options, results);
  const operations = isWanted(options, 'operations')
    ? await countOperations(world, options.quick, say)
    : null;
  const starts = options.quick ? QUICK_STARTS : STARTS;
  if (options.operations || !isWanted(options, 'start-up')) return { results, operations, startUp: null };
  say('start-up');
  return { results, operations, startUp: await startUpCpu(world.bundle, starts) };
}

function isWanted({ only }: Options, name: string): boolean {
  return !only || name.toLowerCase().includes(only);
}

async function measurePart(part: Part, options: Options, results: Results): Promise<void> {
  const rows = part.rows.filter(({ name }) => isWanted(options, name));
  if (!rows.length) return;
  say(`starting the sides: ${part.name}`);
  const running = await part.start();
  const sides = running.map(({ side }) => side);
  try {
    for (const row of rows) {
      say(row.name);
      await measureRow(row, sides, options, results);
    }
  } finally {
    for (const process of new Set(running.map(({ process }) => process))) await process?.stop();
  }
}

/** Prints what was found, and writes it where that is wanted. Wrong answers are an error at the end; the page says which rows have some. */
function tell(report: Report, { quick, writes, operations: onlyOperations }: Options): void {
  const { results, operations } = report;
  if (results.all.length) console.log(`\n${asText(measuredTable(results))}`);
  if (operations) console.log(`\n${asText(operationTable(operations))}`);
  if (!onlyOperations) console.log(`\n${asText(targetTable(report))}`);
  if (quick) console.log('\n--quick: every row was run, and none of these figures means anything.');
  if (writes) {
    if (operations) writeOperations(operations);
    if (!onlyOperations) writeReport(report);
    console.log('\nWritten: docs/performance');
  }
  const failures = results.failures();
  if (!failures.length) return;
  console.error(`\n${failures.join('\n')}`);
  process.exitCode = 1;
}

function say(text: string): void {
  const seconds = Math.round((performance.now() - BEGAN) / 1000);
  console.log(`${String(seconds).padStart(5)} s  ${text}`);
}
