import { run } from '../stop.ts';
import { behindIn } from './behind.ts';
import { type Context, ServerOfSuite } from './server-of-suite.ts';

/**
 * What the suite runs as the client under test, once a scenario, with the address of its server: puts that server behind the
 * gateway and uses it there, as an administrator and a caller do.
 */
await run(async () => {
  const {
    MCP_CONFORMANCE_SCENARIO: scenario = '',
    MCP_CONFORMANCE_PROTOCOL_VERSION: revision = '',
    MCP_CONFORMANCE_CONTEXT: context = '{}',
  } = process.env;
  const server = new ServerOfSuite(behindIn(process.env), scenario, revision, process.argv[2] ?? '');
  const told = JSON.parse(context) as Context;
  await server.add(told);
  await server.use(told);
});
process.exit();
