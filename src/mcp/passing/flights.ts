import { waitUntil } from 'cloudflare:workers';
import type { Sharer } from '../../accounts/connect';
import type { SessionName } from '../../mcp-client/sessions/session';
import type { SessionActs } from '../../mcp-client/sessions/session-acts';
import { sessionObjectOf } from '../../mcp-client/sessions/session-stub';
import type { RequestId } from '../../protocol/mcp';
import { retrying } from '../../protocol/patience';

/** A request of a client on its way through this isolate. `session`: of the 2025 era, once it goes in one. */
type Flight = { serverId: string; id: number; session: SessionName | null; listens?: boolean };

/** What is done with a request on its way when its client ends it. */
type Ends = {
  /** When it was cancelled before it was followed. `session` null: it goes in none. */
  cancelled(session: SessionName | null, reason: string): void;
  /** When its client session is over. */
  over(): void;
};

/** What is told of a request that is followed. */
export type FlightWatch = {
  /** It takes a while: the object of its client session follows it, too. A warm call that is answered asks no object. */
  takesLong(): void;
  /** It has arrived. */
  arrived(): void;
};

/** For a request that is no one's to end. */
export const NOT_FOLLOWED: FlightWatch = { takesLong: () => undefined, arrived: () => undefined };

/** How often a request asks that object whether its client session stands. Milliseconds. */
const LOOK_AGAIN = 15_000;
/**
 * How often one that goes in no session waits {@link WAIT} milliseconds before it asks there whether it was cancelled, first
 * and then: nothing is stored for it, and a cancellation is remembered for ten seconds.
 */
const WAIT = 500;
const WAITS_FIRST = 4;
const WAITS_AGAIN = 10;

/** What is on its way through this isolate, by client session; the last one last. */
const flights = new Map<string, Set<Here>>();
/** `cancelled`: the reason its client gave, which the request sees at its next look. */
type Here = { clientId: string; flight: Flight; end: () => void; cancelled: string | null };

/**
 * Follows a request while it is on its way, so that its cancellation and the end of its client session find it here, and from
 * any isolate once it takes long.
 */
export function follow(sharer: Sharer, id: RequestId, flight: Flight, ends: Ends): FlightWatch {
  const clientId = JSON.stringify(id);
  const here: Here = { clientId, flight, end: () => {}, cancelled: null };
  // By a promise: the request that ends the client session may not touch what belongs to another.
  new Promise<void>((resolve) => {
    here.end = resolve;
  }).then(ends.over);
  const ofSession = flights.get(sharer.name) ?? new Set();
  flights.set(sharer.name, ofSession.add(here));

  const sentAt = Date.now();
  let followed: Promise<boolean> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = <T>(act: (object: SessionActs) => Promise<T>): Promise<T | null> => {
    const asking = retrying(async () => act(await sessionObjectOf(sharer))).catch(() => null);
    waitUntil(asking);
    return asking;
  };
  const look = async () => {
    const stands = await ask((object) => object.isFollowed(flight.id));
    if (stands === false) ends.over();
    else if (ofSession.has(here)) timer = setTimeout(look, LOOK_AGAIN);
  };
  let waits = WAITS_FIRST;
  const begin = () => {
    const { session, ...facts } = flight;
    if (here.cancelled !== null) return ends.cancelled(session, here.cancelled);
    if (session === null && --waits > 0) {
      timer = setTimeout(begin, WAIT);
      return;
    }
    if (session?.id === null) return;
    waits = WAITS_AGAIN;
    const following = ask((object) => object.follow({ ...facts, session, clientId, sentAt })).then(
      (known) => {
        if (known?.cancelled) ends.cancelled(session, known.cancelled);
        if (known?.isOver) ends.over();
        const isFollowed = known?.isFollowed ?? false;
        if (ofSession.has(here) && isFollowed) timer = setTimeout(look, LOOK_AGAIN);
        if (ofSession.has(here) && session === null) timer = setTimeout(begin, WAIT);
        return isFollowed;
      },
    );
    if (session !== null) followed = following;
  };
  return {
    takesLong: begin,
    arrived() {
      clearTimeout(timer);
      ofSession.delete(here);
      if (!ofSession.size && flights.get(sharer.name) === ofSession) flights.delete(sharer.name);
      followed?.then((isFollowed) => (isFollowed ? ask((object) => object.arrived(flight.id)) : null));
    },
  };
}

/** Cancels the request of a client session that its client calls `id`, where it is in this isolate and goes in no session. */
export function cancelHere(sharer: Sharer, id: RequestId, reason: string): void {
  const here = hereOf(sharer, id);
  if (here && here.flight.session === null) here.cancelled = reason;
}

/** The request of a client session that its client calls `id`, here or in another isolate; null when none is known. */
export async function flightOf(sharer: Sharer, id: RequestId, reason: string): Promise<Flight | null> {
  const here = hereOf(sharer, id);
  return here?.flight ?? (await sessionObjectOf(sharer)).cancel(JSON.stringify(id), reason);
}

function hereOf({ name }: Sharer, id: RequestId): Here | undefined {
  const clientId = JSON.stringify(id);
  return [...(flights.get(name) ?? [])].findLast((one) => one.clientId === clientId);
}

/** Ends what a client session has on its way through this isolate. */
export function endFlights({ name }: Sharer): void {
  for (const { end } of flights.get(name) ?? []) end();
}
