import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../dev/state.ts';
import { FieldGateway } from '../field/gateway.ts';
import { findChromium, launchChromium } from '../screenshots/chromium.ts';
import { run, Stop } from '../stop.ts';
import { Crowd } from './crowd.ts';
import { pageOf, type Walked } from './page.ts';
import { Peer } from './peer.ts';
import { faultsIn, walkAll } from './runs.ts';
import type { Row, Way } from './walk.ts';

/** Servers of the demo that stay: everyone has an account of their own there. The developer adds the third again. */
const OF_DEMO = 2;
const KEYS = 1000;

const DESK = {
  hands: 'keyboard',
  width: 1440,
  height: 900,
  widths: [1440, 720, 390],
  isTimed: true,
} as const;
const RUNS: readonly { title: string; servers: number; way: Way }[] = [
  { title: '3 servers', servers: 3, way: { ...DESK, hasScript: true } },
  { title: '3, no JS', servers: 3, way: { ...DESK, hasScript: false } },
  { title: '64 servers', servers: 64, way: { ...DESK, hasScript: true } },
  { title: '64, no JS', servers: 64, way: { ...DESK, hasScript: false } },
  {
    title: '64, pointer, 390 px',
    servers: 64,
    way: { ...DESK, hasScript: true, hands: 'pointer', width: 390, height: 800 },
  },
  {
    title: '64, dark, 200 %',
    servers: 64,
    way: { ...DESK, hasScript: true, width: 720, height: 450, isDark: true },
  },
];

/** `npm run journeys [-- --quick]`: three users, each in every run. A whole run writes docs/journeys.md. */
await run(async () => {
  const [load = 0] = loadavg();
  const isQuick = process.argv.includes('--quick');
  const executable = await findChromium();
  if (!executable)
    throw new Stop('There is no Chromium on this machine. Install Chrome, or set CHROME_PATH.');
  const [gateway, peer, browser] = await Promise.all([
    FieldGateway.start({ REVOCATION_LAG: '2' }),
    Peer.start(),
    launchChromium(executable),
  ]);
  const walked: Walked[] = [];
  try {
    const crowd = new Crowd(gateway.facts, peer);
    await crowd.remove('demo');
    for (const [number, { title, servers, way }] of RUNS.slice(0, isQuick ? 2 : RUNS.length).entries()) {
      if (servers > crowd.servers.length + OF_DEMO) {
        await crowd.growTo(servers - OF_DEMO);
        if (servers > 3) await crowd.addKeys(KEYS);
      }
      const rows = await walkAll(browser, crowd, way, number);
      console.log(`\n${title}\n${rows.map(lineOf).join('\n')}`);
      walked.push({ title, rows });
    }
  } finally {
    await browser.close();
    peer.stop();
    await gateway.stop();
  }
  if (!isQuick) writeFileSync(join(ROOT, 'docs/journeys.md'), pageOf(walked, { keys: KEYS, load }));
  const faults = walked.flatMap(({ title, rows }) => faultsIn(rows).map((fault) => `${title}: ${fault}`));
  console.log(`\n${faults.join('\n') || 'No fault was found.'}`);
  if (faults.length) process.exitCode = 1;
});
process.exit();

function lineOf({ user, step, ms, tabs, paint, bytes, faults }: Row): string {
  const page = bytes === null ? '' : `, first paint ${paint} ms, ${Math.round(bytes / 1000)} KB`;
  const said = faults.map((fault) => `\n    ${fault.replace(/\s+/g, ' ')}`).join('');
  return `  ${user}, ${step}: ${Math.round(ms)} ms, ${tabs} × Tab${page}${said}`;
}
