import { setTimeout as delay } from 'node:timers/promises';
import { send } from '../measure/client.ts';
import { calling, expectIn, sendMcp, tokenOf } from '../rows/mcp.ts';
import { REFUSAL_NAMES, refusalRow, refusedToken, sendRefused } from '../rows/refusals.ts';
import {
  authorize,
  type Code,
  discover,
  JWKS,
  register,
  resourceMetadata,
  SERVER_METADATA,
  sendCode,
  sendRefresh,
  tokensIn,
} from '../sides/flow.ts';
import type { Side } from '../sides/side.ts';
import { gateway, type Running, type World } from '../sides/world.ts';
import { type Counts, perOne, takeCounts } from './counts.ts';

/** What one operation asks of storage. */
export type Operation = { name: string; counts: Counts };

/** How often each is done; its counts are divided by that. With `--quick`, once. */
const TIMES = 10;
/** Isolates remember settings and callers for so long where nothing else is said. Seconds. */
const LAG = 10;

export const WARM_CALL = 'tools/call';
export const REFRESH = 'refresh';

/** Counts the operations of two gateways of their own: one that remembers for a minute, so that nothing is read again meanwhile, and one as it is shipped. */
export async function countOperations(
  world: World,
  quick: boolean,
  say: (text: string) => void,
): Promise<Operation[]> {
  const times = quick ? 1 : TIMES;
  const operations: Operation[] = [];
  const counting = (running: Running) => async (name: string, act: () => Promise<void>, times: number) => {
    say(`counting: ${name}`);
    await act();
    operations.push({ name, counts: perOne(await takeCounts(running.side.origin), times) });
  };
  const patient = await counted(world, { REVOCATION_LAG: '60' });
  try {
    await takeCounts(patient.side.origin);
    await countAll(patient, times, counting(patient));
  } finally {
    await patient.process?.stop();
  }
  const written = operations.find(({ name }) => name === 'registration')?.counts.worker.d1.rowsWritten;
  if (!written)
    throw new Error(
      'a registration is said to write no row: the counting bindings are not in the place of the real ones',
    );
  if (quick) return operations; // the other one is mostly waited for
  const shipped = await counted(world, {});
  try {
    await takeCounts(shipped.side.origin);
    await countLater(shipped.side, counting(shipped));
  } finally {
    await shipped.process?.stop();
  }
  return operations;
}

type Counting = (name: string, act: () => Promise<void>, times: number) => Promise<void>;

const counted = (world: World, variables: Record<string, string>) =>
  gateway(world, { name: 'counted', kind: 'counted', variables, grants: TIMES });

async function countAll({ side, process }: Running, times: number, count: Counting): Promise<void> {
  const each = (name: string, act: (n: number) => Promise<unknown>) =>
    count(
      name,
      async () => {
        for (let n = 0; n < times; n++) await act(n);
      },
      times,
    );
  const { origin, grants } = side;
  const get = (path: string) => () => send(origin, { path });
  await each('discovery: protected resource', get(resourceMetadata(side)));
  await each('discovery: authorization server', get(SERVER_METADATA));
  await each('discovery: JWKS', get(JWKS));

  const found = await discover(side);
  const client = await register(side, found);
  await takeCounts(origin);
  await each('registration', () => register(side, found));
  const codes: Code[] = [];
  await each('authorize and consent', async () => codes.push(await authorize(side, found, client)));
  await each('code for tokens', async (n) => {
    const answer = await sendCode(side, found, client, codes[n] as Code);
    grants[n] = { found, client, ...tokensIn(answer) };
  });
  const call = calling(side, 'echo');
  await each(`${WARM_CALL}, first of a token`, (n) => call(n, n));
  await each(WARM_CALL, (n) => call(n, n));
  await each('ping', async (n) => {
    expectIn(await sendMcp(side, tokenOf(side, n), { id: n, method: 'ping' }), '"result"');
  });
  await each('tools/list', async (n) => {
    expectIn(await sendMcp(side, tokenOf(side, n), { id: n, method: 'tools/list' }), '"tools"');
  });
  for (const refused of REFUSAL_NAMES)
    await each(refusalRow(refused), (n) => sendRefused(side, refusedToken(side, refused), n));
  const refresh = async (n: number) => {
    const grant = grants[n];
    if (grant) Object.assign(grant, tokensIn(await sendRefresh(side, grant)));
  };
  await each(`${REFRESH}, first of a grant`, refresh);
  await each(REFRESH, refresh);
  await each('revocation', async (n) => {
    const body = String(
      new URLSearchParams({ token: grants[n]?.refreshToken ?? '', client_id: client.client_id }),
    );
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await send(origin, { path: '/oauth2/revoke', method: 'POST', headers, body });
  });
  await count('the hourly cron', async () => process?.ask({ ask: 'cron' }), 1);
}

/** What an isolate reads again, or writes, once its time is over: with the next call. */
async function countLater(side: Side, count: Counting): Promise<void> {
  const call = calling(side, 'echo');
  await call(0, 0);
  await delay((LAG + 1) * 1000);
  await takeCounts(side.origin);
  await count(`${WARM_CALL}, the first in ${LAG} s`, () => call(1, 0).then(() => undefined), 1);
}
