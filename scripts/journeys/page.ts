import { cpus } from 'node:os';
import { tableOf } from '../conformance/table.ts';
import { MOST_PAINT } from './holder.ts';
import { TOOLS } from './peer.ts';
import { faultsIn } from './runs.ts';
import { MOST_BYTES, MOST_BYTES_CHOOSING, type Row } from './walk.ts';

/** A run by how it is called, and what came of it. */
export type Walked = { title: string; rows: readonly Row[] };

/** The Markdown of docs/journeys.md. */
export function pageOf(runs: readonly Walked[], { keys, load }: { keys: number; load: number }): string {
  const titles = runs.map(({ title }) => title);
  const steps = stepsOf(runs);
  const all = ([user, step]: Step) =>
    runs.map(({ rows }) => rows.find((row) => row.user === user && row.step === step));
  const times = steps.map((step) => [...step, ...all(step).map((row) => (row ? ms(row.ms) : '–'))]);
  const sums = [...new Set(steps.map(([user]) => user))].map((user) => [
    user,
    '**all**',
    ...runs.map(({ rows }) => ms(sumOf(rows.filter((row) => row.user === user).map((row) => row.ms)))),
  ]);
  const pages = steps.flatMap((step) => {
    const rows = all(step);
    const weights = rows.flatMap((row) => row?.bytes ?? []);
    if (!weights.length) return [];
    return [[...step, ...rows.map((row) => (row?.paint ? ms(row.paint) : '–')), kb(Math.max(...weights))]];
  });
  const faults = runs.flatMap(({ title, rows }) => faultsIn(rows).map((fault) => `- ${title}: ${fault}`));
  return `# Journeys of new users

\`npm run journeys\` starts a gateway, fills it, and sends three users through headless Chromium: a developer with the README, an administrator, and a person
whose app opens the consent page. \`npm run journeys -- --quick\` takes the first two runs. Each walks once in the test run too, at few servers: \`test/journeys/new-users.test.ts\`.

At 64 servers of ${TOOLS} tools each there are ${keys} keys, too. Keys, toolsets and apps are called in 200 unbroken letters, right to left, in emoji, in nothing visible and
in marks without end, every fourth server in 64 unbroken letters, as many as one may have. "No JS" is a browser that runs no script. All runs but one go by keyboard alone: Tab to what is meant, then Space, Enter, arrows or letters. 200 % zoom
is a window half as wide and high: 720 by 450 px.

A step fails when it cannot be done, and each page it ends on when at 1440, 720 or 390 px something leaves the view, is cut off or covers its neighbour; when Tab comes to what
is off screen or covered; when what was typed is lost; when Back or Forward leads to an error page of the browser; when the page reports an error or asks another host;
when it weighs ${kb(MOST_BYTES)} KB or more with all it loads (${kb(MOST_BYTES_CHOOSING)} where servers are chosen). The consent page has to be painted within ${MOST_PAINT} ms each time it is opened. In the dark, axe-core measures contrast.

Last run: ${new Date().toISOString().slice(0, 10)}, Node ${process.version.slice(1)}, ${cpus().length} cores, of which other programs kept ${load.toFixed(1)} busy as it began.

## Steps

Milliseconds, with each press of Tab, about 10 ms. "–": the step is not there.

${tableOf(['user', 'step', ...titles], [...times, ...sums])}

## Pages

Milliseconds until the page that a step leads to is first painted, from the press that asked for it; KB of the largest, with all it loads.

${tableOf(['user', 'step', ...titles, 'KB'], pages)}

## Faults

${faults.join('\n') || 'None.'}
`;
}

type Step = readonly [user: string, step: string];

/** Every step of any run, in order. */
function stepsOf(runs: readonly Walked[]): Step[] {
  const longest = [...runs].sort((a, b) => b.rows.length - a.rows.length)[0];
  return (longest?.rows ?? []).map(({ user, step }) => [user, step]);
}

const ms = (value: number) => String(Math.round(value));
const kb = (bytes: number) => String(Math.round(bytes / 1000));
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
