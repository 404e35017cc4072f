import type { AdminApi, Server, VirtualKey } from './admin-api.ts';

/** The name of the demo's server and of its access key. */
const NAME = 'demo';

/** Makes the gateway know the demo server at `url`, which has another port at every start. */
export async function registerDemoServer(api: AdminApi, url: string): Promise<void> {
  const { clients } = await api.get<{ clients: Server[] }>(`/api/mcp/clients?search=${NAME}`);
  const known = clients.find(({ name }) => name === NAME);
  if (known) {
    await api.send('PUT', `/api/mcp/client/${known.id}`, { connection_string: url });
  } else {
    await api.send('POST', '/api/mcp/client', {
      name: NAME,
      connection_type: 'http',
      connection_string: url,
      auth_type: 'none',
      tools_to_execute: ['*'],
    });
  }
}

/**
 * The value of the demo's access key: `remembered` while it is still the key's, else a new key's. A value is shown
 * whole only once, so one that nobody remembers cannot be found again.
 */
export async function demoKey(api: AdminApi, remembered: string | undefined): Promise<string> {
  const { virtual_keys } = await api.get<{ virtual_keys: VirtualKey[] }>(
    `/api/governance/virtual-keys?search=${NAME}`,
  );
  const known = virtual_keys.find(({ name }) => name === NAME);
  if (known?.is_active && remembered && isMaskOf(known.value, remembered)) return remembered;

  if (known) await api.send('DELETE', `/api/governance/virtual-keys/${known.id}`);
  const { virtual_key } = await api.send<{ virtual_key: VirtualKey }>(
    'POST',
    '/api/governance/virtual-keys',
    {
      name: NAME,
      description: 'Made by `npm run dev`',
      mcp_configs: [{ mcp_client_name: NAME, tools_to_execute: ['*'] }],
    },
  );
  return virtual_key.value;
}

/** Masks show the last four characters. */
function isMaskOf(mask: string, value: string): boolean {
  return mask.slice(-4) === value.slice(-4);
}
