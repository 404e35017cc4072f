import { membersOf } from '../accounts/auth/index';
import type { Peer } from '../accounts/connect';
import { overlaid } from '../protocol/headers';
import {
  CLIENT_INFO,
  CODE,
  isObject,
  type JsonObject,
  LEGACY_VERSIONS,
  META,
  MODERN_VERSION,
  metaOf,
  type RpcErrorObject,
} from '../protocol/mcp';
import { type MirroredParam, mirrorHeaders } from '../protocol/mcp-headers';
import { failures } from '../servers/failure';
import { type Address, whereIs } from '../servers/server';
import { answerOf, post, readAnswer } from './exchange';
import { noteWords } from './met';
import { nextRequestId } from './request-ids';

/** Codes with which only a server of 2026-07-28 refuses (MCP 2026-07-28, Streamable HTTP, Backward Compatibility). */
export const MODERN_CODES: readonly number[] = [
  CODE.headerMismatch,
  CODE.missingClientCapability,
  CODE.unsupportedVersion,
];

/**
 * Which eras a server speaks: `modern` is 2026-07-28, `legacy` the revisions that begin with `initialize`. `legacy` null: only
 * `initialize` tells, and it was not sent.
 */
export type Eras = Readonly<{ modern: boolean; legacy: boolean | null }>;

/** What `server/discover` brought. `capabilities`: what a server of 2026-07-28 offers. */
type Discovered = { eras: Eras; capabilities: JsonObject };

const LEGACY: Discovered = { eras: { modern: false, legacy: true }, capabilities: {} };

/** How long a server may take over `server/discover` before it is asked with `initialize`. Milliseconds. */
const PATIENCE = 2_000;
/** The most that is read of an answer to `server/discover`, bytes. */
const MOST = 262_144;
const MOST_SERVERS = 2000;

/** By server and address, so that the usual request costs no other. An isolate that forgets asks again. */
const known = new Map<string, Eras>();
/** What came of `initialize` at servers of 2026-07-28, and until when that holds, a listing or not. Epoch milliseconds. */
const tried = new Map<string, { legacy: boolean; until: number }>();

/** What this isolate knows of a server; null: nothing yet. One of the transport of 2024-11-05 is of the 2025 era. */
export function erasOf(server: Address): Eras | null {
  if (server.connectionType === 'sse') return LEGACY.eras;
  const key = whereIs(server);
  const eras = known.get(key) ?? null;
  if (eras?.legacy !== null) return eras;
  const found = tried.get(key);
  return found && found.until > Date.now() ? { modern: eras.modern, legacy: found.legacy } : eras;
}

/** That a server refused `initialize` is not noted here: it ends by itself ({@link noteInitialize}). */
export function noteEras(server: Address, { modern, legacy }: Eras): void {
  keep(known, whereIs(server), { modern, legacy: legacy || null });
}

/** Notes whether a server took `initialize`: where it speaks 2026-07-28 as well, for `milliseconds`. */
export function noteInitialize(server: Address, legacy: boolean, milliseconds: number): void {
  const eras = erasOf(server);
  if (legacy && !eras) noteEras(server, LEGACY.eras);
  if (eras?.modern) keep(tried, whereIs(server), { legacy, until: Date.now() + milliseconds });
}

/** Puts it last, and forgets what was put longest ago when there is too much. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MOST_SERVERS) map.delete(map.keys().next().value as string);
}

export function forgetEras(server: Address): void {
  known.delete(whereIs(server));
}

/**
 * Asks a server which revisions it speaks. Nothing runs by that, so it comes before the first request (MCP 2026-07-28,
 * Backward Compatibility): whatever is no answer of 2026-07-28 leaves `initialize` to be tried.
 * @param patience milliseconds @throws UpstreamFailure for what `initialize` would meet as well: no answer, HTTP 3xx, 429,
 * and 401 and 403 where credentials go along. Some servers without any say so of all that comes outside of a session.
 */
export async function discover(
  peer: Peer,
  signal: AbortSignal,
  patience: number = PATIENCE,
): Promise<Discovered> {
  if (peer.server.connectionType === 'sse') return LEGACY;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  let status = 0;
  try {
    const request = { id: nextRequestId(), method: 'server/discover', params: {} };
    const { body, headers } = modernRequest(request);
    const response = await post(peer, body, headers, limited);
    status = response.status;
    const answer = await answerOf(peer, response, request.id, () => undefined);
    const { result, error } =
      answer.kind === 'error' ? { ...answer, result: undefined } : await readAnswer(peer, answer, MOST);
    const found = discovered(result, error);
    if (found.eras.modern) noteEras(peer.server, found.eras);
    if (found.eras.modern && result) noteWords(peer, result);
    return found.eras.modern ? { ...found, eras: erasOf(peer.server) ?? found.eras } : found;
  } catch (failure) {
    const isSlow = limited.aborted && !signal.aborted;
    const aboutCredentials = membersOf(peer.server).length ? [401, 403] : [];
    const isForAll =
      status < 200 || (status >= 300 && status < 400) || [...aboutCredentials, 429].includes(status);
    if (signal.aborted || (isForAll && !isSlow)) throw failure;
    return LEGACY;
  }
}

function discovered(result: JsonObject | undefined, error: RpcErrorObject | undefined): Discovered {
  const supported = result ? result.supportedVersions : isObject(error?.data) && error.data.supported;
  const isModern = Array.isArray(supported)
    ? supported.includes(MODERN_VERSION)
    : MODERN_CODES.includes(error?.code ?? 0);
  if (!isModern) return LEGACY;
  // The official SDK lists only what its server takes without a session, whatever it takes with `initialize`.
  const isListed = Array.isArray(supported) && supported.some((version) => LEGACY_VERSIONS.includes(version));
  const legacy = isListed || null;
  const capabilities = isObject(result?.capabilities) ? result.capabilities : {};
  return { eras: { modern: true, legacy }, capabilities };
}

/**
 * The version a server answers `initialize` with; the newest of its era when it names none. It goes into a header of every
 * request that follows. @throws UpstreamFailure when no header takes it
 */
export function versionIn({ name }: Address, { protocolVersion }: JsonObject): string {
  const version = protocolVersion ?? LEGACY_VERSIONS[0];
  if (typeof version === 'string' && /^[\x21-\x7e]{1,64}$/.test(version)) return version;
  throw failures.oddVersion(name, JSON.stringify(version).slice(0, 80));
}

/**
 * A request as 2026-07-28 has it (Request Metadata). `size`: of the headers that repeat it, characters.
 * @param capabilities those of the client it is made for
 */
export function modernRequest({
  id,
  method,
  params,
  mirrored = [],
  capabilities = {},
  extra = new Headers(),
}: {
  id: number;
  method: string;
  params: JsonObject;
  mirrored?: readonly MirroredParam[];
  capabilities?: JsonObject;
  extra?: Headers;
}): { body: JsonObject; headers: Headers; size: number } {
  const _meta = {
    ...metaOf(params),
    [META.protocolVersion]: MODERN_VERSION,
    [META.clientInfo]: CLIENT_INFO,
    [META.clientCapabilities]: capabilities,
  };
  const repeated = mirrorHeaders(method, params, mirrored);
  const headers = overlaid(extra, new Headers(repeated));
  headers.set('mcp-protocol-version', MODERN_VERSION);
  const size = repeated.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return { body: { jsonrpc: '2.0', id, method, params: { ...params, _meta } }, headers, size };
}
