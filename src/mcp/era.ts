import {
  CODE,
  type Era,
  isObject,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSION,
  metaOf,
  type Request,
  RpcError,
  SERVED_VERSIONS,
} from '../protocol/mcp';
import { checkMirroredHeaders } from '../protocol/mcp-headers';

/** The revision a client that names none is served as (MCP 2025-11-25, Protocol Version Header). */
const UNNAMED_VERSION = '2025-03-26';

/**
 * The era a request belongs to: modern when header or `_meta` names it (MCP 2026-07-28, Versioning and Compatibility).
 * @param sessionVersion what `initialize` settled, when the request shows a session.
 * @throws RpcError when it names a revision not served, or its header and body disagree.
 */
export function eraOf(
  request: Request,
  headers: Headers,
  sessionVersion: string | undefined,
): { era: Era; version: string } {
  const { method, params } = request;
  const header = headers.get('mcp-protocol-version');
  const meta = metaOf(params);
  const named = meta[META.protocolVersion];
  if (header !== MODERN_VERSION && (named === undefined || LEGACY_VERSIONS.includes(named as string))) {
    const version = header ?? sessionVersion ?? UNNAMED_VERSION;
    if (method !== 'initialize' && !LEGACY_VERSIONS.includes(version)) throw unserved(version);
    return { era: '2025', version };
  }

  if (typeof named !== 'string') throw missing(META.protocolVersion);
  if (header !== named) {
    const fault = header === null ? 'is missing' : 'does not say what _meta says';
    throw new RpcError(400, CODE.headerMismatch, `The header MCP-Protocol-Version ${fault}.`);
  }
  if (named !== MODERN_VERSION) throw unserved(named);
  const capabilities = meta[META.clientCapabilities];
  if (capabilities !== null && !isObject(capabilities)) throw missing(META.clientCapabilities);
  checkMirroredHeaders(headers, method, params);
  return { era: '2026', version: MODERN_VERSION };
}

/** What is no request names a revision that is served, or none (MCP 2025-11-25, Protocol Version Header). @throws RpcError */
export function checkVersion(headers: Headers): void {
  const version = headers.get('mcp-protocol-version');
  if (version !== null && !SERVED_VERSIONS.includes(version)) throw unserved(version);
}

function missing(key: string): RpcError {
  return new RpcError(400, CODE.invalidParams, `params._meta["${key}"] is missing or malformed.`);
}

function unserved(requested: string): RpcError {
  const data = { supported: [...SERVED_VERSIONS], requested };
  return new RpcError(400, CODE.unsupportedVersion, 'Unsupported protocol version', data);
}
