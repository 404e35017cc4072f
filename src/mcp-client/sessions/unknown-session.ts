import type { Peer } from '../../accounts/connect';
import { mediaTypeOf } from '../../protocol/headers';
import { CODE, readResponse } from '../../protocol/mcp';
import { readText } from '../../protocol/params';
import { EventReader } from '../../protocol/sse';
import { MODERN_CODES } from '../eras';
import { drain, isShort } from '../exchange';
import type { SessionName } from './session';
import { ping } from './session-life';

/**
 * A response, and how it refuses when that can mean an unknown session (PROTOCOL §1): two refusals with equal manners are
 * alike. Null: it is no such refusal. `namesSession`: its words name a session or initialisation.
 */
type Sifted = { response: Response; manner: string | null; namesSession: boolean };

const NAMES_SESSION = /session|initiali[sz]/i;
/** About the request or its sender, whatever the session: too slow, too large, too many. */
const OF_REQUEST: readonly number[] = [408, 413, 429];
/** The most that is read of a refusal, and of a success that may be an error, bytes. */
const MOST_REFUSAL = 65_536;
const MOST_PEEK = 4_096;

/** Reads of a response as much as tells whether it may refuse the session; the response is there to be read whole. */
export async function sift(response: Response, session: SessionName): Promise<Sifted> {
  const { status } = response;
  if (status >= 400 && !OF_REQUEST.includes(status)) return siftRefusal(response, session);
  const none = { response, manner: null, namesSession: false };
  if (status !== 200 || !response.body || session.id === null) return none;
  const type = mediaTypeOf(response.headers);
  if (type !== 'application/json' && type !== 'text/event-stream') {
    const text = await textOf(response);
    return {
      response: withBody(response, text),
      manner: 'no JSON-RPC',
      namesSession: NAMES_SESSION.test(text),
    };
  }
  if (type === 'application/json' && isShort(response.headers)) return siftShort(response);
  const { error, body } = await peek(response.body, type === 'text/event-stream');
  const namesSession = error !== null && NAMES_SESSION.test(error);
  return { response: withBody(response, body), manner: namesSession ? 'error' : null, namesSession };
}

/**
 * True when a session is unknown to its server: `ping` in it is refused in the same manner as a request was. No answer
 * means nothing.
 */
export async function isUnknown(peer: Peer, session: SessionName, manner: string): Promise<boolean> {
  try {
    const asked = await sift(await ping(peer, session), session);
    await drain(asked.response);
    return asked.manner === manner;
  } catch {
    return false;
  }
}

async function siftRefusal(response: Response, session: SessionName): Promise<Sifted> {
  const text = await textOf(response);
  const refusal = readResponse(text)?.error;
  const namesSession = NAMES_SESSION.test(refusal?.message ?? text);
  const isOther = refusal && [CODE.methodNotFound, ...MODERN_CODES].includes(refusal.code);
  const isWordless = !refusal || (response.status === 404 && session.id !== null);
  // Without an id there is nothing to forget, unless the server says so.
  const mayBe = !isOther && (namesSession || (isWordless && session.id !== null));
  return { response: withBody(response, text), manner: mayBe ? `${response.status}` : null, namesSession };
}

async function textOf({ body }: Response): Promise<string> {
  return (await readText(body, MOST_REFUSAL).catch(() => null)) ?? '';
}

function withBody({ status, headers: given }: Response, body: BodyInit): Response {
  const headers = new Headers(given);
  headers.delete('content-encoding'); // the body is decoded
  headers.delete('content-length');
  return new Response(body, { status, headers });
}

/** The same of an answer that is read whole, and stays so. */
async function siftShort(response: Response): Promise<Sifted> {
  const { headers, status } = response;
  const bytes = await response.arrayBuffer().catch(() => null);
  if (!bytes)
    return { response: new Response(cut(), { headers, status }), manner: null, namesSession: false };
  const text = new TextDecoder().decode(bytes);
  const mayBe = bytes.byteLength < MOST_PEEK && !/"(?:result|method)"/.test(text);
  const error = mayBe ? readResponse(text)?.error?.message : undefined;
  const namesSession = error !== undefined && NAMES_SESSION.test(error);
  return {
    response: new Response(bytes, { headers, status }),
    manner: namesSession ? 'error' : null,
    namesSession,
  };
}

/** A body that broke before it was whole. */
function cut(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (sink) => sink.error(new Error('the connection broke')) });
}

type Body = ReadableStream<Uint8Array>;

/** The message of the error that a body begins with, and the body as if it had not been read. Null: something else, or too long. */
async function peek(body: Body, isEvents: boolean): Promise<{ error: string | null; body: Body }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const events = new EventReader();
  const chunks: Uint8Array[] = [];
  let text = '';
  let ended = false;
  let first: string | undefined;
  for (let size = 0; size < MOST_PEEK && first === undefined && !/"(?:result|method)"/.test(text); ) {
    const read = await reader.read().catch(() => null); // which the reader of the whole body will meet again
    if (!read) break;
    ended = read.done;
    if (!read.value) break;
    chunks.push(read.value);
    size += read.value.byteLength;
    const part = decoder.decode(read.value, { stream: true });
    text += part;
    if (isEvents) first = events.push(part).find((data) => data.trim() !== '');
  }
  const message = isEvents ? first : ended ? text : undefined;
  const error = message === undefined ? null : (readResponse(message)?.error?.message ?? null);
  return { error, body: unread(chunks, reader) };
}

/** A body again, of which `chunks` were read. */
export function unread(chunks: readonly Uint8Array[], reader: ReadableStreamDefaultReader<Uint8Array>): Body {
  const waiting = [...chunks];
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        const chunk = waiting.shift() ?? (await reader.read()).value;
        if (chunk) sink.enqueue(chunk);
        else sink.close();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
