import { OAuthMemory, SDK_CLIENTS } from '../../demo/clients.ts';
import { consent } from '../../demo/consent.ts';
import type { AdminApi, Server, VirtualKey } from '../admin-api.ts';
import { Stop } from '../stop.ts';

/** What there is to be seen on pages: ids, as addresses name them. */
export type Furniture = {
  server: string;
  toolset: string;
  key: string;
  /** The value of that key. */
  value: string;
  grant: string;
  client: string;
};

const NOTES = 'Reads and changes issues. Ask Grace for more.';

/** Makes a gateway look lived in: servers, keys, a toolset, an app with access. Repeatable: what it made before goes first. */
export async function furnish(api: AdminApi, demoUrl: string): Promise<Furniture> {
  await clear(api);
  const server = await addServer(api, {
    name: 'tracker',
    connection_string: demoUrl,
    auth_type: 'per_user_headers',
    per_user_header_keys: ['X-Tracker-Key'],
    user_headers: { 'X-Tracker-Key': 'of-the-administrator' },
  });
  const mcp_configs = [
    { mcp_client_name: 'demo', tools_to_execute: ['echo', 'get-sum'] },
    { mcp_client_name: 'tracker', tools_to_execute: ['*'] },
  ];
  const { virtual_key: key } = await api.send<{ virtual_key: VirtualKey }>(
    'POST',
    '/api/governance/virtual-keys',
    {
      name: 'Ada, laptop',
      description: NOTES,
      mcp_configs,
      limits: [{ calls: 500, window_seconds: 86_400 }],
    },
  );
  await api.send('POST', '/api/governance/virtual-keys', { name: 'Night build', shared: true });
  const { virtual_mcp } = await api.send<{ virtual_mcp: { id: string } }>('POST', '/api/mcp/virtual-mcps', {
    name: 'On call',
    description: 'What one needs at three in the morning.',
    tools: [{ mcp_client_id: await idOf(api, 'demo'), tool_names: ['echo', 'get-sum'] }],
    virtual_key_ids: [key.id],
  });
  const client = await connectApp(api, key.value);
  const { sessions } = await api.get<{ sessions: { id: string }[] }>(
    `/api/oauth2/sessions?client_id=${encodeURIComponent(client)}`,
  );
  return {
    server: server.id,
    toolset: virtual_mcp.id,
    key: key.id,
    value: key.value,
    grant: sessions[0]?.id ?? '',
    client,
  };
}

async function clear(api: AdminApi): Promise<void> {
  const { clients } = await api.get<{ clients: Server[] }>('/api/mcp/clients?search=tracker');
  for (const { id } of clients) await api.send('DELETE', `/api/mcp/client/${id}`);
  for (const search of ['Ada, laptop', 'Night build']) {
    const { virtual_keys } = await api.get<{ virtual_keys: VirtualKey[] }>(
      `/api/governance/virtual-keys?${new URLSearchParams({ search })}`,
    );
    for (const { id } of virtual_keys) await api.send('DELETE', `/api/governance/virtual-keys/${id}`);
  }
  const { virtual_mcps } = await api.get<{ virtual_mcps: { id: string }[] }>(
    '/api/mcp/virtual-mcps?search=On%20call',
  );
  for (const { id } of virtual_mcps) await api.send('DELETE', `/api/mcp/virtual-mcps/${id}`);
}

async function addServer(api: AdminApi, server: Record<string, unknown>): Promise<Server> {
  await api.send('POST', '/api/mcp/client', { connection_type: 'http', tools_to_execute: ['*'], ...server });
  return { ...(server as Server), id: await idOf(api, String(server.name)) };
}

async function idOf(api: AdminApi, name: string): Promise<string> {
  const { clients } = await api.get<{ clients: Server[] }>(`/api/mcp/clients?search=${name}`);
  const found = clients.find((client) => client.name === name);
  if (!found) throw new Stop(`The gateway has no server ${name}. Is it the one that npm run dev started?`);
  return found.id;
}

/** Connects an app by consent and lets it call a tool. Returns its `client_id`. */
async function connectApp(api: AdminApi, virtual_key: string): Promise<string> {
  const memory = await allowApp(api, virtual_key, 'Claude Code');
  const connection = await SDK_CLIENTS[0].connect(`${api.url}/mcp`, memory);
  for (let call = 0; call < 8; call++) await connection.callTool('demo-echo', { message: 'hello' });
  await connection.close();
  return memory.client?.client_id ?? '';
}

/** Registers an app called so, which the holder of a key allows everything. */
export async function allowApp(api: AdminApi, virtual_key: string, name: string): Promise<OAuthMemory> {
  const [client] = SDK_CLIENTS;
  const memory = new OAuthMemory(name);
  const address = `${api.url}/mcp`;
  await client.connect(address, memory).catch(() => null);
  const callback = await consent(memory.authorizationUrl ?? '', { identity: 'virtual_key', virtual_key });
  await client.finishAuth(address, memory, callback);
  return memory;
}

/**
 * The path of a link that no one used, as a call without an account is answered with.
 * @param key its value
 * @param server how the name begins of the one that is called
 */
export async function newLink(url: string, key: string, server = 'tracker'): Promise<string> {
  const connection = await SDK_CLIENTS[0]?.connect(`${url}/mcp`, { authorization: `Bearer ${key}` });
  const tool = (await connection?.listTools())?.find((name) => name.startsWith(server)) ?? '';
  const answer = await connection?.callTool(tool, {}).catch(String);
  await connection?.close();
  return /\/connect\/[\w-]{22}/.exec(JSON.stringify(answer))?.[0] ?? '';
}
