import { waitUntil } from 'cloudflare:workers';
import type { Peer } from '../../accounts/connect';
import { parseExact } from '../../protocol/json/exact';
import { CODE, deeperThan, isObject, type JsonObject, RequestId } from '../../protocol/mcp';
import type { SessionName } from '../sessions/session';
import { respondIn } from '../sessions/session-life';

/**
 * What is declared to a server while it is listed: everything whose questions reach clients that take them (PROTOCOL §5). A
 * server that hides a tool from those who cannot answer shows it then.
 */
export const DECLARED_TO_LIST: JsonObject = {
  elicitation: { form: {}, url: {} },
  sampling: { context: {}, tools: {} },
  roots: { listChanged: true },
  extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
};

const MOST_DEPTH = 64;

/** How many questions on the stream of one page are answered. */
const MOST_ASKED = 16;

/** Answers what a server asks beside a page of a list, as it comes: there are no roots, and no one who could be asked. */
export function answersBesidePage(peer: Peer, session: SessionName): (text: string) => void {
  let asked = 0;
  return (text) => {
    const request = session.id === null || asked === MOST_ASKED ? null : requestIn(text);
    if (!request) return;
    asked++;
    waitUntil(respondIn(peer, session, request.id, answerTo(request.method)).catch(() => undefined));
  };
}

function answerTo(method: string): { result: JsonObject } | { error: JsonObject } {
  if (method === 'ping') return { result: {} };
  if (method === 'roots/list') return { result: { roots: [] } };
  const message = 'No one can be asked while this server is listed.';
  return { error: { code: CODE.methodNotFound, message } };
}

function requestIn(text: string): { id: RequestId; method: string } | null {
  if (deeperThan(text, MOST_DEPTH)) return null;
  try {
    const message = parseExact(text);
    if (!isObject(message) || typeof message.method !== 'string') return null;
    const id = RequestId.safeParse(message.id);
    return id.success ? { id: id.data, method: message.method } : null;
  } catch {
    return null;
  }
}
