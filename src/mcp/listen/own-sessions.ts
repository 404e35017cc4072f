import { connect, type Peer, type Sharer } from '../../accounts/connect';
import { hearSession, type SessionEvent } from '../../mcp-client/listen/session-events';
import { listenIn } from '../../mcp-client/questions/listening';
import type { Session } from '../../mcp-client/sessions/session';
import { replaceRefused } from '../../mcp-client/sessions/sessions';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { pause } from '../../protocol/patience';
import type { Server } from '../../servers/server';
import { askerOf } from '../call';
import { capabilitiesFor } from '../capabilities';
import { UPDATED } from '../passing/server-messages';
import type { Listener } from './judged';
import { claimLists } from './list-ears';

/** Sessions of which a stream listens to their servers. */
const MOST_HEARD = 32;
/** Until a session is asked for again that another stream listens to. Milliseconds. */
const BUSY = 8_000;

/** How often the session at a server is replaced because its stream is refused. Milliseconds. */
const REPLACED = 60_000;

/** Where something was said: who said it to whom. */
export type Heard = { server: Server; peer: Peer; session: Session };

/** What is done with what is heard. */
type Hearing = {
  /** A server said something in a session. */
  heard(where: Heard, message: JsonObject): Promise<void>;
  /** The resources of a server that the client session subscribed to are now these. */
  watched(serverId: string, uris: readonly string[]): void;
  /** There is another session at a server than the client had: its server knows of no subscription. */
  renewed(serverId: string): void;
  /** The client session is over. */
  ended(): void;
  /** A listener of the same client session heard that a resource was updated; missing: each is told by one alone. */
  updated?(serverId: string, params: JsonObject): void;
};

type Known = { session: Session; url: string };

/**
 * The sessions that a client session has at servers, as its open stream listens to them: each in an isolate of its own, learned
 * from the object that keeps them (PROTOCOL §5). Where a request under way listens itself, it goes first.
 */
export class OwnSessions {
  private readonly known = new Map<string, Known>();
  private readonly flights = new Map<string, number>();
  private readonly open = new Map<string, { ref: string; stop: AbortController }>();
  /** The last session at each server, by our name for it. */
  private readonly refs = new Map<string, string>();
  /** When the session at each server was last replaced, epoch milliseconds. */
  private readonly replaced = new Map<string, number>();
  private isHeard = false;
  private share: Awaited<ReturnType<typeof hearSession>> = () => undefined;
  private listener: Listener | null = null;

  constructor(
    private readonly sharer: Sharer,
    private readonly signal: AbortSignal,
    private readonly hearing: Hearing,
  ) {}

  /** Goes on with what the client may use now. Never rejects. */
  async settle(listener: Listener): Promise<void> {
    const { signal } = this;
    if (signal.aborted) return;
    this.listener = listener;
    if (!this.isHeard) {
      this.isHeard = true;
      this.known.clear(); // what there is comes again
      this.flights.clear();
      const isOnly = !this.hearing.updated;
      await hearSession(this.sharer, { signal, isOnly }, this.told).then(
        (share) => {
          this.share = share;
        },
        () => {
          this.isHeard = false; // the next look tries again
        },
      );
    }
    this.reconcile();
  }

  private readonly told = (event: SessionEvent | null): void => {
    if (event === null) {
      this.isHeard = false;
      return;
    }
    const { kind } = event;
    if (kind === 'ended') this.hearing.ended();
    else if (kind === 'watched') this.hearing.watched(event.serverId, event.uris);
    else if (kind === 'flights') this.flights.set(event.serverId, event.count);
    else if (kind === 'updated') this.hearing.updated?.(event.serverId, event.params);
    else if (kind === 'begun') this.begun(event.serverId, event);
    else if (this.known.get(event.serverId)?.session.ref === event.ref) this.known.delete(event.serverId);
    this.reconcile();
  };

  private begun(serverId: string, { session, url }: Known): void {
    const before = this.refs.get(serverId);
    this.known.set(serverId, { session, url });
    this.refs.set(serverId, session.ref);
    if (before !== undefined && before !== session.ref) this.hearing.renewed(serverId);
  }

  /** Listens to what is to be heard, and to nothing else. */
  private reconcile(): void {
    const { listener } = this;
    for (const [serverId, { ref, stop }] of this.open) {
      if (listener && this.wanted(listener, serverId)?.session.ref === ref) continue;
      stop.abort();
      this.open.delete(serverId);
    }
    if (!listener || this.signal.aborted) return;
    for (const serverId of this.known.keys()) {
      const wanted = this.wanted(listener, serverId);
      if (!wanted || this.open.has(serverId) || this.open.size >= MOST_HEARD) continue;
      const stop = new AbortController();
      const one = { ref: wanted.session.ref, stop };
      this.open.set(serverId, one);
      this.listen(listener, wanted, AbortSignal.any([stop.signal, this.signal]))
        .catch(() => undefined)
        .finally(() => {
          if (this.open.get(serverId) === one) this.open.delete(serverId);
        });
    }
  }

  private wanted({ entries }: Listener, serverId: string): { server: Server; session: Session } | null {
    const known = this.known.get(serverId);
    const entry = entries.find(({ server }) => server.id === serverId);
    const isThere = known && entry?.server.connectionString === known.url;
    return isThere && !this.flights.get(serverId) ? { server: entry.server, session: known.session } : null;
  }

  private async listen(
    listener: Listener,
    { server, session }: { server: Server; session: Session },
    signal: AbortSignal,
  ): Promise<void> {
    const { env, settings, issuer } = listener.gate;
    const asker = askerOf(listener, capabilitiesFor(listener));
    const peer = await connect(env, settings, issuer, server, asker);
    if (peer.credentials.version !== session.credential) return; // it is another account's
    const { id: serverId } = server;
    const hear = async (message: JsonObject) => {
      const { method, params } = message;
      if (this.hearing.updated && method === UPDATED && isObject(params))
        this.share({ kind: 'updated', serverId, params });
      await this.hearing.heard({ server, peer, session }, message);
    };
    const release = claimLists(server.id);
    const busy = this.hearing.updated ? BUSY : undefined;
    const refused = await listenIn(peer, session, signal, hear, { busy }).finally(release);
    if (refused === null) return;
    await pause((this.replaced.get(serverId) ?? 0) + REPLACED - Date.now());
    if (signal.aborted) return;
    this.replaced.set(serverId, Date.now());
    await replaceRefused(peer, session, refused);
  }
}
