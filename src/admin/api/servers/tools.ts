import * as z from 'zod/mini';
import { readingTerms } from '../../../protocol/mcp-config';

/** Tools by their server, as a Virtual MCP takes and shows them. */
export const Tools = z
  .array(
    z.object({
      mcp_client_id: z.string(),
      tool_names: z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(1000)),
      ...readingTerms,
    }),
  )
  .check(z.maxLength(500));
