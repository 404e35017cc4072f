import type { Peer } from '../accounts/connect';
import { overlaid } from '../protocol/headers';
import type { LogLevel } from '../protocol/log-level';
import { type Era, isObject, type JsonObject } from '../protocol/mcp';
import { NO_HEADERS } from '../protocol/trace-context';
import { failures, Unauthorized, UpstreamFailure } from '../servers/failure';
import { beginTurn } from './breaker';
import { MODERN_CODES } from './eras';
import { answerOf, continueStream, post, type Resume, type ServerAnswer, watched } from './exchange';
import { postHeld } from './held/sending';
import { OtherEra } from './other-era';
import type { Session, SessionName } from './sessions/session';
import { sessionHeaders, setLevelIn } from './sessions/session-life';
import { type Holder, holderOf } from './sessions/sessions';
import { sift } from './sessions/unknown-session';

type Request = {
  id: number;
  method: string;
  params: JsonObject;
  extra?: Headers | undefined;
  era?: Era | undefined;
  /** Of a client of 2026-07-28, whose request says it: it is set in the session first. */
  level?: (() => Promise<LogLevel | null>) | undefined;
  /** Told which session the request goes in, before it is sent. */
  onSession?: ((peer: Peer, session: Session, isKept: boolean) => void) | undefined;
  /** True when its client may be asked something before it is answered, and then comes back. */
  comesBack?: boolean | undefined;
};

/**
 * Sends a request to a server of the 2025 era, in the session of its peer. Where that is unknown to the server, it is
 * replaced, and the request sent again, once: it was refused as `ping` was, before any byte of a result (PROTOCOL §1).
 * Nothing else is sent twice.
 * @throws UpstreamFailure, OtherEra
 */
export async function sendLegacy(peer: Peer, request: Request, signal: AbortSignal): Promise<ServerAnswer> {
  const { id, method, params, extra = NO_HEADERS, era, level, onSession } = request;
  const body = { jsonrpc: '2.0', id, method, params: legacyParams(params) };
  const holder = await holderOf(peer);
  for (let isAgain = false; ; isAgain = true) {
    const session = await holder.take(signal);
    const mayBeHeld = request.comesBack && session.id !== null && holder.isShared;
    try {
      if (era === '2026' && session.id !== null && isObject(session.capabilities.logging)) {
        const wanted = await level?.();
        if (wanted) await setLevelIn(peer, session, wanted);
      }
      const held = mayBeHeld ? await postHeld(peer, session, body, signal) : null;
      if (!held) onSession?.(peer, session, holder.isShared);
      const ofSession = sessionHeaders(session);
      const headers = extra === NO_HEADERS ? ofSession : overlaid(extra, ofSession);
      const sifted = await sift(held ?? (await post(peer, body, headers, signal)), session);
      const { response, manner } = sifted;
      const isOfSession =
        manner !== null && !isAgain && !(response.status === 401 && isRenewable(peer, sifted));
      if (isOfSession && (await isReplaced(peer, holder, session, manner))) continue;
      const answer = await answerOf(peer, response, id, (refusal, status) => {
        if (MODERN_CODES.includes(refusal?.error?.code ?? 0))
          throw new OtherEra(peer.server, status, refusal);
      });
      if (answer.kind === 'error') {
        holder.free(session);
        return answer;
      }
      answer.release = () => holder.free(session);
      if (held) return { ...answer, asks: 'held' };
      answer.resume = resumeIn(peer, session);
      answer.outlives = session.id === null || holder.isShared;
      return answer;
    } catch (error) {
      holder.free(session);
      throw error;
    }
  }
}

/** Goes on with the answer to the request `id`, behind an event of it, in the session it went in. @throws UpstreamFailure */
export async function continueLegacy(
  peer: Peer,
  { id, session, lastEventId }: { id: number; session: SessionName; lastEventId: string },
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const ended = beginTurn(peer);
  const resume = resumeIn(peer, session);
  const body = await resume(lastEventId, signal).catch((cause: unknown) => {
    throw cause instanceof UpstreamFailure ? cause : failures.unreachable(peer.server.name, cause);
  });
  if (!body) throw failures.unanswered(peer.server.name);
  const nothing = () => undefined;
  const answer = {
    kind: 'events',
    id,
    body,
    settle: nothing,
    release: nothing,
    resume,
    outlives: true,
  } as const;
  return watched(answer, ended);
}

function resumeIn(peer: Peer, session: SessionName): Resume {
  return (last, signal) => continueStream(peer, sessionHeaders(session), last, signal);
}

/** What a server of the 2025 era said at `initialize` that it offers. @throws UpstreamFailure, OtherEra */
export async function legacyCapabilities(peer: Peer, signal: AbortSignal): Promise<JsonObject> {
  const holder = await holderOf(peer);
  const session = await holder.take(signal);
  holder.free(session);
  return session.capabilities;
}

/** True when the server takes `initialize`: the session that begins is the client's own. @throws UpstreamFailure */
export async function takesInitialize(peer: Peer, signal: AbortSignal): Promise<boolean> {
  try {
    await legacyCapabilities(peer, signal);
    return true;
  } catch (error) {
    if (error instanceof OtherEra) return false;
    throw error;
  }
}

/** True when a 401 is about our credentials, and others can be had: that comes first. */
function isRenewable(
  { credentials }: Peer,
  { response, namesSession }: Awaited<ReturnType<typeof sift>>,
): boolean {
  return credentials.refused !== null && (!namesSession || response.headers.has('www-authenticate'));
}

/**
 * False when no other session can be had, too: what the server said of the request is then its answer.
 * @throws OtherEra; Unauthorized where other credentials can be had, to begin one with
 */
async function isReplaced(
  { credentials }: Peer,
  holder: Holder,
  session: Session,
  manner: string,
): Promise<boolean> {
  try {
    return await holder.replace(session, manner);
  } catch (error) {
    if (error instanceof Unauthorized && credentials.refused) throw error;
    if (error instanceof UpstreamFailure) return false;
    throw error;
  }
}

/** A client of 2026-07-28 says in `_meta` what a session of the 2025 era has said already, and brings what only its era knows. */
function legacyParams({ inputResponses: _, requestState: __, ...params }: JsonObject): JsonObject {
  if (!isObject(params._meta)) return params;
  const kept = Object.entries(params._meta).filter(([key]) => !key.startsWith('io.modelcontextprotocol/'));
  return { ...params, _meta: Object.fromEntries(kept) };
}
