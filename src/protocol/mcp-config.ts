import * as z from 'zod/mini';

const allowed = (what: string) =>
  z
    .nullish(z.boolean())
    .check(
      z.describe(
        `Whether its ${what} are in; absent and null: with all its tools they are, else they are not`,
      ),
    );

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
        ._default(z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(1000)), [])
        .check(z.describe('Names of tools; `*` is all of them')),
      ...readingTerms,
    }),
  )
  .check(z.maxLength(500));
export type McpConfig = z.infer<typeof McpConfigs>[number];
