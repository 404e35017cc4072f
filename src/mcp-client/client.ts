import type { Peer } from '../accounts/connect';
import { LEVEL_META, type LogLevel } from '../protocol/log-level';
import { CODE, type Era, type JsonObject, metaOf } from '../protocol/mcp';
import type { MirroredParam } from '../protocol/mcp-headers';
import { failures, InsufficientScope, Refusal, Unauthorized, UpstreamFailure } from '../servers/failure';
import { beginTurn } from './breaker';
import { discover, erasOf, forgetEras, modernRequest, noteEras } from './eras';
import { answerOf, isAbandoned, post, readAnswer, type ServerAnswer, watched } from './exchange';
import { legacyCapabilities, sendLegacy } from './legacy';
import { OtherEra } from './other-era';
import { answersBesidePage, DECLARED_TO_LIST } from './questions/while-listing';
import { nextRequestId } from './request-ids';
import type { Session } from './sessions/session';

/** A request to a server. `mirrored`: which arguments its tool wants repeated in headers. */
export type Outgoing = {
  id: number;
  method: string;
  params: JsonObject;
  mirrored?: readonly MirroredParam[];
  /** Headers that go along beside those of the protocol. */
  extra?: Headers;
  /** The era of the client it is made for; none: of no client. */
  era?: Era;
  /** What that client declared, as far as it is passed on (to a server of 2026-07-28 alone). */
  capabilities?: JsonObject;
  /**
   * From which level on that client wants log lines, where it says so otherwise than the server's era has it; null: it does
   * not say.
   */
  level?: () => Promise<LogLevel | null>;
  /** Told which session of the 2025 era the request goes in, before it is sent; not when the object of the session sends it. */
  onSession?: (peer: Peer, session: Session, isKept: boolean) => void;
  /** True when its client may be asked something before it is answered, and then comes back. */
  comesBack?: boolean;
};

/** The most that is read of a page of a list. */
const MOST_PAGE = 8_388_608;

/** The most that headers repeat of a request, bytes: at more a server hangs up, as one does that is down. */
const MOST_REPEATED = 65_536;

/** How long a slow server may take over `server/discover` once `initialize` was refused. Milliseconds. */
const MOST_PATIENCE = 60_000;

/** How many credentials one request is sent with. */
const MOST_CREDENTIALS = 3;

/**
 * Sends a request and answers once the server's headers are there. A session the server has forgotten is replaced and the
 * request sent again, once; so it is with others when the server refuses our credentials: it has not run. Nothing else is
 * sent twice.
 * @throws UpstreamFailure, CredentialNeeded
 */
export async function send(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
  const ended = beginTurn(peer);
  try {
    return watched(await renewing(peer, () => sendInEra(peer, outgoing, signal)), ended);
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    if (!isAbandoned(signal)) ended(error);
    if (error.refusal === null) throw error;
    return { kind: 'error', error: error.refusal, failure: error };
  }
}

/**
 * Does `work` again with other credentials when the server refuses those of `peer`. When it refuses these as well, there are
 * no others, unless their owner has connected again meanwhile.
 */
async function renewing<T>(peer: Peer, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const others = attempt < MOST_CREDENTIALS ? await othersThan(peer.credentials, error) : null;
      if (!others) throw error;
      peer.credentials = others;
    }
  }
}

/** What to send in place of credentials that the server refused with `error`; null: nothing. */
async function othersThan(
  { refused, lacksScopes }: Peer['credentials'],
  error: unknown,
): Promise<Peer['credentials'] | null> {
  if (error instanceof Unauthorized) return (await refused?.(error.resourceMetadata)) ?? null;
  if (error instanceof InsufficientScope) return (await lacksScopes?.(error.scopes)) ?? null;
  return null;
}

/**
 * Sends a request in its client's own era where the server has it, else in the other, for no client in the newest. A server
 * that does not say whether it has that of 2025 is asked with `initialize`, once. What may have run is never sent in the
 * other: the server is asked first which eras it speaks now.
 */
async function sendInEra(peer: Peer, outgoing: Outgoing, signal: AbortSignal): Promise<ServerAnswer> {
  const { server } = peer;
  const known = erasOf(server);
  const eras = known ?? (await discover(peer, signal)).eras;
  const isModern = eras.modern && !(eras.legacy !== false && outgoing.era === '2025');
  try {
    return await sendAs(isModern, peer, outgoing, signal);
  } catch (error) {
    if (!(error instanceof OtherEra)) throw error;
    const isRefused = !isModern && erasOf(server)?.legacy === false; // `initialize`, just now
    if (known && !isRefused) forgetEras(server);
    const now = known && !isRefused ? (await discover(peer, signal)).eras : eras;
    if (isModern && now.modern) return error.asAnswer();
  }
  try {
    const answer = await sendAs(!isModern, peer, outgoing, signal);
    if (!isModern) noteEras(server, { modern: true, legacy: null });
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
  const level = outgoing.era === '2025' ? await outgoing.level?.() : null;
  const { body, headers, size } = modernRequest(
    level ? { ...outgoing, params: askingFor(level, outgoing.params) } : outgoing,
  );
  if (size > MOST_REPEATED) throw failures.headersTooLong(peer.server.name);
  const response = await post(peer, body, headers, signal);
  const answer = await answerOf(peer, response, outgoing.id, (refusal, status) => {
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
  return answer.kind === 'error' ? answer : { ...answer, asks: 'server' };
}

function askingFor(level: LogLevel, params: JsonObject): JsonObject {
  return { ...params, _meta: { ...metaOf(params), [LEVEL_META]: level } };
}

/** A request whose whole result is read, for what the gateway itself lists, or a client of `era`. @throws UpstreamFailure */
export async function ask(
  peer: Peer,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
  era?: Era,
): Promise<JsonObject> {
  let hear: ((text: string) => void) | undefined;
  const onSession = (peer: Peer, session: Session) => {
    hear = answersBesidePage(peer, session);
  };
  const request = { id: nextRequestId(), method, params, capabilities: DECLARED_TO_LIST, onSession };
  const outgoing = era ? { ...request, era } : request;
  const answer = await send(peer, outgoing, signal);
  if (answer.kind === 'error' && answer.failure) throw answer.failure;
  const { error, result } =
    answer.kind === 'error'
      ? { ...answer, result: undefined }
      : await readAnswer(peer, answer, MOST_PAGE, hear);
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
