import { waitUntil } from 'cloudflare:workers';
import { connect, type Peer } from '../accounts/connect';
import type { PolicyVerdict } from '../governance/policy';
import { send } from '../mcp-client/client';
import { goOnHeld } from '../mcp-client/held/sending';
import { mayBeAsked } from '../mcp-client/questions/may-ask';
import { nextRequestId } from '../mcp-client/request-ids';
import type { NamedSession, Session, SessionName } from '../mcp-client/sessions/session';
import { cancelIn } from '../mcp-client/sessions/session-life';
import { WHOLE_NAME } from '../protocol/exposed-name';
import type { Additions } from '../protocol/json/insert';
import { CODE, errorText, type JsonObject, metaOf, RequestId, RpcError } from '../protocol/mcp';
import { checkMirroredParams } from '../protocol/mcp-headers';
import { tracePassedOn, withTrace } from '../protocol/trace-context';
import type { UpstreamFailure } from '../servers/failure';
import type { ItemKind } from '../servers/listed-item';
import type { Server } from '../servers/server';
import { additionsFor, answer, withAdditions } from './answer';
import { toolOfApp } from './apps';
import { authRequired } from './auth-required';
import { askerOf, type Call, nameAt } from './call';
import { insufficientScope } from './caller';
import { capabilitiesFor } from './capabilities';
import type { CatalogServer } from './catalog';
import { brokenText, failureText, toolError } from './flow/texts';
import { judgeItem } from './judge';
import { countAgainstLimits, refuseWhenSpent } from './limits';
import { levelOf } from './methods/logging';
import { asJson } from './passing/answer-form';
import { cancelHere, flightOf, follow, NOT_FOLLOWED } from './passing/flights';
import { comesBack, sealPlace } from './passing/left-answer';
import { noteEnd } from './passing/note-end';
import type { CallOutcome, Passage, Reached } from './passing/passage';
import { ServerMessages } from './passing/server-messages';
import { judgingOf } from './passing/standing';
import { pass } from './passing/stream';
import { MOST_SECONDS } from './passing/time-limits';
import { listMissing } from './refresh';
import { resourceAt } from './resources';
import { Asking } from './rounds/asking';
import { type Brought, broughtBy, sealedInput } from './rounds/input';
import { openState, type RequestState } from './rounds/request-state';
import { type Item, listsHere, listsOf, type ServerLists } from './server-lists';
import { callAsTask, noTask, type OfTask } from './tasks/call-task';

/** A server's item that a request names, and whether its caller may use it. */
export type Found = { entry: CatalogServer; item: Item; verdict: PolicyVerdict };

/** What is asked of a server, as far as the log and what stands in for an answer need it. */
type AskedItem = Pick<Item, 'exposedName' | 'hasOutputSchema' | 'mirrored'> & {
  /** True where what its server says besides is heard on the client's own stream anyhow. */
  isHeard?: boolean;
};

/** Members of a request's params that go on to the server; the name or URI goes on as the server's own. */
const PASSED_ON = ['arguments', '_meta'];

/** Runs a tool (MCP, Calling Tools). A server that fails is a tool's error, for the model to read. */
export async function callTool(call: Call): Promise<Response> {
  const name = textParam(call, 'name');
  const found = (await find(call, 'tool', name)) ?? (call.isOneServer ? null : await toolOfApp(call, name));
  if (found?.verdict !== 'allowed') throw refusal(call, found, `Unknown tool: ${name.slice(0, 200)}`);

  if (call.era === '2026') checkMirroredParams(call.headers, call.request.params, found.item.mirrored);
  const { params, ofTask } = callAsTask(call, found.entry, found.item);
  const spent = await countAgainstLimits(call);
  if (spent) return answer(call, toolError(spent));
  return forward(call, found.entry, { name: found.item.name, ...params }, found.item, ofTask);
}

/** MCP, Getting a Prompt. */
export async function getPrompt(call: Call): Promise<Response> {
  const name = textParam(call, 'name');
  const found = await find(call, 'prompt', name);
  if (found?.verdict !== 'allowed') throw refusal(call, found, `Unknown prompt: ${name.slice(0, 200)}`);
  await refuseWhenSpent(call);
  return forward(call, found.entry, { name: found.item.name }, found.item);
}

/** MCP, Reading Resources. */
export async function readResource(call: Call): Promise<Response> {
  const address = textParam(call, 'uri');
  const found = await resourceAt(call, address);
  if (found?.verdict !== 'allowed') {
    const code = call.era === '2025' ? CODE.resourceNotFound : CODE.invalidParams;
    const how = call.isOneServer ? '' : '. URIs of resources begin with their server here: <server>+';
    const message = `Resource not found: ${address.slice(0, 500)}${how}`;
    throw refusal(call, found, message, { code, data: { uri: address } });
  }
  await refuseWhenSpent(call);
  const { entry, uri } = found;
  return forward(call, entry, { uri }, askedResource(uri));
}

/** What names a resource may hold arguments: the log has its scheme alone. */
export function askedResource(uri: string): AskedItem {
  const [exposedName = ''] = /^[a-z][a-z\d+.-]{0,99}:/i.exec(uri) ?? [];
  return { exposedName, hasOutputSchema: false, mirrored: [] };
}

/** The log has the name of the method. */
export function askedMethod(method: string): AskedItem {
  return { exposedName: method.slice(0, 200), hasOutputSchema: false, mirrored: [] };
}

/**
 * Hands a 2025-era client's `notifications/cancelled` to the server that is answering the request (MCP 2025-11-25,
 * Cancellation), by our name for it. One that names no request of the same client session changes nothing.
 */
export function forwardCancellation(call: Omit<Call, 'request'>, params: JsonObject): void {
  const asker = askerOf(call);
  const { sharer } = asker;
  const { reason } = params;
  const named = RequestId.safeParse(params.requestId);
  if (sharer === null || !named.success) return;
  const said = typeof reason === 'string' ? reason.slice(0, 1000) : 'The client cancelled the request.';
  cancelHere(sharer, named.data, said);
  const { env, settings, issuer } = call.gate;
  const tell = async () => {
    const flight = await flightOf(sharer, named.data, said);
    const entry = call.entries.find(({ server }) => server.id === flight?.serverId);
    if (!flight?.session || !entry) return;
    const peer = await connect(env, settings, issuer, entry.server, asker);
    await cancelIn(peer, flight.session, flight.id, said);
  };
  waitUntil(tell().catch(() => undefined));
}

function textParam({ request }: Call, member: 'name' | 'uri'): string {
  const value = request.params[member];
  if (typeof value === 'string') return value;
  throw new RpcError(200, CODE.invalidParams, `params.${member} is missing.`);
}

/**
 * Where a name leads: to an item the caller may use, else to one that is hidden. Only lists that may hold it are read, and servers never listed are asked first when it
 * may be one of theirs.
 */
export async function find(call: Call, kind: ItemKind, name: string): Promise<Found | null> {
  const isItem = (item: Item) => nameAt(call, item) === name;
  const isOfMany = kind === 'resource' || kind === 'template';
  const entries = call.entries.filter(({ server }) => isOfMany || mayHold(call, server, name));
  const judged = (entry: CatalogServer, lists: ServerLists): Found | null => {
    const item = lists.items[kind].find(isItem);
    return item ? { entry, item, verdict: judgeItem(call, entry, lists, kind, item) } : null;
  };
  const search = async (): Promise<Found | null> => {
    let refused: Found | null = null;
    for await (const [entry, lists] of listsOf(call.gate.env.DB, entries)) {
      const one = judged(entry, lists);
      if (one?.verdict === 'allowed') return one;
      refused ??= one;
    }
    return refused;
  };
  const [only] = entries;
  const here = only && entries.length === 1 ? listsHere(only) : null;
  const known = only && here && judged(only, here);
  if (known) return known;
  const found = await search();
  const unlisted = entries.filter(({ server }) => server.listedAt === null);
  if (found || !unlisted.length) return found;
  await listMissing(call, unlisted);
  return search();
}

/** False when the name cannot be one of this server's. */
function mayHold({ isOneServer }: Call, server: Server, name: string): boolean {
  if (isOneServer) return true;
  return name.startsWith(
    server.name.length > WHOLE_NAME ? server.name.slice(0, WHOLE_NAME) : `${server.name}-`,
  );
}

/** A refusal of a request for what is not there by what this isolate knows. Nothing of it has run. */
export class NothingThere extends RpcError {}

/** What a request for something missing, hidden or out of scope meets: the first two are told alike. */
export function refusal(
  call: Call,
  found: Pick<Found, 'verdict'> | null,
  message: string,
  { code, data }: { code: number; data?: JsonObject } = { code: CODE.invalidParams },
): RpcError {
  if (found?.verdict !== 'insufficient_scope') return new NothingThere(200, code, message, data);
  return insufficientScope(call.gate, 'This needs more than the access token allows. Ask for the scope mcp.');
}

/** Sends the request to the server and lets the answer flow back. `own` names the item as the server does. */
export async function forward(
  call: Call,
  entry: CatalogServer,
  own: JsonObject,
  item: AskedItem,
  { ids, sendBy = send, isWaiting = false }: OfTask = noTask(call, entry),
): Promise<Response> {
  const { gate, request } = call;
  const { server } = entry;
  const { id, method } = request;
  const { exposedName, mirrored } = item;
  const additions = additionsFor(call, entry);
  const state = await openState(call, server.id);
  const token = metaOf(request.params).progressToken;
  const trace = tracePassedOn(call.headers, metaOf(request.params), server.passBaggage);
  const startedAt = Date.now();
  const flight = {
    serverId: server.id,
    id: nextRequestId(),
    session: null as NamedSession | null,
    listens: false,
  };
  const messages = new ServerMessages(call, flight.id, server, ids, additions, item.isHeard);
  let peer: Peer | null = null;
  let following = NOT_FOLLOWED;
  let asks: RequestState['kind'] = 'server';
  const declared = capabilitiesFor(call);
  const capabilities = call.form === 'json' ? {} : declared;
  const comesAgain = call.era === '2026' && mayBeAsked(capabilities);
  const isByKey = comesAgain && !isWaiting && call.caller.key && !call.caller.grant;
  const oneCall = isByKey ? (state?.oneCall ?? crypto.randomUUID()) : null;
  const asker = askerOf(call, declared, oneCall);
  const asking = new Asking(call, server, asker.sharer);
  const cancel = (session: SessionName | null, reason: string) => {
    if (peer && session) waitUntil(cancelIn(peer, session, flight.id, reason));
  };

  const ended = (outcome: CallOutcome, failure: UpstreamFailure | null) => {
    noteEnd(call, entry, exposedName, startedAt, outcome, failure);
    following.arrived();
    messages.end();
    if (outcome === 'given_up') cancel(flight.session, 'It took too long.');
    if (outcome === 'withdrawn') cancel(flight.session, 'It is not allowed any more.');
    if (outcome === 'gone' && call.era === '2026') cancel(flight.session, 'The client has gone.');
  };
  const mark = async (reached: Reached) => {
    const { session } = flight;
    if (!peer || !session) return null;
    const token = renamedIn(call, flight.id).token;
    return sealPlace(call, peer, {
      session,
      sent: flight.id,
      item: exposedName,
      token,
      task: ids.kept,
      reached,
    });
  };
  const sendWith =
    (brought: Brought): Passage['send'] =>
    async (signal, besides) => {
      peer = await connect(gate.env, gate.settings, gate.issuer, server, asker);
      const { era } = call;
      const level = () => levelOf(call, asker.sharer);
      const onSession = (peer: Peer, session: Session, isKept: boolean) => {
        flight.session = session;
        ids.goesIn(session);
        messages.goesIn(peer, session, isKept, besides);
        flight.listens = messages.listens;
      };
      const { headers: extra } = trace;
      const all = withTrace({ ...own, ...passedOn(request.params), ...brought }, trace.meta);
      const params = withToken(all, token === undefined ? null : flight.id);
      const outgoing = {
        id: flight.id,
        method,
        params,
        mirrored,
        extra,
        era,
        capabilities,
        level,
        onSession,
        comesBack: comesAgain,
      };
      const answer =
        state?.kind === 'held'
          ? await goOnHeld(peer, state.state, brought.inputResponses, signal)
          : await sendBy(peer, outgoing, signal, besides);
      if (answer.kind !== 'error' && answer.asks) asks = answer.asks;
      return ids.inAnswer(answer);
    };

  const passed = await pass({
    serverName: server.name,
    acceptsEvents: call.form !== 'json',
    additions: { ...additions, renamed: renamedIn(call, flight.id) },
    quietSeconds: isWaiting
      ? MOST_SECONDS
      : (server.toolExecutionTimeout ?? gate.settings.mcp_tool_execution_timeout),
    clientSignal: call.signal,
    takesLong: () => following.takesLong(),
    judging: judgingOf(call, entry, ids.kept?.tool),
    asksClient: call.era === '2025' && mayBeAsked(capabilities),
    async send(signal, besides) {
      if (asker.sharer && call.era === '2025')
        following = follow(asker.sharer, id, flight, {
          cancelled: (session, reason) => (session ? cancel(session, reason) : besides.sessionOver()),
          over: () => besides.sessionOver(),
        });
      return sendWith(broughtBy(call, state))(signal, besides);
    },
    async input(text, besides, signal) {
      if (call.era === '2026') return sealedInput(call, server, text, { kind: asks, oneCall });
      const brought = await asking.bring(text, besides, signal);
      if ('text' in brought) return brought;
      flight.id = nextRequestId();
      return { again: sendWith(brought) };
    },
    failed: (failure) => failureText(call, failure),
    broken: (error) => (error instanceof RpcError ? errorText(id, error) : brokenText(call, error)),
    isBeside: messages.isBeside,
    bring: messages.bring,
    needed: (credential) => authRequired(call, credential, item),
    refused: (error) => withAdditions(errorText(id, error), additions),
    statusOf: ({ code }) => (call.era === '2026' && code === CODE.missingClientCapability ? 400 : 200),
    ended,
    ...(comesBack(call) && { mark }),
  });
  return call.form === 'json' ? asJson(passed) : passed;
}

function passedOn(params: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(params).filter(([name]) => PASSED_ON.includes(name)));
}

/** Params with our progress token in place of the client's own; null: it gave none. */
function withToken(params: JsonObject, progressToken: number | null): JsonObject {
  return progressToken === null ? params : { ...params, _meta: { ...metaOf(params), progressToken } };
}

/** The client's own names, which the server gives back as ours. */
function renamedIn({ request }: Call, sent: number): NonNullable<Additions['renamed']> {
  const token = metaOf(request.params).progressToken;
  return { sent, id: JSON.stringify(request.id), token: token === undefined ? null : JSON.stringify(token) };
}
