import type { Peer } from '../../accounts/connect';
import { overlaid } from '../../protocol/headers';
import { parseExact } from '../../protocol/json/exact';
import { isObject, type JsonObject } from '../../protocol/mcp';
import { pause } from '../../protocol/patience';
import { EventReader } from '../../protocol/sse';
import { whereIs } from '../../servers/server';
import { drain } from '../exchange';
import { sendWithin } from '../redirects';
import { type NamedSession, type SessionName, sessionHeaders } from '../sessions/session-life';

/** How long a server or session that has no stream is not asked for one. Milliseconds. */
const SILENT = 600_000;
const MOST_SILENT = 2000;
/** Until a stream that ended, failed, or is held by another request, is asked for again: each time twice as long. Milliseconds. */
const AGAIN = 1_000;
const MOST_AGAIN = 32_000;
/** The most of one event, bytes. */
const MOST_EVENT = 4_194_304;

/** Servers without such streams, and sessions whose server refuses one, since when; epoch milliseconds. */
const silent = new Map<string, number>();

/**
 * Hears what a server says on the GET stream of a session, until `signal` aborts (MCP 2025-11-25, Listening for Messages from
 * the Server). A server has one such stream a session: where another request holds it, this one waits for its turn.
 */
export async function listenIn(
  peer: Peer,
  session: NamedSession,
  signal: AbortSignal,
  hear: (message: JsonObject) => Promise<void>,
): Promise<void> {
  const place = whereIs(peer.server);
  for (let again = AGAIN; !signal.aborted && !isSilent(place) && !isSilent(session.ref); again *= 2) {
    const response = await open(peer, session, signal).catch(() => null);
    if (response?.ok && isEvents(response)) {
      await read(response, (message) => {
        again = AGAIN;
        return hear(message);
      }).catch(() => undefined);
    } else if (response) {
      await drain(response);
      if (response.ok || OF_SERVER.includes(response.status)) noteSilent(place);
      else if (!PASSING.includes(response.status) && response.status < 500) noteSilent(session.ref);
    }
    if (!signal.aborted) await pause(Math.min(again, MOST_AGAIN));
  }
}

/** A server without such streams says so (MCP 2025-11-25); what else it refuses is about the session, its account or the moment. */
const OF_SERVER: readonly number[] = [405, 501];
/** Held by another request; too slow; too many. */
const PASSING: readonly number[] = [408, 409, 425, 429];

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

function isSilent(place: string): boolean {
  return (silent.get(place) ?? 0) > Date.now() - SILENT;
}

function noteSilent(place: string): void {
  silent.delete(place);
  silent.set(place, Date.now());
  if (silent.size > MOST_SILENT) silent.delete(silent.keys().next().value as string);
}
