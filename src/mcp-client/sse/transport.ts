import { waitUntil } from 'cloudflare:workers';
import type { Peer } from '../../accounts/connect';
import type { JsonObject } from '../../protocol/mcp';
import { within } from '../../protocol/patience';
import { failures } from '../../servers/failure';
import { sessionObjectOf } from '../sessions/session-stub';
import { type SseReply, type SseRequest, SseStreams } from './streams';

/** Begins the names of streams that this invocation holds; those of others are in the object of the client session. */
const OWN = 'own.';
/** How long what is not read any more may take to end by itself. Milliseconds. */
const ENDING = 200;

/** What holds streams: {@link SseStreams} here, or the object of a client session. */
type Streams = {
  send(request: SseRequest): Promise<SseReply>;
  drop(session: string, id: number): Promise<void>;
};

/** By whom they are asked: a stream cannot be read by another invocation than the one that began it. */
const own = new WeakMap<Peer, SseStreams>();

/**
 * One message to a server of the transport of 2024-11-05, answered as over Streamable HTTP. `initialize` begins a session: shared,
 * in the object of the peer's client session, else its own, which lasts as long as this invocation at most.
 * @param headers credentials, and `Mcp-Session-Id` with our name for the session
 * @throws UpstreamFailure, and what `signal` aborts with
 */
export async function postBySse(
  peer: Peer,
  message: JsonObject,
  headers: Headers,
  isShared: boolean,
  signal: AbortSignal,
): Promise<Response> {
  const session = headers.get('mcp-session-id');
  const isBeginning = message.method === 'initialize';
  if (session === null && !isBeginning) return new Response(null, { status: 404 });
  const streams = streamsOf(peer, session === null ? isShared : !session.startsWith(OWN));
  if (!streams) return new Response(null, { status: 404 });

  const sent = new Headers(headers);
  for (const name of ['mcp-session-id', 'content-type', 'accept']) sent.delete(name);
  const id = typeof message.id === 'number' ? message.id : null;
  const { connectionString: address, name } = peer.server;
  const body = JSON.stringify(message);
  const sending = streams.send({ address, session, headers: [...sent], body, id });
  const reply = await untilAborted(sending, signal).catch((error: unknown) => {
    if (session !== null && id !== null) waitUntil(streams.drop(session, id).catch(() => undefined));
    waitUntil(sending.then((late) => forget(peer, late)).catch(() => undefined));
    throw error;
  });
  if (!('fault' in reply)) {
    const { response } = reply;
    if (!response.ok || !response.body || id === null) return response;
    const { headers } = response;
    return new Response(readUntil(response.body, signal), { headers });
  }
  if (reply.fault === 'lost') throw failures.lost(name);
  if (reply.fault === 'elsewhere') throw failures.endpointElsewhere(name, reply.said);
  throw reply.fault === 'unreachable' ? failures.unreachable(name, reply.fault) : failures.notMcp(name);
}

/** Closes a session. */
export async function closeSse(peer: Peer, session: string): Promise<void> {
  if (session.startsWith(OWN)) own.get(peer)?.close(session);
  else if (peer.sharer) await (await sessionObjectOf(peer.sharer)).closeSse(session);
}

/** Frees an answer that came too late, and closes the session that it begins. */
async function forget(peer: Peer, late: SseReply): Promise<void> {
  if (!('response' in late)) return;
  const { headers, body } = late.response;
  const session = headers.get('mcp-session-id');
  if (session !== null) await closeSse(peer, session);
  await body?.cancel();
}

/** Null: there are none. */
function streamsOf(peer: Peer, isShared: boolean): Streams | null {
  const { sharer } = peer;
  if (isShared) {
    if (!sharer) return null;
    return {
      send: async (request) =>
        (await sessionObjectOf(sharer)).sendSse(request).catch(() => ({ fault: 'lost' })),
      drop: async (session, id) => (await sessionObjectOf(sharer)).dropSse(session, id),
    };
  }
  const streams = own.get(peer) ?? new SseStreams(OWN);
  own.set(peer, streams);
  return { send: (request) => streams.send(request), drop: async (session, id) => streams.drop(session, id) };
}

/** Rejects with the reason once `signal` aborts. */
async function untilAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let give = () => {};
  const aborted = new Promise<never>((_, reject) => {
    give = () => reject(signal.reason);
    signal.addEventListener('abort', give);
  });
  return Promise.race([value, aborted]).finally(() => signal.removeEventListener('abort', give));
}

/** A body as it is, which breaks off when `signal` aborts. */
function readUntil(body: ReadableStream<Uint8Array>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const leave = async () => {
    const end = await within(
      ENDING,
      reader.read().catch(() => ({ done: true })),
    ); // it has, where the answer was read
    if (!end?.done) await reader.cancel().catch(() => undefined);
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        try {
          const { done, value } = await untilAborted(reader.read(), signal);
          if (done) sink.close();
          else sink.enqueue(value);
        } catch (error) {
          waitUntil(leave());
          throw error;
        }
      },
      cancel: () => waitUntil(leave()),
    },
    { highWaterMark: 0 },
  );
}
