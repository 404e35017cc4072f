import { fetchTimed } from '../invocation';
import { CLIENT_INFO, LEGACY_VERSIONS, META, MODERN_VERSION } from '../protocol/mcp';
import { followWithin, OF_MESSAGES } from '../protocol/redirects';
import { challengeOf, NO_CHALLENGE, type ServerChallenge } from './discovery-documents';

/** How long a server may take over all of it, milliseconds. */
const PROBE_TIME = 8_000;
/** How long one may take to end the session that it began, also where its time was over. Milliseconds. */
const END_TIME = 2_000;

/**
 * How a server refuses a request without a token. Some let anyone begin, and refuse what follows: those are asked for their
 * tools as well (MCP 2025-11-25, Scope Selection Strategy: what the challenge says comes before `scopes_supported`).
 * @returns the challenge, and what was tried, in words for the administrator. @throws what `fetch` throws when it does not answer
 */
export async function challengeOfServer(
  serverUrl: string,
): Promise<{ challenge: ServerChallenge; tried: string[] }> {
  const signal = AbortSignal.timeout(PROBE_TIME);
  const begun = await ask(serverUrl, signal, 'initialize', {
    protocolVersion: LEGACY_VERSIONS[0],
    capabilities: {},
    clientInfo: CLIENT_INFO,
  });
  const tried = [saidOf(serverUrl, begun)];
  const next = begun.challenge ? null : await askForTools(serverUrl, signal, begun).catch(() => null);
  if (next?.challenge) tried.push(`${saidOf(serverUrl, next)}, asked for its tools`);
  return { challenge: begun.challenge ?? next?.challenge ?? NO_CHALLENGE, tried };
}

/** `challenge`: null when it did not refuse. `session`: the one it began. */
type Met = { status: number; challenge: ServerChallenge | null; session: string | null };

/** Asks for tools in the era that `initialize` was answered in. A session that it began is ended. Null: it is in neither. */
async function askForTools(serverUrl: string, signal: AbortSignal, begun: Met): Promise<Met | null> {
  if (begun.status === 400 || begun.status === 404) {
    const _meta = {
      [META.protocolVersion]: MODERN_VERSION,
      [META.clientInfo]: CLIENT_INFO,
      [META.clientCapabilities]: {},
    };
    const headers = new Headers({ 'mcp-protocol-version': MODERN_VERSION, 'mcp-method': 'tools/list' });
    return ask(serverUrl, signal, 'tools/list', { _meta }, headers);
  }
  if (begun.status !== 200) return null;
  const { session } = begun;
  const headers = new Headers(session === null ? {} : { 'mcp-session-id': session });
  try {
    return await ask(serverUrl, signal, 'tools/list', {}, headers);
  } finally {
    const ending = AbortSignal.timeout(END_TIME);
    if (session !== null)
      await send(serverUrl, { method: 'DELETE', headers, signal: ending }).catch(() => undefined);
  }
}

async function ask(
  serverUrl: string,
  signal: AbortSignal,
  method: string,
  params: object,
  headers: Headers = new Headers(),
): Promise<Met> {
  headers.set('content-type', 'application/json');
  headers.set('accept', 'application/json, text/event-stream');
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const answer = await send(serverUrl, { method: 'POST', headers, body, signal });
  const challenge = answer.status === 401 ? challengeOf(answer.headers.get('www-authenticate') ?? '') : null;
  return { status: answer.status, challenge, session: answer.headers.get('mcp-session-id') };
}

async function send(serverUrl: string, init: RequestInit): Promise<Response> {
  const { response } = await followWithin(serverUrl, OF_MESSAGES, (url) =>
    fetchTimed(url, { ...init, redirect: 'manual' }),
  );
  await response.body?.cancel().catch(() => undefined);
  return response;
}

function saidOf(serverUrl: string, { status, challenge }: Met): string {
  const what = challenge?.resourceMetadata ? 'naming its resource metadata' : 'without resource metadata';
  return `POST ${serverUrl} answered ${status} ${what}`;
}
