import { exports } from 'cloudflare:workers';

/** Where the Worker under test says it is (vitest.config.ts). */
export const ISSUER = 'https://gate.example';

/** One request to the real Worker; redirects are not followed. */
export function gate(target: string | Request, init?: RequestInit): Promise<Response> {
  const request = typeof target === 'string' ? new Request(new URL(target, ISSUER), init) : target;
  return exports.default.fetch(new Request(request, { redirect: 'manual' }));
}

/** A call of the management API, as an administrator. The answer's body, whatever its status. */
export async function admin<T = Record<string, never>>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T & { status: number }> {
  const response = await gate(`/api${path}`, {
    method,
    headers: {
      authorization: 'Bearer test-admin-token-of-32-characters',
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  return { ...(text ? JSON.parse(text) : {}), status: response.status };
}

type Key = { id: string; name: string; value: string };

/** A key that may use `servers` with all their tools. */
export async function newKey(servers: string[] = []): Promise<Key> {
  const mcp_configs = servers.map((name) => ({ mcp_client_name: name, tools_to_execute: ['*'] }));
  const name = `key ${crypto.randomUUID()}`;
  const { virtual_key } = await admin<{ virtual_key: Key }>('POST', '/governance/virtual-keys', {
    name,
    mcp_configs,
  });
  return virtual_key;
}

/** Saves settings for the rest of this test file (storage is a file's own). */
export async function configure(settings: Record<string, unknown>): Promise<void> {
  const { status } = await admin('PUT', '/config', settings);
  if (status !== 200) throw new Error(`PUT /api/config answered ${status}`);
}

/** The body of a JSON answer beside its status. */
export async function read<T = Record<string, unknown>>(
  response: Response,
): Promise<{ status: number; body: T }> {
  return { status: response.status, body: (await response.json()) as T };
}
