import { ask } from '../../mcp-client/client';
import { subscribeTo } from '../../mcp-client/listen/subscribing';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { inPool, within } from '../../protocol/patience';
import type { Server } from '../../servers/server';
import { ACKNOWLEDGED, UPDATED } from '../passing/server-messages';
import { mayRead } from '../resources';
import type { Listener } from './judged';
import { peerOf } from './subscribed';

/** How long a server may take to say what it will tell. Milliseconds. */
const PATIENCE = 5_000;
/** Subscriptions that are asked for at once. */
const POOL = 4;

/** The updates of one server's resources, while they are heard. */
type Hearing = {
  uris: readonly string[];
  stop: AbortController;
  begunAt: number;
  tries: number;
  isOver: boolean;
};

/** A hearing that lasted so long did not end at once; one that did is begun again later each time. Milliseconds. */
const LASTED = 60_000;
const AGAIN = 4_000;
const MOST_TRIES = 7;

/**
 * Hears servers of 2026-07-28 tell of the resources that one client subscribed to, with that client's account and for no one
 * else (PROTOCOL §5).
 */
export class UpdateEars {
  private readonly hearings = new Map<string, Hearing>();

  /**
   * @param current the client as it is judged now
   * @param told a resource was updated that the client asked for and may read, by the server's own URI
   */
  constructor(
    private readonly signal: AbortSignal,
    private readonly current: () => Listener,
    private readonly told: (server: Server, params: JsonObject & { uri: string }) => void,
  ) {}

  /** Hears of these resources of a server from now on, in place of others. @returns those it will tell of */
  async hear(server: Server, uris: readonly string[]): Promise<readonly string[]> {
    const before = this.hearings.get(server.id);
    const isAgain = before?.isOver && before.begunAt + LASTED > Date.now();
    const tries = isAgain ? Math.min(before.tries + 1, MOST_TRIES) : 0;
    const hearing: Hearing = { uris, stop: new AbortController(), begunAt: Date.now(), tries, isOver: false };
    if (uris.length) this.hearings.set(server.id, hearing);
    else this.hearings.delete(server.id);
    const granted = uris.length ? await this.begin(server, hearing) : [];
    before?.stop.abort();
    return granted;
  }

  /** Goes on with what a server ended, and ends what the client may not hear any more. */
  settle(): void {
    const { entries } = this.current();
    for (const [serverId, hearing] of this.hearings) {
      const entry = entries.find(({ server }) => server.id === serverId);
      if (!entry) hearing.stop.abort();
      else if (hearing.isOver && isDue(hearing)) this.hear(entry.server, hearing.uris);
    }
  }

  private async begin(server: Server, hearing: Hearing): Promise<readonly string[]> {
    const signal = AbortSignal.any([this.signal, hearing.stop.signal]);
    const granted = Promise.withResolvers<readonly string[]>();
    const hear = async ({ method, params }: JsonObject) => {
      if (method === ACKNOWLEDGED) granted.resolve(subscribedIn(params));
      if (method !== UPDATED || !isObject(params) || typeof params.uri !== 'string') return;
      if (hearing.uris.includes(params.uri) && (await this.mayRead(server, params.uri)))
        this.told(server, { ...params, uri: params.uri });
    };
    peerOf(this.current(), server)
      .then((peer) => subscribeTo(peer, { resourceSubscriptions: hearing.uris }, signal, hear))
      .catch(() => undefined)
      .finally(() => {
        hearing.isOver = true;
        granted.resolve([]);
      });
    const said = await within(PATIENCE, granted.promise);
    return hearing.uris.filter((uri) => said?.includes(uri));
  }

  private async mayRead({ id }: Server, uri: string): Promise<boolean> {
    const current = this.current();
    const entry = current.entries.find(({ server }) => server.id === id);
    return entry !== undefined && (await mayRead(current, entry, uri));
  }
}

function isDue({ begunAt, tries }: Hearing): boolean {
  return begunAt + AGAIN * 2 ** tries <= Date.now();
}

function subscribedIn(params: unknown): string[] {
  const said =
    isObject(params) && isObject(params.notifications) && params.notifications.resourceSubscriptions;
  return Array.isArray(said) ? said.filter((uri) => typeof uri === 'string') : [];
}

/** Subscribes to resources in the client's session at a server of the 2025 era. @returns those that the server takes */
export async function subscribeAll(
  listener: Listener,
  server: Server,
  uris: readonly string[],
): Promise<readonly string[]> {
  const taken: string[] = [];
  await inPool(POOL, uris, async (uri) => {
    const asking = peerOf(listener, server).then((peer) =>
      ask(peer, 'resources/subscribe', { uri }, AbortSignal.timeout(PATIENCE), '2025'),
    );
    if (await asking.catch(() => null)) taken.push(uri);
  });
  return taken;
}
