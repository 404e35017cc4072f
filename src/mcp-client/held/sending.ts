import { waitUntil } from 'cloudflare:workers';
import * as z from 'zod/mini';
import type { Peer } from '../../accounts/connect';
import type { JsonObject } from '../../protocol/mcp';
import { tuple } from '../../protocol/params';
import { failures } from '../../servers/failure';
import { beginTurn } from '../breaker';
import { type ServerAnswer, watched } from '../exchange';
import type { NamedSession } from '../sessions/session';
import type { SessionActs } from '../sessions/session-acts';
import { sessionObjectOf } from '../sessions/session-stub';
import type { HeldCredential, HeldPlace } from './held-acts';

/** Names a place in a held call, as the object wrote it. */
const Place = tuple(z.string(), z.number(), z.number());

/** The {@link HeldPlace} that a `requestState` says; null: a server wrote it in its name. */
function placeIn(state: string): HeldPlace | null {
  try {
    const [ref, turn, sent] = Place.parse(JSON.parse(state));
    return { ref, turn, sent };
  } catch {
    return null;
  }
}

/**
 * Sends a request by the object of its client session, so that its server may ask something in the middle of it. Null: the
 * object has no room, and nothing was sent. @throws UpstreamFailure
 */
export async function postHeld(
  peer: Peer,
  session: NamedSession,
  message: JsonObject & { id: number },
  signal: AbortSignal,
): Promise<Response | null> {
  const { sharer, server } = peer;
  if (!sharer) return null;
  const object = await sessionObjectOf(sharer);
  const { id, name, connectionType, connectionString, authType } = server;
  const { ref, version } = session;
  const request = {
    ref: crypto.randomUUID(),
    sent: message.id,
    server: { id, name, connectionType, connectionString, authType },
    session: { ref, id: session.id, version },
    credential: credentialOf(peer),
    isAlone: sharer.oneCall !== null,
    message: JSON.stringify(message),
    capabilities: JSON.stringify(sharer.capabilities),
  };
  leaveWhen(signal, object, request.ref);
  const answered = await object.hold(request).catch((cause: unknown) => {
    throw failures.unreachable(name, cause);
  });
  if (answered === null) throw failures.unreachable(name, null);
  return answered === 'full' ? null : answered;
}

/** Goes on with a held call where its client was asked. @param state of its `requestState` @throws UpstreamFailure */
export async function goOnHeld(
  peer: Peer,
  state: string,
  responses: unknown,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const { sharer, server } = peer;
  const place = placeIn(state);
  const ended = beginTurn(peer);
  const lost = () => {
    ended('answered');
    return failures.heldOver(server.name);
  };
  if (!sharer || !place) throw lost();
  const object = await sessionObjectOf(sharer);
  const credential = credentialOf(peer);
  const retry = { place, serverId: server.id, credential, responses: JSON.stringify(responses ?? {}) };
  const answered = await object.goOnHeld(retry).catch(() => null);
  if (!answered?.body) throw lost();
  leaveWhen(signal, object, place.ref);
  const nothing = () => undefined;
  const { body } = answered;
  return watched(
    { kind: 'events', id: place.sent, body, settle: nothing, release: nothing, asks: 'held' },
    ended,
  );
}

/** Tells the object when the client has gone, or the call has taken too long. */
function leaveWhen(signal: AbortSignal, object: SessionActs, ref: string): void {
  const leave = () => waitUntil(object.leaveHeld(ref).catch(() => undefined));
  signal.addEventListener('abort', leave, { once: true });
}

function credentialOf({ credentials }: Peer): HeldCredential {
  return { version: credentials.version, headers: [...credentials.headers] };
}
