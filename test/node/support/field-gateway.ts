import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import type { TestProject } from 'vitest/node';
import { durableObjects } from '../../../scripts/durable-objects.ts';
import startUpstreams, { type Behaviour } from '../../support/upstream-setup';
import { startHealthyServers } from './healthy-servers';
import { sharedBundle } from './shared-bundle';

const ADMIN_TOKEN = 'test-admin-token-of-32-characters';

/** A server as the management API shows it. */
export type Shown = {
  id: string;
  state: string;
  last_failure: { message: string } | null;
  left_out: { kind: string; name: string; reason: string }[];
};

/** What a test server has seen. */
type Seen = { text: string; headers: Record<string, string>; message: { method?: string } };

/** A gateway with two healthy servers, `json` and `sessions`, and the origin of servers that are as a test wants them. */
export class FieldGateway {
  readonly origin: URL;
  private readonly upstreams: string;
  private readonly worker: Miniflare;
  private readonly stops: (() => void)[];

  private constructor(worker: Miniflare, origin: URL, upstreams: string, stops: (() => void)[]) {
    this.worker = worker;
    this.origin = origin;
    this.upstreams = upstreams;
    this.stops = stops;
  }

  static async start(): Promise<FieldGateway> {
    let upstreams = '';
    const provide = (_: string, address: string) => {
      upstreams = address;
    };
    const stopUpstreams = await startUpstreams({ provide } as unknown as TestProject);
    const { stop, ...healthy } = await startHealthyServers();
    const worker = new Miniflare(workerIn(await sharedBundle()));
    await worker.ready;
    const origin = await worker.unsafeGetDirectURL();
    const gateway = new FieldGateway(worker, origin, upstreams, [stopUpstreams, stop]);
    for (const [name, address] of Object.entries(healthy)) await gateway.add(name, address);
    return gateway;
  }

  async stop(): Promise<void> {
    await this.worker.dispose();
    for (const stop of this.stops) stop();
  }

  /** Adds a server. @throws with the words of the refusal */
  async add(name: string, address = `${this.upstreams}/${name}/mcp`, terms: object = {}): Promise<string> {
    const server = { name, connection_type: 'http', connection_string: address, ...terms };
    return (await this.admin<{ client: Shown }>('POST', '/mcp/client', server)).client.id;
  }

  async shown(id: string): Promise<Shown> {
    return (await this.admin<{ client: Shown }>('GET', `/mcp/client/${id}`)).client;
  }

  /** The header of a new key for everything of these servers. */
  async keyFor(servers: readonly string[]): Promise<Record<string, string>> {
    const configs = servers.map((name) => ({ mcp_client_name: name, tools_to_execute: ['*'] }));
    const { virtual_key } = await this.admin<{ virtual_key: { value: string } }>(
      'POST',
      '/governance/virtual-keys',
      { name: `key ${crypto.randomUUID()}`, mcp_configs: configs },
    );
    return { 'x-bf-vk': virtual_key.value };
  }

  /** @throws with what was answered */
  async admin<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(new URL(`/api${path}`, this.origin), {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** Tells a test server how to behave, or what to do. @returns what it has seen */
  async control(
    name: string,
    act: 'set' | 'forget' | 'seen' | 'say',
    behaviour: Partial<Behaviour> | { method: string; params?: object } = {},
  ): Promise<Seen[]> {
    const url = `${this.upstreams}/${name}/control/${act}`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(behaviour) });
    return ((await answer.json()) as { seen: Seen[] }).seen;
  }
}

/** The Worker that was bundled there. It is asked, and asks servers, without another process between. */
function workerIn(folder: string) {
  return convertV4MiniflareOptions({
    modules: [
      { type: 'ESModule', path: 'index.js', contents: readFileSync(join(folder, 'index.js'), 'utf8') },
    ],
    compatibilityDate: '2026-10-23',
    compatibilityFlags: ['global_fetch_strictly_public', 'enable_request_signal'],
    handleStructuredLogs: () => undefined, // the Worker's own log lines
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    d1Databases: ['DB'],
    kvNamespaces: ['KV'],
    durableObjects: durableObjects(),
    bindings: {
      ENCRYPTION_KEY: 'dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU',
      ADMIN_TOKEN,
      RATE_LIMITS: 'off',
      ALLOW_LOOPBACK_UPSTREAMS: true,
      MCP_SERVER_AUTH_MODE: 'both',
    },
  });
}
