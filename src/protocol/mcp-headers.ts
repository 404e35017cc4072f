import { sameNumber, wholeNumber } from './json/decimal';
import { isRawNumber } from './json/exact';
import { CODE, isObject, type JsonObject, RpcError } from './mcp';

/** A tool parameter that clients repeat in a header `Mcp-Param-<header>` (MCP 2026-07-28, Custom Headers from Tool Parameters). */
export type MirroredParam = { header: string; path: string[] };

/** The member of `params` that `Mcp-Name` repeats, by method (MCP 2026-07-28, Standard Request Headers; Tasks Extension, Routing Headers). */
const NAMED_BY: ReadonlyMap<string, 'name' | 'uri' | 'taskId'> = new Map<string, 'name' | 'uri' | 'taskId'>([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** What `Mcp-Name` says of this request; undefined when its method has no such header. */
function mirroredName(method: string, params: JsonObject): string | undefined {
  const member = NAMED_BY.get(method);
  const value = member && params[member];
  return typeof value === 'string' ? value : undefined;
}

/** The parameters that `inputSchema` marks with a well-formed `x-mcp-header`, reachable through `properties` alone. */
export function mirroredParams(inputSchema: unknown): MirroredParam[] {
  const found: MirroredParam[] = [];
  const visit = (schema: unknown, path: string[]) => {
    if (!isObject(schema)) return;
    const header = schema['x-mcp-header'];
    if (path.length && isPrimitive(schema) && isHeaderName(header)) found.push({ header, path });
    if (!isObject(schema.properties) || path.length > 32) return;
    for (const [name, property] of Object.entries(schema.properties)) visit(property, [...path, name]);
  };
  visit(inputSchema, []);
  const names = found.map(({ header }) => header.toLowerCase());
  return found.filter((_, at) => names.indexOf(names[at] as string) === at);
}

/** Keywords of JSON Schema that hold schemas: one or a list, and one by name. */
const WITH_SCHEMAS = [
  ...['items', 'prefixItems', 'contains', 'additionalItems', 'unevaluatedItems', 'propertyNames'],
  ...['additionalProperties', 'unevaluatedProperties', 'contentSchema', 'oneOf', 'anyOf', 'allOf'],
  ...['not', 'if', 'then', 'else'],
];
const WITH_NAMED_SCHEMAS = ['patternProperties', 'dependentSchemas', 'dependencies', '$defs', 'definitions'];

/**
 * Why clients of 2026-07-28 have to refuse a tool for its `x-mcp-header`s, in words that continue "because"; null when they
 * are well-formed (MCP 2026-07-28, Custom Headers from Tool Parameters).
 */
export function mirrorFault(inputSchema: unknown): string | null {
  const names = new Set<string>();
  const faultOf = (schema: unknown, mayMirror: boolean, isRoot = false): string | null => {
    if (!isObject(schema)) return null;
    if (Object.hasOwn(schema, 'x-mcp-header')) {
      const header = schema['x-mcp-header'];
      if (isRoot || !mayMirror) return 'an x-mcp-header is not on a property of its own';
      if (!isHeaderName(header)) return 'an x-mcp-header is no header name';
      if (!isPrimitive(schema)) return `the x-mcp-header ${header} is not on a string, integer or boolean`;
      if (names.has(header.toLowerCase())) return `the x-mcp-header ${header} is there twice`;
      names.add(header.toLowerCase());
    }
    const inner = [
      ...named(schema.properties).map((one) => faultOf(one, mayMirror)),
      ...WITH_SCHEMAS.flatMap((keyword) => [schema[keyword]].flat()).map((one) => faultOf(one, false)),
      ...WITH_NAMED_SCHEMAS.flatMap((keyword) => named(schema[keyword])).map((one) => faultOf(one, false)),
    ];
    return inner.find((fault) => fault !== null) ?? null;
  };
  return faultOf(inputSchema, true, true);
}

function named(schemas: unknown): unknown[] {
  return isObject(schemas) ? Object.values(schemas) : [];
}

function isHeaderName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 200 && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
}

function isPrimitive({ type }: JsonObject): boolean {
  return ['integer', 'string', 'boolean'].includes(type as string);
}

/** The argument at `path`; undefined when there is none that a header can carry. A number is the text of its digits. */
function argumentAt(args: unknown, path: string[]): { text: string; isNumber: boolean } | undefined {
  let value = args;
  for (const member of path)
    value = isObject(value) && Object.hasOwn(value, member) ? value[member] : undefined;
  if (isRawNumber(value)) return { text: value.rawJSON, isNumber: true };
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? { text: String(value), isNumber: typeof value === 'number' }
    : undefined;
}

const [SENTINEL, END] = ['=?base64?', '?='];

const isEncoded = (value: string) => value.startsWith(SENTINEL) && value.endsWith(END);

/** A value as a header carries it (MCP 2026-07-28, Value Encoding). */
function encodeValue(value: string): string {
  const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/.test(value);
  if (plain && !isEncoded(value)) return value;
  const bytes = new TextEncoder().encode(value);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `${SENTINEL}${btoa(binary)}${END}`;
}

/** The value a header carries; null when it is encoded badly: base64 is padded (RFC 4648 §4). */
function decodeValue(header: string): string | null {
  if (!isEncoded(header)) return header;
  const encoded = header.slice(SENTINEL.length, -END.length);
  try {
    const binary = atob(encoded);
    if (btoa(binary) !== encoded) return null;
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The headers that repeat a request for a server of 2026-07-28. */
export function mirrorHeaders(
  method: string,
  params: JsonObject,
  mirrored: readonly MirroredParam[],
): [string, string][] {
  const name = mirroredName(method, params);
  const headers: [string, string][] = [['mcp-method', encodeValue(method)]];
  if (name !== undefined) headers.push(['mcp-name', encodeValue(name)]);
  for (const { header, path } of mirrored) {
    const argument = argumentAt(params.arguments, path);
    if (!argument) continue;
    const value = argument.isNumber ? wholeNumber(argument.text) : argument.text;
    headers.push([`mcp-param-${header}`, encodeValue(value)]);
  }
  return headers;
}

/** @throws RpcError −32020 when `Mcp-Method` or `Mcp-Name` is missing or says something else than the body. */
export function checkMirroredHeaders(headers: Headers, method: string, params: JsonObject): void {
  check('Mcp-Method', headers.get('mcp-method'), method);
  const name = mirroredName(method, params);
  if (name !== undefined) check('Mcp-Name', headers.get('mcp-name'), name);
}

/** @throws RpcError −32020 when a `Mcp-Param-…` header is missing or says something else than the arguments. */
export function checkMirroredParams(
  headers: Headers,
  params: JsonObject,
  mirrored: readonly MirroredParam[],
): void {
  for (const { header, path } of mirrored) {
    const sent = headers.get(`mcp-param-${header}`);
    const argument = argumentAt(params.arguments, path);
    if (sent === null && (!argument || mayBeOmitted(argument))) continue;
    check(`Mcp-Param-${header}`, sent, argument?.text, argument?.isNumber);
  }
}

/** Clients do not repeat a whole number that a double may not hold, which no server can compare then. */
function mayBeOmitted({ text, isNumber }: { text: string; isNumber: boolean }): boolean {
  const value = Number(text);
  return isNumber && Math.abs(value) > Number.MAX_SAFE_INTEGER;
}

/** @throws RpcError −32020. Numbers are compared by their value, digit by digit. */
function check(name: string, sent: string | null, expected: string | undefined, isNumber = false): void {
  if (sent === null) throw new RpcError(400, CODE.headerMismatch, `The header ${name} is missing.`);
  const decoded = decodeValue(sent);
  if (decoded === expected) return;
  if (isNumber && decoded !== null && expected !== undefined && sameNumber(decoded, expected)) return;
  throw new RpcError(400, CODE.headerMismatch, `The header ${name} does not say what the body says.`);
}
