import { waitUntil } from 'cloudflare:workers';
import { connect, type Peer } from '../../accounts/connect';
import { discover, erasOf } from '../../mcp-client/eras';
import { subscribeTo } from '../../mcp-client/listen/subscribing';
import { listenIn } from '../../mcp-client/questions/listening';
import { beginSession, endSession, isSessionless } from '../../mcp-client/sessions/session-life';
import { isUnknown } from '../../mcp-client/sessions/unknown-session';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { inPool, within } from '../../protocol/patience';
import { failures } from '../../servers/failure';
import { type Server, whereIs } from '../../servers/server';
import { askerOf } from '../call';
import { ACKNOWLEDGED, isListChanged } from '../passing/server-messages';
import { listChanged } from '../refresh';
import type { Listener } from './judged';

/** Servers whose lists one stream listens for, and those it begins to at once. */
const MOST_HEARD = 32;
const POOL = 4;
/** How long a server that is silent keeps another one from being heard. Milliseconds. */
const SILENT = 1_000;
/**
 * How long a server that tells nothing is not asked to, and the first time one that failed or ended at once: longer each time
 * it does. Milliseconds.
 */
const DEAF = 600_000;
const FAILED = 15_000;
const MOST_DEAF = 2_000;
/** How long a session may take to begin. Milliseconds. */
const BEGIN = 15_000;
/** A server that ends what it tells so soon tells nothing. Milliseconds. */
const SOON = 5_000;
/** Until a session is asked for again that another request listens to. Milliseconds. */
const BUSY = 8_000;
/** What a server of 2026-07-28 is asked to tell. */
const LISTS = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };

/** The servers that a stream of this isolate hears. That a list has changed is no one's own: one hears it for all (PROTOCOL §5). */
const heard = new Map<string, object>();
/** Servers that told nothing to an account: until when they are not asked, epoch milliseconds, and how often they failed. */
const deaf = new Map<string, { until: number; failures: number }>();

/** Says that a server is heard by one who listens anyhow. @returns what is called when that is over */
export function claimLists(serverId: string): () => void {
  const claim = {};
  if (!heard.has(serverId)) heard.set(serverId, claim);
  return () => {
    if (heard.get(serverId) === claim) heard.delete(serverId);
  };
}

/** Listens for servers that say their lists have changed, as long as a stream is open whose client may use them. */
export class ListEars {
  private readonly open = new Map<string, AbortController>();

  constructor(private readonly signal: AbortSignal) {}

  /**
   * Begins to listen where no one does, with the account of this client, and ends where it may not any more. Settles, never
   * rejected, when it hears what it began to.
   */
  async settle(listener: Listener): Promise<void> {
    const { open } = this;
    const usable = new Map(listener.entries.map(({ server }) => [server.id, server]));
    for (const [id, stop] of open) if (!usable.has(id)) stop.abort();
    const { owner } = askerOf(listener);
    const due = [...usable.values()].filter(
      (server) => server.state === 'healthy' && !heard.has(server.id) && !isDeaf(keyOf(server, owner)),
    );
    await inPool(POOL, due, async (server) => {
      if (heard.has(server.id) || open.size >= MOST_HEARD || this.signal.aborted) return;
      await within(SILENT, this.hear(listener, server));
    });
  }

  /** Settles once the server is heard, or tells nothing. */
  private hear(listener: Listener, server: Server): Promise<void> {
    const { open, signal } = this;
    const stop = new AbortController();
    const { promise: isHeard, resolve } = Promise.withResolvers<void>();
    let wasHeard = false;
    const begun = () => {
      wasHeard = true;
      resolve();
    };
    const release = claimLists(server.id);
    const begunAt = Date.now();
    open.set(server.id, stop);
    const hearing = hearLists(listener, server, AbortSignal.any([signal, stop.signal]), begun)
      .catch(() => null)
      .then((isTold) => {
        const isLeft = signal.aborted || stop.signal.aborted;
        const key = keyOf(server, askerOf(listener).owner);
        if (wasHeard && begunAt + SOON <= Date.now() && isTold !== false) deaf.delete(key);
        else if (!isLeft) noteDeaf(key, isTold !== false);
        open.delete(server.id);
        release();
        resolve();
      });
    waitUntil(hearing); // which leaves time to end a session when the client has gone
    return isHeard;
  }
}

const keyOf = (server: Server, owner: unknown) => `${whereIs(server)} ${owner}`;

/**
 * Hears one server until `signal` aborts or it ends that. False: it tells nothing. @param begun called when it is heard
 * @throws UpstreamFailure, CredentialNeeded, OtherEra for what may be otherwise the next time
 */
async function hearLists(
  listener: Listener,
  server: Server,
  signal: AbortSignal,
  begun: () => void,
): Promise<boolean> {
  const { env, settings, issuer } = listener.gate;
  const { owner } = askerOf(listener);
  const peer = await connect(env, settings, issuer, server, { owner, sharer: null });
  const eras = erasOf(server) ?? (await discover(peer, signal)).eras;
  let tellsNothing = false;
  const nothing = new AbortController();
  const hear = async ({ method, params }: JsonObject) => {
    if (isListChanged(method)) listChanged(listener, server);
    if (method === ACKNOWLEDGED) begun();
    tellsNothing ||= method === ACKNOWLEDGED && isObject(params) && !tellsAny(params.notifications);
    if (tellsNothing) nothing.abort();
  };
  if (eras.modern) {
    const until = AbortSignal.any([signal, nothing.signal]);
    return (await subscribeTo(peer, LISTS, until, hear)) && !tellsNothing;
  }
  return !isSessionless(server) && hearInSession(peer, signal, hear, begun);
}

/** In a session of the gateway's own: the client may have none there. */
async function hearInSession(
  peer: Peer,
  signal: AbortSignal,
  hear: (message: JsonObject) => Promise<void>,
  begun: () => void,
): Promise<boolean> {
  const session = await beginSession(peer, AbortSignal.any([signal, AbortSignal.timeout(BEGIN)]), false);
  const isTold = session.id !== null && Object.values(session.capabilities).some(tellsChanges);
  try {
    const refused = isTold && (await listenIn(peer, session, signal, hear, { busy: BUSY, begun }));
    if (refused && (await isUnknown(peer, session, `${refused}`))) {
      if (refused === 401) await peer.credentials.refused?.(null);
      throw failures.unanswered(peer.server.name); // another session may be heard
    }
  } finally {
    await endSession(peer, session);
  }
  return isTold && signal.aborted; // else it gave no stream
}

/** True for a filter that a server of 2026-07-28 acknowledged with some kind of list in it. */
function tellsAny(notifications: unknown): boolean {
  return isObject(notifications) && Object.keys(LISTS).some((kind) => notifications[kind] === true);
}

function tellsChanges(capability: unknown): boolean {
  return isObject(capability) && capability.listChanged === true;
}

function isDeaf(key: string): boolean {
  return (deaf.get(key)?.until ?? 0) > Date.now();
}

function noteDeaf(key: string, hasFailed: boolean): void {
  const { failures = 0 } = deaf.get(key) ?? {};
  const pause = hasFailed ? Math.min(FAILED * 4 ** failures, DEAF) : DEAF;
  deaf.delete(key);
  deaf.set(key, { until: Date.now() + pause, failures: failures + 1 });
  if (deaf.size > MOST_DEAF) deaf.delete(deaf.keys().next().value as string);
}
