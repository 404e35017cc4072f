import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { FieldGateway } from '../field/gateway.ts';
import { installPackages } from '../packages.ts';
import { run, Stop } from '../stop.ts';
import { CLIENT_RUNS, runClient } from './client-mode.ts';
import { type ClientResult, failuresOf } from './client-section.ts';
import { pageOf } from './page.ts';
import { runServer, SERVER_RUNS } from './server-mode.ts';
import { differencesOf, type ServerResult } from './server-section.ts';
import { HOME } from './suite.ts';

/** `npm run conformance [-- --client [word] | --server [revision]]`: the official suite. All of it: docs/conformance.md. */
await run(async () => {
  const [mode, word] = process.argv.slice(2);
  const client = CLIENT_RUNS.filter(({ args }) => mode !== '--server' && (!word || args.includes(word)));
  const server = SERVER_RUNS.filter(({ revision }) => mode !== '--client' && (!word || revision === word));
  if (!client.length && !server.length) throw new Stop(`No run of the suite is named ${word}.`);
  installPackages(HOME);

  const gateway = await FieldGateway.start();
  const ofClient: ClientResult[] = [];
  const ofServer: ServerResult[] = [];
  try {
    for (const one of server) ofServer.push(await runServer(gateway.facts, one));
    for (const one of client)
      ofClient.push({ title: one.title, outcomes: await runClient(gateway.facts, one) });
  } finally {
    await gateway.stop();
  }
  const page = pageOf(ofClient, ofServer);
  if (mode === undefined) writeFileSync(join(ROOT, 'docs/conformance.md'), page);
  console.log(page);
  if (failuresOf(ofClient).length || ofServer.some((one) => differencesOf(one).length)) process.exitCode = 1;
});
process.exit();
