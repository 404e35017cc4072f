import { type Answer, send } from '../measure/client.ts';
import type { Side } from '../sides/side.ts';
import type { Row, Send } from './row.ts';

/** What every answer to a call of a tool has in it. */
const TEXT = 'hello';

const AMOUNTS = [
  { parallel: 1, requests: 400 },
  { parallel: 16, requests: 3000 },
  { parallel: 64, requests: 3000 },
];

/** Sends a request of MCP with this bearer token; null: without one. */
export function sendMcp(
  side: Side,
  token: string | null,
  message: { id: number; method: string; params?: object },
  isLong = false,
): Promise<Answer> {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  return send(side.origin, { path: side.mcpPath, method: 'POST', headers, body, isLong });
}

/** The access token of a sender; null where no one has to be authorized. */
export function tokenOf({ grants }: Side, sender: number): string | null {
  return grants[sender % grants.length]?.accessToken ?? null;
}

export function toolCall(n: number, name: string) {
  return { id: n, method: 'tools/call', params: { name, arguments: { text: TEXT } } };
}

/** @throws Error with the answer, unless it is a result with `part` in it */
export function expectIn({ status, text }: Answer, part: string): void {
  if (status !== 200 || !text.includes(part))
    throw new Error(`/mcp answered ${status}: ${text.slice(0, 300)}`);
}

/** Calls a tool by the name it has at this side. */
export function calling(side: Side, tool: string): Send {
  const name = side.mcpPath === '/mcp' && side.name.startsWith('toolgate') ? `bench-${tool}` : tool;
  return async (n, sender) => {
    expectIn(await sendMcp(side, tokenOf(side, sender), toolCall(n, name)), `"text":"${TEXT}"`);
    return {};
  };
}

const FOUR = ['direct', 'forwarder', 'peer', 'toolgate'];

export const MCP_ROWS: readonly Row[] = [
  {
    name: 'tools/call, JSON answer',
    sides: [...FOUR, 'toolgate at /mcp', 'toolgate, assets road'],
    amounts: AMOUNTS,
    begin: async (side) => calling(side, 'echo'),
  },
  {
    name: 'tools/call, SSE answer',
    sides: FOUR,
    amounts: AMOUNTS,
    begin: async (side) => calling(side, 'echo_as_event'),
  },
  {
    name: 'ping',
    sides: FOUR,
    amounts: [{ parallel: 16, requests: 3000 }],
    begin: async (side) => async (n, sender) => {
      expectIn(await sendMcp(side, tokenOf(side, sender), { id: n, method: 'ping' }), '"result"');
      return {};
    },
  },
];
