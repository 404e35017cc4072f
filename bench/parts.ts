import { grantRows, OBJECTS, QUICK_OBJECTS, QUICK_SIZES, SIZES, sizeName } from './rows/grants.ts';
import { listRows } from './rows/lists.ts';
import { MCP_ROWS } from './rows/mcp.ts';
import { OAUTH_ROWS } from './rows/oauth.ts';
import { REFUSAL_ROWS } from './rows/refusals.ts';
import type { Row } from './rows/row.ts';
import { STREAM_ROWS } from './rows/streams.ts';
import { direct, forwarder, gateway, joined, peer, type Running, type World } from './sides/world.ts';

/** Rows that are measured at the same sides. */
export type Part = { name: string; rows: readonly Row[]; start(): Promise<Running[]> };

/** @param hasPeer false when the peer is not installed: its rows go without it */
export function partsOf(world: World, quick: boolean, hasPeer: boolean): Part[] {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const objects = quick ? QUICK_OBJECTS : OBJECTS;
  return [
    {
      name: 'the flow, calls, refusals and streams',
      rows: [...OAUTH_ROWS, ...MCP_ROWS, ...REFUSAL_ROWS, ...STREAM_ROWS],
      start: async () => {
        const [one, others] = await Promise.all([
          gateway(world, { name: 'toolgate' }),
          Promise.all([
            forwarder(world),
            ...(hasPeer ? [peer(world)] : []),
            gateway(world, {
              name: 'toolgate ES256',
              variables: { OAUTH2_SERVER_CONFIG_SIGNING_ALG: 'ES256' },
            }),
            gateway(world, { name: 'toolgate, assets road', kind: 'assets' }),
          ]),
        ]);
        return [direct(world), one, await joined(one), ...others];
      },
    },
    {
      name: 'grants in the index',
      rows: grantRows(sizes),
      start: () => Promise.all(sizes.map((size) => withGrants(world, size, Math.min(size, objects)))),
    },
    {
      name: 'lists',
      rows: listRows(world.upstream.origin),
      start: async () => [await gateway(world, { name: 'toolgate', isJoined: true })],
    },
  ];
}

/** A gateway with as many grants, the first of them by the whole flow and so with their object, the others rows alone. */
async function withGrants(world: World, size: number, objects: number): Promise<Running> {
  const running = await gateway(world, { name: sizeName(size), grants: objects });
  await running.process?.ask({ ask: 'grants', upTo: size });
  return running;
}
