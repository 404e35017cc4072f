import * as z from 'zod/mini';
import { McpConfigs } from '../../../protocol/mcp-config';

/** What an app may use, as answers show it and a change takes it. */
export const Access = z
  .union([z.literal('all'), McpConfigs])
  .check(
    z.describe(
      '`all` its identity may use, later servers and tools too, or these; `*` is all tools of a server',
    ),
  );
