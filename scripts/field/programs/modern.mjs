import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

/** A server of 2026-07-28 and no other revision, as the official SDK serves one. */
const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: 'modern', version: '1.0.0' });
    const add = { inputSchema: z.object({ a: z.number(), b: z.number() }) };
    server.registerTool('add', add, async ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
    }));
    server.registerTool('count', { inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      const { progressToken } = mcpReq._meta ?? {};
      for (let progress = 1; progressToken !== undefined && progress <= 3; progress++)
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 3 },
        });
      return { content: [{ type: 'text', text: 'counted' }] };
    });
    return server;
  },
  { legacy: 'reject' },
);
createServer(toNodeHandler(handler)).listen(Number(process.env.PORT), '127.0.0.1');
