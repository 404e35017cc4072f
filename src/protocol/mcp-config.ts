import * as z from 'zod';

/**
 * What someone may use of servers, each named by its name: exposed tool names without the prefix, `*` for all; a server
 * that is not named stays closed (CONTRACT §8).
 */
export const McpConfigs = z
  .array(
    z.object({
      mcp_client_name: z.string(),
      tools_to_execute: z
        .array(z.string().min(1).max(256))
        .max(1000)
        .default([])
        .describe('Names of tools; `*` is all of them'),
    }),
  )
  .max(500);
export type McpConfig = z.infer<typeof McpConfigs>[number];
