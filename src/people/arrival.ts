import type { OpenServer } from '../accounts/open-servers';
import type { Env } from '../config';
import { askGrant, type Grant } from '../grants/store';
import { countOf } from '../ui/english';
import { cut } from '../ui/name';

/** How far an app that is being connected has come. `allowed`: it has not redeemed its code yet. */
export type Arrival =
  | { state: 'waiting' }
  | { state: 'allowed'; app: string }
  | { state: 'connected'; app: string; tools: number };

/** How far the app has come that was allowed last. @param grant null: none was. @param openTo what may be used under it */
export async function arrivalOf(
  env: Env,
  grant: Grant | null,
  openTo: (grant: Grant) => Promise<OpenServer[]>,
): Promise<Arrival> {
  if (!grant) return { state: 'waiting' };
  const app = grant.clientName;
  const isRedeemed = await askGrant(env.GRANTS, grant.grantId, (object) => object.isRedeemed());
  if (!isRedeemed) return { state: 'allowed', app };
  return { state: 'connected', app, tools: countTools(await openTo(grant), grant) };
}

function countTools(open: readonly OpenServer[], grant: Grant): number {
  const counts = open.map(({ id, tools }) => {
    if (!grant.servers) return tools.length;
    const allowed = grant.servers.find((server) => server.id === id);
    if (!allowed) return 0;
    return tools.filter(({ name }) => allowed.tools === null || allowed.tools.includes(name)).length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** How far it has come, in words. @param expected what the app is called that someone is connecting */
export function wordsOf(arrival: Arrival, expected: string): string {
  switch (arrival.state) {
    case 'waiting':
      return `Waiting for ${expected}…`;
    case 'allowed':
      return `Allowed. ${cut(arrival.app)} hasn’t connected yet…`;
    case 'connected': {
      const { tools } = arrival;
      const what = tools ? `: ${countOf(tools, 'tool')}.` : '. You can’t use any tools yet.';
      return `${cut(arrival.app)} is connected${what}`;
    }
  }
}
