import { answerPages } from '../../demo/consent.ts';
import { Visitor } from '../../demo/visitor.ts';
import type { AdminApi, Server, VirtualKey } from '../admin-api.ts';

/** The name of the demo's access key. */
const KEY = 'demo';

/** What a server of the demo is made with, but for its address, and what an administrator of it enters. */
const SERVERS = [
  { name: 'demo', auth_type: 'none' },
  { name: 'calendar', auth_type: 'per_user_oauth' },
  { name: 'tickets', auth_type: 'per_user_headers', per_user_header_keys: ['x-tickets-key'] },
] as const;
type DemoServer = (typeof SERVERS)[number];

/** What lists the tools of a server where everyone has their own key. */
const SAMPLE = { user_headers: { 'x-tickets-key': 'key-of-administrator' } };

/** An authorization that an administrator has to finish in a browser. */
type Pending = { status: 'pending_oauth'; authorize_url: string; complete_url: string };

/** Makes the gateway know the demo's servers, which have other ports at every start, and who lists their tools. */
export async function registerDemoServers(api: AdminApi, demo: string, accounts: string): Promise<void> {
  const { clients } = await api.get<{ clients: Server[] }>('/api/mcp/clients?limit=500');
  for (const server of SERVERS) {
    const address = server.name === 'demo' ? `${demo}/mcp` : `${accounts}/${server.name}/mcp`;
    const known = clients.find(({ name }) => name === server.name);
    await (known ? moveServer(api, server, known.id, address) : addServer(api, server, address));
  }
}

async function addServer(api: AdminApi, server: DemoServer, address: string): Promise<void> {
  const answer = await api.send<Partial<Pending>>('POST', '/api/mcp/client', {
    ...server,
    connection_type: 'http',
    connection_string: address,
    tools_to_execute: ['*'],
    ...(server.auth_type === 'per_user_headers' ? SAMPLE : {}),
  });
  await authorize(api, answer);
}

/** At another address nothing that was obtained before serves any more. */
async function moveServer(api: AdminApi, server: DemoServer, id: string, address: string): Promise<void> {
  await api.send('PUT', `/api/mcp/client/${id}`, { connection_string: address });
  if (server.auth_type === 'per_user_headers') {
    await api.send('POST', `/api/mcp/client/${id}/verify-headers`, SAMPLE);
  }
  if (server.auth_type === 'per_user_oauth') {
    await authorize(api, await api.send<Pending>('POST', `/api/mcp/client/${id}/reauthorize`));
  }
}

/** Does what an administrator does in a browser: signs in at the server's provider, and lets the gateway in. */
async function authorize(api: AdminApi, { authorize_url, complete_url }: Partial<Pending>): Promise<void> {
  if (!authorize_url || !complete_url) return;
  await authorizeAsAdministrator(api, authorize_url, 'Administrator');
  await api.send('POST', new URL(complete_url, api.url).pathname);
}

/** The same up to the gateway's own page, where an administrator keeps the account. @param login at the server's provider */
export async function authorizeAsAdministrator(api: AdminApi, url: string, login: string): Promise<void> {
  const visitor = new Visitor(api.url);
  await visitor.send(api.signIn());
  await answerPages(visitor, new URL(url), { login });
}

/**
 * The value of the demo's access key: `remembered` while it is still the key's, else a new key's. A value is shown
 * whole only once, so one that no one remembers cannot be found again.
 */
export async function demoKey(api: AdminApi, remembered: string | undefined): Promise<string> {
  const { virtual_keys } = await api.get<{ virtual_keys: VirtualKey[] }>(
    `/api/governance/virtual-keys?search=${KEY}`,
  );
  const known = virtual_keys.find(({ name }) => name === KEY);
  const opened = SERVERS.map(({ name }) => ({ mcp_client_name: name, tools_to_execute: ['*'] }));
  if (known?.is_active && remembered && isMaskOf(known.value, remembered)) {
    const names = known.mcp_configs.map(({ mcp_client_name }) => mcp_client_name);
    const missing = opened.filter(({ mcp_client_name }) => !names.includes(mcp_client_name));
    const mcp_configs = [...known.mcp_configs, ...missing];
    if (missing.length) await api.send('PUT', `/api/governance/virtual-keys/${known.id}`, { mcp_configs });
    return remembered;
  }
  if (known) await api.send('DELETE', `/api/governance/virtual-keys/${known.id}`);
  const { virtual_key } = await api.send<{ virtual_key: VirtualKey }>(
    'POST',
    '/api/governance/virtual-keys',
    { name: KEY, description: 'Made by `npm run dev`', mcp_configs: opened },
  );
  return virtual_key.value;
}

/** Masks show the last four characters. */
function isMaskOf(mask: string, value: string): boolean {
  return mask.slice(-4) === value.slice(-4);
}
