import * as z from 'zod/mini';
import { version } from '../../package.json';
import { isRawNumber, parseExact, plainNumber, type RawNumber } from './json/exact';

/** The revision without sessions: version and capabilities come with each request. */
export const MODERN_VERSION = '2026-07-28';
/** The revisions that begin with `initialize`, newest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26'];
/** Every revision served to clients and spoken to servers, newest first. */
export const SERVED_VERSIONS: readonly string[] = [MODERN_VERSION, ...LEGACY_VERSIONS];

/** `2025`: sessions begun with `initialize`. `2026`: stateless. */
export type Era = '2025' | '2026';

/** Who we say we are, upstream. */
export const CLIENT_INFO = { name: 'toolgate', version };

/** Keys of `_meta` that carry what a session carried before (MCP 2026-07-28, `_meta`). */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  logLevel: 'io.modelcontextprotocol/logLevel',
} as const;

/** JSON-RPC 2.0 §5.1, and the codes MCP 2026-07-28 defines. */
export const CODE = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedVersion: -32022,
  /** MCP 2025-11-25 only: Resources, and URL mode elicitation. Clients of 2026-07-28 must never see them. */
  resourceNotFound: -32002,
  urlElicitation: -32042,
} as const;

export type JsonObject = { [member: string]: unknown };

/** A request's id, a number as it was sent (CONTRACT §6); JSON-RPC's null is not one (MCP, Requests). */
export type RequestId = string | number | RawNumber;
export const RequestId = z.custom<RequestId>(isRequestId);

const ResultObject = z.custom<JsonObject>(isObject);

/** A message that wants an answer. Of params null members, and a `_meta` that is no object, are as good as absent ones (CONTRACT §6). */
export type Request = { jsonrpc: '2.0'; id: RequestId; method: string; params: JsonObject };

/** A message that wants none. */
export type Notification = { jsonrpc: '2.0'; id?: undefined; method: string; params: JsonObject };

/** No method has a longer name. */
const MOST_METHOD = 200;

const RpcErrorObject = z.object({
  code: z.pipe(z.transform(plainNumber), z.number()),
  message: z.string(),
  data: z.optional(z.unknown()),
});
export type RpcErrorObject = z.infer<typeof RpcErrorObject>;

/** No id of ours is longer. */
const MOST_ANSWERED_ID = 4096;

const RpcResponse = z.object({
  id: z.pipe(
    z.transform(plainNumber),
    z.nullish(z.union([z.string().check(z.maxLength(MOST_ANSWERED_ID)), RequestId])),
  ),
  result: z.optional(ResultObject),
  error: z.optional(RpcErrorObject),
});
/** The answer to one of our requests: a result or an error. */
export type RpcResponse = z.infer<typeof RpcResponse>;

/** A refusal as JSON-RPC says it, with the HTTP status it goes out under. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  readonly status: number;
  readonly code: number;
  readonly data: JsonObject | undefined;

  constructor(status: number, code: number, message: string, data?: JsonObject) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // no one reads where it was thrown, and strangers make many
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.status = status;
    this.code = code;
    this.data = data;
  }
}

/** The text of an error response. @param id undefined: of no request that could be named */
export function errorText(id: RequestId | null | undefined, error: RpcErrorObject): string {
  const { code, message, data } = error; // and nothing else that it may have
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } });
}

/** The text of a response that carries `result`. */
export function resultText(id: RequestId, result: JsonObject): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

/** A client's answer to what it was asked: a result or an error, as it wrote them. */
export type ClientAnswer = { id: unknown } & ({ result: JsonObject } | { error: unknown });

/** What a client may send. */
export type ClientMessage = Request | Notification | ClientAnswer;

/** Nesting deeper than this is refused before it is parsed. */
const MOST_DEPTH = 64;

/**
 * Reads the one message of a body, its numbers digit by digit.
 * @throws RpcError for text that is not JSON or too deep, for a batch (batches left MCP in 2025-06-18), and for
 * anything that is no JSON-RPC message.
 */
export function readMessage(text: string): ClientMessage {
  const value = parseJson(text);
  if (value === undefined)
    throw new RpcError(400, CODE.parseError, `The body is not JSON of at most ${MOST_DEPTH} levels.`);
  if (Array.isArray(value))
    throw new RpcError(400, CODE.invalidRequest, 'Batches are not served: send one message.');
  const message = isObject(value) ? called(value) : null;
  if (message) return message;
  if (isObject(value) && !Object.hasOwn(value, 'method') && RpcResponse.safeParse(value).success) {
    const { id, result, error } = value;
    if (isObject(result)) return { id, result };
    if (isObject(error)) return { id, error };
  }
  throw new RpcError(400, CODE.invalidRequest, 'The body is not a JSON-RPC 2.0 message.');
}

/** A request or a notification; null for anything else. Read by hand: every call passes here. */
function called({ jsonrpc, id, method, params }: JsonObject): Request | Notification | null {
  if (jsonrpc !== '2.0' || typeof method !== 'string' || method.length > MOST_METHOD) return null;
  if (params !== undefined && params !== null && !isObject(params)) return null;
  const kept = withoutNulls(params ?? {});
  if (id === undefined) return { jsonrpc, method, params: kept };
  return isRequestId(id) ? { jsonrpc, id, method, params: kept } : null;
}

/** See {@link RequestId}. */
function isRequestId(id: unknown): id is RequestId {
  if (typeof id === 'number') return Number.isFinite(id);
  return typeof id === 'string' ? id.length <= 1000 : isRawNumber(id) && id.rawJSON.length <= 1000;
}

/** The id of a message that may be malformed otherwise, for the error that answers it. */
export function readableId(text: string): RequestId | null {
  const value = parseJson(text);
  return isObject(value) && isRequestId(value.id) ? value.id : null;
}

/**
 * A response among what a server sends, its numbers digit by digit; null for its notifications and requests. What is nested
 * deeper than {@link MOST_DEPTH} is not read: in a list it costs the item that holds it, which is too deep to be offered.
 * @param id of the request, when only its own answer counts, also where it comes in an array
 */
export function readResponse(text: string, id?: number): RpcResponse | null {
  const value = parseJson(deeperThan(text, MOST_DEPTH) ? shallow(text, MOST_DEPTH) : text);
  const values = Array.isArray(value) ? value : [value];
  for (const one of values) {
    const response = responseIn(one);
    if (response && (id === undefined || isSameId(response.id, id))) return response;
  }
  return null;
}

function responseIn(value: unknown): RpcResponse | null {
  if (!isObject(value) || 'method' in value) return null;
  const shown = Object.entries(value).filter(([, member]) => member !== null);
  const response = RpcResponse.safeParse(Object.fromEntries(shown));
  return response.success && (response.data.result || response.data.error) ? response.data : null;
}

/** Whether an answer has the id that was sent. Some servers write a number as text: "7" is 7. */
function isSameId(answered: RequestId | null | undefined, sent: number): boolean {
  return answered !== null && answered !== undefined && textOf(answered) === String(sent);
}

const textOf = (id: RequestId) => (typeof id === 'object' ? id.rawJSON : String(id));

/** Params without members that are null, in `_meta` without those of MCP's own; whether capabilities are there is the era's to judge. */
function withoutNulls(params: JsonObject): JsonObject {
  if (params._meta === undefined && !Object.values(params).includes(null)) return params;
  const isThere = ([name, value]: [string, unknown]) =>
    value !== null && (name !== '_meta' || isObject(value));
  const kept = Object.fromEntries(Object.entries(params).filter(isThere));
  if (!isObject(kept._meta)) return kept;
  const isOurs = (key: string) => key === 'progressToken' || key.startsWith('io.modelcontextprotocol/');
  const meta = Object.entries(kept._meta).filter(
    ([key, value]) => value !== null || !isOurs(key) || key === META.clientCapabilities,
  );
  return { ...kept, _meta: Object.fromEntries(meta) };
}

/** The value of a JSON text, numbers with their digits; undefined when it is none, or nested too deep. */
function parseJson(text: string): unknown {
  if (deeperThan(text, MOST_DEPTH)) return undefined;
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** A JSON text whose arrays and objects at the depth `most` are empty. */
function shallow(text: string, most: number): string {
  let kept = '';
  let from = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') inString = !inString;
    else if (inString && char === '\\') at++;
    else if (inString) continue;
    else if (char === '{' || char === '[') {
      if (++depth === most) kept += text.slice(from, at + 1);
    } else if (char === '}' || char === ']') {
      if (depth-- === most) from = at;
    }
  }
  return kept + text.slice(from);
}

/** True when arrays and objects of a JSON text are nested deeper than `most`. */
export function deeperThan(text: string, most: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at++;
      else inString = char !== 0x22;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) {
      if (++depth > most) return true;
    } else if (char === 0x7d || char === 0x5d) depth--;
  }
  return false;
}

/** True for a JSON object: neither null nor an array, nor a number kept with its digits. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** The object that a JSON text is, its numbers with their digits; null: it is none. */
export function readObject(text: string): JsonObject | null {
  try {
    const value = parseExact(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The `_meta` of a request's params; empty when there is none. */
export function metaOf(params: JsonObject): JsonObject {
  return isObject(params._meta) ? params._meta : {};
}
