import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { FieldGateway } from '../field/gateway.ts';
import { installPackages } from '../packages.ts';
import { run, Stop } from '../stop.ts';
import { runAuthorization } from './authorization-mode.ts';
import { CLIENT_RUNS, runClient } from './client-mode.ts';
import { type ClientResult, failuresOf } from './client-section.ts';
import { pageOf } from './page.ts';
import { runServer, SERVER_RUNS } from './server-mode.ts';
import { differencesOf, type ServerResult } from './server-section.ts';
import { HOME, type Outcome } from './suite.ts';

/** `npm run conformance [-- --client [word] | --server [revision] | --authorization]`: the official suite. All of it: docs/conformance.md. */
await run(async () => {
  const [mode, word] = process.argv.slice(2);
  const client = CLIENT_RUNS.filter(
    ({ args }) => [undefined, '--client'].includes(mode) && (!word || args.includes(word)),
  );
  const server = SERVER_RUNS.filter(
    ({ revision }) => [undefined, '--server'].includes(mode) && (!word || revision === word),
  );
  const isAuthorization = mode === undefined || mode === '--authorization';
  if (!client.length && !server.length && !isAuthorization)
    throw new Stop(`No run of the suite is named ${word}.`);
  installPackages(HOME);

  const gateway = await FieldGateway.start();
  const ofClient: ClientResult[] = [];
  const ofServer: ServerResult[] = [];
  const ofAuthorization: Outcome[] = [];
  try {
    for (const one of server) ofServer.push(await runServer(gateway.facts, one));
    for (const one of client)
      ofClient.push({ title: one.title, outcomes: await runClient(gateway.facts, one) });
    if (isAuthorization) ofAuthorization.push(...(await runAuthorization(gateway.facts)));
  } finally {
    await gateway.stop();
  }
  const page = pageOf(ofClient, ofServer, ofAuthorization);
  if (mode === undefined) writeFileSync(join(ROOT, 'docs/conformance.md'), page);
  console.log(page);
  const isWorse =
    failuresOf(ofClient).length + ofServer.flatMap(differencesOf).length > 0 ||
    ofAuthorization.some(({ failed }) => failed > 0);
  if (isWorse) process.exitCode = 1;
});
process.exit();
