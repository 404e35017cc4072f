import { waitUntil } from 'cloudflare:workers';
import type { Peer } from '../../accounts/connect';
import { type Outgoing, send } from '../../mcp-client/client';
import { readAnswer, type ServerAnswer } from '../../mcp-client/exchange';
import { nextRequestId } from '../../mcp-client/request-ids';
import { inOwnSession } from '../../mcp-client/sessions/sessions';
import { unread } from '../../mcp-client/sessions/unknown-session';
import { plainNumber } from '../../protocol/json/exact';
import {
  CODE,
  isObject,
  type JsonObject,
  type RpcErrorObject,
  type RpcResponse,
  readResponse,
  resultText,
} from '../../protocol/mcp';
import { failures } from '../../servers/failure';
import type { Besides } from '../passing/passage';
import { RELATED, TASKS } from './able';

/** The most that is held of an answer until it shows whether it is a task, bytes. */
const MOST_CREATED = 65_536;
/** The most of a task with its result, bytes. */
const MOST_TASK = 4_194_304;
/** How often a task is asked about, where its server does not say, and within which bounds what it says counts. Milliseconds. */
const POLL = { usual: 1_000, least: 500, most: 15_000 };
/** How long a server may take to say how its task is. Milliseconds. */
const PATIENCE = 30_000;

/** What may follow within one call. */
type Following = (method: string, params: JsonObject) => Promise<ServerAnswer>;

/**
 * Calls a tool that has to be a task for a client that knows none, and waits for it: the answer is the tool's result. Its
 * session lasts until then. Where no one waits any more, the task is cancelled.
 */
export function sendWaiting(
  peer: Peer,
  outgoing: Outgoing,
  signal: AbortSignal,
  besides: Besides,
): Promise<ServerAnswer> {
  if (peer.sharer) return sendAndWait(peer, outgoing, signal, besides);
  return new Promise((resolve, reject) => {
    const work = async () => {
      const answer = await sendAndWait(peer, outgoing, signal, besides);
      if (answer.kind === 'error') return resolve(answer);
      const { promise: isRead, resolve: end } = Promise.withResolvers<void>();
      const release = () => {
        answer.release();
        end();
      };
      resolve({ ...answer, release });
      await isRead;
    };
    inOwnSession(peer, {}, work).catch(reject);
  });
}

/** Calls a tool of a server of 2026-07-28 that refuses it without the extension: with it, and waits for the task. */
export async function sendWaitingWhereDemanded(
  peer: Peer,
  outgoing: Outgoing,
  signal: AbortSignal,
  besides: Besides,
): Promise<ServerAnswer> {
  const answer = await send(peer, outgoing, signal);
  if (answer.kind !== 'error' || !demandsTasks(answer.error)) return answer; // which has not run
  const { extensions } = outgoing.capabilities ?? {};
  const others = isObject(extensions) ? extensions : {};
  const capabilities = { ...outgoing.capabilities, extensions: { ...others, [TASKS]: {} } };
  return sendAndWait(peer, { ...outgoing, capabilities }, signal, besides);
}

function demandsTasks({ code, data }: RpcErrorObject): boolean {
  const { requiredCapabilities: required } = isObject(data) ? data : {};
  const extensions = isObject(required) && isObject(required.extensions) ? required.extensions : {};
  return code === CODE.missingClientCapability && Object.hasOwn(extensions, TASKS);
}

async function sendAndWait(
  peer: Peer,
  outgoing: Outgoing,
  signal: AbortSignal,
  besides: Besides,
): Promise<ServerAnswer> {
  const { era, capabilities = {} } = outgoing;
  const answer = await send(peer, outgoing, signal);
  if (answer.kind === 'error') return answer;
  const { created, rest } = await creationIn(peer, answer);
  const { task, resultType } = created?.result ?? {};
  const taskId = isObject(task) ? task.taskId : resultType === 'task' && created?.result?.taskId;
  const isClients = !isObject(task) && era === '2026';
  if (typeof taskId !== 'string' || isClients) return rest;

  besides.asked(); // no time counts until the server goes on
  const cancel = () => {
    const asked = {
      id: nextRequestId(),
      method: 'tasks/cancel',
      params: { taskId },
      ...(era && { era }),
      capabilities,
    };
    const cancelling = send(peer, asked, AbortSignal.timeout(PATIENCE)).then(freed);
    waitUntil(cancelling.catch(() => undefined));
  };
  signal.addEventListener('abort', cancel);
  const follow: Following = (method, params) =>
    send(peer, { id: nextRequestId(), method, params, ...(era && { era }), capabilities }, signal);
  if (isObject(task)) return follow('tasks/result', { taskId }); // which is answered when the task has ended
  const result = await polled(peer, follow, created?.result ?? {}, signal);
  signal.removeEventListener('abort', cancel);
  if (result.kind === 'error') cancel(); // should it go on, to ask for something: an ended one stays as it is
  return result;
}

/** Frees an answer that is not read. */
async function freed(answer: ServerAnswer): Promise<void> {
  if (answer.kind === 'error') return;
  answer.settle('answered');
  answer.release();
  await answer.body.cancel();
}

/** Asks about a task of the extension until it has ended. Its result is in what the server then says. */
async function polled(
  peer: Peer,
  follow: Following,
  created: JsonObject,
  signal: AbortSignal,
): Promise<ServerAnswer> {
  const { taskId } = created;
  for (let task = created; ; ) {
    await scheduler.wait(intervalOf(task), { signal });
    const answer = await follow('tasks/get', { taskId });
    if (answer.kind === 'error') return answer;
    const said = await readAnswer(peer, answer, MOST_TASK);
    if (said.error) return { kind: 'error', error: said.error, failure: null };
    task = said.result ?? {};
    const { status, result } = task;
    if (status === 'working') continue;
    if (status === 'completed' && isObject(result)) return inOneBody(answer.id, result);
    const { code, message } = isObject(task.error) ? task.error : {};
    const words =
      typeof message === 'string' ? message : `The task of the server ended as ${textOf(status)}.`;
    const error = { code: numberIn(code) || CODE.internalError, message: words };
    return { kind: 'error', error, failure: null };
  }
}

function intervalOf({ pollIntervalMs }: JsonObject): number {
  return Math.min(Math.max(numberIn(pollIntervalMs) || POLL.usual, POLL.least), POLL.most);
}

/** A status that a server says, which may be anything. */
function textOf(status: unknown): string {
  return typeof status === 'string' ? status : JSON.stringify(status);
}

/** A number that a server says; NaN: what it says is none. */
function numberIn(said: unknown): number {
  const plain = plainNumber(said);
  return typeof plain === 'number' ? plain : Number.NaN;
}

/** A result that was read whole, as its server's answer. Of its task the client knows nothing. */
function inOneBody(id: number, { _meta, ...result }: JsonObject): ServerAnswer {
  const { [RELATED]: _, ...others } = isObject(_meta) ? _meta : {};
  const { body } = new Response(resultText(id, { ...result, ...(isObject(_meta) && { _meta: others }) }));
  const nothing = () => undefined;
  return { kind: 'json', id, body: body as ReadableStream<Uint8Array>, settle: nothing, release: nothing };
}

type Flowing = ServerAnswer & { kind: 'json' | 'events' };

/** What an answer of at most {@link MOST_CREATED} bytes says, and the answer as if nothing had been read. */
async function creationIn(
  { server }: Peer,
  answer: Flowing,
): Promise<{ created: RpcResponse | null; rest: Flowing }> {
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const chunks: Uint8Array[] = [];
  let text = '';
  let created: RpcResponse | null = null;
  for (let size = 0; size <= MOST_CREATED && !created; ) {
    const read = await reader.read().catch(() => {
      throw failures.unanswered(server.name);
    });
    if (!read.value) break;
    chunks.push(read.value);
    size += read.value.byteLength;
    text += decoder.decode(read.value, { stream: true });
    created = responseIn(text, answer);
  }
  const isTask = isObject(created?.result?.task) || created?.result?.resultType === 'task';
  if (isTask) {
    answer.settle('answered');
    reader.cancel().catch(() => undefined);
    answer.release();
  }
  const { whole: _, ...flowing } = answer; // which was read in part
  return { created, rest: { ...flowing, body: unread(chunks, reader) } };
}

function responseIn(text: string, { kind, id }: Flowing): RpcResponse | null {
  if (kind === 'json') return readResponse(text, id);
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split(/\r?\n/);
  for (const line of lines) {
    const response = line.startsWith('data:') ? readResponse(line.slice(5), id) : null;
    if (response) return response;
  }
  return null;
}
