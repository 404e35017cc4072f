import { waitUntil } from 'cloudflare:workers';
import type { Sharer } from '../accounts/connect';
import { sessionObjectOf } from '../mcp-client/session-acts';
import type { SessionName } from '../mcp-client/session-life';
import type { RequestId } from '../protocol/mcp';

/** A request of a client on its way through this isolate. `session`: of the 2025 era, once it goes in one. */
type Flight = { serverId: string; id: number; session: SessionName | null };

/** Milliseconds after which the object of the client session follows a request, too: a warm call that is answered asks no object. */
const FOLLOW_AFTER = 500;

/** What is on its way through this isolate, by client session and the id the client gave. */
const flights = new Map<string, Flight>();

/**
 * Follows a request while it is on its way, so that its cancellation finds it here, and from any isolate once it takes long.
 * @param cancelled what to do when one came before it was followed @returns what is called when it is over
 */
export function follow(
  sharer: Sharer,
  id: RequestId,
  flight: Flight,
  cancelled: (session: SessionName, reason: string) => void,
): () => void {
  const clientId = JSON.stringify(id);
  const key = `${sharer.name} ${clientId}`;
  flights.set(key, flight);
  let following: Promise<unknown> | null = null;
  const timer = setTimeout(() => {
    const { session } = flight;
    if (session === null || session.id === null) return;
    following = sessionObjectOf(sharer)
      .then((object) => object.follow(clientId, { ...flight, session }))
      .then((reason) => reason !== null && cancelled(session, reason))
      .catch(() => undefined);
    waitUntil(following);
  }, FOLLOW_AFTER);
  return () => {
    clearTimeout(timer);
    if (flights.get(key) === flight) flights.delete(key);
    if (following) waitUntil(arrived(following, sharer, clientId));
  };
}

async function arrived(following: Promise<unknown>, sharer: Sharer, clientId: string): Promise<void> {
  await following;
  await sessionObjectOf(sharer)
    .then((object) => object.arrived(clientId))
    .catch(() => undefined);
}

/** The request of a client session that its client calls `id`, here or in another isolate; null when none is known. */
export async function flightOf(sharer: Sharer, id: RequestId, reason: string): Promise<Flight | null> {
  const clientId = JSON.stringify(id);
  const here = flights.get(`${sharer.name} ${clientId}`);
  return here ?? (await sessionObjectOf(sharer)).cancel(clientId, reason);
}
