import { waitUntil } from 'cloudflare:workers';
import { connect, type Peer } from '../../accounts/connect';
import { discover, type Eras, erasOf } from '../../mcp-client/eras';
import { takesInitialize } from '../../mcp-client/legacy';
import { sessionObjectOf } from '../../mcp-client/sessions/session-stub';
import { withPrefix } from '../../protocol/json/resource-address';
import { CODE, RpcError, readResponse } from '../../protocol/mcp';
import { readText } from '../../protocol/params';
import { EventReader } from '../../protocol/sse';
import type { Server } from '../../servers/server';
import { answer } from '../answer';
import { askerOf, type Call } from '../call';
import { askedResource, forward, refusal } from '../forward';
import { refuseWhenSpent } from '../limits';
import { resourceAt } from '../resources';

/** How long a server may take to say which eras it speaks. Milliseconds. */
const PATIENCE = 5_000;
/** How long a session may take to begin. Milliseconds. */
const BEGIN = 15_000;
/** Characters of a URI that is subscribed to: each is kept. */
const MOST_URI = 4_096;
/** The most that is read of an answer, to learn whether it is an error. Bytes. */
const MOST_ANSWER = 65_536;

/** The URI of a server's resource as it stands at this address. */
export function addressAt(
  { isOneServer }: Pick<Call, 'isOneServer'>,
  { endpointSlug }: Pick<Server, 'endpointSlug'>,
  uri: string,
): string {
  return isOneServer ? uri : withPrefix(endpointSlug, uri);
}

/**
 * `resources/subscribe` of a client of the 2025 era: in its own session at the server, whose updates come on its notification
 * stream. A server of 2026-07-28 is asked by that stream, as long as it is open.
 */
export async function subscribe(call: Call): Promise<Response> {
  const { entry, uri } = await readable(call);
  const { id } = entry.server;
  const object = await objectOf(call);
  const watch = await object.watch(id, uri);
  if (!watch)
    throw new RpcError(200, CODE.invalidRequest, 'This session subscribed to as many resources as it may.');
  const { isNew, isHeard } = watch;
  if (await isModern(call, entry.server)) return answer(call, {});
  const response = await forward(call, entry, { uri }, { ...askedResource(uri), isHeard });
  if (isNew) {
    const copy = response.clone();
    waitUntil(isError(copy).then((isRefused) => (isRefused ? object.unwatch(id, uri) : undefined)));
  }
  return response;
}

/** True for an answer that is a JSON-RPC error. */
async function isError({ headers, body }: Response): Promise<boolean> {
  const text = (await readText(body, MOST_ANSWER).catch(() => null)) ?? '';
  const isEvents = headers.get('content-type')?.startsWith('text/event-stream');
  const messages = isEvents ? new EventReader().push(text) : [text];
  return messages.some((message) => readResponse(message)?.error !== undefined);
}

/** `resources/unsubscribe` of a client of the 2025 era. */
export async function unsubscribe(call: Call): Promise<Response> {
  const { entry, uri } = await readable(call);
  const { isHeard } = await (await objectOf(call)).unwatch(entry.server.id, uri);
  return (await isModern(call, entry.server))
    ? answer(call, {})
    : forward(call, entry, { uri }, { ...askedResource(uri), isHeard });
}

/** The resource that a request names, which its caller may read. @throws RpcError */
async function readable(call: Call) {
  const { uri } = call.request.params;
  if (typeof uri !== 'string') throw new RpcError(200, CODE.invalidParams, 'params.uri is missing.');
  if (uri.length > MOST_URI)
    throw new RpcError(200, CODE.invalidParams, `params.uri is longer than ${MOST_URI} characters.`);
  const found = await resourceAt(call, uri);
  if (found?.verdict !== 'allowed') {
    const message = `Resource not found: ${uri.slice(0, 500)}`;
    throw refusal(call, found, message, { code: CODE.resourceNotFound, data: { uri } });
  }
  await refuseWhenSpent(call);
  return found;
}

/** The object of the client session. @throws RpcError for a client without one: it would hear of nothing */
async function objectOf(call: Call) {
  const { sharer } = askerOf(call);
  if (call.session && sharer) return sessionObjectOf(sharer);
  const message = 'Updates come to a session: begin one with initialize, and send its Mcp-Session-Id.';
  throw new RpcError(200, CODE.invalidRequest, message);
}

type Asking = Pick<Call, 'gate' | 'caller' | 'session' | 'headers'>;

/** Which eras a server speaks: what is not known is asked. Null: it does not say. */
export async function erasNow(asking: Asking, server: Server): Promise<Eras | null> {
  const learn = async () =>
    (await discover(await peerOf(asking, server), AbortSignal.timeout(PATIENCE))).eras;
  return erasOf(server) ?? (await learn().catch(() => null));
}

/** True for a server that speaks only 2026-07-28: one that does not say so is asked to begin this client's session. */
export async function isModern(asking: Asking, server: Server): Promise<boolean> {
  const eras = await erasNow(asking, server);
  if (eras?.legacy !== null) return eras?.modern === true && !eras.legacy;
  const asked = async () => takesInitialize(await peerOf(asking, server), AbortSignal.timeout(BEGIN));
  return !(await asked().catch(() => true));
}

/** A server, with the account and the session of who asks. */
export function peerOf(asking: Asking, server: Server): Promise<Peer> {
  const { env, settings, issuer } = asking.gate;
  return connect(env, settings, issuer, server, askerOf(asking));
}
