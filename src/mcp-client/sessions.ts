import type { JsonObject, PlainId } from '../protocol/mcp';
import { type Address, whereIs } from '../servers/server';

/** A session that a server of the 2025 era began with us. */
export type Session = {
  /** `Mcp-Session-Id`; null when the server keeps no sessions. */
  id: string | null;
  version: string;
  capabilities: JsonObject;
  /** The version of the credentials it was begun with: it does not outlive them. */
  credential: string;
  /** Ids of requests being answered: two requests that share one session never share one. */
  inFlight: Set<string>;
  usedAt: number;
};

/** Milliseconds a session stays unused. */
const IDLE = 600_000;
const MOST = 2000;

/** By server and owner, the longest unused first. Nothing is lost when an isolate forgets: it initialises again. */
const sessions = new Map<string, Session[]>();

const keyOf = (server: Address, owner: string) => `${whereIs(server)} ${owner}`;

/** Servers and some clients take 1 and "1" for the same id. */
const nameOf = (id: PlainId) => String(id);

/** A session that `owner` began at the server with the same credentials and in which `id` is free; takes it. Null when one has to be begun. */
export function takeSession(server: Address, owner: string, credential: string, id: PlainId): Session | null {
  const now = Date.now();
  const key = keyOf(server, owner);
  const known =
    sessions
      .get(key)
      ?.filter((one) => one.inFlight.size || (one.usedAt > now - IDLE && one.credential === credential)) ??
    [];
  const session = known.find(
    (one) => one.credential === credential && (one.id === null || !one.inFlight.has(nameOf(id))),
  );
  sessions.delete(key);
  if (known.length) sessions.set(key, known);
  if (!session) return null;
  occupy(session, id);
  return session;
}

/** Keeps a session just begun for the next request of its owner. */
export function keepSession(server: Address, owner: string, session: Session): void {
  const key = keyOf(server, owner);
  sessions.set(key, [...(sessions.get(key) ?? []), session]);
  if (sessions.size > MOST) sessions.delete(sessions.keys().next().value as string);
}

/** Forgets a session the server no longer knows. */
export function dropSession(server: Address, owner: string, session: Session): void {
  const key = keyOf(server, owner);
  const left = sessions.get(key)?.filter((one) => one !== session) ?? [];
  if (left.length) sessions.set(key, left);
  else sessions.delete(key);
}

export function occupy(session: Session, id: PlainId): void {
  session.inFlight.add(nameOf(id));
  session.usedAt = Date.now();
}

export function release(session: Session, id: PlainId): void {
  session.inFlight.delete(nameOf(id));
  session.usedAt = Date.now();
}

/** The session of `owner` at the server in which the request `id` is being answered; null when there is none here. */
export function sessionOf(server: Address, owner: string, id: PlainId): Session | null {
  return sessions.get(keyOf(server, owner))?.find(({ inFlight }) => inFlight.has(nameOf(id))) ?? null;
}
