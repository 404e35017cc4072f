import { send } from '../measure/client.ts';
import {
  authorize,
  discover,
  JWKS,
  obtainGrant,
  register,
  resourceMetadata,
  SERVER_METADATA,
  sendCode,
  sendRefresh,
  sendRegistration,
  tokensIn,
} from '../sides/flow.ts';
import type { Side } from '../sides/side.ts';
import type { Amount, Row, Send } from './row.ts';

const BOTH = ['peer', 'toolgate'];
const BOTH_KEYS = [...BOTH, 'toolgate ES256'];
const MANY = [{ parallel: 16, requests: 2000 }];

function document(name: string, sides: readonly string[], pathAt: (side: Side) => string): Row {
  return {
    name,
    sides,
    amounts: MANY,
    begin: async (side) => async () => {
      const { status, text } = await send(side.origin, { path: pathAt(side) });
      if (status !== 200) throw new Error(`${pathAt(side)} answered ${status}: ${text.slice(0, 300)}`);
      return {};
    },
  };
}

/** Each sender refreshes a grant of its own, with the token that its last answer brought. */
export async function refreshing(side: Side): Promise<Send> {
  return async (_, sender) => {
    const grant = side.grants[sender];
    if (!grant) throw new Error(`${side.name} has only ${side.grants.length} grants`);
    Object.assign(grant, tokensIn(await sendRefresh(side, grant)));
    return {};
  };
}

/** Each request redeems a code that was obtained before. */
async function redeeming(side: Side, { requests, parallel }: Amount): Promise<Send> {
  const found = await discover(side);
  const client = await register(side, found);
  const codes: Awaited<ReturnType<typeof authorize>>[] = [];
  while (codes.length < requests) {
    const some = Array.from({ length: Math.min(parallel, requests - codes.length) });
    codes.push(...(await Promise.all(some.map(() => authorize(side, found, client)))));
  }
  return async (n) => {
    const code = codes[n];
    if (!code) throw new Error('there is no code left');
    tokensIn(await sendCode(side, found, client, code));
    return {};
  };
}

export const OAUTH_ROWS: readonly Row[] = [
  document('discovery: protected resource', BOTH, resourceMetadata),
  document('discovery: authorization server', BOTH, () => SERVER_METADATA),
  document('discovery: JWKS', ['toolgate'], () => JWKS),
  {
    name: 'registration',
    sides: BOTH,
    amounts: [
      { parallel: 1, requests: 150 },
      { parallel: 16, requests: 500 },
    ],
    begin: async (side) => {
      const found = await discover(side);
      return async () => {
        const { status, text } = await sendRegistration(side, found);
        if (status !== 201) throw new Error(`registration answered ${status}: ${text.slice(0, 300)}`);
        return {};
      };
    },
  },
  {
    name: 'authorize, consent, code and token',
    sides: BOTH_KEYS,
    amounts: [
      { parallel: 1, requests: 40 },
      { parallel: 8, requests: 120 },
    ],
    begin: async (side) => {
      const found = await discover(side);
      const client = await register(side, found);
      return async () => {
        await obtainGrant(side, found, client);
        return {};
      };
    },
  },
  {
    name: 'code for tokens',
    sides: BOTH_KEYS,
    amounts: [{ parallel: 8, requests: 120 }],
    begin: redeeming,
  },
  {
    name: 'refresh',
    sides: BOTH_KEYS,
    amounts: [
      { parallel: 1, requests: 200 },
      { parallel: 16, requests: 800 },
      { parallel: 64, requests: 800 },
    ],
    begin: refreshing,
  },
];
