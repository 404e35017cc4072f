import type { Sharer } from '../../accounts/connect';
import { hashSecret } from '../../crypto/secrets';
import type { JsonObject } from '../../protocol/mcp';
import type { Session } from '../sessions/session';
import type { Flight } from '../sessions/session-acts';
import type { Watching } from './watched';

/**
 * What the object of a client session tells those who listen to it. `session`: there is one at a server, at this address;
 * `over`: it is used no more, by our name for it; `flights`: how many requests under way at a server listen themselves to its
 * session; `watched`: the resources of a server that the client subscribed to; `updated`: another listener heard that a
 * resource was; `ended`: the client session is over, or another listener took this one's place.
 */
export type SessionEvent =
  | { kind: 'begun'; serverId: string; url: string; session: Session }
  | { kind: 'over'; serverId: string; ref: string }
  | { kind: 'flights'; serverId: string; count: number }
  | { kind: 'watched'; serverId: string; uris: string[] }
  | { kind: 'updated'; serverId: string; params: JsonObject }
  | { kind: 'ended' };

/** Where the object of a client session is asked for its events. No request from outside comes here. */
const PLACE = 'https://session/events';
const ONLY = '/only';

/**
 * Hears what the object of a client session tells. The object sleeps meanwhile (Durable Objects, WebSocket Hibernation).
 * @param isOnly takes the place of another that says so: a client session has one notification stream @param hear what it tells; null: nothing more
 * @returns what tells the other listeners
 */
export async function hearSession(
  { objects, name }: Sharer,
  { signal, isOnly }: { signal: AbortSignal; isOnly: boolean },
  hear: (event: SessionEvent | null) => void,
): Promise<(event: SessionEvent & { kind: 'updated' }) => void> {
  const object = objects.get(objects.idFromName(await hashSecret(name)));
  const { webSocket } = await object.fetch(PLACE + (isOnly ? ONLY : ''), {
    headers: { upgrade: 'websocket' },
  });
  if (!webSocket) throw new Error('the object of a client session took no listener');
  const leave = () => {
    try {
      webSocket.close(1000);
    } catch {
      // another request ended the stream, where the platform lets it run this: the next event does
    }
  };
  webSocket.addEventListener('message', ({ data }) => {
    if (signal.aborted) leave();
    else hear(JSON.parse(String(data)));
  });
  webSocket.addEventListener('close', () => hear(null));
  webSocket.addEventListener('error', () => hear(null));
  webSocket.accept();
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave);
  return (event) => send(webSocket, event);
}

/** Those who listen to the object of a client session. They outlast its sleep. */
export class Listeners {
  constructor(private readonly ctx: DurableObjectState) {}

  get any(): boolean {
    return this.ctx.getWebSockets().length > 0;
  }

  /** Takes one, who first gets what is known. */
  async take(
    { url }: Request,
    flights: readonly Flight[],
    watched: { all: readonly Watching[] },
    sessions: AsyncIterable<SessionEvent>,
  ): Promise<Response> {
    const { 0: theirs, 1: ours } = new WebSocketPair();
    const isOnly = url.endsWith(ONLY);
    if (isOnly) for (const before of this.ctx.getWebSockets(ONLY)) send(before, { kind: 'ended' });
    this.ctx.acceptWebSocket(ours, isOnly ? [ONLY] : []);
    for (const serverId of new Set(flights.map((flight) => flight.serverId)))
      send(ours, flightsAt(serverId, flights));
    for (const [serverId, uris] of watched.all) send(ours, { kind: 'watched', serverId, uris });
    for await (const event of sessions) send(ours, event);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  tell(event: SessionEvent): void {
    for (const socket of this.ctx.getWebSockets()) send(socket, event);
  }

  /** Tells the others what one has heard. */
  pass(from: WebSocket, event: string | ArrayBuffer): void {
    for (const socket of this.ctx.getWebSockets())
      if (socket !== from) send(socket, JSON.parse(String(event)));
  }

  tellFlights(serverId: string, flights: readonly Flight[]): void {
    this.tell(flightsAt(serverId, flights));
  }
}

/** What is told of a session at a server. */
export function begun({ serverId, url }: { serverId: string; url: string }, session: Session): SessionEvent {
  return { kind: 'begun', serverId, url, session };
}

function flightsAt(serverId: string, flights: readonly Flight[]): SessionEvent {
  const listening = flights.filter((flight) => flight.serverId === serverId && flight.listens);
  return { kind: 'flights', serverId, count: listening.length };
}

function send(socket: WebSocket, event: SessionEvent): void {
  try {
    socket.send(JSON.stringify(event));
  } catch {
    // it has gone
  }
}
