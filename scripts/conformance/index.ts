import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { FieldGateway } from '../field/gateway.ts';
import { installPackages } from '../packages.ts';
import { run, Stop } from '../stop.ts';
import { CLIENT_RUNS, runClient } from './client-mode.ts';
import { type ClientResult, failuresOf, pageOf } from './page.ts';
import { HOME } from './suite.ts';

/** `npm run conformance [-- --client [word]]`: the official suite. All of it: docs/conformance.md. */
await run(async () => {
  const [, word] = process.argv.slice(2);
  const chosen = CLIENT_RUNS.filter(({ args }) => !word || args.includes(word));
  if (!chosen.length) throw new Stop(`No run of the suite has the argument ${word}.`);
  installPackages(HOME);

  const gateway = await FieldGateway.start();
  const results: ClientResult[] = [];
  try {
    for (const one of chosen)
      results.push({ title: one.title, outcomes: await runClient(gateway.facts, one) });
  } finally {
    await gateway.stop();
  }
  const page = pageOf(results);
  if (chosen.length === CLIENT_RUNS.length) writeFileSync(join(ROOT, 'docs/conformance.md'), page);
  console.log(page);
  if (failuresOf(results).length) process.exitCode = 1;
});
process.exit();
