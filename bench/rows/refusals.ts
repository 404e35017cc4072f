import type { Side } from '../sides/side.ts';
import { sendMcp, tokenOf, toolCall } from './mcp.ts';
import type { Row } from './row.ts';

/** What does not get in: nothing, what is no token, and a good token with one character of its signature changed. */
const REFUSED = {
  none: () => null,
  garbage: () => 'garbage',
  tampered: (side: Side) => tampered(tokenOf(side, 0) ?? ''),
} as const;

export type Refused = keyof typeof REFUSED;

export const REFUSAL_NAMES = Object.keys(REFUSED) as Refused[];

export const refusalRow = (refused: Refused) => `refused: ${refused}`;

/** Calls a tool without a right to. @throws Error with the answer, unless it is 401 with a challenge */
export async function sendRefused(side: Side, token: string | null, n: number): Promise<void> {
  const { status, headers, text } = await sendMcp(side, token, toolCall(n, 'echo'));
  if (status !== 401 || !headers['www-authenticate'])
    throw new Error(`/mcp answered ${status}: ${text.slice(0, 300)}`);
}

/** What is sent as the token. */
export function refusedToken(side: Side, refused: Refused): string | null {
  return REFUSED[refused](side);
}

export const REFUSAL_ROWS: readonly Row[] = REFUSAL_NAMES.map((refused) => ({
  name: refusalRow(refused),
  sides: ['peer', 'toolgate', 'toolgate, assets road'],
  amounts: [{ parallel: 16, requests: 4000 }],
  begin: async (side) => {
    const token = refusedToken(side, refused);
    return async (n) => {
      await sendRefused(side, token, n);
      return {};
    };
  },
}));

/** The sixth character from the end: the last ones of base64url may hold bits that count for nothing. */
function tampered(token: string): string {
  const at = token.length - 6;
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
}
