import { fileURLToPath } from 'node:url';

/** A demo server, as it is given to Node: it listens on `127.0.0.1:<port>`. Its environment is bare: it needs nothing of this gateway. */
export type DemoProgram = { name: string; args: string[]; env: NodeJS.ProcessEnv; port: number };

const LOOPBACK = new URL('loopback.ts', import.meta.url).href;
const ACCOUNTS = fileURLToPath(new URL('accounts.ts', import.meta.url));

/** The official "everything" server, speaking Streamable HTTP at `/mcp`. A tool of its shows its whole environment. */
export function everythingServer(port: number): DemoProgram {
  const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  const args = ['--import', LOOPBACK, program, 'streamableHttp'];
  return { name: 'The demo server', args, env: { PORT: String(port) }, port };
}

/** The servers that want to know who calls: `/calendar/mcp`, with the authorization server beside it, and `/tickets/mcp`. */
export function accountServers(port: number): DemoProgram {
  return { name: 'The demo server with accounts', args: [ACCOUNTS], env: { PORT: String(port) }, port };
}
