import { version } from '../../package.json';
import { isPersonal } from '../accounts/auth/index';
import type { Peer } from '../accounts/connect';
import { overlaid } from '../protocol/headers';
import { type JsonObject, type RpcErrorObject, type RpcResponse, readResponse } from '../protocol/mcp';
import { readText } from '../protocol/params';
import { followWithin, OF_MESSAGES } from '../protocol/redirects';
import { EventReader } from '../protocol/sse';
import { failures, UpstreamFailure } from '../servers/failure';
import type { Address } from '../servers/server';

/** What a server answers: a body that is still flowing, to be released at its end, or a JSON-RPC error. */
export type ServerAnswer =
  | { kind: 'json' | 'events'; body: ReadableStream<Uint8Array>; release: () => void }
  | { kind: 'error'; error: RpcErrorObject };

/** Who we say we are, upstream. */
export const CLIENT_INFO = { name: 'toolgate', version };

/** The most that is read of an answer that is not passed on. */
const MOST_REFUSAL = 65_536;

/** Frees a body that is not read. */
export async function drain(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** One message by POST; only what the gateway writes goes along. @throws UpstreamFailure when there is no answer. */
export async function post(
  peer: Peer,
  message: JsonObject,
  protocol: Headers,
  signal: AbortSignal,
): Promise<Response> {
  const headers = overlaid(peer.credentials.headers, protocol);
  headers.set('content-type', 'application/json');
  headers.set('accept', 'application/json, text/event-stream');
  if (!headers.has('user-agent')) headers.set('user-agent', `${CLIENT_INFO.name}/${CLIENT_INFO.version}`);
  try {
    const body = JSON.stringify(message);
    const init = { method: 'POST', headers, body, redirect: 'manual', signal } as const;
    const { connectionString } = peer.server;
    return (await followWithin(connectionString, OF_MESSAGES, (url) => fetch(url, init))).response;
  } catch (cause) {
    throw signal.aborted ? failures.late(peer.server.name) : failures.unreachable(peer.server.name, cause);
  }
}

/**
 * What a response means. @param onRefusal sees a 4xx that is about the request, with the JSON-RPC error it holds or null,
 * before anything is made of it.
 */
export async function answerOf(
  { server }: Peer,
  response: Response,
  onRefusal: (refusal: RpcResponse | null, status: number) => void,
): Promise<ServerAnswer> {
  const { status, body } = response;
  if (status === 400 || status === 404 || status === 405 || status === 422) {
    const refusal = readResponse((await readText(response.body, MOST_REFUSAL).catch(() => null)) ?? '');
    onRefusal(refusal, status);
    if (refusal?.error) return { kind: 'error', error: refusal.error };
    throw status === 404 ? failures.notFound(server.name) : failures.status(server.name, status);
  }
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (status === 200 && body && (type === 'application/json' || type === 'text/event-stream')) {
    return { kind: type === 'application/json' ? 'json' : 'events', body, release: () => undefined };
  }
  if (status === 401 || status === 403) {
    const challenge = response.headers.get('www-authenticate') ?? '';
    const failure = status === 401 ? failures.unauthorized(server.name) : forbidden(server, challenge);
    failure.words = await wordsOf(response);
    throw failure;
  }
  await drain(response);
  if (status === 429) throw failures.busy(server.name);
  if (status >= 300 && status < 400) throw failures.redirect(server.name);
  throw status >= 400 ? failures.status(server.name, status) : failures.notMcp(server.name);
}

/** The most that is read of a refusal's words, bytes, and told of them, characters. */
const MOST_WORDS = 4096;
const MOST_TOLD = 300;

/** A refusal in the server's own words, as far as it has some: of JSON the usual members, of plain text all. */
async function wordsOf(response: Response): Promise<string | null> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  const text = (await readText(response.body, MOST_WORDS).catch(() => null)) ?? '';
  const said = type.endsWith('json') ? wordsIn(text) : type === 'text/plain' ? text : '';
  const plain = said.replace(/[\p{C}\s]+/gu, ' ').trim();
  return plain ? [...plain].slice(0, MOST_TOLD).join('') : null;
}

function wordsIn(json: string): string {
  try {
    const { error, error_description, message } = JSON.parse(json);
    const words = [error_description, message, error?.message, error];
    return words.find((word) => typeof word === 'string') ?? '';
  } catch {
    return '';
  }
}

/** A 403 says that the credentials are good for less than this, or for nothing (RFC 6750 §3.1). */
function forbidden(server: Address, challenge: string): UpstreamFailure {
  if (/\berror="?insufficient_scope"?/i.test(challenge)) {
    const [, scopes = ''] = /\bscope="([\x21\x23-\x5b\x5d-\x7e ]{1,300})"/i.exec(challenge) ?? [];
    return failures.insufficientScope(server.name, scopes);
  }
  return isPersonal(server) ? failures.forbiddenToOne(server.name) : failures.forbidden(server.name);
}

/** Reads an answer to its JSON-RPC response. */
export async function readAnswer(
  { server }: Peer,
  answer: ServerAnswer & { kind: 'json' | 'events' },
  most: number,
): Promise<RpcResponse> {
  const events = new EventReader();
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let size = 0;
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > most) throw failures.notMcp(server.name);
      const part = decoder.decode(value, { stream: true });
      if (answer.kind === 'json') text += part;
      else {
        for (const data of events.push(part)) {
          const response = readResponse(data);
          if (response) return response;
        }
      }
    }
    const response = answer.kind === 'json' ? readResponse(text) : null;
    if (!response) throw failures.notMcp(server.name);
    return response;
  } catch (error) {
    throw error instanceof UpstreamFailure ? error : failures.unreachable(server.name, error);
  } finally {
    reader.cancel().catch(() => undefined);
    answer.release();
  }
}
