import { waitUntil } from 'cloudflare:workers';
import {
  CODE,
  isObject,
  type JsonObject,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSION,
  metaOf,
  type PlainId,
  type Response as RpcResponse,
} from '../protocol/mcp';
import { type MirroredParam, mirrorHeaders } from '../protocol/mcp-headers';
import { noteTurn, restOf } from './breaker';
import type { Peer } from './connect';
import { type Answer, answerOf, CLIENT_INFO, drain, post, readAnswer } from './exchange';
import { failures, Refusal, Unauthorized, UpstreamFailure } from './failure';
import { dropSession, keepSession, occupy, release, type Session, sessionOf, takeSession } from './sessions';

/** A request to a server. `mirrored`: which arguments its tool wants repeated in headers. */
export type Outgoing = {
  id: PlainId;
  method: string;
  params: JsonObject;
  mirrored?: readonly MirroredParam[];
};

/** The most that is read of the result of `initialize`, and of a page of a list. */
const MOST_GREETING = 262_144;
const MOST_PAGE = 8_388_608;

/** How many credentials one request is sent with. */
const MOST_CREDENTIALS = 3;

/** Codes with which only a server of 2026-07-28 refuses (MCP 2026-07-28, Streamable HTTP, Backward Compatibility). */
const MODERN_CODES: readonly number[] = [
  CODE.headerMismatch,
  CODE.missingClientCapability,
  CODE.unsupportedVersion,
];

/** Servers found to speak 2026-07-28 only, with the address at which they did. */
const modernServers = new Map<string, string>();

/** Thrown when what a server says shows that it is of the other era. Nothing has run. */
class OtherEra extends Error {}

/**
 * Sends a request and answers once the server's headers are there. A session the server has forgotten is begun anew and the
 * request sent again, once; so it is with others when the server refuses our credentials: it has not run. Nothing else is
 * sent twice.
 * @throws UpstreamFailure, CredentialNeeded
 */
export async function send(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  const { server } = peer;
  const rest = restOf(server);
  if (rest) throw failures.resting(server.name, rest);
  try {
    const answer = await renewing(peer, () => sendInEra(peer, outgoing, signal));
    noteTurn(server, true);
    return answer;
  } catch (error) {
    if (!signal.aborted && error instanceof UpstreamFailure && error.state === 'unstable')
      noteTurn(server, false);
    throw error;
  }
}

/**
 * Does `work` again with other credentials when the server refuses those of `peer`. When it refuses these as well, there are
 * no others, unless their owner has connected anew meanwhile.
 */
async function renewing<T>(peer: Peer, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { refused } = peer.credentials;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unauthorized) || !refused || attempt === MOST_CREDENTIALS) throw error;
      peer.credentials = await refused();
    }
  }
}

async function sendInEra(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  const { id, connectionString } = peer.server;
  const modern = modernServers.get(id) === connectionString;
  try {
    return await (modern ? sendModern(peer, outgoing, signal) : sendLegacy(peer, outgoing, signal));
  } catch (error) {
    if (!(error instanceof OtherEra)) throw error;
    if (modern) modernServers.delete(id);
    else modernServers.set(id, connectionString);
  }
  try {
    return await (modern ? sendLegacy(peer, outgoing, signal) : sendModern(peer, outgoing, signal));
  } catch (error) {
    if (!(error instanceof OtherEra)) throw error;
    modernServers.delete(id);
    throw failures.notMcp(peer.server.name);
  }
}

async function sendModern(
  peer: Peer,
  { id, method, params, mirrored = [] }: Outgoing,
  signal: AbortSignal,
): Promise<Answer> {
  const _meta = {
    ...metaOf(params),
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientInfo]: CLIENT_INFO,
    [META.clientCapabilities]: {},
  };
  const body = { jsonrpc: '2.0', id, method, params: { ...params, _meta } };
  const headers = new Headers(mirrorHeaders(method, params, mirrored));
  headers.set('mcp-protocol-version', MODERN_VERSION);
  const response = await post(peer, body, headers, signal);
  return answerOf(peer, response, (refusal) => {
    // Only a server of the 2025 era refuses this with an error that 2026-07-28 does not know.
    if (![...MODERN_CODES, CODE.methodNotFound, CODE.invalidParams].includes(refusal?.error?.code ?? 0))
      throw new OtherEra();
  });
}

async function sendLegacy(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  const { server, sharer, credentials } = peer;
  const { id, method, params } = outgoing;
  const body = { jsonrpc: '2.0', id, method, params: withoutModernMeta(params) };
  for (let renewed = false; ; renewed = true) {
    const session =
      (sharer !== null && takeSession(server, sharer, credentials.version, id)) ||
      (await begin(peer, id, signal));
    const free = () => {
      release(session, id);
      if (sharer === null) waitUntil(endSession(peer, session));
    };
    try {
      const response = await post(peer, body, sessionHeaders(session), signal);
      const answer = await answerOf(peer, response, (refusal, status) => {
        if (MODERN_CODES.includes(refusal?.error?.code ?? 0)) throw new OtherEra();
        if (session.id !== null && isForgotten(status, refusal)) throw new SessionForgotten();
      });
      if (answer.kind === 'error') free();
      else answer.release = free;
      return answer;
    } catch (error) {
      free();
      if (!(error instanceof SessionForgotten)) throw error;
      if (sharer !== null) dropSession(server, sharer, session);
      if (renewed) throw failures.notFound(server.name);
    }
  }
}

/** Thrown when the server does not know our session any more. Nothing has run. */
class SessionForgotten extends Error {}

/** 404 is the rule (MCP 2025-11-25, Session Management); some servers answer 400 and say so. */
function isForgotten(status: number, refusal: RpcResponse | null): boolean {
  return status === 404 || (status === 400 && /session/i.test(refusal?.error?.message ?? ''));
}

/** Begins a session with `initialize` and takes it for the request `id` (MCP 2025-11-25, Lifecycle). */
async function begin(peer: Peer, id: PlainId, signal: AbortSignal): Promise<Session> {
  const { server, sharer, credentials } = peer;
  const params = { protocolVersion: LEGACY_VERSIONS[0], capabilities: {}, clientInfo: CLIENT_INFO };
  const response = await post(
    peer,
    { jsonrpc: '2.0', id: 'initialize', method: 'initialize', params },
    new Headers(),
    signal,
  );
  const sessionId = response.headers.get('mcp-session-id');
  const answer = await answerOf(peer, response, (refusal) => {
    if (refusal) throw new OtherEra();
  });
  const { result } =
    answer.kind === 'error' ? { result: undefined } : await readAnswer(peer, answer, MOST_GREETING);
  if (!result) throw new OtherEra();

  const session: Session = {
    id: sessionId,
    version:
      typeof result.protocolVersion === 'string' ? result.protocolVersion : (LEGACY_VERSIONS[0] as string),
    capabilities: isObject(result.capabilities) ? result.capabilities : {},
    credential: credentials.version,
    inFlight: new Set(),
    usedAt: Date.now(),
  };
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  await drain(await post(peer, initialized, sessionHeaders(session), signal));
  occupy(session, id);
  if (sharer !== null) keepSession(server, sharer, session);
  return session;
}

/** Ends a session that nobody may use again (MCP 2025-11-25, Session Management). */
async function endSession({ server, credentials }: Peer, session: Session): Promise<void> {
  if (session.id === null) return;
  const headers = new Headers(credentials.headers);
  for (const [name, value] of sessionHeaders(session)) headers.set(name, value);
  const options = {
    method: 'DELETE',
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(5000),
  } as const;
  const response = await fetch(server.connectionString, options).catch(() => null);
  if (response) await drain(response);
}

/** A request whose whole result is read, for what the gateway itself wants to know. @throws UpstreamFailure */
export async function ask(
  peer: Peer,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const answer = await send(peer, { id: crypto.randomUUID(), method, params }, signal);
  const { error, result } =
    answer.kind === 'error' ? { ...answer, result: undefined } : await readAnswer(peer, answer, MOST_PAGE);
  if (result) return result;
  throw new Refusal(
    `The server ${peer.server.name} refused ${method}: ${error?.message ?? 'no result'}`.slice(0, 500),
    error?.code,
  );
}

/** What a server says it offers, asked in its own era. @throws UpstreamFailure */
export async function capabilitiesOf(peer: Peer, signal: AbortSignal): Promise<JsonObject> {
  const { server, sharer, credentials } = peer;
  const isModern = () => modernServers.get(server.id) === server.connectionString;
  if (!isModern() && sharer !== null) {
    const id = crypto.randomUUID();
    try {
      const session =
        takeSession(server, sharer, credentials.version, id) ??
        (await renewing(peer, () => begin(peer, id, signal)));
      release(session, id);
      return session.capabilities;
    } catch (error) {
      if (!(error instanceof OtherEra)) throw error;
      modernServers.set(server.id, server.connectionString);
    }
  }
  const { capabilities } = await ask(peer, 'server/discover', {}, signal);
  return isObject(capabilities) ? capabilities : {};
}

/**
 * Tells a server of the 2025 era that a request is not wanted any more (MCP 2025-11-25, Cancellation). One of 2026-07-28 hears
 * it from its closed stream. Does nothing when no such request is in flight here.
 */
export async function cancelRequest(peer: Peer, id: PlainId, reason: string): Promise<void> {
  const session = peer.sharer === null ? null : sessionOf(peer.server, peer.sharer, id);
  if (!session) return;
  const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason } };
  const response = await post(peer, message, sessionHeaders(session), AbortSignal.timeout(5000)).catch(
    () => null,
  );
  if (response) await drain(response);
}

function sessionHeaders({ id, version }: Session): Headers {
  const headers = new Headers({ 'mcp-protocol-version': version });
  if (id !== null) headers.set('mcp-session-id', id);
  return headers;
}

/** A client of 2026-07-28 says in `_meta` what a session of the 2025 era has said already. */
function withoutModernMeta(params: JsonObject): JsonObject {
  if (!isObject(params._meta)) return params;
  const kept = Object.entries(params._meta).filter(([key]) => !key.startsWith('io.modelcontextprotocol/'));
  return { ...params, _meta: Object.fromEntries(kept) };
}
