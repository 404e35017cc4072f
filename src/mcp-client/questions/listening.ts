import type { Peer } from '../../accounts/connect';
import { log } from '../../log';
import { faultFacts } from '../../protocol/faults/storage';
import { overlaid } from '../../protocol/headers';
import { type JsonObject, readObject } from '../../protocol/mcp';
import { pause } from '../../protocol/patience';
import { EventReader } from '../../protocol/sse';
import { whereIs } from '../../servers/server';
import { drain } from '../exchange';
import { sendWithin } from '../redirects';
import type { NamedSession, SessionName } from '../sessions/session';
import { sessionHeaders } from '../sessions/session-life';

/** How long a server that gave no stream is not asked for one. Milliseconds. */
const SILENT = 600_000;
const MOST_SILENT = 2000;
/** Until a stream that another request holds is asked for again, or one that ended: longer each time it ended at once. Milliseconds. */
const AGAIN = 1_000;
const MOST_AGAIN = 60_000;
/** The first pause while another request holds the stream: it is most often just leaving it. Milliseconds. */
const SOON = 50;
/** A stream that lasted so long did not end at once. Milliseconds. */
const LASTED = 10_000;
/** How long a server may take to begin a stream. Milliseconds. */
const HEADERS = 15_000;
/** The most of one event, bytes. */
const MOST_EVENT = 4_194_304;

/** Servers that give no stream, or none in a session, and since when; epoch milliseconds. */
const silent = new Map<string, number>();

/**
 * Hears what a server says on the GET stream of a session, until `signal` aborts (MCP 2025-11-25, Listening for Messages from
 * the Server). A server has one such stream a session: where another request holds it, this one waits for its turn.
 * @param terms `busy`: until it asks again then, milliseconds; `begun`: called when a stream has begun
 * @returns the status with which it was refused at last, which may be of the session or of our credentials; null: none
 */
export async function listenIn(
  peer: Peer,
  session: NamedSession,
  signal: AbortSignal,
  hear: (message: JsonObject) => Promise<void>,
  { busy = AGAIN, begun = () => undefined }: { busy?: number | undefined; begun?: () => void } = {},
): Promise<number | null> {
  let refused: number | null = null;
  const place = whereIs(peer.server);
  const here = `${place} ${session.id}`;
  for (let again = AGAIN, soon = SOON; !signal.aborted && !isSilent(place) && !isSilent(here); ) {
    const begunAt = Date.now();
    const response = await open(peer, session, signal).catch(() => null);
    const isBegun = response?.ok && isEvents(response);
    if (isBegun) {
      soon = SOON;
      begun();
      await hearEvents(response, hear).catch(() => undefined);
    } else if (response) await drain(response);
    const isBusy = response?.status === 409;
    const isPassing = response && (PASSING.includes(response.status) || response.status >= 500);
    if (response && OF_SERVER.includes(response.status) && !isEvents(response)) noteSilent(place);
    else if (response && !response.ok && !isPassing) {
      noteSilent(here);
      refused = response.status;
    }
    if (Date.now() - begunAt > LASTED) again = AGAIN;
    if (signal.aborted || isSilent(place) || isSilent(here)) break;
    if (isBusy && soon < AGAIN) {
      await pause(soon);
      soon *= 2;
      continue;
    }
    await pause(Math.max(isBusy ? busy : 0, again));
    again = Math.min(2 * again, MOST_AGAIN);
  }
  return refused;
}

/** Statuses that say of a server, not of a session or its account, that it gives no stream. */
const OF_SERVER: readonly number[] = [200, 405, 406, 501];
/** Held by another request; too slow; too many. */
const PASSING: readonly number[] = [408, 409, 425, 429];

function open({ server, credentials }: Peer, session: SessionName, signal: AbortSignal): Promise<Response> {
  const headers = overlaid(credentials.headers, sessionHeaders(session));
  headers.set('accept', 'text/event-stream');
  return inTime(signal, (signal) =>
    sendWithin(server.connectionString, (url) => fetch(url, { headers, redirect: 'manual', signal })),
  );
}

/** What `send` answers, whose headers come in time: at the edge, those that are awaited keep other requests waiting. */
export function inTime(
  signal: AbortSignal,
  send: (signal: AbortSignal) => Promise<Response>,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), HEADERS);
  return send(AbortSignal.any([signal, late.signal])).finally(() => clearTimeout(timer));
}

/** Reads the messages of an event stream that are no answers. One that could not be told is lost, and no other. */
export async function hearEvents(
  { body }: Response,
  hear: (message: JsonObject) => Promise<void>,
): Promise<void> {
  if (!body) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const events = new EventReader();
  const lost = (error: unknown) => log('stream.message_lost', faultFacts(error));
  try {
    for (let size = 0; size <= MOST_EVENT; ) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.byteLength;
      for (const text of events.push(decoder.decode(value, { stream: true }))) {
        size = 0;
        const message = messageIn(text);
        if (message) await hear(message).catch(lost);
      }
    }
  } finally {
    reader.cancel().catch(() => undefined); // else its server gives no other
  }
}

function messageIn(text: string): JsonObject | null {
  const message = readObject(text);
  return typeof message?.method === 'string' ? message : null;
}

/** True for an event stream. */
export function isEvents({ headers }: Response): boolean {
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
