import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { consent } from '../../demo/consent.ts';
import type { Behind } from './behind.ts';
import { HOME, versionOf } from './suite.ts';

/** What a client of others met at `/mcp`. */
export type Connected = { client: string; way: string; met: string; isGood: boolean };

/** A tool of the demo's server at `/mcp`, what it is called with, and what it says. */
const TOOL = { name: 'demo-echo', arguments: { message: 'hello' }, says: 'Echo: hello' };

/** How long a client may take, people's part too. Milliseconds. */
const PATIENCE = 60_000;

const INSPECTOR = '@modelcontextprotocol/inspector';
const REMOTE = 'mcp-remote';

const run = promisify(execFile);

/** Has clients that others wrote connect to the gateway, list its tools and call one. */
export async function runOthers(behind: Behind): Promise<Connected[]> {
  console.log('clients of others');
  const connected: Connected[] = [];
  const meet = async (client: string, way: string, meeting: () => Promise<string>) => {
    const met = await meeting().catch((error: unknown) => String(error).slice(0, 500));
    connected.push({ client: `${client} ${versionOf(client)}`, way, met, isGood: met.includes(TOOL.says) });
  };
  for (const era of ['legacy', 'modern'])
    await meet(INSPECTOR, `command line, \`--protocol-era ${era}\`, access key`, () => inspect(behind, era));
  await meet(REMOTE, 'registers, consent in a browser', () => connectRemote(behind, []));
  await meet(REMOTE, '`--header` with the access key', () =>
    connectRemote(behind, ['--header', `Authorization: Bearer ${behind.virtual_key}`]),
  );
  return connected;
}

async function inspect({ url, virtual_key }: Behind, era: string): Promise<string> {
  const program = join(HOME, 'node_modules', INSPECTOR, 'clients/launcher/build/index.js');
  const to = ['--cli', '--server-url', `${url}/mcp`, '--transport', 'http', '--protocol-era', era];
  const access = ['--header', `Authorization: Bearer ${virtual_key}`, '--format', 'json', '--quiet'];
  const ask = async (...args: string[]) => {
    const ended = await run(process.execPath, [program, ...to, ...access, ...args], { timeout: PATIENCE });
    return (JSON.parse(ended.stdout) as { result: { tools?: unknown[] } }).result;
  };
  const { tools = [] } = await ask('--method', 'tools/list');
  const message = JSON.stringify(TOOL.arguments);
  const said = await ask('--method', 'tools/call', '--tool-name', TOOL.name, '--tool-args-json', message);
  return `${tools.length} tools; ${textIn(said)}`;
}

/** It speaks stdio to its client, and is one of the gateway. It says on its error stream where the person has to go. */
async function connectRemote({ url, virtual_key }: Behind, args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'toolgate-remote-'));
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(HOME, 'node_modules', REMOTE, 'dist/proxy.js'), `${url}/mcp`, ...args],
    env: { PATH: process.env.PATH ?? '', HOME: folder, MCP_REMOTE_CONFIG_DIR: folder },
    stderr: 'pipe',
  });
  let said = '';
  const person = (line: string) => {
    said = `${said}${line}\n`.slice(-1000);
    const [page] = new RegExp(`${url}/oauth2/authorize\\S+`).exec(line) ?? [];
    if (page) consent(page, { identity: 'virtual_key', virtual_key }).then(fetch).catch(console.error);
  };
  createInterface({ input: transport.stderr as Readable }).on('line', person);
  const client = new Client({ name: 'toolgate-conformance', version: '1' });
  try {
    await client.connect(transport, { timeout: PATIENCE });
    const { tools } = await client.listTools();
    const result = await client.callTool({ name: TOOL.name, arguments: TOOL.arguments });
    return `${tools.length} tools; ${textIn(result)}`;
  } catch (error) {
    throw new Error(`${error}\n${said}`);
  } finally {
    await client.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function textIn(result: unknown): string {
  const { content = [] } = result as { content?: { text?: string }[] };
  return content.map(({ text }) => text ?? '').join(' ');
}
