import { exports } from 'cloudflare:workers';

/** Where the Worker under test says it is (vitest.config.ts). */
export const ISSUER = 'https://gate.example';

/** One request to the real Worker; redirects are not followed. */
export function gate(target: string | Request, init?: RequestInit): Promise<Response> {
  const request = typeof target === 'string' ? new Request(new URL(target, ISSUER), init) : target;
  return exports.default.fetch(new Request(request, { redirect: 'manual' }));
}

/** What an actor throws that cannot go on: who was asked what, and the answer with the first 500 characters of its text. */
export function unexpected(asked: string, status: number | undefined, answer: unknown): Error {
  const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
  return new Error(`${asked} answered ${status}: ${text.slice(0, 500)}`);
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
  const { status } = response;
  return { ...(text ? parsed<T>(`${method} /api${path}`, status, text) : ({} as T)), status };
}

/** A call of the management API that has to be done. @throws with what it was answered */
export async function administer<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { status, ...answer } = await admin<Record<string, unknown>>(method, path, body);
  if (status >= 300) throw unexpected(`${method} /api${path}`, status, answer);
  return answer as T;
}

/** The value of a JSON text, which is of the type the caller says. */
export function parsed<T>(asked: string, status: number, text: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw unexpected(asked, status, text);
  }
}

type Key = { id: string; name: string; value: string };

/** A key that may use `servers` with all their tools. */
export async function newKey(servers: string[] = []): Promise<Key> {
  const mcp_configs = servers.map((name) => ({ mcp_client_name: name, tools_to_execute: ['*'] }));
  const name = `key ${crypto.randomUUID()}`;
  const { virtual_key } = await administer<{ virtual_key: Key }>('POST', '/governance/virtual-keys', {
    name,
    mcp_configs,
  });
  return virtual_key;
}

/** Saves settings for the rest of this test file (storage is a file's own). */
export async function configure(settings: Record<string, unknown>): Promise<void> {
  await administer('PUT', '/config', settings);
}

/** The body of a JSON answer beside its status. */
export async function read<T = Record<string, unknown>>(
  response: Response,
): Promise<{ status: number; body: T }> {
  const { status, url } = response;
  return { status, body: parsed<T>(url || 'the gateway', status, await response.text()) };
}
