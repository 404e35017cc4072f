import { FastMCP } from 'fastmcp';
import * as z from 'zod';

/** A server of the framework FastMCP, with a tool that reports progress. */
const server = new FastMCP({ name: 'fast', version: '1.0.0' });
server.addTool({
  name: 'add',
  description: 'Adds two numbers.',
  parameters: z.object({ a: z.number(), b: z.number() }),
  execute: async ({ a, b }) => String(a + b),
});
server.addTool({
  name: 'count',
  description: 'Counts to three.',
  parameters: z.object({}),
  execute: async (_, { reportProgress }) => {
    for (let progress = 1; progress <= 3; progress++) await reportProgress({ progress, total: 3 });
    return 'counted';
  },
});
await server.start({
  transportType: 'httpStream',
  httpStream: { host: '127.0.0.1', port: Number(process.env.PORT), stateless: process.env.STATELESS === '1' },
});
