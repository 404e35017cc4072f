import { inject } from 'vitest';
import { admin, unexpected } from './gate';
import { told } from './upstream';

declare module 'vitest' {
  interface ProvidedContext {
    sseOrigin: string;
  }
}

type Seen = {
  method: string;
  session: string;
  headers: Record<string, string>;
  message: { id?: unknown; method?: string; params?: Record<string, unknown> } & Record<string, unknown>;
};
type Known = { seen: Seen[]; begun: number; open: number };
type Shown = {
  id: string;
  endpoint_slug: string;
  connection_type: string;
  connection_string: string;
  state: string;
};
export type Added = { status: number; message: string; client: Shown; mcp_client_id?: string };

/** A server of the transport of 2024-11-05 (support/sse-setup.ts). */
export class SseServer {
  readonly name = `sse_${crypto.randomUUID().slice(0, 8)}`;
  readonly site = `${inject('sseOrigin')}/${this.name}`;
  readonly address = `${this.site}/sse`;
  /** Once it is added. */
  slug = '';
  id = '';

  static async start(
    tools: string[] = ['echo'],
    behaviour: Record<string, unknown> = {},
  ): Promise<SseServer> {
    const server = new SseServer();
    const defined = tools.map((name) => ({ name, inputSchema: { type: 'object' } }));
    await server.behave({ tools: defined, ...behaviour });
    return server;
  }

  /** One that the gateway knows. */
  static async added(
    tools: string[] = ['echo'],
    behaviour: Record<string, unknown> = {},
  ): Promise<SseServer> {
    const server = await SseServer.start(tools, behaviour);
    const added = await server.add({ connection_type: 'sse' });
    if (added.client?.state !== 'healthy') throw unexpected('POST /api/mcp/client', added.status, added);
    return server;
  }

  async add(terms: Record<string, unknown> = {}): Promise<Added> {
    const added = await admin<Added>('POST', '/mcp/client', {
      name: this.name,
      connection_type: 'http',
      connection_string: this.address,
      allow_on_all_virtual_keys: true,
      ...terms,
    });
    this.slug = added.client?.endpoint_slug ?? '';
    this.id = added.client?.id ?? added.mcp_client_id ?? '';
    return added;
  }

  async behave(behaviour: Record<string, unknown>): Promise<void> {
    await this.control('set', behaviour);
  }

  /** Lets every call that it holds go on. */
  async release(): Promise<void> {
    await this.control('release');
  }

  /** Cuts every stream and forgets its sessions, as a restart does. */
  async restart(): Promise<void> {
    await this.control('cut');
  }

  /** Waits until it has seen `count` messages of `method`, or `count` of its streams are `closed`. */
  async sees(method: string, count = 1): Promise<Seen[]> {
    await this.control('until', { method, count });
    return this.seen(method);
  }

  async seen(method?: string): Promise<Seen[]> {
    const { seen } = await this.control('seen');
    return seen.filter(({ message }) => !method || message.method === method);
  }

  /** How many streams it has begun, and how many are open. */
  async streams(): Promise<{ begun: number; open: number }> {
    const { begun, open } = await this.control('seen');
    return { begun, open };
  }

  private control(act: string, body: unknown = {}): Promise<Known> {
    return told<Known>(`${this.site}/control/${act}`, body);
  }
}
