import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { FieldGateway } from '../field/gateway.ts';
import { installPackages } from '../packages.ts';
import { run, Stop } from '../stop.ts';
import { ALGORITHMS, runAuthorizationWith } from './authorization-mode.ts';
import type { Behind } from './behind.ts';
import { CLIENT_RUNS, runClient } from './client-mode.ts';
import { type ClientResult, clientSection, failuresOf } from './client-section.ts';
import { runOthers } from './other-clients.ts';
import { type AuthorizationRun, authorizationSection, othersSection, pageOf } from './page.ts';
import { runServer, SERVER_RUNS } from './server-mode.ts';
import { differencesOf, type ServerResult, serverSection } from './server-section.ts';
import { HOME } from './suite.ts';

/** A part of the page, and whether everything in it is as it should be. */
type Section = { text: string; isGood: boolean };

/** What the command can run; `word` chooses among its runs. */
const MODES: ReadonlyMap<string, (behind: Behind, word?: string) => Promise<Section>> = new Map([
  ['--server', serverMode],
  ['--client', clientMode],
  ['--authorization', authorizationMode],
  ['--others', others],
  ['--quick', quick],
]);

/** `npm run conformance [-- <mode> [word]]`: the official suite and clients of others. All of it: docs/conformance.md. */
await run(async () => {
  const [name, word] = process.argv.slice(2);
  const modes = [...MODES]
    .filter(([known]) => known === (name ?? known) && (name || known !== '--quick'))
    .map(([, mode]) => mode);
  if (!modes.length) throw new Stop(`There is no ${name}. There are: ${[...MODES.keys()].join(', ')}.`);
  installPackages(HOME);

  const gateway = await FieldGateway.start();
  const sections: Section[] = [];
  try {
    for (const mode of modes) sections.push(await mode(gateway.facts, word));
  } finally {
    await gateway.stop();
  }
  const page = pageOf(sections.map(({ text }) => text));
  if (!name) writeFileSync(join(ROOT, 'docs/conformance.md'), page);
  console.log(page);
  if (sections.some(({ isGood }) => !isGood)) process.exitCode = 1;
});
process.exit();

/** @param word a revision of MCP, or the eras of a fixture */
async function serverMode(behind: Behind, word?: string): Promise<Section> {
  const results: ServerResult[] = [];
  for (const one of chosen(SERVER_RUNS, ({ revision, era }) => !word || [revision, era].includes(word)))
    results.push(await runServer(behind, one));
  return { text: serverSection(results), isGood: !results.flatMap(differencesOf).length };
}

/** @param word among the arguments of a run */
async function clientMode(behind: Behind, word?: string): Promise<Section> {
  const results: ClientResult[] = [];
  for (const one of chosen(CLIENT_RUNS, ({ args }) => !word || args.includes(word)))
    results.push({ title: one.title, outcomes: await runClient(behind, one) });
  return { text: clientSection(results), isGood: !failuresOf(results).length };
}

/** @param word what access tokens are signed with */
async function authorizationMode(behind: Behind, word?: string): Promise<Section> {
  const runs: AuthorizationRun[] = [];
  for (const alg of chosen(ALGORITHMS, (alg) => !word || alg === word))
    runs.push({ alg, outcomes: await runAuthorizationWith(alg, behind) });
  const isGood = runs.every(({ outcomes }) => outcomes.every(({ failed }) => failed === 0));
  return { text: authorizationSection(runs), isGood };
}

async function others(behind: Behind): Promise<Section> {
  const connected = await runOthers(behind);
  return { text: othersSection(connected), isGood: connected.every(({ isGood }) => isGood) };
}

/**
 * What CI runs: the fixture of both eras in every revision, and authorization mode. The suite waits for changes as long as it
 * likes, and a busy machine may bring one later: what differs is asked again, once, and both runs are told.
 */
async function quick(behind: Behind): Promise<Section> {
  const first = await serverMode(behind, 'both');
  const runs = first.isGood ? [first] : [first, await serverMode(behind, 'both')];
  const parts = [...runs, await authorizationMode(behind)];
  return {
    text: parts.map(({ text }) => text).join('\n'),
    isGood: parts.slice(-2).every(({ isGood }) => isGood),
  };
}

function chosen<T>(runs: readonly T[], isWanted: (run: T) => boolean): T[] {
  const found = runs.filter(isWanted);
  if (found.length) return found;
  throw new Stop('No run of the suite has that name: see scripts/conformance.');
}
