import type { Context } from 'hono';
import { type App, forgetDeployment } from '../../../config';
import { findEndpoint, type Place } from '../../../mcp-client/find-endpoint';
import { wantLists } from '../../../mcp-client/server-acts';
import { within } from '../../../protocol/patience';
import { isSubject } from '../../../protocol/subject';
import { failures } from '../../../servers/failure';
import type { ConnectionType, Server, ServerTerms } from '../../../servers/server';
import { updateServer } from '../../../servers/store';
import { type ApiError, refusal, unknown } from '../error';
import { placeWords } from './check-words';

/** How long a server may take to list what it has while an administrator waits. Milliseconds. */
export const PATIENCE = 5_000;

/** Where a server was found. */
type Found = { kind: ConnectionType; url: string };

/** Null: no server was found. */
export function foundIn(place: Place): Found | null {
  return place.kind === 'http' || place.kind === 'sse' ? place : null;
}

export function termsAt({ kind, url }: Found): Pick<ServerTerms, 'connection_type' | 'connection_string'> {
  return { connection_type: kind, connection_string: url };
}

/** A server as it is known once it was asked for its lists, what went wrong, and where its address led; null: nothing, nowhere. */
type Answered = { known: Server; failure: ApiError | null; led: string | null };

/** A server whose address is not new stays where it is. */
export const leave = async (_c: Context<App>, _server: Server, asked: Answered) => ({ ...asked, note: '' });

/** Failures of a server that may be at another address. */
const MAY_BE_ELSEWHERE = ['not_found', 'not_mcp', 'rejected', 'status', 'redirect'];

/** Moves a server with a new address to where its address redirects, or, when it failed there, to where it is found, and asks it again. */
export async function settleAddress(
  c: Context<App>,
  server: Server,
  asked: Answered,
): Promise<Answered & { note: string }> {
  const given = server.connectionString;
  const { connectionType } = asked.known;
  if (connectionType !== server.connectionType)
    return { ...asked, note: placeWords(given, { kind: connectionType, url: given }) };
  const mayBeElsewhere = MAY_BE_ELSEWHERE.includes(asked.known.lastFailure?.stated?.reason ?? '');
  const { led } = asked;
  if (asked.failure ? !mayBeElsewhere : led === null) return { ...asked, note: '' };
  const isLed = led !== null && !asked.failure;
  const place = isLed ? { kind: server.connectionType, url: led } : foundIn(await findEndpoint(given));
  if (!place || (place.url === given && place.kind === server.connectionType)) return { ...asked, note: '' };
  const note = placeWords(given, place);
  const at = Math.floor(Date.now() / 1000);
  const moved = await updateServer(c.env.DB, c.env.ENCRYPTION_KEY, asked.known, termsAt(place), at);
  forgetDeployment();
  if (!moved) return { ...asked, note: '' };
  return { ...(asked.failure ? await ask(c, moved) : { known: moved, failure: null, led }), note };
}

/** Asks a server for its lists now. */
export async function ask(c: Context<App>, server: Server): Promise<Answered> {
  const owner = isSubject(c.var.actor) ? c.var.actor : null;
  const wanted = { serverId: server.id, issuer: c.var.issuer, owner, reason: 'now' } as const;
  const answer = await within(PATIENCE, wantLists(c.env.SERVERS, wanted));
  forgetDeployment();
  switch (answer?.kind) {
    case 'known': {
      const { server: known, isListed, ledTo } = answer;
      return { known, failure: isListed ? null : failureOf(known), led: ledTo };
    }
    case 'needed':
      return { known: server, failure: refusal('for_people_only', { server: server.name }), led: null };
    case 'refused': {
      const { failure } = answer;
      return { known: server, failure: refusal('server_failed', { failure }), led: null };
    }
    case 'gone':
      throw unknown('server');
    default: {
      const { stated } = failures.late(server.name);
      return { known: server, failure: refusal('server_failed', { failure: stated }), led: null };
    }
  }
}

function failureOf({ name, lastFailure }: Server): ApiError {
  const failure = lastFailure?.stated;
  return failure ? refusal('server_failed', { failure }) : refusal('no_answer', { server: name });
}
