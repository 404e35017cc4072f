import { waitUntil } from 'cloudflare:workers';
import { connect, type Peer } from '../../accounts/connect';
import { continueLegacy } from '../../mcp-client/legacy';
import type { SessionName } from '../../mcp-client/sessions/session';
import { cancelIn } from '../../mcp-client/sessions/session-life';
import { parseExact } from '../../protocol/json/exact';
import { CODE, errorText, RequestId, RpcError } from '../../protocol/mcp';
import { failures } from '../../servers/failure';
import { additionsFor, withAdditions } from '../answer';
import { askerOf, type Call } from '../call';
import { capabilitiesFor } from '../capabilities';
import type { CatalogServer } from '../catalog';
import { brokenText, failureText } from '../flow/texts';
import { TaskIds } from '../tasks/task-ids';
import { isAllowed } from './allowed';
import { asEvents } from './answer-form';
import { follow, NOT_FOLLOWED } from './flights';
import { type LeftAnswer, namedBy, openPlace, sealPlace } from './left-answer';
import { noteEnd } from './note-end';
import { ServerMessages } from './server-messages';
import { judgingOf } from './standing';
import { pass } from './stream';
import { MOST_SECONDS } from './time-limits';

/**
 * Goes on with an answer that its client left before the end (MCP 2025-11-25, Resumability and Redelivery).
 * @throws RpcError 400 for an event id that is not of this caller, client session and address, or too old, and where the caller
 * may not use any more what was asked for: no server is asked
 */
export async function continueAnswer(
  asked: Omit<Call, 'request' | 'era'>,
  eventId: string,
): Promise<Response> {
  const left = await openPlace(asked, eventId);
  const entry = left && asked.entries.find(({ server }) => server.id === left.serverId);
  if (!entry || entry.server.connectionString !== left.url) throw unknownPlace();
  const { method } = left;
  const id = RequestId.parse(parseExact(left.id));
  const params = { [namedBy(method)]: left.asked };
  const call: Call = { ...asked, era: '2025', request: { jsonrpc: '2.0', id, method, params } };
  if (!(await isAllowed(call, entry, left.task?.tool ?? null))) throw unknownPlace();
  return asEvents(await goOn(call, left, entry));
}

async function goOn(call: Call, left: LeftAnswer, entry: CatalogServer): Promise<Response> {
  const { gate, request } = call;
  const { server } = entry;
  const { id } = request;
  const { item, reached, sent, session, token } = left;
  const additions = additionsFor(call, entry);
  const asker = askerOf(call, capabilitiesFor(call));
  let peer: Peer | null = null;
  const cancel = (named: SessionName | null, reason: string) => {
    if (peer && named) waitUntil(cancelIn(peer, named, sent, reason));
  };
  let following = NOT_FOLLOWED;
  const ids = await TaskIds.restored(call, server.id, left.task);
  const messages = new ServerMessages(call, sent, server, ids, additions);

  return pass({
    serverName: server.name,
    acceptsEvents: true,
    additions: { ...additions, renamed: { sent, id: left.id, token } },
    quietSeconds:
      request.method === 'tasks/result'
        ? MOST_SECONDS
        : (server.toolExecutionTimeout ?? gate.settings.mcp_tool_execution_timeout),
    clientSignal: call.signal,
    takesLong: () => following.takesLong(),
    judging: judgingOf(call, entry, left.task?.tool ?? null),
    asksClient: false,
    input: async () => ({ text: failureText(call, failures.notMcp(server.name)) }),
    from: reached,
    async send(signal, besides) {
      const ends = { cancelled: cancel, over: () => besides.sessionOver() };
      const flight = { serverId: server.id, id: sent, session };
      if (asker.sharer) following = follow(asker.sharer, id, flight, ends);
      peer = await connect(gate.env, gate.settings, gate.issuer, server, asker);
      // Other credentials may be another account: the session is not theirs.
      if (peer.credentials.version !== left.credential) throw failures.unanswered(server.name);
      messages.goesIn(peer, session, true, besides);
      ids.goesIn(session);
      const { lastEventId } = reached;
      return ids.inAnswer(await continueLegacy(peer, { id: sent, session, lastEventId }, signal));
    },
    mark: async (next) =>
      peer ? sealPlace(call, peer, { session, sent, item, token, task: left.task, reached: next }) : null,
    failed: (failure) => failureText(call, failure),
    broken: (error) => (error instanceof RpcError ? errorText(id, error) : brokenText(call, error)),
    isBeside: messages.isBeside,
    bring: messages.bring,
    needed: async () => failureText(call, failures.unanswered(server.name)),
    refused: (error) => withAdditions(errorText(id, error), additions),
    ended(outcome, failure) {
      noteEnd(call, entry, item, reached.startedAt, outcome, failure);
      following.arrived();
      messages.end();
      if (outcome === 'given_up') cancel(session, 'It took too long.');
      if (outcome === 'withdrawn') cancel(session, 'It is not allowed any more.');
    },
  });
}

function unknownPlace(): RpcError {
  return new RpcError(400, CODE.invalidParams, 'Last-Event-ID names nothing that can be continued here.');
}
