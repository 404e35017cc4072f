import type { Peer } from '../accounts/connect';
import { fetchTimed } from '../invocation';
import { mediaTypeOf, overlaid } from '../protocol/headers';
import {
  CLIENT_INFO,
  type JsonObject,
  type RpcErrorObject,
  type RpcResponse,
  readResponse,
} from '../protocol/mcp';
import { EventReader } from '../protocol/sse';
import { failures, UpstreamFailure } from '../servers/failure';
import type { TurnEnd } from './breaker';
import { sendWithin } from './redirects';
import { readRefusal, refusalFailure } from './refusal';
import { postBySse } from './sse/transport';

/** What a server answers: a body that is still flowing, to be released at its end, or a JSON-RPC error. */
export type ServerAnswer =
  | {
      kind: 'json' | 'events';
      /** Of the request that was sent: the answer has the same. */
      id: number;
      body: ReadableStream<Uint8Array>;
      /** Reads the body whole, in place of `body`, where the server said that it is short; missing: it flows. */
      whole?: () => Promise<string>;
      /** Called once: what became of the request. */
      settle: (end: TurnEnd) => void;
      /** Called once, when nothing more is read. */
      release: () => void;
      /** Goes on with an event stream that ended too early; missing: the server's era has no way to. */
      resume?: Resume;
      /** True when that is possible after the request, too: its session stays. */
      outlives?: boolean;
      /** Whose word it is that input is required: a server of 2026-07-28, or a call that is held. Missing: none may say so. */
      asks?: 'server' | 'held';
    }
  /** `failure`: what it says of the server besides; null: nothing. */
  | { kind: 'error'; error: RpcErrorObject; failure: UpstreamFailure | null };

/**
 * The rest of an event stream, behind the event `lastEventId` (MCP 2025-11-25, Resumability and Redelivery). Null: the server
 * refuses it. Rejects when it gave no answer, and may be asked again.
 */
export type Resume = (lastEventId: string, signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>;

/** Frees a body that is not read. */
export async function drain(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/**
 * One message by POST; only what the gateway writes goes along.
 * @param isShared whether a session that it begins is its client session's @throws UpstreamFailure when there is no answer.
 */
export async function post(
  peer: Peer,
  message: JsonObject,
  protocol: Headers,
  signal: AbortSignal,
  isShared = false,
): Promise<Response> {
  const headers = messageHeaders(peer, protocol);
  try {
    if (peer.server.connectionType === 'sse')
      return await postBySse(peer, message, headers, isShared, signal);
    const body = JSON.stringify(message);
    const init = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const { connectionString } = peer.server;
    return await sendWithin(connectionString, (url) => fetchTimed(url, init));
  } catch (cause) {
    const { aborted, reason } = signal;
    if (cause instanceof UpstreamFailure) throw cause;
    if (reason instanceof UpstreamFailure) throw reason;
    throw aborted ? failures.late(peer.server.name) : failures.unreachable(peer.server.name, cause);
  }
}

/** Continues an event stream by GET: see {@link Resume}. */
export async function continueStream(
  peer: Peer,
  protocol: Headers,
  lastEventId: string,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | null> {
  if (!/^[!-~](?:[ -~]*[!-~])?$/.test(lastEventId)) return null; // no header carries it as it is
  const headers = headersTo(peer, protocol);
  headers.set('accept', 'text/event-stream');
  headers.set('last-event-id', lastEventId);
  const init = { headers, redirect: 'manual', signal } as const;
  const response = await sendWithin(peer.server.connectionString, (url) => fetchTimed(url, init));
  const { ok, status, body } = response;
  if (ok && body && mediaTypeOf(response.headers) === 'text/event-stream') return body;
  await drain(response);
  if (PASSING.includes(status) || status >= 500) throw failures.unanswered(peer.server.name);
  return null;
}

/** Statuses that say nothing of the stream: too slow, too many. */
const PASSING = [408, 429];

/** Headers of messages, by those of the protocol and of the credentials: of requests in one session they are the same. */
const prepared = new WeakMap<Headers, WeakMap<Headers, Headers>>();

/** The headers of a message that is posted. They are not to be changed. */
function messageHeaders(peer: Peer, protocol: Headers): Headers {
  const own = peer.credentials.headers;
  const byOwn = prepared.get(protocol) ?? new WeakMap<Headers, Headers>();
  const known = byOwn.get(own);
  if (known) return known;
  const headers = headersTo(peer, protocol);
  headers.set('content-type', 'application/json');
  headers.set('accept', 'application/json, text/event-stream');
  prepared.set(protocol, byOwn.set(own, headers));
  return headers;
}

function headersTo({ credentials }: Peer, protocol: Headers): Headers {
  const headers = overlaid(credentials.headers, protocol);
  if (!headers.has('user-agent')) headers.set('user-agent', `${CLIENT_INFO.name}/${CLIENT_INFO.version}`);
  return headers;
}

/** True when the request was given up by the one who made it: the server has not failed. */
export function isAbandoned({ aborted, reason }: AbortSignal): boolean {
  const isLimit = reason instanceof UpstreamFailure || reason?.name === 'TimeoutError';
  return aborted && !isLimit;
}

/** The answer, whose end is told to `ended`. */
export function watched(answer: ServerAnswer, ended: (end: TurnEnd) => void): ServerAnswer {
  if (answer.kind === 'error') {
    ended(answer.failure ?? 'answered');
    return answer;
  }
  return { ...answer, settle: ended };
}

/** Statuses of which some are about a session or an era, beside the request. */
const OF_REQUEST = [400, 404, 405, 422];

/**
 * What a response to the request `id` means. Under an HTTP error status a JSON-RPC error counts whatever its id: the status
 * refuses this request, and servers that have not read its id write null or a name of their own.
 * @param onRefusal sees a 4xx that is about the request, with the JSON-RPC error it holds or null, before anything is made of it.
 */
export async function answerOf(
  peer: Peer,
  response: Response,
  id: number,
  onRefusal: (refusal: RpcResponse | null, status: number) => void,
): Promise<ServerAnswer> {
  const { status, body } = response;
  const { name } = peer.server;
  if (response.ok) {
    const kind = KINDS.get(mediaTypeOf(response.headers));
    if (kind && body) {
      const answer: ServerAnswer = { kind, id, body, settle: () => undefined, release: () => undefined };
      if (kind === 'json' && isShort(response.headers)) answer.whole = () => response.text();
      return answer;
    }
    await drain(response);
    throw status === 202 || status === 204 ? failures.unanswered(name) : failures.notMcp(name);
  }
  if (status < 400) {
    await drain(response);
    throw failures.redirect(name);
  }
  const refused = await readRefusal(peer, response);
  const error = refused.response?.error ?? null;
  if (OF_REQUEST.includes(status)) onRefusal(refused.response, status);
  const failure = refusalFailure(peer, response, refused);
  if (error && failure.kind === 'request' && status !== 401 && status !== 403 && status < 500)
    return { kind: 'error', error, failure: null };
  failure.refusal = error;
  if (status === 401 || status === 403) failure.words = refused.said || null;
  throw failure;
}

/** How a result may come, by media type. */
const KINDS: ReadonlyMap<string, 'json' | 'events'> = new Map([
  ['application/json', 'json'],
  ['text/event-stream', 'events'],
]);

/** The most of a body that is read whole, bytes. */
const MOST_SHORT = 65_536;

/** True for a body whose length is known and small. What is compressed may be of any size. */
export function isShort(headers: Headers): boolean {
  const length = headers.get('content-length');
  return length !== null && !headers.has('content-encoding') && Number(length) <= MOST_SHORT;
}

/** Why a body did not come: its connection broke, or the time was up. */
function unread(server: string, error: unknown): UpstreamFailure {
  const isLate = error instanceof Error && ['TimeoutError', 'AbortError'].includes(error.name);
  return isLate ? failures.late(server) : failures.unreachable(server, error);
}

/**
 * Reads an answer to the JSON-RPC response of its request; of an array that answers it, to the one in there.
 * @param hear gets what else is on its stream
 */
export async function readAnswer(
  { server }: Peer,
  answer: ServerAnswer & { kind: 'json' | 'events' },
  most: number,
  hear: (text: string) => void = () => undefined,
): Promise<RpcResponse> {
  const events = new EventReader();
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let size = 0;
  let text = '';
  let end: TurnEnd;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > most) throw failures.tooLarge(server.name);
      const part = decoder.decode(value, { stream: true });
      if (answer.kind === 'json') text += part;
      else {
        for (const data of events.push(part)) {
          const response = readResponse(data, answer.id);
          if (response) {
            end = 'answered';
            return response;
          }
          hear(data);
        }
      }
    }
    const response = answer.kind === 'json' ? readResponse(text, answer.id) : null;
    if (!response) throw readResponse(text) ? failures.wrongId(server.name) : failures.notMcp(server.name);
    end = 'answered';
    return response;
  } catch (error) {
    end = error instanceof UpstreamFailure ? error : unread(server.name, error);
    throw end;
  } finally {
    reader.cancel().catch(() => undefined);
    answer.settle(end);
    answer.release();
  }
}
