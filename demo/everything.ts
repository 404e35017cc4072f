import { fileURLToPath } from 'node:url';

const LOOPBACK = new URL('loopback.ts', import.meta.url).href;

/**
 * What to give Node so that the official "everything" server speaks Streamable HTTP on `127.0.0.1:<port>/mcp`. Its
 * environment is bare, because its `get-env` tool shows all of it.
 */
export function everythingServer(port: number): { args: string[]; env: NodeJS.ProcessEnv; url: string } {
  const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  return {
    args: ['--import', LOOPBACK, program, 'streamableHttp'],
    env: { PORT: String(port) },
    url: `http://127.0.0.1:${port}/mcp`,
  };
}
