import type { Peer } from '../../accounts/connect';
import { overlaid } from '../../protocol/headers';
import { parseExact } from '../../protocol/json/exact';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { pause } from '../../protocol/patience';
import { EventReader } from '../../protocol/sse';
import { whereIs } from '../../servers/server';
import { drain } from '../exchange';
import { sendWithin } from '../redirects';
import { type SessionName, sessionHeaders } from '../sessions/session-life';

/** How long a server that gave no stream is not asked for one. Milliseconds. */
const DEAF = 600_000;
const MOST_SERVERS = 2000;
/** Until a stream that ended, or that another request holds, is asked for again. Milliseconds. */
const AGAIN = 1_000;
/** The most of one event, bytes. */
const MOST_EVENT = 4_194_304;

/** Servers that give no stream, and since when; epoch milliseconds. */
const deaf = new Map<string, number>();

/**
 * Hears what a server says on the GET stream of a session, until `signal` aborts (MCP 2025-11-25, Listening for Messages from
 * the Server). A server has one such stream a session: where another request holds it, this one waits for its turn.
 */
export async function listenIn(
  peer: Peer,
  session: SessionName,
  signal: AbortSignal,
  hear: (message: JsonObject) => Promise<void>,
): Promise<void> {
  const place = whereIs(peer.server);
  while (!signal.aborted && !isDeaf(place)) {
    const response = await open(peer, session, signal).catch(() => null);
    if (response?.ok && isEvents(response)) await read(response, hear).catch(() => undefined);
    else if (response) await drain(response);
    if (response && response.status !== 409 && !(response.ok && isEvents(response))) noteDeaf(place);
    if (!signal.aborted) await pause(AGAIN);
  }
}

function open({ server, credentials }: Peer, session: SessionName, signal: AbortSignal): Promise<Response> {
  const headers = overlaid(credentials.headers, sessionHeaders(session));
  headers.set('accept', 'text/event-stream');
  return sendWithin(server.connectionString, (url) => fetch(url, { headers, redirect: 'manual', signal }));
}

async function read({ body }: Response, hear: (message: JsonObject) => Promise<void>): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const events = new EventReader();
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    size += value.byteLength;
    for (const text of events.push(decoder.decode(value, { stream: true }))) {
      size = 0;
      const message = messageIn(text);
      if (message) await hear(message);
    }
    if (size > MOST_EVENT) return reader.cancel();
  }
}

function messageIn(text: string): JsonObject | null {
  try {
    const message = parseExact(text);
    return isObject(message) && typeof message.method === 'string' ? message : null;
  } catch {
    return null;
  }
}

function isEvents({ headers }: Response): boolean {
  return headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === 'text/event-stream';
}

function isDeaf(place: string): boolean {
  return (deaf.get(place) ?? 0) > Date.now() - DEAF;
}

function noteDeaf(place: string): void {
  deaf.delete(place);
  deaf.set(place, Date.now());
  if (deaf.size > MOST_SERVERS) deaf.delete(deaf.keys().next().value as string);
}
