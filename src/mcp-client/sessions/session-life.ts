import { waitUntil } from 'cloudflare:workers';
import type { Peer } from '../../accounts/connect';
import { overlaid } from '../../protocol/headers';
import { plainNumbers } from '../../protocol/json/exact';
import type { LogLevel } from '../../protocol/log-level';
import { CLIENT_INFO, isObject, type JsonObject, LEGACY_VERSIONS, type RequestId } from '../../protocol/mcp';
import { failures, InsufficientScope, Unauthorized, UpstreamFailure } from '../../servers/failure';
import { type Address, whereIs } from '../../servers/server';
import { erasOf, noteInitialize, versionIn } from '../eras';
import { answerOf, drain, post, readAnswer } from '../exchange';
import { noteWords } from '../met';
import { OtherEra } from '../other-era';
import { sendWithin } from '../redirects';
import { nextRequestId } from '../request-ids';
import { closeSse } from '../sse/transport';
import type { Session, SessionName } from './session';

/** Servers that gave no session id when they were last asked for one: no object is asked about them. */
const sessionless = new Set<string>();
/** What they said at `initialize`, by server and credential: nothing of it is anyone's own. The longest unused first. */
const greetings = new Map<string, { session: Session; usedAt: number }>();
const MOST = 2000;
/** Milliseconds a greeting serves unused. */
const IDLE = 600_000;

/** True when the server is known to keep no sessions. */
export function isSessionless(server: Address): boolean {
  return sessionless.has(whereIs(server));
}

/** What a server without sessions said at `initialize` to these credentials: requests need no other. Null: it has to be asked. */
export function greetingOf({ server, credentials }: Peer): Session | null {
  const key = `${whereIs(server)} ${credentials.version}`;
  const known = greetings.get(key);
  if (!known || known.usedAt + IDLE <= Date.now() || !isSessionless(server)) return null;
  known.usedAt = Date.now();
  return known.session;
}

function noteGreeting(server: Address, session: Session): void {
  const place = whereIs(server);
  sessionless.delete(place);
  if (session.id !== null) return;
  const key = `${place} ${session.credential}`;
  greetings.delete(key);
  greetings.set(key, { session, usedAt: Date.now() });
  sessionless.add(place);
  if (greetings.size > MOST) greetings.delete(greetings.keys().next().value as string);
  if (sessionless.size > MOST) sessionless.delete(sessionless.values().next().value as string);
}

/** The most that is read of the result of `initialize`. */
const MOST_GREETING = 262_144;
/** How long a server may take over a message that no caller waits for. Milliseconds. */
const PATIENCE = 5_000;

/** How long a server may take over `initialize` that is known for 2026-07-28 only. Milliseconds. */
const DOUBT = 5_000;
/** How long it counts as known that a server took `initialize`, refused it, or failed at it. Milliseconds. */
const TAKEN = 3_600_000;
const REFUSED = 600_000;
const FAILED = 60_000;

const NEWEST = LEGACY_VERSIONS[0] as string;

/**
 * Begins a session with `initialize` (MCP 2025-11-25, Lifecycle). One that cannot be used is ended. A server of 2026-07-28
 * that did not say whether it takes `initialize` is asked for less long, and may fail at it: it has its other era.
 * @param isShared with the other requests of the peer's client session @throws UpstreamFailure, OtherEra
 */
export async function beginSession(
  peer: Peer,
  signal: AbortSignal,
  isShared: boolean,
  declared = peer.sharer?.capabilities ?? {},
): Promise<Session> {
  const { server } = peer;
  const isInDoubt = erasOf(server)?.legacy === null;
  const limited = isInDoubt ? AbortSignal.any([signal, AbortSignal.timeout(DOUBT)]) : signal;
  try {
    return await initialize(peer, limited, isShared, declared);
  } catch (error) {
    if (error instanceof OtherEra) noteInitialize(server, false, REFUSED);
    const isOther = isInDoubt && error instanceof UpstreamFailure && !isOfCredentials(peer, error);
    if (!isOther || signal.aborted) throw error;
    noteInitialize(server, false, error.kind === 'request' ? REFUSED : FAILED);
    throw new OtherEra(server, 0, null);
  }
}

/** True when the server may take the same with other credentials. */
function isOfCredentials({ credentials }: Peer, error: UpstreamFailure): boolean {
  return (
    error instanceof InsufficientScope || (error instanceof Unauthorized && credentials.refused !== null)
  );
}

async function initialize(
  peer: Peer,
  signal: AbortSignal,
  isShared: boolean,
  declared: JsonObject,
): Promise<Session> {
  const capabilities = peer.server.connectionType === 'sse' ? {} : declared; // which takes no questions
  const params = { protocolVersion: NEWEST, capabilities, clientInfo: CLIENT_INFO };
  const id = nextRequestId();
  const message = { jsonrpc: '2.0', id, method: 'initialize', params };
  const response = await post(peer, message, new Headers(), signal, isShared);
  const sessionId = response.headers.get('mcp-session-id');
  try {
    return await settled(peer, response, { id, sessionId }, signal);
  } catch (error) {
    waitUntil(endSession(peer, { id: sessionId, version: NEWEST }));
    throw error;
  }
}

/** The session that a server began in `response`, once it knows that we are ready. @throws UpstreamFailure, OtherEra */
async function settled(
  peer: Peer,
  response: Response,
  { id, sessionId }: { id: number; sessionId: string | null },
  signal: AbortSignal,
): Promise<Session> {
  const { server, credentials } = peer;
  const { status } = response;
  const answer = await answerOf(peer, response, id, (refusal) => {
    if (refusal) throw new OtherEra(server, status, refusal);
  });
  const { result } =
    answer.kind === 'error' ? { result: undefined } : await readAnswer(peer, answer, MOST_GREETING);
  if (!result) throw new OtherEra(server, status, null);
  noteWords(peer, result);
  noteInitialize(server, true, TAKEN);

  const session: Session = {
    ref: crypto.randomUUID(),
    id: sessionId,
    version: versionIn(server, result),
    capabilities: isObject(result.capabilities) ? plainNumbers(result.capabilities) : {},
    credential: credentials.version,
  };
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await drain(await post(peer, initialized, sessionHeaders(session), signal));
  noteGreeting(server, session);
  return session;
}

/** Ends a session that no one may use again (MCP 2025-11-25, Session Management). */
export async function endSession(peer: Peer, session: SessionName): Promise<void> {
  const { server, credentials } = peer;
  if (session.id === null) return;
  if (server.connectionType === 'sse') return closeSse(peer, session.id).catch(() => undefined);
  const headers = overlaid(credentials.headers, sessionHeaders(session));
  const signal = AbortSignal.timeout(PATIENCE);
  const options = { method: 'DELETE', headers, redirect: 'manual', signal } as const;
  const ended = sendWithin(server.connectionString, (url) => fetch(url, options));
  const response = await ended.catch(() => null);
  if (response) await drain(response);
}

/** Tells a server that the request `id` is not wanted any more (MCP 2025-11-25, Cancellation). */
export async function cancelIn(peer: Peer, session: SessionName, id: number, reason: string): Promise<void> {
  const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason } };
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await post(peer, message, sessionHeaders(session), signal).catch(() => null);
  if (response) await drain(response);
}

/** Statuses of an answer that may be given again: other credentials, too slow, too early, too many. */
const MAY_COME_AGAIN: readonly number[] = [401, 408, 425, 429];

/**
 * Gives a server the answer to what it asked in a session, once more where it wants other credentials.
 * @throws UpstreamFailure when it does not take it: `notFound` when it never will
 */
export async function respondIn(
  peer: Peer,
  session: SessionName,
  id: RequestId,
  answer: { result: JsonObject } | { error: unknown },
): Promise<void> {
  const message = { id, ...answer };
  let status = await tellIn(peer, session, message);
  if (status === 401 && peer.credentials.refused) {
    peer.credentials = await peer.credentials.refused(null);
    status = await tellIn(peer, session, message);
  }
  const isRefused = status >= 400 && status < 500 && !MAY_COME_AGAIN.includes(status);
  if (isRefused) throw failures.notFound(peer.server.name, '');
  if (status >= 300) throw failures.unreachable(peer.server.name, `HTTP ${status}`);
}

/** Sends a server a message of a session that wants no answer: a notification, or an answer. @returns the HTTP status @throws UpstreamFailure */
export async function tellIn(peer: Peer, session: SessionName, message: JsonObject): Promise<number> {
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await post(peer, { jsonrpc: '2.0', ...message }, sessionHeaders(session), signal);
  await drain(response);
  return response.status;
}

/** Tells a server from which level on its log lines are wanted in a session. One that does not take it logs as it did. */
export async function setLevelIn(peer: Peer, session: SessionName, level: LogLevel): Promise<void> {
  const message = { id: nextRequestId(), method: 'logging/setLevel', params: { level } };
  await tellIn(peer, session, message).catch(() => undefined);
}

/** By the session, for as long as it is used. */
const headersOf = new WeakMap<SessionName, Headers>();

/** What a server is asked with in a session, to learn whether it knows it. @throws UpstreamFailure when there is no answer */
export function ping(peer: Peer, session: SessionName): Promise<Response> {
  const message = { jsonrpc: '2.0', id: nextRequestId(), method: 'ping' };
  return post(peer, message, sessionHeaders(session), AbortSignal.timeout(PATIENCE));
}

export function sessionHeaders(session: SessionName): Headers {
  const known = headersOf.get(session);
  if (known) return known;
  const { id, version } = session;
  const headers = new Headers({ 'mcp-protocol-version': version });
  if (id !== null) headers.set('mcp-session-id', id);
  headersOf.set(session, headers);
  return headers;
}
