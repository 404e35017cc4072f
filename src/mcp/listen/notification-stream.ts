import type { Sharer } from '../../accounts/connect';
import { CODE, LEGACY_VERSIONS, RpcError } from '../../protocol/mcp';
import { COMMENT, primingEvent } from '../../protocol/sse';
import { askerOf, type Call } from '../call';
import { UPDATED } from '../passing/server-messages';
import type { ClientStream } from './client-stream';
import { SessionRelay } from './hearing';
import { type Ears, holdStream } from './held-stream';
import { isOfLists, type Listener, ListWatch, marksIn } from './judged';
import { LIST_KINDS } from './list-marks';
import { OwnSessions } from './own-sessions';
import { addressAt, isModern } from './subscribed';
import { subscribeAll, UpdateEars } from './updates';

/** The revision whose clients come back with the id of an event, also of one without data. */
const RESUMING = '2025-11-25';
/** When they come back. Milliseconds. */
const RETRY = 1_000;

/** Whether a request is for the stream on which a client session hears what is no answer to it. */
export function isForNotifications(method: string, headers: Headers): boolean {
  const version = headers.get('mcp-protocol-version');
  const eventId = headers.get('last-event-id');
  const isLegacy = version === null || LEGACY_VERSIONS.includes(version);
  return method === 'GET' && isLegacy && (eventId === null || isOfLists(eventId));
}

/**
 * The notification stream of a client of the 2025 era (MCP 2025-11-25, Listening for Messages from the Server): it hears which
 * of its lists have changed. @throws RpcError 405 for a client that shows no session of this gateway, or reads no event stream
 */
export async function openNotifications(asked: Omit<Call, 'request' | 'era'>): Promise<Response> {
  const { headers, session, form } = asked;
  const { sharer } = askerOf(asked);
  if (!session || !sharer || form === 'json')
    throw new RpcError(405, CODE.invalidRequest, 'There is no stream without a session of this gateway.');
  const watch = new ListWatch(marksIn(headers.get('last-event-id')));
  return holdStream(
    { ...asked, era: '2025' },
    {
      watch,
      kinds: LIST_KINDS,
      textOf: (method, params) => JSON.stringify({ jsonrpc: '2.0', method, params }),
      first: () => (session.version === RESUMING ? primingEvent(watch.id, RETRY) : COMMENT),
      last: null,
      hasIds: true,
      ears: (stream) => earsOf(sharer, stream),
    },
  );
}

/** What a client of the 2025 era hears of its sessions at servers, and of resources of servers that keep none. */
function earsOf(sharer: Sharer, { say, end, signal }: Pick<ClientStream, 'say' | 'end' | 'signal'>): Ears {
  let current: Listener;
  const relay = new SessionRelay(say);
  const updates = new UpdateEars(
    signal,
    () => current,
    (server, params) => {
      const told = { ...params, uri: addressAt(current, server, params.uri) };
      say(JSON.stringify({ jsonrpc: '2.0', method: UPDATED, params: told }));
    },
  );
  const watched = new Map<string, readonly string[]>();
  const serverOf = (id: string) => current.entries.find(({ server }) => server.id === id)?.server;
  const own = new OwnSessions(sharer, signal, {
    heard: (where, message) => relay.relay(current, where, message),
    async watched(serverId, uris) {
      watched.set(serverId, uris);
      const server = serverOf(serverId);
      if (server && (await isModern(current, server))) await updates.hear(server, uris);
    },
    async renewed(serverId) {
      const server = serverOf(serverId);
      if (server) await subscribeAll(current, server, watched.get(serverId) ?? []);
    },
    ended: end,
  });
  const settle = (listener: Listener) => {
    current = listener;
    own.settle(listener);
    updates.settle();
  };
  return { settle, begin: async (listener) => settle(listener) };
}
