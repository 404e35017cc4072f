import { waitUntil } from 'cloudflare:workers';
import type { Sharer } from '../../accounts/connect';
import { type SessionActs, sessionObjectOf } from '../../mcp-client/sessions/session-acts';
import type { SessionName } from '../../mcp-client/sessions/session-life';
import type { RequestId } from '../../protocol/mcp';

/** A request of a client on its way through this isolate. `session`: of the 2025 era, once it goes in one. */
type Flight = { serverId: string; id: number; session: SessionName | null; listens?: boolean };

/** What is done with a request on its way when its client ends it. */
type Ends = {
  /** When it was cancelled before it was followed. */
  cancelled(session: SessionName, reason: string): void;
  /** When its client session is over. */
  over(): void;
};

/** Milliseconds after which the object of the client session follows a request, too: a warm call that is answered asks no object. */
const FOLLOW_AFTER = 500;
/** How often a request asks that object whether its client session stands. Milliseconds. */
const LOOK_AGAIN = 15_000;

/** What is on its way through this isolate, by client session; the last one last. */
const flights = new Map<string, Set<{ clientId: string; flight: Flight; end: () => void }>>();

/**
 * Follows a request while it is on its way, so that its cancellation and the end of its client session find it here, and from
 * any isolate once it takes long.
 * @returns what is called when it has arrived
 */
export function follow(sharer: Sharer, id: RequestId, flight: Flight, ends: Ends): () => void {
  const clientId = JSON.stringify(id);
  let end = () => {};
  // By a promise: the request that ends the client session may not touch what belongs to another.
  new Promise<void>((resolve) => {
    end = resolve;
  }).then(ends.over);
  const here = { clientId, flight, end };
  const ofSession = flights.get(sharer.name) ?? new Set();
  flights.set(sharer.name, ofSession.add(here));

  const sentAt = Date.now();
  let followed: Promise<boolean> | null = null;
  let timer: ReturnType<typeof setTimeout>;
  const ask = <T>(act: (object: SessionActs) => Promise<T>): Promise<T | null> => {
    const asking = sessionObjectOf(sharer)
      .then(act)
      .catch(() => null);
    waitUntil(asking);
    return asking;
  };
  const look = async () => {
    const stands = await ask((object) => object.isFollowed(flight.id));
    if (stands === false) ends.over();
    else if (ofSession.has(here)) timer = setTimeout(look, LOOK_AGAIN);
  };
  const begin = () => {
    const { session, ...facts } = flight;
    if (session === null) timer = setTimeout(begin, FOLLOW_AFTER);
    if (session === null || session.id === null) return;
    followed = ask((object) => object.follow({ ...facts, session, clientId, sentAt })).then((following) => {
      if (following?.cancelled) ends.cancelled(session, following.cancelled);
      if (following?.isOver) ends.over();
      const isFollowed = following?.isFollowed ?? false;
      if (isFollowed && ofSession.has(here)) timer = setTimeout(look, LOOK_AGAIN);
      return isFollowed;
    });
  };
  timer = setTimeout(begin, FOLLOW_AFTER);
  return () => {
    clearTimeout(timer);
    ofSession.delete(here);
    if (!ofSession.size && flights.get(sharer.name) === ofSession) flights.delete(sharer.name);
    followed?.then((isFollowed) => (isFollowed ? ask((object) => object.arrived(flight.id)) : null));
  };
}

/** The request of a client session that its client calls `id`, here or in another isolate; null when none is known. */
export async function flightOf(sharer: Sharer, id: RequestId, reason: string): Promise<Flight | null> {
  const clientId = JSON.stringify(id);
  const here = [...(flights.get(sharer.name) ?? [])].findLast((one) => one.clientId === clientId);
  return here?.flight ?? (await sessionObjectOf(sharer)).cancel(clientId, reason);
}

/** Ends what a client session has on its way through this isolate. */
export function endFlights({ name }: Sharer): void {
  for (const { end } of flights.get(name) ?? []) end();
}
