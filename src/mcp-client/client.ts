import { waitUntil } from 'cloudflare:workers';
import type { Peer } from '../accounts/connect';
import { overlaid } from '../protocol/headers';
import {
  CODE,
  type Era,
  isObject,
  type JsonObject,
  LEGACY_VERSIONS,
  type PlainId,
  type RequestId,
  type RpcResponse,
} from '../protocol/mcp';
import type { MirroredParam } from '../protocol/mcp-headers';
import { failures, Refusal, Unauthorized, UpstreamFailure } from '../servers/failure';
import type { Address } from '../servers/server';
import { noteTurn, restOf } from './breaker';
import { discover, erasOf, forgetEras, MODERN_CODES, modernRequest, noteEras } from './eras';
import { answerOf, CLIENT_INFO, drain, post, readAnswer, type ServerAnswer } from './exchange';
import { dropSession, keepSession, occupy, release, type Session, sessionOf, takeSession } from './sessions';

/** A request to a server. `mirrored`: which arguments its tool wants repeated in headers. */
export type Outgoing = {
  id: PlainId;
  method: string;
  params: JsonObject;
  mirrored?: readonly MirroredParam[];
  /** The era of the client it is made for; none: of no client. */
  era?: Era;
  /** What that client declared, as far as it is passed on (to a server of 2026-07-28 alone). */
  capabilities?: JsonObject;
};

/** The most that is read of the result of `initialize`, and of a page of a list. */
const MOST_GREETING = 262_144;
const MOST_PAGE = 8_388_608;

/** How long a slow server may take over `server/discover` once `initialize` was refused. Milliseconds. */
const MOST_PATIENCE = 60_000;

/** How many credentials one request is sent with. */
const MOST_CREDENTIALS = 3;

/** Thrown when what a server says shows that it may be of the other era. */
class OtherEra extends Error {
  /** @param refusal what it answered in place of a result; null: no JSON-RPC */
  constructor(
    private readonly server: Address,
    private readonly status: number,
    private readonly refusal: RpcResponse | null,
  ) {
    super();
  }

  /** What it said, for the client, when it is of this era after all. @throws UpstreamFailure */
  asAnswer(): ServerAnswer {
    if (this.refusal?.error) return { kind: 'error', error: this.refusal.error };
    const { name } = this.server;
    throw this.status === 404 ? failures.notFound(name) : failures.status(name, this.status);
  }
}

/**
 * Sends a request and answers once the server's headers are there. A session the server has forgotten is begun again and the
 * request sent again, once; so it is with others when the server refuses our credentials: it has not run. Nothing else is
 * sent twice.
 * @throws UpstreamFailure, CredentialNeeded
 */
export async function send(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
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
 * no others, unless their owner has connected again meanwhile.
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

/**
 * Sends a request in its client's own era where the server has it, else in the other, for no client in the newest. What may
 * have run is never sent in the other: the server is asked first which eras it speaks now.
 */
async function sendInEra(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
  const { server } = peer;
  const known = erasOf(server);
  const eras = known ?? (await discover(peer, signal)).eras;
  const isModern = eras.modern && !(eras.legacy && outgoing.era === '2025');
  try {
    return await sendAs(isModern, peer, outgoing, signal);
  } catch (error) {
    if (!(error instanceof OtherEra)) throw error;
    if (known) forgetEras(server);
    const now = known ? (await discover(peer, signal)).eras : eras;
    if (isModern && now.modern) return error.asAnswer();
  }
  try {
    const answer = await sendAs(!isModern, peer, outgoing, signal);
    if (!isModern) noteEras(server, { modern: true, legacy: false });
    return answer;
  } catch (error) {
    if (!(error instanceof OtherEra)) throw error;
    forgetEras(server);
    throw failures.notMcp(server.name);
  }
}

function sendAs(
  isModern: boolean,
  peer: Peer,
  outgoing: Outgoing,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  return isModern ? sendModern(peer, outgoing, signal) : sendLegacy(peer, outgoing, signal);
}

async function sendModern(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
  const { body, headers } = modernRequest(outgoing);
  const response = await post(peer, body, headers, signal);
  return answerOf(peer, response, (refusal, status) => {
    // These a server of 2026-07-28 says of a request; with all others it may be one of the 2025 era that refuses it.
    const isOfRequest = [
      CODE.headerMismatch,
      CODE.missingClientCapability,
      CODE.methodNotFound,
      CODE.invalidParams,
    ];
    if (!(isOfRequest as number[]).includes(refusal?.error?.code ?? 0))
      throw new OtherEra(peer.server, status, refusal);
  });
}

async function sendLegacy(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
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
        if (MODERN_CODES.includes(refusal?.error?.code ?? 0)) throw new OtherEra(server, status, refusal);
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
  const { status } = response;
  const answer = await answerOf(peer, response, (refusal) => {
    if (refusal) throw new OtherEra(server, status, refusal);
  });
  const { result } =
    answer.kind === 'error' ? { result: undefined } : await readAnswer(peer, answer, MOST_GREETING);
  if (!result) throw new OtherEra(server, status, null);
  if (!erasOf(server)) noteEras(server, { modern: false, legacy: true });

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

/** Ends a session that no one may use again (MCP 2025-11-25, Session Management). */
async function endSession({ server, credentials }: Peer, session: Session): Promise<void> {
  if (session.id === null) return;
  const headers = overlaid(credentials.headers, sessionHeaders(session));
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
  const said = error?.message ?? 'no result';
  throw new Refusal({ server: peer.server.name, method, said: said.slice(0, 500) }, error?.code);
}

/** What a server says it offers now, and with that which eras it speaks. @throws UpstreamFailure */
export async function capabilitiesOf(peer: Peer, signal: AbortSignal): Promise<JsonObject> {
  forgetEras(peer.server);
  return renewing(peer, async () => {
    const found = await discover(peer, signal);
    if (found.eras.modern) return found.capabilities;
    try {
      return await legacyCapabilities(peer, signal);
    } catch (error) {
      if (!(error instanceof OtherEra)) throw error;
    }
    const again = await discover(peer, signal, MOST_PATIENCE); // it was slow
    if (again.eras.modern) return again.capabilities;
    throw failures.notMcp(peer.server.name);
  });
}

async function legacyCapabilities(peer: Peer, signal: AbortSignal): Promise<JsonObject> {
  const { server, sharer, credentials } = peer;
  const id = crypto.randomUUID();
  const taken = sharer === null ? null : takeSession(server, sharer, credentials.version, id);
  const session = taken ?? (await begin(peer, id, signal));
  release(session, id);
  if (sharer === null) waitUntil(endSession(peer, session));
  return session.capabilities;
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

/** Tells a server of the 2025 era at once that no one answers what it asks while it answers the request `id`. */
export async function refuseQuestion(peer: Peer, id: PlainId, question: RequestId): Promise<void> {
  const session = peer.sharer === null ? null : sessionOf(peer.server, peer.sharer, id);
  if (!session) return;
  const error = { code: CODE.methodNotFound, message: 'The client takes no questions.' };
  const message = { jsonrpc: '2.0', id: question, error };
  await drain(await post(peer, message, sessionHeaders(session), AbortSignal.timeout(5000)));
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
