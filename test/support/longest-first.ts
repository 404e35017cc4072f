import { stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Journeys wait as much as they work, and are the longest: they come first. */
const PROJECTS = ['node', 'worker', 'pure'];

/** Seconds the longest files take on two quiet cores. A file that is not named here is shorter than all of these. */
const SECONDS: Record<string, number> = {
  'test/node/two-workers-data.test.ts': 60,
  'test/node/two-workers.test.ts': 55,
  'test/journeys/pages.test.ts': 54,
  'test/journeys/new-users.test.ts': 33,
  'test/journeys/dev.test.ts': 32,
  'test/node/field-kinds.test.ts': 30,
  'test/journeys/sdk.test.ts': 22,
  'test/node/everything.test.ts': 16,
  'test/journeys/deploy.test.ts': 15,
  'test/mcp/subscriptions.test.ts': 30,
  'test/mcp/streams.test.ts': 23,
  'test/mcp/held-bounds.test.ts': 19,
  'test/mcp/rest.test.ts': 19,
  'test/flood.test.ts': 18,
  'test/mcp-client/sse.test.ts': 17,
  'test/mcp/held.test.ts': 17,
  'test/mcp/eras-table.test.ts': 17,
  'test/accounts/connections.test.ts': 15,
  'test/mcp-client/sessions.test.ts': 11,
  'test/mcp/narrowing.test.ts': 11,
  'test/removal/ends.test.ts': 10,
  'test/mcp/answers.test.ts': 10,
  'test/node/tasks.test.ts': 9,
  'test/connect/page.test.ts': 8,
  'test/accounts/refresh.test.ts': 8,
};

/**
 * Starts the longest files first, so that none of them runs alone at the end; the rest follows by size. The files of one
 * project stay together: vitest ends a Worker that files share when the next in line is of another project.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const weighed = await Promise.all(
      files.map(async (file) => ({
        file,
        project: PROJECTS.indexOf(file.project.name),
        seconds: SECONDS[relative(this.ctx.config.root, file.moduleId)] ?? 0,
        bytes: (await stat(file.moduleId)).size,
      })),
    );
    weighed.sort((a, b) => a.project - b.project || b.seconds - a.seconds || b.bytes - a.bytes);
    return weighed.map(({ file }) => file);
  }
}
