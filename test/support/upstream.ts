import { inject } from 'vitest';
import { admin, administer, unexpected } from './gate';

declare module 'vitest' {
  interface ProvidedContext {
    upstreamOrigin: string;
  }
}

type Seen = {
  method: string;
  headers: Record<string, string>;
  text: string;
  message: { id?: unknown; method?: string; params?: Record<string, unknown> };
};

type Registered = { id: string; endpoint_slug: string };

/** A real MCP server (support/upstream-setup.ts) and what the gateway knows it as. */
export class Upstream {
  private constructor(
    readonly name: string,
    readonly id: string,
    readonly slug: string,
  ) {}

  /** Starts a server with `tools`, by name or definition, and registers it with the gateway. */
  static async start(
    tools: (string | Record<string, unknown>)[] = ['echo'],
    {
      registration = {},
      ...behaviour
    }: Record<string, unknown> & { registration?: Record<string, unknown> } = {},
  ): Promise<Upstream> {
    const name = (registration.name as string) ?? `up_${crypto.randomUUID().slice(0, 8)}`;
    const defined = tools.map((tool) =>
      typeof tool === 'string' ? { name: tool, inputSchema: { type: 'object' } } : tool,
    );
    await control(name, 'set', { tools: defined, ...behaviour });
    const answer = await admin<{ client?: Registered; mcp_client_id: string }>('POST', '/mcp/client', {
      name,
      connection_type: 'http',
      connection_string: addressOf(name),
      allow_on_all_virtual_keys: true,
      ...registration,
    });
    if (answer.status !== 200) throw unexpected('POST /api/mcp/client', answer.status, answer);
    const { id, endpoint_slug } = answer.client ?? (await registered(answer.mcp_client_id)); // it may wait for an authorization
    return new Upstream(name, id, endpoint_slug);
  }

  /** Changes how the server behaves. */
  async behave(behaviour: Record<string, unknown>): Promise<void> {
    await control(this.name, 'set', behaviour);
  }

  async forgetSessions(): Promise<void> {
    await control(this.name, 'forget');
  }

  async release(): Promise<void> {
    await control(this.name, 'release');
  }

  /** Breaks every stream that is open to it. */
  async cut(): Promise<void> {
    await control(this.name, 'cut');
  }

  /** Says a message on every stream that is open to it. */
  async says(method: string, params: Record<string, unknown> = {}, id?: unknown): Promise<void> {
    await control(this.name, 'say', { jsonrpc: '2.0', id, method, params });
  }

  /** Waits until so many streams are open; `kind`: those of 2026-07-28 for such notifications. */
  async opens(count: number, kind?: string): Promise<void> {
    await control(this.name, 'open', { count, kind });
  }

  /** Waits until the server has seen `count` messages of `method`; `dropped` counts answers no one waited for. */
  async sees(method: string, count = 1): Promise<Seen[]> {
    await control(this.name, 'until', { method, count });
    return this.seen(method);
  }

  /** The messages of `method` seen so far; all of them when none is named. */
  async seen(method?: string): Promise<Seen[]> {
    const { seen } = await control(this.name, 'seen');
    return seen.filter(({ message }) => !method || message.method === method);
  }

  /** How many answers no one waited for. */
  async dropped(): Promise<number> {
    return (await control(this.name, 'seen')).dropped;
  }

  /** Changes the server's registration with the gateway. */
  async change(change: Record<string, unknown>): Promise<void> {
    await administer('PUT', `/mcp/client/${this.id}`, change);
  }
}

async function registered(id: string): Promise<Registered> {
  return (await administer<{ client: Registered }>('GET', `/mcp/client/${id}`)).client;
}

export function addressOf(name: string): string {
  return `${inject('upstreamOrigin')}/${name}/mcp`;
}

/** What a server of the tests answers when it is told something. @throws with its words when it fails */
export async function told<T>(url: string, body: unknown): Promise<T> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw unexpected(`POST ${url}`, response.status, await response.text());
  return response.json();
}

/** Sets or asks a server of the tests (support/upstream-setup.ts). */
export async function control(
  name: string,
  act: string,
  body: unknown = {},
): Promise<{ seen: Seen[]; dropped: number }> {
  const url = `${inject('upstreamOrigin')}/${name}/control/${act}`;
  return told(url, body);
}
