import { fetchTimed } from '../invocation';
import { mediaTypeOf } from '../protocol/headers';
import { CLIENT_INFO, type JsonObject, LEGACY_VERSIONS, readResponse } from '../protocol/mcp';
import { readText } from '../protocol/params';
import { type Followed, followWithin, OF_DOCUMENTS } from '../protocol/redirects';
import { modernRequest } from './eras';
import { drain } from './exchange';

/**
 * What is at an address, and at those that are likely meant by it. `http`: a server answers at `url`. `sse`: one of the transport
 * of 2024-11-05 does, and no other. `website`: pages for people. `elsewhere`: it redirects to another origin.
 */
export type Place =
  | { kind: 'http' | 'sse'; url: string }
  | { kind: 'website' }
  | { kind: 'elsewhere'; to: string }
  | { kind: 'unknown' };

/** How long one request may take, and all of them. Milliseconds. */
const PATIENCE = 5_000;
const MOST_TIME = 15_000;
/** The most that is read of an answer, bytes. */
const MOST = 65_536;

/**
 * What a request found at one address. `absent`: nothing that takes messages; `guarded`: a refusal of strangers that names no way
 * in; `silent`: no answer at all.
 */
type Seen = Exclude<Place, { kind: 'unknown' }> | { kind: 'absent' | 'guarded' | 'silent' };

/**
 * Finds where a server speaks MCP (PROTOCOL §7): as given, by POST and then by GET, then with `/mcp` and `/sse`. No credentials are
 * sent, so no other address than the one given ever gets them before it has answered.
 * @param address https and public
 */
export async function findEndpoint(address: string): Promise<Place> {
  const whole = AbortSignal.timeout(MOST_TIME);
  const signal = () => AbortSignal.any([whole, AbortSignal.timeout(PATIENCE)]);
  const given = await lookAt(address, signal);
  if (given.kind === 'http') return given;
  if (given.kind === 'silent' || whole.aborted) return { kind: 'unknown' };

  let older = given.kind === 'sse' ? given : null;
  for (const url of likely(address)) {
    const seen = await lookAt(url, signal);
    if (seen.kind === 'http') return seen;
    if (seen.kind === 'sse') older ??= seen;
    if (seen.kind === 'silent') break;
  }
  if (given.kind === 'guarded') return { kind: 'unknown' };
  if (older) return older;
  return given.kind === 'website' || given.kind === 'elsewhere' ? given : { kind: 'unknown' };
}

/** Where else a server may be: at `/mcp` and `/sse`, in place of one another and of the path `/`, or behind the path given. */
function likely(address: string): string[] {
  const { pathname } = new URL(address);
  const base = pathname.replace(/\/(mcp|sse)?\/?$/, '');
  return ['/mcp', '/sse']
    .map((end) => base + end)
    .filter((path) => path !== pathname.replace(/\/$/, ''))
    .map((path) => {
      const url = new URL(address);
      url.pathname = path;
      return url.href;
    });
}

async function lookAt(url: string, signal: () => AbortSignal): Promise<Seen> {
  try {
    const modern = modernRequest({ id: 1, method: 'server/discover', params: {} });
    const asked = await posted(url, modern.body, modern.headers, signal());
    // Some servers of the 2025 era refuse in plain words all that comes before `initialize`.
    const seen = asked.kind === 'refused' ? await posted(url, GREETING, new Headers(), signal()) : asked;
    return seen.kind === 'refused' ? await got(url, signal()) : seen;
  } catch {
    return { kind: 'silent' };
  }
}

const GREETING: JsonObject = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: LEGACY_VERSIONS[0], capabilities: {}, clientInfo: CLIENT_INFO },
};

/** What a message meets. `refused`: no MCP, so that a GET may tell more. */
async function posted(
  url: string,
  message: JsonObject,
  protocol: Headers,
  signal: AbortSignal,
): Promise<Seen | { kind: 'refused' }> {
  const headers = new Headers(protocol);
  headers.set('content-type', 'application/json');
  const followed = await request(url, { method: 'POST', headers, body: JSON.stringify(message), signal });
  const { response } = followed;
  const session = response.headers.get('mcp-session-id');
  if (await isMcp(response)) {
    if (session !== null) await end(followed.url, session, signal);
    return { kind: 'http', url: followed.url };
  }
  if (isChallenge(response)) return { kind: 'http', url: followed.url };
  if (response.status === 401 || response.status === 403) return { kind: 'guarded' };
  return awayFrom(followed) ?? { kind: 'refused' };
}

function isChallenge({ status, headers }: Response): boolean {
  return status === 401 && headers.has('www-authenticate');
}

/** True for an event stream, and for anything that JSON-RPC answers, under whatever status. */
async function isMcp(response: Response): Promise<boolean> {
  if (response.status === 200 && mediaTypeOf(response.headers) === 'text/event-stream') {
    await drain(response);
    return true;
  }
  const text = await readText(response.body, MOST).catch(() => null);
  return readResponse(text ?? '') !== null;
}

/** Ends the session that a look began. */
async function end(url: string, session: string, signal: AbortSignal): Promise<void> {
  const headers = { 'mcp-session-id': session };
  const ended = await fetch(url, { method: 'DELETE', headers, redirect: 'manual', signal }).catch(() => null);
  if (ended) await drain(ended);
}

/** What a GET meets: the `endpoint` event of the transport of 2024-11-05, a demand for credentials before it, or a page. */
async function got(url: string, signal: AbortSignal): Promise<Seen> {
  const followed = await request(url, { method: 'GET', headers: new Headers(), signal });
  const { response } = followed;
  const type = response.status === 200 ? mediaTypeOf(response.headers) : '';
  if (type === 'text/event-stream' && (await beginsWithEndpoint(response)))
    return { kind: 'sse', url: followed.url };
  await drain(response);
  if (isChallenge(response)) return { kind: 'sse', url: followed.url };
  return awayFrom(followed) ?? (type === 'text/html' ? { kind: 'website' } : { kind: 'absent' });
}

async function beginsWithEndpoint({ body }: Response): Promise<boolean> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (reader && text.length < MOST) {
    const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
    if (done || !value) break;
    text += decoder.decode(value, { stream: true });
    if (!/(\r\n|\n|\r)(\r\n|\n|\r)/.test(text)) continue;
    await reader.cancel().catch(() => undefined);
    return /(^|[\r\n])event: ?endpoint[\r\n]/.test(text);
  }
  return false;
}

/** Where an address redirects away to, which is not followed; null when it does not. */
function awayFrom({ response, url }: Followed): Seen | null {
  const location = response.headers.get('location');
  if (response.status < 300 || response.status > 399 || !location || !URL.canParse(location, url))
    return null;
  const to = new URL(location, url);
  return to.origin === new URL(url).origin ? null : { kind: 'elsewhere', to: to.origin + to.pathname };
}

/** One request; a redirect within the origin is followed whatever its kind, for nothing runs by a look. */
function request(url: string, init: RequestInit & { headers: Headers }): Promise<Followed> {
  init.headers.set(
    'accept',
    init.method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
  );
  init.headers.set('user-agent', `${CLIENT_INFO.name}/${CLIENT_INFO.version}`);
  return followWithin(url, OF_DOCUMENTS, (at) => fetchTimed(at, { ...init, redirect: 'manual' }));
}
