import * as z from 'zod';
import { readingTerms } from '../../../protocol/mcp-config';

/** Tools by their server, as a Virtual MCP takes and shows them. */
export const Tools = z
  .array(
    z.object({
      mcp_client_id: z.string(),
      tool_names: z.array(z.string().min(1).max(256)).max(1000),
      ...readingTerms,
    }),
  )
  .max(500);
