import * as z from 'zod';

const allowed = (what: string) =>
  z
    .boolean()
    .nullish()
    .describe(`Whether its ${what} are in; absent and null: with all its tools they are, else they are not`);

/**
 * What a list that names tools of a server says of the rest of it (PROTOCOL §5). A list stored before there were these
 * members says nothing of them.
 */
export const readingTerms = { allow_resources: allowed('resources'), allow_prompts: allowed('prompts') };
export type ReadingTerms = {
  allow_resources?: boolean | null | undefined;
  allow_prompts?: boolean | null | undefined;
};

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
      ...readingTerms,
    }),
  )
  .max(500);
export type McpConfig = z.infer<typeof McpConfigs>[number];
