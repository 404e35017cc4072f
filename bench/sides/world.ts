import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { sendJson } from '../measure/client.ts';
import { obtainGrants } from './flow.ts';
import { type Kind, type Side, SideProcess, type UpstreamProcess } from './side.ts';

/** Grants that each side has for those who send. */
const GRANTS = 64;
const ADMIN_TOKEN = randomBytes(32).toString('base64url');

/** What every side needs: the MCP server, the built Worker and a folder for what is stored. */
export type World = { upstream: UpstreamProcess; bundle: string; folder: string };

/** Settings of the gateway other than those that are shipped: no limit of attempts, for all come from one address. */
const VARIABLES = {
  ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
  ADMIN_TOKEN,
  ALLOW_LOOPBACK_UPSTREAMS: 'true',
  RATE_LIMITS: 'off',
  OAUTH2_SERVER_CONFIG_ACCESS_TOKEN_TTL: '86400', // a token outlasts the run
};

/** A side that runs, and how it is ended. */
export type Running = { side: Side; process: SideProcess | null };

async function start(world: World, kind: Kind, variables: Record<string, string> = {}): Promise<SideProcess> {
  const { upstream, bundle, folder } = world;
  return SideProcess.start({
    kind,
    upstream: `${upstream.origin}/mcp`,
    bundle,
    state: mkdtempSync(join(folder, 'state-')),
    variables: { ...VARIABLES, ...variables },
  });
}

/** The MCP server itself. */
export function direct({ upstream }: World): Running {
  const { origin } = upstream;
  return {
    side: { name: 'direct', origin, mcpPath: '/mcp', pid: null, grants: [], answers: {} },
    process: null,
  };
}

export async function forwarder(world: World): Promise<Running> {
  const process = await start(world, 'forwarder');
  const { origin, workerd: pid } = process;
  return { side: { name: 'forwarder', origin, mcpPath: '/mcp', pid, grants: [], answers: {} }, process };
}

export async function peer(world: World): Promise<Running> {
  const process = await start(world, 'peer');
  const { origin, workerd: pid } = process;
  const side: Side = { name: 'peer', origin, mcpPath: '/mcp', pid, grants: [], answers: {} };
  await obtainGrants(side, GRANTS);
  return { side, process };
}

type Wanted = {
  name: string;
  kind?: 'gateway' | 'assets' | 'counted';
  variables?: Record<string, string>;
  /** How many grants the whole flow makes. */
  grants?: number;
  /** True: MCP is spoken at `/mcp`, where the servers are side by side. */
  isJoined?: boolean;
};

/** A gateway with the MCP server behind it. */
export async function gateway(world: World, wanted: Wanted): Promise<Running> {
  const { name, kind = 'gateway', variables = {}, grants = GRANTS, isJoined = false } = wanted;
  const process = await start(world, kind, variables);
  const { origin, workerd: pid } = process;
  const slug = await addServer(origin, 'bench', `${world.upstream.origin}/mcp`);
  const answers = { identity: 'virtual_key', virtual_key: await addKey(origin) };
  const side: Side = { name, origin, mcpPath: isJoined ? '/mcp' : `/mcp/${slug}`, pid, grants: [], answers };
  await obtainGrants(side, grants);
  return { side, process };
}

/** The same gateway, spoken to at `/mcp`. */
export async function joined({ side, process }: Running): Promise<Running> {
  const other = { ...side, name: `${side.name} at /mcp`, mcpPath: '/mcp', grants: [] };
  await obtainGrants(other, GRANTS);
  return { side: other, process };
}

/** Puts a server behind a gateway, for every key. @returns what its address ends with */
export async function addServer(origin: string, name: string, url: string): Promise<string> {
  const { client } = await administer<{ client: { endpoint_slug: string } }>(origin, '/api/mcp/client', {
    name,
    connection_type: 'http',
    connection_string: url,
    auth_type: 'none',
    tools_to_execute: ['*'],
    allow_on_all_virtual_keys: true,
  });
  return client.endpoint_slug;
}

async function addKey(origin: string): Promise<string> {
  const body = { name: 'bench', mcp_configs: [] };
  const { virtual_key } = await administer<{ virtual_key: { value: string } }>(
    origin,
    '/api/governance/virtual-keys',
    body,
  );
  return virtual_key.value;
}

function administer<Body>(origin: string, path: string, body: object): Promise<Body> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
  return sendJson<Body>(origin, { path, method: 'POST', headers, body: JSON.stringify(body) });
}
