import { isObject, type JsonObject } from '../../protocol/mcp';
import { inPool } from '../../protocol/patience';
import type { Server } from '../../servers/server';
import { askerOf, type Call } from '../call';
import { UPDATED } from '../passing/server-messages';
import { mayRead, resourceAt } from '../resources';
import type { ClientStream } from './client-stream';
import type { Listener } from './judged';
import { OwnSessions } from './own-sessions';
import { erasNow } from './subscribed';
import { subscribeAll, UpdateEars } from './updates';

/** The most that one request subscribes to: what follows is not acknowledged. */
const MOST = 100;
/** Subscriptions that are asked for at once. */
const POOL = 4;

/** The resources of one server that a client asks for: its own URIs, and as the client wrote each. */
type Asked = { server: Server; addresses: Map<string, string> };

/**
 * What a client of 2026-07-28 subscribed to with one request: at servers of its own era by the same request, at others in its
 * session there, if its grant has one (PROTOCOL §5). The rest is not acknowledged.
 */
export class SubscribedResources {
  private current: Listener | null = null;
  private readonly asked = new Map<string, Asked>();
  private readonly updates: UpdateEars;
  private own: OwnSessions | null = null;

  /** @param tell tells the client that a resource was updated */
  constructor(
    private readonly stream: Pick<ClientStream, 'end' | 'signal'>,
    private readonly tell: (params: JsonObject) => void,
  ) {
    this.updates = new UpdateEars(stream.signal, () => this.current as Listener, this.updated);
  }

  /** Subscribes. @returns the addresses of which the client will hear */
  async begin(call: Call, listener: Listener, addresses: readonly string[]): Promise<readonly string[]> {
    this.current = listener;
    await inPool(POOL, [...new Set(addresses)].slice(0, MOST), async (address) => {
      const found = await resourceAt(call, address).catch(() => null);
      if (found?.verdict !== 'allowed') return;
      const { server } = found.entry;
      const one = this.asked.get(server.id) ?? { server, addresses: new Map<string, string>() };
      one.addresses.set(found.uri, address);
      this.asked.set(server.id, one);
    });
    const granted = new Set<string>();
    await inPool(POOL, [...this.asked.values()], async ({ server, addresses }) => {
      for (const uri of await this.subscribe(listener, server, [...addresses.keys()]))
        granted.add(addresses.get(uri) ?? uri);
    });
    return addresses.filter((address) => granted.delete(address));
  }

  settle(listener: Listener): void {
    this.current = listener;
    this.own?.settle(listener);
    this.updates.settle();
  }

  private async subscribe(listener: Listener, server: Server, uris: string[]): Promise<readonly string[]> {
    const eras = await erasNow(listener, server);
    if (eras?.modern) return this.updates.hear(server, uris);
    const { sharer } = askerOf(listener);
    if (!sharer) return [];
    this.own ??= new OwnSessions(sharer, this.stream.signal, {
      heard: ({ server }, { method, params }) => this.heard(server.id, method, params),
      updated: (serverId, params) => void this.heard(serverId, UPDATED, params),
      renewed: (serverId) => this.renew(serverId),
      watched: () => undefined,
      ended: this.stream.end,
    });
    await this.own.settle(listener);
    return subscribeAll(listener, server, uris);
  }

  private renew(serverId: string): void {
    const asked = this.asked.get(serverId);
    if (asked && this.current) subscribeAll(this.current, asked.server, [...asked.addresses.keys()]);
  }

  /** Updates alone: nothing else was asked for. */
  private async heard(serverId: string, method: unknown, params: unknown): Promise<void> {
    const { current } = this;
    const entry = current?.entries.find(({ server }) => server.id === serverId);
    if (method !== UPDATED || !isObject(params) || typeof params.uri !== 'string') return;
    if (current && entry && (await mayRead(current, entry, params.uri)))
      this.updated(entry.server, { ...params, uri: params.uri });
  }

  private readonly updated = ({ id }: Server, params: JsonObject & { uri: string }): void => {
    const address = this.asked.get(id)?.addresses.get(params.uri);
    if (address !== undefined) this.tell({ ...params, uri: address });
  };
}
