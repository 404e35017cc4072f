import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';
import type { TestProject } from 'vitest/node';
import { createTestHarness, type TestHarness } from 'wrangler';
import { type Answers, consent } from '../../../demo/consent';
import { read } from '../../journeys/support/app';
import startSseServers from '../../support/sse-setup';
import startUpstreams from '../../support/upstream-setup';
import { sharedBundle } from './shared-bundle';

/** The `revocation_lag` of both Workers. Seconds. */
export const LAG = 1;
/** That of both Workers, until {@link deployWith}. */
export const ENCRYPTION_KEY = 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU';
export const ADMIN_TOKEN = 'test-admin-token-of-32-characters';
const ROOT = join(import.meta.dirname, '../../..');

let folder: string;
let harness: TestHarness;
let stopServers: (() => void)[];
/** Where the servers of the tests are. */
export let upstreams: string;
export let sseServers: string;
export let origin: string;

/** One bundle as two Workers: the second has the first's objects, and both the same D1 and KV. */
export async function startTwoWorkers(): Promise<void> {
  const telling = (told: (address: string) => void) =>
    ({ provide: (_: string, address: string) => told(address) }) as unknown as TestProject;
  stopServers = [
    await startUpstreams(
      telling((address) => {
        upstreams = address;
      }),
    ),
    await startSseServers(
      telling((address) => {
        sseServers = address;
      }),
    ),
  ];
  folder = mkdtempSync(join(tmpdir(), 'toolgate-two-workers-'));
  const bundle = await sharedBundle();

  const shipped = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
    .replace(/^main = .*$/m, `main = "${ROOT}/deployed/index.js"`)
    .replace('directory = "./public"', `directory = "${ROOT}/public"`)
    .replace('database_name = "toolgate"', 'database_name = "toolgate"\ndatabase_id = "shared"')
    .replace('binding = "KV"', 'binding = "KV"\nid = "shared"')
    .replace('MCP_SERVER_AUTH_MODE', `REVOCATION_LAG = ${LAG}\nMCP_SERVER_AUTH_MODE`);
  const second = shipped
    .replace('name = "toolgate"', 'name = "second"')
    .replaceAll(/^class_name = .*$/gm, '$&\nscript_name = "toolgate"')
    .replaceAll(/^\[\[migrations\]\]\n(.+\n)*/gm, '');
  const workers = Object.entries({ first: shipped, second }).map(([name, config]) => {
    const configPath = join(folder, `${name}.toml`);
    writeFileSync(configPath, config);
    const secrets = {
      ENCRYPTION_KEY,
      ADMIN_TOKEN,
    };
    const vars = { ALLOW_LOOPBACK_UPSTREAMS: true, RATE_LIMITS: 'off' };
    return { configPath, prebuiltWorkerDir: bundle, vars, secrets };
  });
  harness = createTestHarness({ workers });
  origin = (await harness.listen()).url.origin;
}

/** Deploys both Workers anew with another `ENCRYPTION_KEY`: what is stored stays, what they remember is gone. */
export async function deployWith(key: string): Promise<void> {
  await harness.update((options) => ({
    ...options,
    workers: options.workers.map((worker) =>
      'config' in worker ? worker : { ...worker, secrets: { ...worker.secrets, ENCRYPTION_KEY: key } },
    ),
  }));
  origin = (await harness.listen()).url.origin;
}

/** The database of both. */
export async function database(): Promise<D1Database> {
  return (await harness.getWorker<{ DB: D1Database }>('toolgate').getEnv()).DB;
}

/** The first Worker's hourly cron. */
export async function cron(): Promise<void> {
  await harness.getWorker('toolgate').scheduled({ cron: '17 * * * *', scheduledTime: new Date() });
}

export async function stopTwoWorkers(): Promise<void> {
  await harness?.close();
  for (const stop of stopServers ?? []) stop();
  rmSync(folder, { recursive: true, force: true });
}

export type Worker = 'toolgate' | 'second';
export const fetchOf = (worker: Worker) => harness.getWorker(worker).fetch;

/** A call of the management API through the first Worker. */
export async function admin<T = Record<string, never>>(
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await fetchOf('toolgate')(`${origin}/api${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      'content-type': 'application/json',
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return (text ? JSON.parse(text) : {}) as T;
}

export type Key = { id: string; name: string; value: string };
type Upstream = { id: string; name: string; slug: string };

export async function newKey(terms: object = {}): Promise<Key> {
  const name = `key ${crypto.randomUUID()}`;
  return (await admin<{ virtual_key: Key }>('POST', '/governance/virtual-keys', { name, ...terms }))
    .virtual_key;
}

/** A server with the tools `a` and `b`, open to every key. */
export async function newServer(
  tools = ['a', 'b'],
  type: 'http' | 'sse' = 'http',
  behaviour: object = {},
): Promise<Upstream> {
  const name = `up_${crypto.randomUUID().slice(0, 8)}`;
  await listTools(name, tools, type);
  await behave(name, behaviour, type);
  const { client } = await admin<{ client: { id: string; endpoint_slug: string } }>('POST', '/mcp/client', {
    name,
    connection_type: type,
    connection_string: type === 'http' ? `${upstreams}/${name}/mcp` : `${sseServers}/${name}/sse`,
    allow_on_all_virtual_keys: true,
  });
  return { id: client.id, name, slug: client.endpoint_slug };
}

/** Makes the server `name` list these tools from now on. */
export async function listTools(name: string, tools: string[], type: 'http' | 'sse' = 'http'): Promise<void> {
  const listed = tools.map((tool) => ({ name: tool, inputSchema: { type: 'object' } }));
  await behave(name, { tools: listed }, type);
}

export async function behave(name: string, behaviour: object, type: 'http' | 'sse' = 'http'): Promise<void> {
  const url = `${type === 'http' ? upstreams : sseServers}/${name}/control/set`;
  await fetch(url, { method: 'POST', body: JSON.stringify(behaviour) });
}

export type Tokens = { access_token: string; refresh_token: string; client_id: string; grant_id: string };

/** Tokens a person allowed through the first Worker. */
export async function newGrant(answers: Answers, headers?: Record<string, string>): Promise<Tokens> {
  const redirect_uri = 'http://127.0.0.1:7777/callback';
  const registered = await fetch(`${origin}/oauth2/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: `client ${crypto.randomUUID()}`, redirect_uris: [redirect_uri] }),
  });
  const { client_id } = await read<{ client_id: string }>(registered);
  const verifier = 'a-verifier-of-enough-unreserved-characters-0123456789';
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const request = {
    response_type: 'code',
    client_id,
    redirect_uri,
    code_challenge: Buffer.from(digest).toString('base64url'),
    code_challenge_method: 'S256',
  };
  const callback = await consent(`${origin}/oauth2/authorize?${new URLSearchParams(request)}`, answers, {
    added: headers,
  });
  const code = callback.searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', client_id, redirect_uri, code, code_verifier: verifier };
  const response = await fetch(`${origin}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
  const tokens = await read<Tokens>(response);
  return { ...tokens, client_id, grant_id: code.slice(0, 64) };
}

export const grantOf = (key: Key) => newGrant({ identity: 'virtual_key', virtual_key: key.value });
export const byKey = ({ value }: Key) => ({ 'x-bf-vk': value });
export const byToken = ({ access_token }: Tokens) => ({ authorization: `Bearer ${access_token}` });
