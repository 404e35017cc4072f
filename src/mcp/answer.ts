import { version } from '../../package.json';
import { type Additions, MessageScanner, NOTHING } from '../protocol/json/insert';
import { prefixOf } from '../protocol/json/resource-address';
import { MESSAGE_PLACES } from '../protocol/json/uri-places';
import { CODE, type JsonObject, META, resultText } from '../protocol/mcp';
import type { Call } from './call';
import type { CatalogServer } from './catalog';
import type { ListPage } from './list-page';

/** What every answer at `/mcp` carries. */
export const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
export const JSON_HEADERS = { 'content-type': 'application/json', ...ALWAYS };
export const EVENT_HEADERS = {
  'content-type': 'text/event-stream',
  ...ALWAYS,
  'x-accel-buffering': 'no', // MCP 2026-07-28, Receiving Messages
};

/** Who answers: at a server's address that server, as it calls itself (PROTOCOL §6). */
export function serverInfo({ gate, isOneServer, entries }: Call): JsonObject {
  const theirs = isOneServer && entries[0]?.server.info;
  if (theirs) return theirs;
  return { name: 'toolgate', title: gate.settings.display_name, version };
}

/** A result of our own, with what the client's era demands of every result. */
export function answer(call: Call, result: JsonObject, headers: Record<string, string> = {}): Response {
  return json(resultText(call.request.id, stamped(call, result)), headers);
}

/** A list of definitions that are JSON already, as the member `member` of a result. */
export function answerList(call: Call, member: string, page: ListPage, rest: JsonObject): Response {
  const others = JSON.stringify(stamped(call, { ...rest, ...cachingHints(call) })).slice(1);
  const id = JSON.stringify(call.request.id);
  const before = `{"jsonrpc":"2.0","id":${id},"result":{${JSON.stringify(member)}:[`;
  return json(page.between(before, `]${others === '}' ? '' : ','}${others}}`));
}

/** `resultType` and who answered (MCP 2026-07-28, Result Responses and Per-response protocol fields). */
export function stamped(call: Call, result: JsonObject): JsonObject {
  if (call.era === '2025') return result;
  const _meta = { [META.serverInfo]: serverInfo(call), ...(result._meta as JsonObject | undefined) };
  return { ...result, resultType: 'complete', _meta };
}

/** How long a client may keep what depends on who it is and what it may use (MCP 2026-07-28, Caching). */
export function cachingHints({ gate, era }: Call): JsonObject {
  return era === '2025' ? {} : { ttlMs: gate.settings.revocation_lag * 1000, cacheScope: 'private' };
}

/** A whole response, from its text. */
export function json(
  text: string | Blob,
  headers: Record<string, string> | null = null,
  status = 200,
): Response {
  return new Response(text, { headers: headers ? { ...JSON_HEADERS, ...headers } : JSON_HEADERS, status });
}

/** What a client has to read in place of what its server writes, in an answer of the other era. */
export function additionsFor({ era, request, isOneServer }: Call, { server }: CatalogServer): Additions {
  const places = isOneServer ? undefined : MESSAGE_PLACES.get(request.method);
  const uris = places ? { prefix: prefixOf(server.endpointSlug), places } : null;
  if (era === '2025') return { ...NOTHING, uris, objectsOnly: request.method === 'tools/call' };
  const complete = { resultType: '"complete"' };
  const cacheable = { ...complete, ttlMs: '0', cacheScope: '"private"' };
  return {
    ...NOTHING,
    uris,
    members: request.method === 'resources/read' ? cacheable : complete,
    codes: {
      [CODE.resourceNotFound]: String(CODE.invalidParams),
      [CODE.urlElicitation]: String(CODE.internalError),
    },
  };
}

/** The text of a whole message as its client reads it. */
export function withAdditions(message: string, additions: Additions): string {
  const decoder = new TextDecoder();
  const parts = new MessageScanner(additions).push(new TextEncoder().encode(message));
  return parts.map((part) => decoder.decode(part, { stream: true })).join('');
}
