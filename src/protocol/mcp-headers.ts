import { isRawNumber } from './json/exact';
import { CODE, isObject, type JsonObject, RpcError } from './mcp';

/** A tool parameter that clients repeat in a header `Mcp-Param-<header>` (MCP 2026-07-28, Custom Headers from Tool Parameters). */
export type MirroredParam = { header: string; path: string[] };

/** The member of `params` that `Mcp-Name` repeats, by method (MCP 2026-07-28, Standard Request Headers). */
const NAMED_BY: ReadonlyMap<string, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
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
    const primitive = ['integer', 'string', 'boolean'].includes(schema.type as string);
    if (
      path.length &&
      primitive &&
      typeof header === 'string' &&
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)
    ) {
      found.push({ header, path });
    }
    if (!isObject(schema.properties) || path.length > 32) return;
    for (const [name, property] of Object.entries(schema.properties)) visit(property, [...path, name]);
  };
  visit(inputSchema, []);
  const names = found.map(({ header }) => header.toLowerCase());
  return found.filter((_, at) => names.indexOf(names[at] as string) === at);
}

/** The value of an argument as its header carries it before encoding; undefined when there is none to carry. */
function mirroredValue(args: unknown, path: string[]): string | undefined {
  let value = args;
  for (const member of path)
    value = isObject(value) && Object.hasOwn(value, member) ? value[member] : undefined;
  if (isRawNumber(value)) return value.rawJSON;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

const SENTINEL = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;

/** A value as a header carries it (MCP 2026-07-28, Value Encoding). */
function encodeValue(value: string): string {
  const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?$/.test(value);
  if (plain && !(value.startsWith('=?base64?') && value.endsWith('?='))) return value;
  const bytes = new TextEncoder().encode(value);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `=?base64?${btoa(binary)}?=`;
}

/** The value a header carries; null when it is encoded badly. */
function decodeValue(header: string): string | null {
  const encoded = SENTINEL.exec(header)?.[1];
  if (encoded === undefined) return header;
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
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
  const headers: [string, string][] = [['mcp-method', method]];
  if (name !== undefined) headers.push(['mcp-name', encodeValue(name)]);
  for (const { header, path } of mirrored) {
    const value = mirroredValue(params.arguments, path);
    if (value !== undefined) headers.push([`mcp-param-${header}`, encodeValue(value)]);
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
    const value = mirroredValue(params.arguments, path);
    if (value === undefined && sent === null) continue;
    check(`Mcp-Param-${header}`, sent, value);
  }
}

function check(name: string, sent: string | null, expected: string | undefined): void {
  if (sent === null) throw new RpcError(400, CODE.headerMismatch, `The header ${name} is missing.`);
  const decoded = decodeValue(sent);
  if (decoded === expected) return;
  const numeric = /^-?\d+(\.0+)?$/;
  if (
    decoded &&
    expected &&
    numeric.test(decoded) &&
    numeric.test(expected) &&
    Number(decoded) === Number(expected)
  )
    return;
  throw new RpcError(400, CODE.headerMismatch, `The header ${name} does not say what the body says.`);
}
