import type { Side } from '../sides/side.ts';
import { addServer } from '../sides/world.ts';
import { expectIn, sendMcp, tokenOf } from './mcp.ts';
import type { Row } from './row.ts';

/** Servers behind the gateway, 100 tools each. */
export const LISTS = [
  { servers: 1, requests: 600 },
  { servers: 10, requests: 200 },
  { servers: 50, requests: 60 },
];
const TOOLS = 100;

export const listRow = (servers: number) => `tools/list, ${servers} × ${TOOLS} tools`;

/** The rows need a gateway whose only server so far is the one that each has. @param upstream the MCP server's origin */
export function listRows(upstream: string): Row[] {
  const added = new Map<Side, number>();
  const haveServers = async (side: Side, count: number) => {
    for (let n = added.get(side) ?? 0; n < count; n++) {
      await addServer(side.origin, `many_${n}`, `${upstream}/${TOOLS}/mcp`);
      added.set(side, n + 1);
    }
  };
  return LISTS.map(({ servers, requests }) => ({
    name: listRow(servers),
    sides: ['toolgate'],
    amounts: [{ parallel: 1, requests }],
    begin: async (side) => {
      await haveServers(side, servers);
      const last = `"many_${servers - 1}-tool_${TOOLS - 1}"`;
      return async (n, sender) => {
        let [cursor, listed] = [undefined as string | undefined, ''];
        do {
          const message = { id: n, method: 'tools/list', params: { cursor } };
          const answer = await sendMcp(side, tokenOf(side, sender), message);
          expectIn(answer, '"tools"');
          listed = answer.text;
          cursor = /"nextCursor":"([^"]+)"/.exec(listed)?.[1];
        } while (cursor);
        if (!listed.includes(last)) throw new Error(`the last page has no ${last}: ${listed.slice(-300)}`);
        return {};
      };
    },
  }));
}
